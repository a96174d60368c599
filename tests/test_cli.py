"""The command line: help, wrong words, wrong files, interrupts, a full disk, and the whole loop."""

import functools
import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tests.planted import THEORY, PlantedHost, planted
from workbench.cli import main
from workbench.cli.commands import COMMANDS, RENAMED, RENAMED_OPTIONS, SECTIONS
from workbench.evaluate.run import ROWS
from workbench.hosts import named, store
from workbench.manifest import MANIFEST
from workbench.score.document import FORMAT
from workbench.scratch import is_scratch
from workbench.spec import dump_circuit, load_circuit, load_theory
from workbench.vision.pictures.drawn import drawn

ROOT = Path(__file__).parents[1]
SPEC, CIRCUIT = (
    ROOT / "specs" / "curve-detectors.yaml",
    ROOT / "circuits" / "squeezenet" / "curve.yaml",
)
FAULTY = ROOT / "tests" / "spec" / "data" / "six-faults.yaml"
LONG_S = 300
WORKBENCH = str(Path(sys.executable).with_name("workbench"))
# threads of several processes would wait for each other
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def run(*words: object) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words], prog_name="workbench")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def refused(*words: object) -> str:
    """The output of a command that exits with 2, without a traceback."""
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return result.output


def commands(group: click.Group = main, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command; the commands of analyses are loaded here."""
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*above, name)
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))


def options(words: tuple[str, ...]) -> set[str]:
    """The names of a command's options."""
    command: click.Command | None = main
    for word in words:
        command = command.get_command(click.Context(command), word)
    return {name for option in command.params for name in option.opts}


class Workshop:
    """A folder with the planted theory, its circuit, and pictures."""

    def __init__(self, folder: Path, host: PlantedHost):
        self.folder, self.planted = folder, host
        self.spec, self.circuit, self.out = (
            folder / "planted.yaml",
            folder / "curve.yaml",
            folder / "out",
        )
        self.images, self.calibration = (
            pictures(folder / "images", 3, seed=2),
            pictures(folder / "calibration", 3, seed=1),
        )
        self.spec.write_text(THEORY)
        dump_circuit(self.planted.trained, self.circuit)

    @property
    def score(self) -> tuple[object, ...]:
        return (
            *("score", self.spec, "--circuit", self.circuit),
            *("--images", self.images, "--calibration", self.calibration, "-o", self.out),
        )

    def left_behind(self) -> list[str]:
        """Results and partial files, hidden ones too."""
        return sorted(
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if ".part" in path.name or "out" in path.name
        )


def pictures(folder: Path, count: int, seed: int) -> Path:
    folder.mkdir()
    for i, content in enumerate(_png(count, seed)):
        (folder / f"n{2000000 + i:08d}_{seed}.png").write_bytes(content)
    return folder


@functools.cache
def _png(count: int, seed: int) -> list[bytes]:
    contents = []
    for picture in drawn(count, seed):
        buffer = io.BytesIO()
        Image.fromarray(picture.load()).resize((112, 112)).save(buffer, "png")
        contents.append(buffer.getvalue())
    return contents


@pytest.fixture(scope="module")
def host() -> PlantedHost:
    return planted()


@pytest.fixture
def workshop(tmp_path, monkeypatch, host) -> Workshop:
    """A workshop in which every command loads the planted host."""
    made = Workshop(tmp_path, host)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    # the store comes last: a module that is imported here for the first time would keep the planted
    # load after the test
    for module in (
        "workbench.rebuild",
        "workbench.analyses.frontier.run",
        "workbench.matching.subject",
        "workbench.tune.spec",
        "workbench.hosts.store",
    ):
        monkeypatch.setattr(f"{module}.load", lambda name: host.host)
    return made


# ---- words


@pytest.mark.parametrize("words", [(), *commands()], ids=" ".join)
def test_help(words):
    for flag in ("--help", "-h"):
        result = run(*words, flag)
        assert result.exit_code == 0
        assert result.output.startswith(f"Usage: {' '.join(('workbench', *words))}")
    assert len(result.output.splitlines()) > 4


def test_help_lists_every_command_in_its_section_with_its_whole_summary():
    """In a terminal of 80 columns, each on one line."""
    text = run("--help").output
    assert max(map(len, text.splitlines())) <= 80
    for section in SECTIONS:
        block = re.search(rf"^{section}:\n((?:  .*\n)+)", text, re.MULTILINE).group(1)
        rows = [row for row in COMMANDS if row.section == section]
        assert re.findall(r"^  (\S+) +(.*)$", block, re.MULTILINE) == [
            (row.name, row.summary) for row in rows
        ]
        assert rows


def test_commands_are_few_and_their_names_are_known():
    known = (
        "new survey check compile show score tune export frontier propose rivals families explain "
        "equivariance stepwise claims polysemanticity unexplained visualise report universality "
        "diff hosts cache studio"
    )
    assert sorted(main.list_commands(click.Context(main))) == sorted(known.split())
    assert len(COMMANDS) <= 25
    assert all(len(row.summary) <= 60 for row in COMMANDS)


@pytest.mark.parametrize("name", [row.name for row in COMMANDS])
def test_a_command_is_called_as_its_row_says(name):
    (row,) = (row for row in COMMANDS if row.name == name)
    assert row.load().name == name


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_earlier_name_of_a_command_is_answered_with_the_present_one(old, new):
    assert new in main.list_commands(click.Context(main))
    assert f"no command {old!r}. It is called {new!r} now." in refused(old, "spec.yaml")


@pytest.mark.parametrize(
    ("words", "old", "new"),
    [
        (words, old, new)
        for old, new in RENAMED_OPTIONS.items()
        for words in commands()
        if new in options(words)
    ],
)
def test_an_earlier_name_of_an_option_is_answered_with_the_present_one(words, old, new):
    assert f"no option {old}. It is called {new} now." in refused(*words, old, "x")
    assert old not in options(words)


def test_every_earlier_name_of_an_option_stands_for_one_that_is_used():
    used = set().union(*map(options, commands()))
    assert set(RENAMED_OPTIONS.values()) <= used


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (("chekc", "x.yaml"), "no command 'chekc'. Did you mean 'check'?"),
        (("scores",), "Did you mean 'score'?"),
        (("hosts", "lst"), "no command 'lst'. Did you mean 'list'?"),
        (("zzz",), f"Known: {', '.join(sorted(row.name for row in COMMANDS))}."),
        (("check", "--jsn", "x.yaml"), "--json"),
    ],
)
def test_a_misspelt_word_is_suggested(words, suggestion):
    assert suggestion in refused(*words)


