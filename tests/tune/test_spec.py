"""A tuned spec: fitted numbers in place, all else byte for byte, and beside it a ledger of what was
fitted on what, and a plot.
"""

import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml

from tests.interrupted import counted
from tests.planted import THEORY, planted
from workbench.cache import GIB, Cache
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import PREFIX, keep_apart
from workbench.scratch import replace_file
from workbench.spec import Spec, dump_circuit, dumped, load_theory, numbers, theory_from_text
from workbench.spec.problems import key_text
from workbench.splice import inputs
from workbench.tune import spec as tune_spec
from workbench.tune.ledger import without_ledger, write_both
from workbench.tune.result import TunedSpec
from workbench.tune.settings import TuneSettings
from workbench.tune.spec import agreement, tuned_spec
from workbench.vision.pictures import Picture
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

MOVED = THEORY.replace("{tune: 20, min: 10, max: 40}", "{tune: 25, min: 10, max: 40}  ").replace(
    "{tune: -0.3,", "{tune: -0.05,"
)
MOVED = MOVED.replace("theory: planted", "# an opening word: π\ntheory: planted").replace(
    "gain:", "# why it inhibits\n           gain:"
)
NUMBER = re.compile(r"(?<=tune: )-?[0-9.e+-]+")
STEPS = 25
WRITTEN = {
    "families.gabor.reads.input[0].wavelength_px": 6.0,
    "families.curve.reads.gabor[0].radius_px": 25.0,
    "families.curve.reads.gabor[1].gain": -0.05,
}
LEDGER = {
    "circuits": [{"host": "planted", "circuit": "a" * 64, "pearson": [0.1, 0.2]}],
    "spec": "b" * 64,
    "date": "2026-01-01",
    "steps": 3,
    "seed": 0,
    "images": ["0" * 16],
}


class Workshop:
    """The planted host as the one that is loaded, its circuit's file, and a spec's file to tune.

    `result` is that of the last fit.
    """

    result: TunedSpec

    def __init__(self, folder: Path):
        self.planted = planted()
        self.circuit_file, self.spec_file = folder / "curve.yaml", folder / "spec.yaml"
        dump_circuit(self.planted.trained, self.circuit_file)
        self.pictures = drawn(6, seed=1)
        self.stages: list[tuple[str, int, list[int]]] = []

    def tuned(
        self,
        text: str,
        pictures: list[Picture] | None = None,
        steps: int = STEPS,
        most: int = 100,
        seed: int = 0,
        hold=(),
    ):
        self.spec_file.write_text(text, encoding="utf-8", newline="")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tune_spec, "load", lambda name: self.planted.host)
            patch.setenv("WORKBENCH_CACHE", str(self.spec_file.parent / "cache"))
            output = self.spec_file.parent / "tuned.yaml"
            chosen = pictures or self.pictures
            self.result = tuned_spec(
                self.spec_file,
                [self.circuit_file],
                chosen,
                output,
                TuneSettings(steps, most, seed, tuple(hold)),
                Work(stage=self.stage),
            )
            (circuit,) = self.result.circuits
            return output.read_bytes().decode(), circuit.before, circuit.after

    def loaded(self, text: str) -> Spec:
        """The spec of a text that names one of the ledgers here."""
        return theory_from_text(text, folder=self.spec_file.parent)

    def stage(self, name: str, total: int):
        steps: list[int] = []
        self.stages.append((name, total, steps))
        return lambda done, note="": steps.append(done)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("tune"))


@pytest.fixture(scope="module")
def tuned(workshop) -> tuple[str, float, float]:
    return workshop.tuned(MOVED)


def images(pictures: list[Picture]) -> tuple[str, ...]:
    return tuple(sorted(picture.sha256[:PREFIX] for picture in pictures))


def test_the_correlation_rises(workshop, tuned):
    text, before, after = tuned
    assert 0.3 < before < after - 0.01 < 1
    assert workshop.loaded(text).theory.tuned.circuits[0].pearson == (
        round(before, 4),
        round(after, 4),
    )


