"""One theory on several hosts: two that compute it, one without an output, one without units."""

import io
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from tests.documents import numbers
from tests.elsewhere import elsewhere
from tests.planted import THEORY, UNITS, planted
from workbench import rebuild as rebuild_module
from workbench.analyses.universality import run as run_module
from workbench.analyses.universality.figures import (
    AS_WRITTEN,
    HostRow,
    Universality,
    row_from_json,
    row_json,
    universality_json,
)
from workbench.analyses.universality.run import UniversalityRequest, universality
from workbench.analyses.universality.table import _kept, universality_table
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.hosts.named import trust
from workbench.score.facts import Header
from workbench.spec import dump_circuit
from workbench.vision.pictures.drawn import drawn
from workbench.vision.survey import NoneFoundError
from workbench.work import Work

HOSTS = """\
import dataclasses

from tests.planted import planted
from workbench.hosts import NoOutput


def one():
    return planted(seed=1).host


def other():
    return planted(seed=2).host


def silent():
    return dataclasses.replace(planted(seed=2).host, output=NoOutput())
"""
ONE, OTHER, SILENT = (f"my_hosts.py:{name}" for name in ("one", "other", "silent"))
NULL = f"{ONE}@random:0"
LEDGER = """\
tuned:
  circuits: [{{host: {host}, circuit: "aa", pearson: [0.5, 0.7]}}]
  spec: "bb"
  date: "2026-01-01"
  steps: 5
  seed: 0
  written: {{"families.gabor.reads.input[0].wavelength_px": 9.0}}
  images: [0123456789abcdef]
"""
RIGHT, WRONG = 0.99, 0.6
SAME = 1e-9  # statistics of another library: sums in another order
CONSTANT = 1e-8  # the correlation of a unit at its mean: the roundings of its sums


class Run(NamedTuple):
    folder: Path
    result: Universality
    surveyed: list[str]
    stages: list[str]


def spec_files(folder: Path) -> list[Path]:
    """The planted theory as if tuned on the first host, and a wrong one as if on the second."""
    (folder / "right.yaml").write_text(
        THEORY.replace("theory: planted", "theory: right") + LEDGER.format(host=ONE)
    )
    wrong = THEORY.replace("theory: planted", "theory: wrong").replace(
        "match: tangent", "match: normal", 1
    )
    (folder / "wrong.yaml").write_text(wrong + LEDGER.format(host=OTHER))
    return [folder / "right.yaml", folder / "wrong.yaml"]


def run(folder: Path, hosts: list[str], stages: list[str], device: str = "cpu") -> Universality:
    circuits = {}
    for host in hosts:
        trust(host)
        if not host.endswith("@random:0"):
            circuits[host] = folder / f"{host[12:]}.yaml"
            trained = planted(seed=1 if host == ONE else 2).trained
            dump_circuit(trained.model_copy(update={"host": host}), circuits[host])

    def stage(name: str, total: int):
        stages.append(name)
        return lambda steps: None

    return run_on(folder, spec_files(folder), hosts, circuits, Work(stage, device=device))