def test_version():
    assert re.fullmatch(r"workbench, version \d+\.\d+\.\d+\n", run("--version").output)


# ---- specs


def test_check_tells_every_problem_at_once():
    lines = refused("check", FAULTY).splitlines()
    assert len(lines) == 6
    assert [
        int(re.match(rf"{re.escape(str(FAULTY))}:(\d+): \S+: found ", line).group(1))
        for line in lines
    ] == [5, 9, 17, 18, 23, 26]


def test_check_json():
    rows = json.loads(refused("check", "--json", FAULTY, SPEC))
    assert [(row["file"], len(row["problems"])) for row in rows] == [
        (str(FAULTY), 6),
        (str(SPEC), 0),
    ]
    assert rows[1]["families"] == list(load_theory(SPEC).theory.families)
    assert rows[0]["problems"][2] == {
        "code": "unknown-key",
        "line": 17,
        "column": 41,
        "path": "families.line.reads.gabor[1].distnce_px",
        "found": "a key that is not known here",
        "expected": "",
        "suggestion": "Did you mean 'distance_px'?",
    }
    good = run("check", "--json", SPEC)
    assert (good.exit_code, json.loads(good.output)[0]["problems"]) == (0, [])


def test_check_of_a_good_spec():
    result = run("check", SPEC)
    assert (result.exit_code, result.output) == (
        0,
        f"{SPEC}: curve-detectors, {' -> '.join(load_theory(SPEC).theory.families)}\n",
    )


def test_check_of_a_circuit_file(tmp_path):
    result = run("check", CIRCUIT)
    assert (result.exit_code, result.output) == (
        0,
        f"{CIRCUIT}: curve, 13 units at fire5 of squeezenet\n",
    )
    faulty = tmp_path / "curve.yaml"
    faulty.write_text(CIRCUIT.read_text().replace("site:", "sites:"))
    (row,) = json.loads(refused("check", "--json", faulty))
    assert [problem["code"] for problem in row["problems"]] == ["unknown-key"]
    (row,) = json.loads(run("check", "--json", CIRCUIT).output)
    assert (row["circuit"], row["host"], len(row["units"])) == ("curve", "squeezenet", 13)


def test_check_json_of_no_file_has_a_code_and_no_line(tmp_path):
    (row,) = json.loads(refused("check", "--json", tmp_path / "none.yaml"))
    assert [(problem["code"], problem["line"]) for problem in row["problems"]] == [
        ("unreadable", None)
    ]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(12)
)
FAULTS = {  # name: the text, a part of the line that is named, a part of the message
    "unknown family": (
        THEORY.replace("      gabor:\n", "      garbo:\n"),
        "      garbo:",
        "'garbo', a family that does not exist",
    ),
    "unknown pose": (
        THEORY.replace("phase_deg:", "hue_deg:"),
        "hue_deg",
        "a key that is not known here",
    ),
    "unknown axis": (
        THEORY.replace("match: normal,", "match: normal, by: {scale: [1, 2]},"),
        "by: {scale",
        "'scale'",
    ),
    "YAML bomb": (BOMB, "e: &e", "more values or levels than a file may have"),
    "10 GB kernel": (
        THEORY.replace("every: 30", "every: 0.5").replace("window_px: 9", "window_px: 500"),
        "input:",
        "numbers",
    ),
    "bad syntax": (THEORY.replace("{every: 30", "{every: [30"), "{every: [30", "bad YAML"),
    "a tag that runs code": (
        THEORY.replace("theory: planted", "theory: !!python/object/apply:os.system [false]"),
        "theory:",
        "tag",
    ),
}


def line_of(text: str, part: str) -> int:
    """The first line that holds `part`, from 1."""
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize("command", ["check", "compile", "show", "score"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_spec_is_refused_at_once_by_file_and_line(workshop, name, command):
    text, part, message = FAULTS[name]
    workshop.spec.write_text(text)
    words = {
        "check": ("check", workshop.spec),
        "compile": ("compile", workshop.spec, "--circuit", workshop.circuit, "-o", workshop.out),
        "show": ("show", workshop.spec, "--circuit", workshop.circuit, "-o", workshop.out),
        "score": workshop.score,
    }[command]
    output = refused(*words)
    assert f"{workshop.spec}:{line_of(text, part)}:" in output
    assert message in output
    assert workshop.left_behind() == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"\xff\xfe", "no UTF-8 text"),
        (b"", "an empty file"),
        (b"# " * (1 << 20), "1 MiB"),
    ],
)
def test_files_that_are_no_spec(tmp_path, content, message):
    file = tmp_path / "spec.yaml"
    if content is not None:
        file.write_bytes(content)
    output = refused("check", file)
    assert str(file) in output
    assert message in output