def test_only_the_numbers_and_the_ledger_change(tuned):
    above, below = tuned[0].split("\ntuned:")
    assert NUMBER.sub("#", above).rstrip() == NUMBER.sub("#", MOVED).rstrip()
    assert NUMBER.findall(above) != NUMBER.findall(MOVED)
    assert re.fullmatch(r" \{ledger: tuned\.tuned-(.{8})\.yaml, sha256: \1.{56}\}\n", below)


def test_the_ledger_says_what_was_fitted_on_what(workshop, tuned):
    ledger = workshop.loaded(tuned[0]).theory.tuned
    assert [(each.host, each.circuit) for each in ledger.circuits] == [
        ("planted", workshop.planted.trained.sha256)
    ]
    assert ledger.spec == hashlib.sha256(MOVED.encode()).hexdigest()
    assert (ledger.steps, ledger.seed) == (STEPS, 0)
    assert ledger.written == WRITTEN
    assert ledger.images == images(workshop.pictures)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", ledger.date)


def test_the_as_written_circuit_is_the_one_before(workshop, tuned):
    host, trained, _ = workshop.planted
    before = compile_spec(theory_from_text(MOVED), trained, host)
    again = compile_spec(workshop.loaded(tuned[0]), trained, host, as_written=True)
    after = compile_spec(workshop.loaded(tuned[0]), trained, host)
    for layer, same, other in zip(before.layers, again.layers, after.layers, strict=True):
        assert all(
            (a.weight == b.weight).all() for a, b in zip(layer.reads, same.reads, strict=True)
        )
        assert any(
            (a.weight != b.weight).any() for a, b in zip(layer.reads, other.reads, strict=True)
        )
    assert {row[2] for row in again.facts["numbers"]} == {"rule"}
    assert sorted(row[0] for row in after.facts["numbers"] if row[2] == "tuned") == sorted(WRITTEN)


def test_the_same_inputs_give_the_same_text(workshop, tuned):
    text, *_ = workshop.tuned(MOVED, steps=3, seed=2)
    assert workshop.tuned(MOVED, steps=3, seed=2)[0] == text != tuned[0]


def test_stages_are_told_and_come_to_their_end(workshop):
    workshop.stages.clear()
    workshop.tuned(MOVED, steps=2)
    assert [(name, total) for name, total, _ in workshop.stages] == [
        ("before", 6),
        ("tune", 2),
        ("after", 6),
    ]
    assert [sum(steps) for *_, steps in workshop.stages] == [6, 2, 6]


def test_only_the_first_pictures_by_content_are_used(workshop):
    text, *_ = workshop.tuned(MOVED, steps=1, most=2)
    recorded = workshop.loaded(text).theory.tuned.images
    assert recorded == images(workshop.pictures)[:2]
    assert workshop.tuned(MOVED, workshop.pictures[::-1], steps=1, most=2)[0] == text


def test_retuning_keeps_what_was_written_and_every_picture(workshop, tuned):
    other = drawn(2, seed=7)
    text, *_ = workshop.tuned(tuned[0], other, steps=1)
    theory = workshop.loaded(text).theory
    assert theory.tuned.images == images([*workshop.pictures, *other])
    assert theory.tuned.written == WRITTEN
    assert text.count("\ntuned:") == 1
    assert text.split("\ntuned:")[0].count("#") == MOVED.count("#")
    for used in (workshop.pictures[:1], other[:1]):
        with pytest.raises(WorkbenchError, match="tuning the spec"):
            keep_apart(used, [], theory.tuned)


