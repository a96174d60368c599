"""Conditions: what each is called, what it reads, and by which numbers it is known."""

from dataclasses import fields, replace

import pytest
import torch

from tests.planted import SITE, PlantedHost, planted
from workbench.compiler import compile_spec
from workbench.evaluate.calibration import calibrated
from workbench.evaluate.keys import condition_keys
from workbench.evaluate.run import evaluate
from workbench.splice.calibrate import CONTROLS, Splices
from workbench.splice.conditions import (
    RIVALS,
    Condition,
    ConditionKind,
    Donor,
    Handwritten,
    Mean,
    facts_of_circuit,
    natural,
    wanted_by,
    zero,
)
from workbench.splice.inputs import ALL_CIRCUITS, ConditionInputs, Wanted, condition_inputs
from workbench.splice.link import LINKS
from workbench.splice.slots import Channels
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn

KINDS = {
    "natural": ConditionKind.NATURAL,
    "ablated.zero": ConditionKind.ABLATION,
    "ablated.mean": ConditionKind.ABLATION,
    "ablated.resample": ConditionKind.ABLATION,
    "spliced": ConditionKind.HANDWRITTEN,
    "control.permuted": ConditionKind.CONTROL,
    "control.flipped": ConditionKind.CONTROL,
    "control.other_picture": ConditionKind.CONTROL,
    "control.random": ConditionKind.CONTROL,
    "baseline.affine": ConditionKind.BASELINE,
    "baseline.regression": ConditionKind.BASELINE,
}


@pytest.fixture(scope="module")
def toy() -> PlantedHost:
    return planted()


@pytest.fixture(scope="module")
def splices(toy) -> Splices:
    return calibrated(toy.host, compile_spec(toy.spec, toy.trained, toy.host), drawn(4, seed=1))


class ReadsSite(Condition):
    """The mean of all channels of the site, in place of every unit."""

    reads = frozenset({"site"})

    @property
    def circuits(self) -> frozenset[str]:
        return frozenset()

    def __call__(self, inputs: ConditionInputs) -> torch.Tensor:
        return inputs.given("site").mean(1, keepdim=True).expand_as(inputs.trained)


class ReadsUndeclared(ReadsSite):
    reads = frozenset()


def test_every_built_in_condition_has_a_name_a_kind_and_a_label(splices):
    assert {name: each.kind for name, each in splices.conditions.items()} == KINDS
    labels = [condition.label for condition in splices.conditions.values()]
    assert len(set(labels)) == len(labels)
    assert Condition.label not in labels
    for name, condition in splices.conditions.items():
        assert (condition.name, condition.facts.name) == (name, name)
        assert condition.facts.label == condition.label.strip() != ""


def test_controls_are_those_of_the_table_and_rivals_are_controls_and_baselines(splices):
    by_kind = {
        kind: [name for name, each in splices.conditions.items() if each.kind == kind]
        for kind in RIVALS
    }
    assert by_kind[ConditionKind.CONTROL] == list(CONTROLS)
    assert sum(map(len, by_kind.values())) == 6


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("spliced", ConditionKind.HANDWRITTEN),
        ("as_written", ConditionKind.HANDWRITTEN),
        ("trained.line", ConditionKind.TRAINED),
        ("compared.other", ConditionKind.COMPARED),
        ("variant.one-gain", ConditionKind.VARIANT),
        ("mine", ConditionKind.HANDWRITTEN),
    ],
)
def test_facts_of_circuit_follow_from_its_name(name, kind):
    facts = facts_of_circuit(name)
    assert (facts.name, facts.kind) == (name, kind)
    assert facts.label
    assert "{}" not in facts.label
    if "." in name:
        assert name.partition(".")[2] in facts.label


def test_statistics_carry_the_facts_of_their_conditions(toy, splices):
    statistics = evaluate(toy.host, [splices], drawn(2, seed=2))
    assert statistics.conditions == {
        name: condition.facts for name, condition in splices.conditions.items()
    }


def test_fitted_parameters_ignore_name_kind_and_label(splices):
    for condition in splices.conditions.values():
        renamed = replace(condition, name="x", kind=ConditionKind.CONTROL, label="y")
        assert renamed.fitted_parameters() == condition.fitted_parameters() is not None


