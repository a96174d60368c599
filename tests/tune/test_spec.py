"""A tuned spec: fitted numbers in place, all else byte for byte, and a ledger of what was fitted on
what.
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
from workbench.spec import dump_circuit, load_theory, numbers, theory_from_text
from workbench.splice import inputs
from workbench.tune import spec as tune_spec
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


class Workshop:
    """The planted host as the one that is loaded, its circuit's file, and a spec's file to tune."""

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
            ((before, after),) = tuned_spec(
                self.spec_file,
                [self.circuit_file],
                chosen,
                output,
                TuneSettings(steps, most, seed, tuple(hold)),
                Work(stage=self.stage),
            )
            return output.read_bytes().decode(), before, after

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


def test_the_correlation_rises(tuned):
    text, before, after = tuned
    assert 0.3 < before < after - 0.01 < 1
    assert theory_from_text(text).theory.tuned.circuits[0].pearson == (
        round(before, 4),
        round(after, 4),
    )


def test_only_the_numbers_and_the_ledger_change(tuned):
    above, below = tuned[0].split("\ntuned:")
    assert NUMBER.sub("#", above).rstrip() == NUMBER.sub("#", MOVED).rstrip()
    assert NUMBER.findall(above) != NUMBER.findall(MOVED)
    assert "tuned:" not in below


def test_the_ledger_says_what_was_fitted_on_what(workshop, tuned):
    ledger = theory_from_text(tuned[0]).theory.tuned
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
    again = compile_spec(theory_from_text(tuned[0]), trained, host, as_written=True)
    after = compile_spec(theory_from_text(tuned[0]), trained, host)
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
    recorded = theory_from_text(text).theory.tuned.images
    assert recorded == images(workshop.pictures)[:2]
    assert workshop.tuned(MOVED, workshop.pictures[::-1], steps=1, most=2)[0] == text


def test_retuning_keeps_what_was_written_and_every_picture(workshop, tuned):
    other = drawn(2, seed=7)
    text, *_ = workshop.tuned(tuned[0], other, steps=1)
    theory = theory_from_text(text).theory
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
    again = theory_from_text(workshop.tuned(text, steps=1)[0]).theory.tuned
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


def test_a_spec_that_has_no_place_for_a_ledger_is_refused_before_any_work(workshop, tuned):
    """A file in braces is YAML too, but nothing can be appended to it; and what stands below the
    ledger would be lost.
    """
    families = MOVED.index("families:")
    ledger = tuned[0][tuned[0].index("tuned:") :]
    workshop.stages.clear()
    variants = "variants: {one-gain: {about: one gain, units: {gain: shared}}}\n"
    for text in (
        json.dumps(yaml.safe_load(MOVED)),
        f"{MOVED[:families]}{ledger}\n{MOVED[families:]}",
        f"{MOVED}\n{ledger}\n{variants}",
    ):
        assert theory_from_text(text).theory.theory == "planted"
        with pytest.raises(
            WorkbenchError, match=r"spec.yaml: has no place for the ledger at its end"
        ):
            workshop.tuned(text, steps=1)
    assert workshop.stages == []


def test_variants_are_never_tuned(workshop, tuned):
    """They stand as they were, and what is tuned is what would be without them."""
    varied = (
        "variants:\n  a: {about: x, set: {'families.curve.reads.gabor[1].gain': -0.2}, "
        "units: {gain: shared}}\n"
    )
    text, *_ = workshop.tuned(MOVED + varied)
    assert varied.strip() in text.split("\ntuned:")[0]
    plain = theory_from_text(tuned[0]).theory
    loaded = theory_from_text(text)
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
    assert theory_from_text(text).theory.tuned.hold == ("gabor",)
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
        figures = tuned_spec(
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
    assert all(before < after for before, after in figures)
    ledger = load_theory(tmp_path / "tuned.yaml").theory.tuned
    assert [each.circuit for each in ledger.circuits] == [circuit.sha256 for circuit in halves]
    assert [each.pearson for each in ledger.circuits] == [
        (round(before, 4), round(after, 4)) for before, after in figures
    ]
    assert ledger.hosts == ("planted",)


def test_retuning_keeps_which_circuits_the_values_came_from(workshop, tuned):
    """Fitted to one host, then to this one, then to this one again: the first is remembered, and
    none is listed twice.
    """
    here = workshop.planted.trained.sha256
    elsewhere = tuned[0].replace("host: planted", "host: another").replace(here, "e" * 64)
    assert elsewhere != tuned[0]
    text, *_ = workshop.tuned(elsewhere, drawn(2, seed=7), steps=1)
    again, *_ = workshop.tuned(text, drawn(2, seed=7), steps=1)
    for ledger in (theory_from_text(each).theory.tuned for each in (text, again)):
        assert [(row.host, row.circuit) for row in ledger.earlier] == [("another", "e" * 64)]
        assert [row.circuit for row in ledger.circuits] == [here]
        assert ledger.hosts == ("planted", "another"), "the values are no transfer to either"
    assert theory_from_text(tuned[0]).theory.tuned.earlier == ()


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