# ---- circuits and hosts


def test_the_circuit_of_another_host_is_refused(workshop):
    other = workshop.planted.trained.model_copy(update={"fingerprint": "0" * 64})
    dump_circuit(other, workshop.circuit)
    for words in (
        workshop.score,
        ("compile", workshop.spec, "--circuit", workshop.circuit, "-o", workshop.out),
    ):
        output = refused(*words)
        assert "circuit curve: found in a host with fingerprint 000000000000… (planted)" in output
        assert "workbench survey planted --family curve" in output
    assert workshop.left_behind() == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("centre_deg", "361.0", "below 360"), ("unit", "-1", "at least 0"), ("unit", "x", "whole")],
)
def test_a_faulty_circuit_is_refused_by_file_and_line(workshop, key, value, message):
    text = workshop.circuit.read_text()
    workshop.circuit.write_text(re.sub(rf"{key}: [\d.]+", f"{key}: {value}", text, count=1))
    output = refused(*workshop.score)
    assert f"{workshop.circuit}:{line_of(text, '  - {')}: units[0].{key}: found {value}" in output
    assert message in output


def test_a_theory_of_another_family_is_refused(workshop):
    text = THEORY.replace("  curve:\n", "  edge:\n")
    workshop.spec.write_text(text)
    output = refused(*workshop.score)
    assert (
        f"{workshop.spec}:{line_of(text, '  edge:')}: families.edge: found the from-circuit "
        "family 'edge'; expected 'curve'" in output
    )


def test_a_host_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    output = refused("compile", SPEC, "--circuit", CIRCUIT, "-o", tmp_path / "out.safetensors")
    assert "host squeezenet: is not installed" in output
    assert "workbench hosts pull squeezenet" in output
    rows = json.loads(run("hosts", "list", "--json").output)
    assert [row["name"] for row in rows] == list(store.RECIPES)
    assert not any(row["installed"] for row in rows)
    assert "absent" in run("hosts", "list").output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("hosts", "pull", "squezenet"), "no host 'squezenet'. Did you mean 'squeezenet'?"),
        (("hosts", "add", "squezenet", "."), "Did you mean 'squeezenet'?"),
        (
            ("hosts", "add", "inceptionv1", "nowhere"),
            "nowhere: is no folder; expected the folder with the files of inceptionv1",
        ),
        (("survey", "squezenet"), "Did you mean 'squeezenet'?"),
        (
            ("score", ROOT / "specs" / "line.yaml", "--host", "nohost"),
            "no host 'nohost'. Known: efficientnet-lite0, inceptionv1",
        ),
        (("diff", "squeezenet", "nohost"), "no host 'nohost'"),
    ],
)
def test_unknown_hosts(words, message):
    assert message in refused(*words)


@pytest.mark.parametrize("command", ["score", "tune"])
def test_a_family_without_a_circuit_is_told_how_its_units_are_found(command, tmp_path):
    text = (ROOT / "specs" / "brightness-contrast.yaml").read_text()
    spec = tmp_path / "spec.yaml"
    spec.write_text(text.replace("brightness_contrast", "new_family"))
    output = refused(command, spec, "-o", tmp_path / "out")
    assert "circuits/squeezenet/new_family.yaml: does not exist" in output
    assert "`workbench survey squeezenet --family new_family`" in output


def test_a_spec_and_a_circuit_in_each_others_place_are_told_in_one_sentence(workshop):
    swapped = refused("score", workshop.circuit, "--circuit", workshop.circuit)
    assert (
        f"{workshop.circuit}: is a trained circuit; expected a theory. A circuit file belongs "
        "behind --circuit." in swapped
    )
    assert f"{workshop.spec}: is a theory; expected a trained circuit." in refused(
        "score", workshop.spec, "--circuit", workshop.spec
    )


@pytest.mark.parametrize("command", ["rivals", "families", "report", "propose"])
def test_a_theory_of_tokens_is_refused_in_one_sentence(command, tmp_path):
    spec = ROOT / "specs" / "tokens" / "copying.yaml"
    circuit = ROOT / "circuits" / "tokens" / "induction" / "copying.yaml"
    lines = refused(command, spec, "--circuit", circuit, "-o", tmp_path / "out").splitlines()
    errors = [line for line in lines if "copying.yaml" in line]
    assert len(errors) == 1
    assert "is of tokens (`input: tokens`); expected a theory of units in pictures." in errors[0]


def test_a_circuit_of_tokens_is_refused_in_one_sentence(workshop):
    circuit = ROOT / "circuits" / "tokens" / "induction" / "copying.yaml"
    output = refused("rivals", workshop.spec, "--circuit", circuit)
    assert "expected a trained circuit of units in pictures." in output


def test_what_yaml_takes_for_a_number_is_told_to_want_quotes(workshop):
    text = workshop.circuit.read_text()
    workshop.circuit.write_text(re.sub(r"fingerprint: .*", "fingerprint: 0000", text))
    assert "fingerprint: found 0000; expected text. Put it in quotes." in refused(*workshop.score)