def test_fitted_parameters_change_with_every_other_field(splices):
    condition: Handwritten = splices.conditions["spliced"]
    changed = {
        "circuit": "random",
        "gain": condition.gain * 2,
        "bias": condition.bias + 1,
        "order": condition.order.roll(1),
        "sign": -1.0,
        "link": LINKS["identity"],
    }
    names = {field.name for field in fields(condition)} - {"name", "kind", "label"}
    assert set(changed) == names
    keys = [replace(condition, **{name: value}) for name, value in changed.items()]
    assert len({each.fitted_parameters() for each in (condition, *keys)}) == 1 + len(changed)


def test_fitted_parameters_tell_classes_of_the_same_numbers_apart():
    assert Mean(torch.ones(3)).fitted_parameters() != Donor(torch.ones(3)).fitted_parameters()
    assert natural.fitted_parameters() != zero.fitted_parameters()


def test_a_subclass_without_its_own_cached_is_not_cached(toy, splices):
    class Halved(Mean):
        def __call__(self, inputs):
            return super().__call__(inputs) / 2

    class Kept(Halved):
        cached = True

    mean = splices.conditions["ablated.mean"]
    halved, kept = (kind(mean.mean, name=kind.__name__) for kind in (Halved, Kept))
    assert Halved.cached  # that of its parent, which does not count
    assert halved.fitted_parameters() is None
    assert kept.fitted_parameters() not in (None, mean.fitted_parameters())
    conditions = {**splices.conditions, "Halved": halved, "Kept": kept}
    keys = condition_keys(toy.host, [replace(splices, conditions=conditions)])
    assert set(keys) == {*splices.conditions, "Kept"}


def test_wanted_by_is_everything_that_any_condition_reads(splices):
    by_name = splices.conditions
    assert wanted_by([natural, zero]) == Wanted(frozenset(), frozenset())
    assert wanted_by([by_name["spliced"], by_name["control.random"]]) == Wanted(
        frozenset({"spliced", "random"}), frozenset()
    )
    assert wanted_by([by_name["baseline.affine"], ReadsSite()]) == Wanted(
        frozenset(), frozenset({"before", "site"})
    )

    class Plain(Condition):
        def __call__(self, inputs):
            return inputs.trained

    assert wanted_by([Plain(), by_name["spliced"]]).circuits is ALL_CIRCUITS
    assert wanted_by([by_name["spliced"], Plain()]).circuits is ALL_CIRCUITS


def test_a_condition_gets_the_part_that_it_declares(toy, splices):
    condition = ReadsSite(name="site mean")
    x, donor = batch(drawn(2, seed=2), toy.host.input), torch.zeros(2, dtype=torch.long)
    with torch.inference_mode():
        inputs = condition_inputs(toy.host, splices.circuits, x, donor, wanted_by([condition]))
        site = toy.host.activations(x, SITE)[SITE]
    assert torch.equal(condition(inputs)[:, 0], site.mean(1))
    assert inputs.drives == {}
    assert inputs.before is None


def test_a_condition_that_reads_a_part_it_did_not_declare_raises(toy, splices):
    conditions = {"natural": natural, "undeclared": ReadsUndeclared(name="undeclared")}
    with pytest.raises(RuntimeError, match=r"'site' is read and was not wanted.*in `reads`"):
        evaluate(toy.host, [replace(splices, conditions=conditions)], drawn(2, seed=2))


def test_a_condition_that_reads_a_circuit_it_did_not_declare_raises(toy, splices):
    class Undeclared(Handwritten):
        @property
        def circuits(self):
            return frozenset()

    spliced = splices.conditions["spliced"]
    conditions = {"undeclared": Undeclared(**vars(spliced))}
    with pytest.raises(KeyError, match="spliced"):
        evaluate(toy.host, [replace(splices, conditions=conditions)], drawn(2, seed=2))


@pytest.mark.parametrize("kind", ["before", "site", "entering"])
def test_given_is_the_part_and_raises_for_one_that_nobody_wanted(kind):
    part = torch.ones(1, 2, 3)
    donor = torch.zeros(1, dtype=torch.long)
    inputs = ConditionInputs(SITE, Channels((0, 1)), part, {}, donor, **{kind: 2 * part})
    assert torch.equal(inputs.given(kind), 2 * part)
    for other in {"before", "site", "entering"} - {kind}:
        with pytest.raises(RuntimeError, match=f"'{other}' is read and was not wanted"):
            inputs.given(other)