def run_on(
    folder: Path,
    specs: list[Path],
    hosts: list[str],
    circuits: dict[str, Path],
    work: Work = Work(),  # noqa: B008 (frozen)
) -> Universality:
    pictures, fit, surveyed = drawn(5, seed=2), drawn(4, seed=1), drawn(3, seed=3)
    request = UniversalityRequest(specs, hosts, circuits, pictures, fit, surveyed)
    return universality(request, folder / "out", work)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("universality")
    (folder / "my_hosts.py").write_text(HOSTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
        surveyed: list[str] = []
        survey = run_module.survey
        patch.setattr(
            run_module,
            "survey",
            lambda host, *more, **named: surveyed.append(host.name) or survey(host, *more, **named),
        )
        write = rebuild_module.write_report  # of one host: drawing takes the most time
        patch.setattr(
            rebuild_module,
            "write_report",
            lambda folder, card, *more: (
                card.header.host["name"] == ONE and write(folder, card, *more)
            ),
        )
        stages: list[str] = []
        return Run(folder, run(folder, [ONE, OTHER, SILENT, NULL], stages), surveyed, stages)


def test_where_the_family_lives(made):
    row = made.result.rows[0]
    assert (row.host, row.site, row.depth, row.sites, row.stride_px, row.units, row.of) == (
        ONE,
        "planted",
        2,
        3,
        8,
        len(UNITS),
        12,
    )
    assert row.poses_deg == [unit.centre_deg for unit in UNITS]
    assert row.figures["trained.largest_gap_deg"] == pytest.approx(60, abs=10)
    assert 20 < row.figures["trained.width_deg"] < 180


def test_the_right_theory_holds_on_both_and_the_wrong_one_on_neither(made):
    for row in made.result.rows[:2]:
        right, wrong = (row.theories[name] for name in ("right", "wrong"))
        assert min(right["pearson"]["value"], right["recovered_kl"]["value"]) > RIGHT
        assert wrong["pearson"]["value"] < WRONG
        assert row.theories[AS_WRITTEN]["pearson"]["value"] < RIGHT
        assert row.controls["permuted"]["pearson"]["value"] < WRONG
    first, second = made.result.rows[:2]
    assert (
        made.result.kept(first, "wrong", "pearson")
        == first.theories["wrong"]["pearson"]["value"] / first.theories["right"]["pearson"]["value"]
    )
    assert made.result.kept(second, "wrong", "pearson") == 1, "tuned there"


def test_without_an_output_units_are_compared_and_answers_are_not(made):
    row = made.result.rows[2]
    assert not row.has_output
    assert row.theories["right"]["pearson"]["value"] > RIGHT
    assert {
        cell["recovered_kl"]["value"] for cell in (*row.theories.values(), *row.controls.values())
    } == {None}
    assert row.best_control == max(
        row.controls, key=lambda name: row.controls[name]["pearson"]["value"]
    )


def test_in_the_null_host_nothing_is_found_and_the_row_says_so(made):
    row = made.result.rows[3]
    assert made.surveyed == [NULL]
    assert (row.host, row.units, row.theories, row.site) == (NULL, 0, {}, None)
    assert "no curve units found" in row.reason or "no family" in row.reason


def test_the_file_and_the_picture(made):
    document = json.loads((made.folder / "out" / "universality.json").read_text())
    assert document["theories"] == {"right": [ONE], "wrong": [OTHER]}
    assert [row["host"] for row in document["hosts"]] == [ONE, OTHER, SILENT, NULL]
    assert (
        document["hosts"][0]["theories"]["right"]["pearson"]["value"]
        == made.result.rows[0].theories["right"]["pearson"]["value"]
    )
    assert (made.folder / "out" / "universality.png").read_bytes().startswith(b"\x89PNG")
    assert (made.folder / "out" / "my_hosts.one" / "report.html").is_file()
    assert row_from_json(row_json(made.result.rows[0])) == made.result.rows[0]
    assert row_from_json('{"host": "a"}') is row_from_json("[") is None


def printed(result: Universality) -> str:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(universality_table(result))
    return console.export_text()


def test_the_tables(made):
    lines = printed(made.result).splitlines()
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    assert "n/a" in text
    assert "would be curve units" in text or "no curve units found" in text
    matrix = lines[next(i for i, line in enumerate(lines) if line.startswith("mean Pearson:")) :]
    tuned = next(line for line in matrix if "(right)" in line)
    assert tuned.split()[-3:] == ["1.00", "1.00", "1.00"]


@pytest.mark.full
def test_an_interrupted_run_goes_on_host_by_host(made, monkeypatch):
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("WORKBENCH_CACHE", str(made.folder / "cache"))
    (made.folder / "out" / "rows" / "my_hosts.other.json").unlink()
    stages: list[str] = []
    again = run(made.folder, [ONE, OTHER, SILENT, NULL], stages)
    assert {name.split(": ")[0] for name in stages} == {OTHER}, "the others are read back"
    assert [row.host for row in again.rows] == [row.host for row in made.result.rows]
    value, before = (
        each.rows[1].theories["wrong"]["pearson"]["value"] for each in (again, made.result)
    )
    assert np.isclose(value, before, rtol=1e-12)


@pytest.mark.full
def test_another_device_has_rows_of_its_own_with_the_same_figures(made, tmp_path, monkeypatch):
    """The survey of the null host runs on the processor."""
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(rebuild_module, "write_report", lambda *_: None)
    stages: list[str] = []
    with elsewhere() as device:
        result = run(tmp_path, [ONE, NULL], stages, device)
        assert {name.split(": ")[0] for name in stages} == {ONE}, "not read back"
        stages.clear()
        again = run(tmp_path, [ONE, NULL], stages, device)
        assert stages == [], "read back"
    assert universality_json(again) == universality_json(result)
    assert result.header.computed["device"] == "cuda:0, a device that is not there"
    assert made.result.header.computed["device"] == "cpu"
    for row, expected in zip(result.rows, (made.result.rows[0], made.result.rows[3]), strict=True):
        figures, wanted = (numbers(json.loads(row_json(each))) for each in (row, expected))
        assert figures == pytest.approx(wanted, rel=SAME, abs=CONSTANT)


@pytest.fixture
def unscored(tmp_path, monkeypatch) -> list[str]:
    """The hosts that would be scored, in a folder with the first host's circuit `one.yaml`.

    Their rows have no scores.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_hosts.py").write_text(HOSTS)
    dump_circuit(planted(seed=1).trained.model_copy(update={"host": ONE}), tmp_path / "one.yaml")
    trust(ONE)
    scored: list[str] = []

    def row(run, host, circuit_file, empty):
        scored.append(host.name)
        return empty

    monkeypatch.setattr(run_module, "_scored", row)
    return scored


def test_a_row_is_made_again_when_only_the_input_range_changes(tmp_path, unscored):
    """The weights, and with them the fingerprint, stay as they are."""
    specs = spec_files(tmp_path)
    first = run_on(tmp_path, specs, [ONE], {ONE: tmp_path / "one.yaml"})
    run_on(tmp_path, specs, [ONE], {ONE: tmp_path / "one.yaml"})
    assert unscored == [ONE], "read back"
    mean = "dataclasses.replace(planted(seed=1).host.input, mean_rgb=(120.0, 115.0, 90.0))"
    changed = HOSTS.replace(
        "return planted(seed=1).host",
        f"return dataclasses.replace(planted(seed=1).host, input={mean})",
    )
    (tmp_path / "my_hosts.py").write_text(changed)
    second = run_on(tmp_path, specs, [ONE], {ONE: tmp_path / "one.yaml"})
    assert unscored == [ONE, ONE]
    assert first.rows[0].fingerprint == second.rows[0].fingerprint


@pytest.mark.full
def test_with_no_cache_no_row_of_a_finished_run_is_taken(tmp_path, unscored):
    words = [
        "universality",
        str(spec_files(tmp_path)[0]),
        "--host",
        ONE,
        "--circuit",
        "one.yaml",
        "--json",
    ]
    for more, times in (([], 1), ([], 1), (["--no-cache"], 2)):
        result = CliRunner().invoke(main, [*words, *more])
        assert result.exit_code == 0, result.output
        assert unscored == [ONE] * times


def test_a_host_for_which_a_theory_cannot_be_compiled_has_a_row_that_says_so(tmp_path, unscored):
    """Curves that answer every 8 px cannot read Gabors that answer every 6."""
    odd = tmp_path / "odd.yaml"
    odd.write_text(THEORY.replace("over_px: 6, stride_px: 4", "over_px: 6, stride_px: 6"))
    (row,) = run_on(tmp_path, [odd], [ONE], {ONE: tmp_path / "one.yaml"}).rows
    assert unscored == []
    assert (row.units, row.passed, row.site) == (0, len(UNITS), "planted")
    assert "cells every 8 px, but 'gabor' has cells every 6 px" in row.reason


def test_hosts_and_circuits_are_refused_before_any_is_scored(tmp_path, unscored):
    trust("my_hosts.py:missing")
    with pytest.raises(WorkbenchError, match="no function 'missing'"):
        run_on(
            tmp_path,
            spec_files(tmp_path),
            [ONE, "my_hosts.py:missing"],
            {ONE: tmp_path / "one.yaml"},
        )
    trust(OTHER)
    with pytest.raises(WorkbenchError, match="found in a host with fingerprint"):
        run_on(
            tmp_path,
            spec_files(tmp_path),
            [ONE, OTHER],
            {ONE: tmp_path / "one.yaml", OTHER: tmp_path / "one.yaml"},
        )
    assert unscored == []


def test_a_family_of_too_few_is_printed_with_their_number(tmp_path, unscored, monkeypatch):
    def two_found(*_, **named):
        error = NoneFoundError("host", "only a:1, a:2 would be curve units, no family")
        error.passed = 2
        raise error

    monkeypatch.setattr(run_module, "survey", two_found)
    result = run_on(tmp_path, spec_files(tmp_path), [ONE], {})
    assert result.rows[0].passed == 2
    assert "2 pass: no family" in printed(result)


def test_a_theory_of_several_hosts_is_named_as_such():
    """A theory that was tuned on this host alone comes first.

    One that was tuned on others too is named with all of them.
    """
    scores = {
        figure: {"value": value, "ci95": None}
        for figure, value in (("pearson", 0.5), ("recovered_kl", 0.25))
    }
    rows = tuple(
        HostRow(
            name,
            "f",
            True,
            3,
            "k",
            site="s",
            units=3,
            theories=dict.fromkeys(("joint", "alone", "far"), scores),
        )
        for name in "abc"
    )
    theories = {"joint": ("a", "b"), "alone": ("a",), "far": ("z",)}
    result = Universality(Header(), "curve", theories, rows)
    assert [result.tuned_here(row) for row in rows] == ["alone", "joint", None]
    lines = [str(text) for text in _kept(result)]
    kept = "1.00 of the mean Pearson and 1.00 of the recovered KL"
    assert f"far, tuned on z, keeps on b {kept} of joint, tuned on a + b" in lines
    assert f"far, tuned on z, keeps on a {kept} of alone, tuned on a" in lines
    assert not any("keeps on c" in line for line in lines)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace("  curve:", "  bend:"),
            r"theories of several families \(right.yaml: curve, wrong.yaml: bend\)",
        ),
        (
            lambda text: text.replace("theory: wrong", "theory: right"),
            r"theories of the same name \(right, right\)",
        ),
    ],
)
def test_theories_that_cannot_be_compared_are_refused(tmp_path, change, message):
    right, wrong = spec_files(tmp_path)
    wrong.write_text(change(wrong.read_text()))
    with pytest.raises(WorkbenchError, match=message):
        run_on(tmp_path, [right, wrong], [], {})


def test_the_command_says_what_it_needs():
    result = CliRunner().invoke(main, ["universality"])
    assert result.exit_code == 2
    assert "Missing argument 'SPEC...'" in result.output
    assert "transfer matrix" in CliRunner().invoke(main, ["universality", "--help"]).output