def test_a_host_in_a_file_of_the_users_own(workshop, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("WORKBENCH_CACHE", str(workshop.folder / "cache"))
    monkeypatch.chdir(workshop.folder)
    Path("my_hosts.py").write_text(
        "from tests.planted import planted\n\n\ndef make_host():\n    return planted().host\n"
    )
    circuit = workshop.planted.trained.model_copy(update={"host": "my_hosts.py:make_host"})
    dump_circuit(circuit, Path("circuits/my_hosts.make_host/curve.yaml"))
    result = run("score", workshop.spec, "--host", "my_hosts.py:make_host", *workshop.score[4:])
    assert result.exit_code == 0, result.output
    assert "planted on my_hosts.py:make_host:planted" in result.output
    both = run(*workshop.score, "--host", "my_hosts.py:make_host")
    assert both.exit_code == 2
    assert "my_hosts.py:make_host, but" in both.output
    assert "A circuit file names its host." in both.output
    monkeypatch.setattr(named, "TRUSTED", set())
    unnamed = [
        "compile",
        workshop.spec,
        "--circuit",
        "circuits/my_hosts.make_host/curve.yaml",
        "-o",
        "compiled.safetensors",
    ]
    for words in (unnamed, ["tune", *unnamed[1:-1], "tuned.yaml"]):
        refused_host = run(*words)
        assert refused_host.exit_code == 2
        assert "Give --host my_hosts.py:make_host to run it" in " ".join(
            refused_host.output.split()
        )
    assert run(*unnamed, "--host", "my_hosts.py:make_host").exit_code == 0
    misspelt = run("survey", "my_hosts.py:make_hots")
    assert misspelt.exit_code == 2
    assert "no function 'make_hots'" in misspelt.output


def test_a_mistyped_circuit_of_a_diff_is_no_survey(workshop):
    output = refused(
        "diff", "planted", "planted", "--spec", workshop.spec, "--circuit-a", "nowhere.yaml"
    )
    assert "'--circuit-a': nowhere.yaml: does not exist" in output


def test_circuits_that_universality_would_not_use_are_refused(workshop):
    circuit, other = workshop.circuit, workshop.folder / "other.yaml"
    dump_circuit(workshop.planted.trained, other)
    assert (
        "is of planted; expected a circuit of a host that is tried (squeezenet). "
        "Give --host planted too"
        in refused("universality", workshop.spec, "--host", "squeezenet", "--circuit", circuit)
    )
    assert "are both of planted; expected one for each host" in refused(
        "universality", workshop.spec, "--host", "planted", "--circuit", other, "--circuit", other
    )


# ---- compiled circuits


def test_compiling_twice_gives_the_same_bytes(workshop):
    first, second = workshop.folder / "1.safetensors", workshop.folder / "2.safetensors"
    for file in (first, second):
        result = run("compile", workshop.spec, "--circuit", workshop.circuit, "-o", file)
        assert result.exit_code == 0, result.output
    assert first.read_bytes() == second.read_bytes()
    assert "planted -> planted:planted, units 1, 3, 4, 7, 8, 10" in result.output
    assert re.search(r"^\d+ weights: .*2.safetensors$", result.output, re.MULTILINE)


def test_another_process_compiles_the_same_bytes(squeezenet, tmp_path):
    words = ("compile", str(SPEC), "--circuit", str(CIRCUIT), "-o")
    assert run(*words, tmp_path / "1.safetensors").exit_code == 0
    subprocess.run(
        [WORKBENCH, *words, tmp_path / "2.safetensors"],
        check=True,
        capture_output=True,
        timeout=LONG_S,
        env={**ONE_THREAD, "PYTHONHASHSEED": "7"},
    )
    assert (tmp_path / "1.safetensors").read_bytes() == (tmp_path / "2.safetensors").read_bytes()


def test_show_draws_a_spec_and_a_compiled_circuit_alike(workshop):
    compiled = workshop.folder / "1.safetensors"
    run("compile", workshop.spec, "--circuit", workshop.circuit, "-o", compiled)
    drawn_files = [workshop.folder / "1.png", workshop.folder / "2.png"]
    assert run("show", compiled, "-o", drawn_files[0]).exit_code == 0
    assert (
        run("show", workshop.spec, "--circuit", workshop.circuit, "-o", drawn_files[1]).exit_code
        == 0
    )
    assert drawn_files[0].read_bytes().startswith(b"\x89PNG")
    sizes = []
    for file in drawn_files:
        with Image.open(file) as image:
            image.verify()
            sizes.append(image.size)
    assert sizes[0] == sizes[1]


def test_show_without_a_circuit_draws_the_families_that_need_none(workshop):
    spec, drawn_file = workshop.folder / "bows.yaml", workshop.folder / "1.png"
    spec.write_text(THEORY.replace("  curve:", "  bow:"))
    result = run("show", spec, "-o", drawn_file)
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        [
            "planted: gabor",
            "bow is left out: it needs a trained circuit (--circuit).",
            str(drawn_file),
        ],
    )
    assert run("show", spec, "--family", "gabor", "-o", workshop.folder / "2.png").exit_code == 0
    assert drawn_file.read_bytes() == (workshop.folder / "2.png").read_bytes()
    assert "Name one with --circuit" in refused("show", spec, "--family", "bow")


def test_show_of_a_family_is_the_same_of_a_spec_and_of_a_compiled_circuit(workshop):
    compiled = workshop.folder / "1.safetensors"
    run("compile", workshop.spec, "--circuit", workshop.circuit, "-o", compiled)
    heights = {}
    for family in ("gabor", "curve"):
        files = [workshop.folder / f"{family}-{i}.png" for i in range(2)]
        run("show", compiled, "--family", family, "-o", files[0])
        circuit = ("--circuit", workshop.circuit)
        run("show", workshop.spec, *circuit, "--family", family, "-o", files[1])
        with Image.open(files[0]) as first, Image.open(files[1]) as second:
            assert first.size == second.size
            heights[family] = first.size[1]
    run("show", compiled, "-o", workshop.folder / "both.png")
    with Image.open(workshop.folder / "both.png") as both:
        assert abs(both.size[1] - sum(heights.values())) <= 2
    assert "Did you mean 'gabor'?" in refused("show", compiled, "--family", "gabro")
    assert "Did you mean 'gabor'?" in refused("show", workshop.spec, "--family", "gabro")