def test_a_number_marked_after_the_first_tuning_has_its_written_value_too(workshop, tuned):
    text = tuned[0].replace("sigma_px: 2,", "sigma_px: {tune: 2, min: 1, max: 3},")
    assert text != tuned[0]
    again = workshop.loaded(workshop.tuned(text, steps=1)[0]).theory.tuned
    assert again.written == {**WRITTEN, "families.gabor.reads.input[0].sigma_px": 2.0}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_tuned_spec_loads(workshop, newline):
    text, *_ = workshop.tuned(MOVED.replace("\n", newline), steps=1)
    workshop.spec_file.write_text(text, encoding="utf-8", newline="")
    spec = load_theory(workshop.spec_file)
    assert len([number for _, number in numbers(spec.theory) if number.tuned]) == len(WRITTEN)
    assert newline.join(["", "families:", "  gabor:"]) in text
    assert load_theory(workshop.spec_file).theory.tuned is not None


def test_a_spec_with_nothing_to_tune_is_refused(workshop):
    with pytest.raises(
        WorkbenchError,
        match=r"spec.yaml: marks nothing to tune; "
        r"expected numbers written \{tune: 5, min: 3, max: 8\}",
    ):
        workshop.tuned(re.sub(r"\{tune: ([^,]+),[^}]*\}", r"\1", THEORY))


def test_a_spec_in_braces_has_no_place_for_a_ledger(workshop):
    workshop.stages.clear()
    with pytest.raises(
        WorkbenchError,
        match=r"spec.yaml: has no place for the name of its ledger at its end; expected keys line",
    ):
        workshop.tuned(json.dumps(yaml.safe_load(MOVED)), steps=1)
    assert workshop.stages == []


def inlined(workshop: Workshop, text: str) -> str:
    """A tuned spec as earlier versions wrote it, with its ledger in it."""
    ledger = workshop.loaded(text).theory.tuned
    return f"{without_ledger(text)}\n{dumped({'tuned': ledger.model_dump(mode='json')})}\n"


@pytest.mark.parametrize("where", ["at the end", "above the families", "above a comment"])
def test_a_ledger_within_the_spec_is_moved_out(workshop, tuned, where):
    inline = inlined(workshop, tuned[0])
    above, _, ledger = inline.partition("tuned:")
    families = above.index("families:")
    text = {
        "at the end": inline,
        "above the families": f"{above[:families]}tuned:{ledger}\n{above[families:]}",
        "above a comment": f"{inline}# the last word\n",
    }[where]
    assert theory_from_text(text).theory == workshop.loaded(tuned[0]).theory
    again, *_ = workshop.tuned(text, steps=1)
    assert again.count("tuned:") == 1
    assert again.splitlines()[-1].startswith("tuned: {ledger: tuned.tuned-")
    assert again.count("#") == text.count("#")
    assert NUMBER.sub("#", again).split("\ntuned:")[0].split() == (
        NUMBER.sub("#", text.replace(f"tuned:{ledger}", "")).split()
    )
    assert workshop.loaded(again).theory.tuned.written == WRITTEN


@pytest.mark.parametrize("at", [1, 2])
def test_write_both_killed_at_a_file_leaves_the_earlier_spec_with_its_ledger(
    tmp_path, monkeypatch, at
):
    spec, rows = tmp_path / "spec.yaml", {**LEDGER, "written": WRITTEN}
    write_both(spec, THEORY, "planted", rows)
    before = load_theory(spec)
    written: list[Path] = []

    def killed(path: Path, *words: object) -> None:
        written.append(path)
        if len(written) == at:
            raise KeyboardInterrupt
        replace_file(path, *words)

    with monkeypatch.context() as patch:
        patch.setattr("workbench.files.replace_file", killed)
        with pytest.raises(KeyboardInterrupt):
            write_both(spec, MOVED, "planted", {**rows, "steps": 99})
    assert load_theory(spec) == before
    ledger = write_both(spec, MOVED, "planted", {**rows, "steps": 99})
    assert written == [ledger, spec][:at]
    assert load_theory(spec).theory.tuned.steps == 99