DAMAGES = {
    "cut short": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "cut in its header": lambda content: content[:100],
    "text": lambda content: b"theory: planted\n",
    "a header of 8 EiB": lambda content: b"\xff" * 8 + content[8:],
}


@pytest.mark.parametrize("name", DAMAGES)
def test_show_refuses_a_damaged_circuit(workshop, name):
    file = workshop.folder / "circuit.safetensors"
    run("compile", workshop.spec, "--circuit", workshop.circuit, "-o", file)
    file.write_bytes(DAMAGES[name](file.read_bytes()))
    output = refused("show", file, "-o", workshop.out)
    assert f"{file}: " in output
    assert "Compile it again." in output
    assert workshop.left_behind() == []


def test_show_of_no_file(tmp_path):
    assert "none.safetensors: " in refused(
        "show", tmp_path / "none.safetensors", "-o", tmp_path / "out.png"
    )


# ---- pictures


def break_pictures(folder: Path) -> None:
    """A JPEG that stops in the middle and a text file."""
    whole = folder / "whole.jpg"
    Image.fromarray(drawn(1, seed=9)[0].load()).save(whole, quality=90)
    (folder / "broken.jpg").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (folder / "notes.txt").write_text("no picture")
    whole.unlink()


def test_broken_pictures_are_all_named_before_any_work(workshop):
    break_pictures(workshop.images)
    output = refused(*workshop.score)
    assert "broken.jpg" in output
    assert "notes.txt" not in output  # no picture, and not named like one: counted only
    assert "--skip-broken" in output
    assert workshop.left_behind() == []


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "is not there; expected a folder of pictures"),
        (lambda folder: [file.unlink() for file in folder.iterdir()], "no pictures"),
        (
            lambda folder: (shutil.rmtree(folder), folder.write_text("a file")),
            "is a file; expected a folder of pictures",
        ),
    ],
    ids=["missing", "empty", "a file"],
)
@pytest.mark.parametrize("option", ["images", "calibration"])
def test_folders_without_pictures(workshop, option, prepare, message):
    prepare(getattr(workshop, option))
    output = refused(*workshop.score)
    assert f"{getattr(workshop, option)}: {message}" in output
    assert workshop.left_behind() == []


def test_pictures_that_were_calibrated_on_are_refused_under_any_name(workshop):
    shutil.copy(next(workshop.calibration.iterdir()), workshop.images / "renamed.png")
    output = refused(*workshop.score)
    assert "1 of 4 were used for calibration (renamed.png)" in output


def test_a_foreign_output_folder_is_refused(workshop):
    workshop.out.mkdir()
    (workshop.out / "thesis.tex").write_text("years")
    assert "is no earlier result" in refused(*workshop.score)
    assert [file.name for file in workshop.out.iterdir()] == ["thesis.tex"]


# ---- the loop


def test_score_prints_json_and_passes_over_broken_pictures(workshop, unreported):
    break_pictures(workshop.images)
    result = run(*workshop.score, "--skip-broken", "--json", "--seed", 3)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert result.stdout == (workshop.out / "score.json").read_text()
    assert (
        document["images"]["n"],
        document["images"]["skipped"],
        document["images"]["labelled"],
        document["seed"],
    ) == (3, 2, 0, 3)
    assert "skipped" not in document["calibration"]
    assert document["recovered"]["kl"]["value"] > 0.99
    assert document["recovered"]["top1"] == {"value": None, "ci95": None}


def test_tune_writes_a_spec_that_scores(workshop):
    moved = THEORY.replace("  curve:\n", "  curve:  # of the planted host\n")
    workshop.spec.write_text(moved)
    words = (
        "tune",
        workshop.spec,
        "--circuit",
        workshop.circuit,
        "--images",
        workshop.calibration,
        "-o",
        workshop.folder / "tuned.yaml",
    )
    result = run(*words, "--steps", 3)
    assert result.exit_code == 0, result.output
    assert re.search(
        r"mean Pearson on the tuning pictures \d\.\d+ -> \d\.\d+\ntuned: \S+tuned\.yaml, "
        r"\S+tuned\.tuned-\S{8}\.yaml, \S+tuned\.tuning\.svg\n",
        result.stdout,
    )
    document = json.loads(run(*words, "--steps", 3, "--json").stdout)
    assert document["files"]["spec"] == str(workshop.folder / "tuned.yaml")
    assert all(Path(file).is_file() for file in document["files"].values())
    assert len(document["numbers"]) == moved.count("tune:")
    tuned = load_theory(workshop.folder / "tuned.yaml")
    assert len(tuned.theory.tuned.images) == 3
    assert tuned.text.startswith(moved[: moved.index("{tune:")])
    assert "  curve:  # of the planted host\n" in tuned.text
    output = refused(
        "score",
        workshop.folder / "tuned.yaml",
        *workshop.score[2:5],
        workshop.calibration,
        *workshop.score[6:],
    )
    assert "were used for" in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("line", "'line': expected FAMILY=FILE"),
        ("line=", "'line=': expected FAMILY=FILE"),
        ("line=none.yaml", "none.yaml"),
        ("gabr=circuits/squeezenet/curve.yaml", "found in a host with fingerprint"),
    ],
)
def test_score_refuses_what_cannot_be_bound(workshop, words, message):
    output = refused(
        "score",
        workshop.spec,
        "--circuit",
        workshop.circuit,
        "--images",
        workshop.images,
        "--use-trained",
        words,
    )
    assert message in output


@pytest.mark.parametrize(
    "words", [words for words in commands() if "--use-trained" in options(words)], ids=" ".join
)
def test_every_command_that_uses_trained_units_warns_of_units_of_another_name(workshop, words):
    """The seed is invalid, so that nothing runs after the options."""
    for family, warned in (("gabor", True), ("curve", False)):
        used = "--use-trained", f"{family}={workshop.circuit}"
        output = refused(*words, *used, "--seed", "none")
        assert (
            f"warning: {family} is read off units that were found as curve, not as {family}."
            in output
        ) == warned
        assert "'none'" in output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda", "0 CUDA devices, by torch"),
        ("cuda:3", "a device cuda:3"),
        ("gpu", "expected cpu, cuda or cuda:N"),
    ],
)
@pytest.mark.parametrize("command", ["score", "frontier", "universality"])
def test_a_device_that_is_not_there_is_refused(monkeypatch, command, name, message):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert message in refused(command, SPEC, "--device", name)


def test_tune_refuses_a_spec_with_nothing_to_tune(workshop):
    workshop.spec.write_text(re.sub(r"\{tune: ([^,]+),[^}]*\}", r"\1", THEORY))
    output = refused(
        "tune",
        workshop.spec,
        "--circuit",
        workshop.circuit,
        "--images",
        workshop.calibration,
        "-o",
        workshop.out,
    )
    assert "marks nothing to tune" in output
    assert workshop.left_behind() == []


@pytest.mark.parametrize(
    "words", [("--steps", 0), ("--most", 0), ("--steps", "many"), ("--rate", 0)]
)
def test_tune_refuses_numbers_out_of_range(workshop, words):
    assert words[0] in refused("tune", workshop.spec, "-o", workshop.out, *words)


def test_export_refuses_a_circuit_of_many_layers_before_any_work(workshop):
    words = (
        "export",
        workshop.spec,
        "--circuit",
        workshop.circuit,
        "--calibration",
        workshop.calibration,
        "-o",
        workshop.out,
    )
    output = refused(*words)
    assert "circuit planted: 2 families (gabor, curve)" in output
    assert "Splice it instead: workbench score." in output
    assert workshop.left_behind() == []


def in_two(workshop: Workshop) -> tuple[object, ...]:
    """Words for a command with the planted circuit's units in two files, each with the theory."""
    units, words = workshop.planted.trained.units, []
    for name, chosen in (("a", units[:2]), ("b", units[2:])):
        dump_circuit(
            workshop.planted.trained.model_copy(update={"units": chosen}),
            workshop.folder / f"{name}.yaml",
        )
        words += ["--circuit", workshop.folder / f"{name}.yaml"]
    return (
        workshop.spec,
        workshop.spec,
        *words,
        "--images",
        workshop.images,
        "--calibration",
        workshop.calibration,
        "-o",
        workshop.out,
    )