def test_write_both_a_linked_spec_has_its_ledger_beside_the_file(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.yaml").symlink_to(tmp_path / "folder" / "spec.yaml")
    ledger = write_both(tmp_path / "link.yaml", THEORY, "planted", {**LEDGER, "written": {}})
    assert ledger.parent == tmp_path / "folder"
    assert ledger.name.startswith("spec.tuned-")
    for file in (tmp_path / "link.yaml", tmp_path / "folder" / "spec.yaml"):
        assert load_theory(file).theory.tuned.steps == 3


def test_two_specs_of_a_folder_have_a_ledger_each(tmp_path):
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for i, file in enumerate(files):
        write_both(file, THEORY, "planted", {**LEDGER, "written": {}, "seed": i})
    assert [load_theory(file).theory.tuned.seed for file in files] == [0, 1]


def test_a_stream_is_refused_before_any_work(workshop, monkeypatch):
    workshop.spec_file.write_text(MOVED)
    monkeypatch.setattr(tune_spec, "load", lambda name: workshop.planted.host)
    monkeypatch.delattr(tune_spec, "tune")
    files, settings = [workshop.circuit_file], TuneSettings(1)
    with pytest.raises(WorkbenchError, match=r"/dev/null: is no file; expected a file to write"):
        tuned_spec(workshop.spec_file, files, workshop.pictures, Path("/dev/null"), settings)


def test_the_result_has_every_fitted_number_before_and_after(workshop):
    text, *_ = workshop.tuned(MOVED, steps=3)
    result = workshop.result
    assert {number.key: number.before for number in result.numbers} == WRITTEN
    after = {key_text(path): n.tune for path, n in numbers(workshop.loaded(text).theory) if n.tuned}
    assert {number.key: number.after for number in result.numbers} == after
    assert [(number.min, number.max) for number in result.numbers] == [(3, 10), (10, 40), (-1, 0)]
    (circuit,) = result.circuits
    assert (circuit.host, circuit.circuit) == ("planted", workshop.planted.trained.sha256)
    assert result.spec.read_text() == text
    assert result.ledger.name in text
    workshop.tuned(MOVED, steps=1, hold=["gabor"])
    assert [number.key for number in workshop.result.numbers] == list(WRITTEN)[1:]


def test_the_plot_has_every_step(workshop):
    workshop.tuned(MOVED, steps=4)
    plot = workshop.result.plot
    assert plot.name == "tuned.tuning.svg"
    drawn_text = plot.read_text()
    steps = re.findall(r"^pictures of one step,(\d+),", drawn_text, re.MULTILINE)
    assert steps == ["1", "2", "3", "4"]
    assert "step of gradient descent" in drawn_text
    assert "mean Pearson correlation" in drawn_text


def test_variants_are_never_tuned(workshop, tuned):
    """They stand as they were, and what is tuned is what would be without them."""
    varied = (
        "variants:\n  a: {about: x, set: {'families.curve.reads.gabor[1].gain': -0.2}, "
        "units: {gain: shared}}\n"
    )
    text, *_ = workshop.tuned(MOVED + varied)
    assert varied.strip() in text.split("\ntuned:")[0]
    plain = workshop.loaded(tuned[0]).theory
    loaded = workshop.loaded(text)
    assert loaded.theory.families == plain.families
    assert loaded.theory.tuned.written == WRITTEN
    gain = loaded.variants["a"].families["curve"].reads["gabor"][1].gain
    assert (gain.tune, gain.tuned) == (-0.2, False)
    again, *_ = workshop.tuned(text, steps=1)  # the ledger is written again below them
    assert varied.strip() in again.split("\ntuned:")[0]


def test_a_family_to_hold_must_exist(workshop):
    with pytest.raises(
        WorkbenchError, match=r"spec.yaml: no family 'gabour' to hold. Did you mean 'gabor'"
    ):
        workshop.tuned(MOVED, hold=["gabour"])


def test_the_ledger_names_what_was_held(workshop):
    text, *_ = workshop.tuned(MOVED, steps=1, hold=["gabor"])
    assert workshop.loaded(text).theory.tuned.hold == ("gabor",)
    assert "wavelength_px: {tune: 6," in text


def test_one_set_of_numbers_is_fitted_to_several_circuits(workshop, tmp_path):
    """Half of the units each: the ledger has a row for either, with its own poses."""
    host, trained, _ = workshop.planted
    half = len(trained.units) // 2
    halves = [
        trained.model_copy(update={"units": units})
        for units in (trained.units[:half], trained.units[half:])
    ]
    files = [tmp_path / "first.yaml", tmp_path / "second.yaml"]
    for circuit, file in zip(halves, files, strict=True):
        dump_circuit(circuit, file)
    workshop.spec_file.write_text(MOVED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tune_spec, "load", lambda name: host)
        patch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
        result = tuned_spec(
            workshop.spec_file,
            files,
            workshop.pictures,
            tmp_path / "tuned.yaml",
            TuneSettings(STEPS, most=100),
            Work(stage=workshop.stage),
        )
        with pytest.raises(
            WorkbenchError,
            match=r"second.yaml: the same circuit as .*second.yaml; expected each circuit once",
        ):
            tuned_spec(
                workshop.spec_file,
                [files[1], files[1]],
                workshop.pictures,
                tmp_path / "none.yaml",
                TuneSettings(1, most=100),
                Work(stage=workshop.stage),
            )
    assert [circuit.file for circuit in result.circuits] == files
    assert all(circuit.before < circuit.after for circuit in result.circuits)
    ledger = load_theory(tmp_path / "tuned.yaml").theory.tuned
    assert [each.circuit for each in ledger.circuits] == [circuit.sha256 for circuit in halves]
    assert [each.pearson for each in ledger.circuits] == [
        (round(circuit.before, 4), round(circuit.after, 4)) for circuit in result.circuits
    ]
    assert ledger.hosts == ("planted",)


def test_retuning_keeps_which_circuits_the_values_came_from(workshop, tuned):
    """Fitted to one host, then to this one, then to this one again: the first is remembered, and
    none is listed twice.
    """
    here = workshop.planted.trained.sha256
    inline = inlined(workshop, tuned[0])
    elsewhere = inline.replace("host: planted", "host: another").replace(here, "e" * 64)
    assert elsewhere != inline
    text, *_ = workshop.tuned(elsewhere, drawn(2, seed=7), steps=1)
    again, *_ = workshop.tuned(text, drawn(2, seed=7), steps=1)
    for ledger in (workshop.loaded(each).theory.tuned for each in (text, again)):
        assert [(row.host, row.circuit) for row in ledger.earlier] == [("another", "e" * 64)]
        assert [row.circuit for row in ledger.circuits] == [here]
        assert ledger.hosts == ("planted", "another"), "the values are no transfer to either"
    assert workshop.loaded(tuned[0]).theory.tuned.earlier == ()


def test_agreement_is_one_for_the_planted_theory(workshop):
    host, trained, spec = workshop.planted
    assert agreement(spec, trained, host, workshop.pictures[:3], lambda _: None) == pytest.approx(
        1, abs=1e-4
    )
    turned = [
        unit.model_copy(update={"centre_deg": (unit.centre_deg + 90) % 360})
        for unit in trained.units
    ]
    assert (
        agreement(
            spec,
            trained.model_copy(update={"units": tuple(turned)}),
            host,
            workshop.pictures[:3],
            lambda _: None,
        )
        < 0.3
    )


def test_what_was_computed_on_a_batch_is_not_computed_again(workshop, tmp_path, monkeypatch):
    """Before and after the fit: an interrupted run goes on."""
    host, trained, spec = workshop.planted
    calls = counted(monkeypatch, inputs, "drives")
    agreements = [
        agreement(spec, trained, host, workshop.pictures, lambda _: None, Cache(tmp_path, GIB))
        for _ in range(2)
    ]
    assert agreements[0] == agreements[1]
    assert len(calls) == 1