def test_two_specs_are_scored_together(workshop):
    result = run("score", *in_two(workshop), "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["recovered"]["kl"]["value"] > 0.99
    assert [theory["units"] for theory in document["theories"]] == [2, 4]
    assert sorted(unit["unit"] for unit in document["units"]) == sorted(
        f"planted:{unit.unit}" for unit in workshop.planted.trained.units
    )
    assert {f"tuning-{n}-aligned.svg" for n in (1, 2)} <= {
        path.name for path in workshop.out.iterdir()
    }


def test_a_bound_family_that_none_of_several_theories_has_is_refused(workshop):
    output = refused("score", *in_two(workshop), "--use-trained", f"garbo={workshop.circuit}")
    assert "family 'garbo'" in output
    assert "Did you mean 'gabor'?" in output


@pytest.mark.parametrize("command", ["score", "frontier"])
def test_as_many_circuits_as_specs(workshop, command):
    output = refused(command, workshop.spec, workshop.spec, *workshop.score[2:])
    assert "--circuit: 1 for 2 specs" in output
    assert "Give as many --circuit as specs." in output
    assert workshop.left_behind() == []


@pytest.mark.parametrize("command", ["score", "frontier"])
def test_two_circuits_with_a_unit_in_common_are_refused(workshop, command):
    output = refused(
        command, workshop.spec, workshop.spec, *workshop.score[2:4], *workshop.score[2:]
    )
    assert (
        f"{workshop.circuit}: planted:1, planted:3, planted:4, planted:7, planted:8, planted:10 "
        "of curve" in output
    )
    assert "Take these units out of one of the files." in output
    assert workshop.left_behind() == []


def families_of(workshop: Workshop) -> tuple[object, ...]:
    return (
        "families",
        workshop.spec,
        "--circuit",
        workshop.circuit,
        "--images",
        workshop.images,
        "-o",
        workshop.out,
    )


def test_families_prints_its_table_and_writes_its_document_and_its_picture(workshop):
    result = run(*families_of(workshop))
    assert result.exit_code == 0, result.output
    assert re.search(r"^curve +planted +6 +50\.0 +(1\.00|0\.9\d) ", result.stdout, re.MULTILINE)
    assert sorted(path.name for path in workshop.out.iterdir()) == [
        MANIFEST,
        "families.json",
        "families.png",
    ]
    document = json.loads((workshop.out / "families.json").read_text())
    again = run(*families_of(workshop), "--json")
    assert json.loads(again.stdout) == document


def test_families_refuses_a_foreign_folder_and_another_hosts_circuit(workshop):
    workshop.out.mkdir()
    (workshop.out / "thesis.tex").write_text("years")
    assert "is no earlier result (no .workbench.json in it)" in refused(*families_of(workshop))
    dump_circuit(
        workshop.planted.trained.model_copy(update={"fingerprint": "f" * 64}), workshop.circuit
    )
    assert "found in a host with fingerprint ffffffffffff" in refused(*families_of(workshop))


def test_claims_prints_its_table_and_writes_its_document_and_its_picture(workshop):
    claim = (
        "claims:\n  all: {about: x, edit: {without: gabor}, expect: {figure: peak, below: 0.5}}\n"
    )
    workshop.spec.write_text(THEORY + claim)
    words = (
        "claims",
        workshop.spec,
        "--circuit",
        workshop.circuit,
        "--calibration",
        workshop.calibration,
        "-o",
        workshop.out,
    )
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert re.search(
        r"^all: without gabor; .*not tested +– +1\.00 → 0\.00 +yes 6/6 +–",
        result.stdout,
        re.MULTILINE,
    )
    assert "--use-trained gabor=FILE" in " ".join(result.stdout.split())
    assert sorted(path.name for path in workshop.out.iterdir()) == [
        MANIFEST,
        "claims.json",
        "claims.png",
    ]
    assert json.loads(run(*words, "--json").stdout) == json.loads(
        (workshop.out / "claims.json").read_text()
    )
    assert "expected FAMILY=FILE" in refused(*words, "--use-trained", "gabor")


def test_claims_refuses_a_foreign_folder_and_a_family_that_cannot_be_bound(workshop):
    words = (
        "claims",
        workshop.spec,
        "--circuit",
        workshop.circuit,
        "--calibration",
        workshop.calibration,
        "-o",
        workshop.out,
    )
    assert "no claims; expected the key claims" in refused(*words)
    workshop.spec.write_text(
        THEORY + "claims:\n  a: {about: x, edit: {only: gabor}, expect: {figure: echo, above: 0}}\n"
    )
    misspelt = "--use-trained", f"garbo={workshop.circuit}"
    assert "Did you mean 'gabor'?" in refused(*words, *misspelt)
    workshop.out.mkdir()
    (workshop.out / "thesis.tex").write_text("years")
    assert "is no earlier result (no .workbench.json in it)" in refused(*words)


# ---- real processes

ON_THE_PLANTED_HOST = """
import sys
from tests.planted import planted
from workbench import rebuild
from workbench.hosts import named, store
host = planted().host
store.load = rebuild.load = lambda name: host
from workbench.cli import main
main()
"""


def limited(words: tuple[object, ...], cache: Path, most: int) -> subprocess.CompletedProcess:
    """Run a command in a process that may write no file of more than `most` bytes."""
    return subprocess.run(
        [sys.executable, "-c", ON_THE_PLANTED_HOST, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
        env={**ONE_THREAD, "WORKBENCH_CACHE": str(cache)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )


@pytest.mark.parametrize("most", [1000, pytest.param(60_000, marks=pytest.mark.full)])
def test_a_full_disk_in_the_middle_of_a_score(tmp_path, host, most):
    """First no file of the report fits, then one of its pictures does not."""
    made = Workshop(tmp_path, host)
    process = limited(made.score, tmp_path / "cache", most)
    assert process.returncode == 2, process.stderr
    assert "cannot be written (File too large). Free some space" in process.stderr
    assert "Traceback" not in process.stderr
    assert made.left_behind() == []


@pytest.mark.full
def test_a_full_disk_under_compile(tmp_path, host):
    made = Workshop(tmp_path, host)
    made.out.write_bytes(b"the circuit of before")
    process = limited(
        ("compile", made.spec, "--circuit", made.circuit, "-o", made.out), tmp_path / "cache", 1000
    )
    assert process.returncode == 2, process.stderr
    assert f"{made.out}: cannot be written (File too large)" in process.stderr
    assert made.left_behind() == ["out"]
    assert made.out.read_bytes() == b"the circuit of before"


class Loop:
    """`workbench score` on the default host, interrupted and then run again to its end.

    It has few pictures, few units and a small theory.
    """

    def __init__(self, folder: Path):
        self.folder, self.out, self.cache = folder, folder / "out", folder / "cache"
        (self.cache / "hosts").mkdir(parents=True)
        os.symlink(
            store.weights_file("squeezenet"), self.cache / "hosts" / "squeezenet.safetensors"
        )
        spec, circuit = folder / "small.yaml", folder / "curve.yaml"
        spec.write_text(THEORY)
        trained = load_circuit(CIRCUIT)
        dump_circuit(trained.model_copy(update={"units": trained.units[:4]}), circuit)
        self.words = [
            *(WORKBENCH, "score", str(spec), "--circuit", str(circuit), "-o", str(self.out)),
            *(
                "--images",
                str(pictures(folder / "images", 6, seed=2)),
                "--calibration",
                str(pictures(folder / "calibration", 4, seed=1)),
            ),
        ]
        self.interrupted, self.left = self.interrupt()
        self.kept = self.rows()
        self.finished = subprocess.run(
            self.words,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONG_S,
            env=self.environment,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {**ONE_THREAD, "WORKBENCH_CACHE": str(self.cache)}

    def rows(self) -> list[Path]:
        """The rows of finished batches in the cache."""
        files = self.cache.rglob(f"{ROWS}/*/*")
        return [path for path in files if not is_scratch(path.name)]

    def interrupt(self) -> tuple[subprocess.CompletedProcess, list[str]]:
        """Send SIGINT when rows of the first batch are in the cache: the run is in its middle."""
        process = subprocess.Popen(
            self.words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            # a background job of a shell, such as a test run may be, would ignore interrupts
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            stop = time.monotonic() + LONG_S
            while process.poll() is None and not self.rows() and time.monotonic() < stop:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=LONG_S)
        finally:
            process.kill()
            process.wait()
        left = [
            path.name
            for path in self.folder.iterdir()
            if path.name not in ("cache", "images", "calibration", "small.yaml", "curve.yaml")
        ]
        return subprocess.CompletedProcess(self.words, process.returncode, stdout, stderr), left


@pytest.fixture(scope="module")
def loop(squeezenet, tmp_path_factory) -> Loop:
    return Loop(tmp_path_factory.mktemp("loop"))


def test_an_interrupt_ends_with_130_and_leaves_nothing_half_written(loop):
    assert loop.interrupted.returncode == 130, loop.interrupted.stderr
    assert "interrupted: no file is half-written" in loop.interrupted.stderr
    assert "Traceback" not in loop.interrupted.stderr
    assert loop.left == []
    assert loop.kept


def test_the_same_command_then_succeeds(loop):
    assert loop.finished.returncode == 0, loop.finished.stderr
    assert "Traceback" not in loop.finished.stderr
    assert f"report: {loop.out / 'report.html'}" in "".join(loop.finished.stdout.splitlines())
    assert set(loop.kept) <= set(loop.rows())
    assert not [path for path in loop.folder.rglob("*") if ".part" in path.name]


def test_the_result_is_whole(loop):
    assert (loop.out / "report.html").stat().st_size > 10_000
    drawings = list(loop.out.glob("*.png"))
    assert len(drawings) > 3
    for file in drawings:
        with Image.open(file) as image:
            image.verify()


def test_the_document_has_the_documented_keys(loop):
    document = json.loads((loop.out / "score.json").read_text())
    assert (document["format"], document["host"]["name"], document["circuit"]["name"]) == (
        FORMAT,
        "squeezenet",
        "curve",
    )
    assert (document["spec"]["theory"], document["spec"]["file"]) == ("planted", "small.yaml")
    assert all(
        len(document[key][name]) == 64
        for key, name in (("host", "fingerprint"), ("circuit", "sha256"), ("spec", "sha256"))
    )
    assert (
        document["images"]["n"],
        document["images"]["labelled"],
        document["calibration"]["n"],
    ) == (
        6,
        0,
        4,
    )
    assert document["units"]
    for unit in document["units"]:
        assert re.fullmatch(r"fire\d:\d+", unit["unit"])
        assert 0 <= unit["pose"]["centre_deg"] < 360
        assert -1 <= unit["pearson"] <= 1
    named = document["conditions"]
    kinds = ("permuted", "flipped", "other_picture", "random")
    controls = [named["control"][kind] for kind in kinds]
    for row in (
        named["natural"],
        named["ablated"]["zero"],
        named["ablated"]["mean"],
        named["spliced"],
        named["baseline"]["affine"],
        *controls,
    ):
        assert {"kl", "top1_agreement", "top1", "top5"} <= row.keys()
        assert row["kl"] >= 0
    assert named["natural"]["kl"] == 0
    assert named["ablated"]["zero"]["kl"] > 0
    for quantity in ("kl", "top1", "top5"):
        assert document["recovered"][quantity].keys() == {"value", "ci95"}
    low, high = document["recovered"]["kl"]["ci95"]
    assert low <= document["recovered"]["kl"]["value"] <= high
    assert {"free", "calibrated", "tuned", "weights"} <= document["cost"].keys()
    assert document["cost"]["calibrated"] == 2 * len(document["units"])


# ---- what is kept


def test_what_a_score_keeps_is_listed_and_forgotten_and_changes_no_figure(workshop, unreported):
    first = json.loads(run(*workshop.score, "--json").stdout)
    listed = json.loads(run("cache", "list", "--json").stdout)
    assert {"logits", "pushed", "units", "before", "rows"} <= set(listed["kinds"])
    assert listed["bytes"] == sum(kind["bytes"] for kind in listed["kinds"].values()) > 0
    assert json.loads(run(*workshop.score, "--json").stdout) == first
    assert "freed" in run("cache", "clear").stdout
    assert json.loads(run("cache", "list", "--json").stdout)["kinds"] == {}
    uncached = json.loads(run(*workshop.score, "--no-cache", "--json").stdout)
    assert uncached["conditions"]["spliced"]["kl"] == pytest.approx(
        first["conditions"]["spliced"]["kl"], abs=1e-5
    )
    assert json.loads(run("cache", "list", "--json").stdout)["kinds"] == {}


def test_what_interrupted_runs_computed_is_forgotten_where_that_is_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    for name in ("kept", "runs", "reports", "unfinished", "hosts"):
        (tmp_path / name / "one").mkdir(parents=True)
        (tmp_path / name / "one" / "file").write_bytes(b"x")
    for more, stay in (
        ((), {"runs", "reports", "unfinished", "hosts"}),
        (("--unfinished",), {"hosts"}),
    ):
        assert "freed" in run("cache", "clear", *more).stdout
        assert {path.parent.parent.name for path in tmp_path.rglob("file")} == stay


def test_the_cache_has_a_limit(workshop, unreported):
    assert run("cache", "limit", "0.5").stdout == "limit 0.5 GiB\n"
    assert json.loads(run("cache", "list", "--json").stdout)["limit_gib"] == 0.5
    run("cache", "limit", "0")
    run(*workshop.score)
    assert json.loads(run("cache", "list", "--json").stdout)["kinds"] == {}
