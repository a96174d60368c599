"""Variants of theories of tokens: what each loses, where it changes nothing, and their faults."""

import pytest
import torch

from tests.sequences.planted import THEORY, copying_circuit, copying_spec, planted_host
from tests.sequences.sums import FREQUENCY, sum_circuit, sum_host, sums_spec
from tests.sequences.sums import THEORY as SUM_THEORY
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.document import document
from workbench.sequences.meaning import part_names
from workbench.sequences.parts import parts_of
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.score import TokenCard, score_loaded
from workbench.sequences.subject import subject_of
from workbench.sequences.variants import circuit_of
from workbench.spec.problems import SpecError

OFFSET = "families.previous.looks[0].at"
VARIANTS = f"""
variants:
  further: {{about: keys two places before, set: {{'{OFFSET}': 2}}}}
  softer: {{about: a smaller gain, set: {{'families.previous.looks[0].gain': 25}}}}
"""
SUM_VARIANTS = """
variants:
  next: {about: the next frequency, units: {frequency_higher_by: 1}}
  subtraction: {about: one word changed, set: {families.sum.phases: subtracted}}
"""


def scored(host, circuit, spec) -> TokenCard:
    return score_loaded(spec, circuit, host, prompts_of(circuit.prompts, host))


@pytest.fixture(scope="module")
def card() -> TokenCard:
    host = planted_host()
    return scored(host, copying_circuit(host), copying_spec(THEORY + VARIANTS))


def test_a_wrong_variant_loses_what_the_theory_recovers_and_a_harmless_one_nothing(card):
    for name in ("previous", "heads", "whole"):
        part = card.part(name)
        assert part.variants["variant.further"].value > 0.7, name
        assert part.variants["variant.further"].ci95[0] > 0.5, name
        assert abs(part.variants["variant.softer"].value) < 0.05, name


def test_a_variant_stands_only_where_it_changes_what_is_handwritten(card):
    changed = {part.name for part in card.parts if part.variants}
    assert changed == {"previous", "heads", "circuit", "whole"}


def test_a_variant_is_no_rival(card):
    assert all("variant" not in (part.rival or "") for part in card.parts)


def test_a_variant_stands_between_the_theory_and_its_controls_in_the_document(card):
    part = document(card)["parts"]["previous"]
    names = list(part["conditions"])
    assert names.index("spliced") + 1 == names.index("variant.further")
    assert names.index("variant.softer") < names.index("control.shifted")
    assert part["conditions"]["variant.further"]["kind"] == "variant"
    assert part["variants"]["further"]["about"] == "keys two places before"


def test_other_circles_and_another_sign_are_no_theory_of_planted_sums():
    host = sum_host()
    circuit = with_frequency_of_heads(sum_circuit(host))
    card = scored(host, circuit, sums_spec(SUM_THEORY + SUM_VARIANTS))
    assert {part.name for part in card.parts if part.variants} == {"mlp", "whole"}
    whole = card.part("whole")
    assert whole.row("spliced").quantities["logit_r2"] > 0.9
    for name in ("variant.next", "variant.subtraction"):
        assert whole.row(name).quantities["logit_r2"] < 0.3, name


@pytest.mark.parametrize("host", [planted_host(), sum_host()], ids=lambda host: host.name)
def test_the_parts_that_claims_may_name_are_those_that_are_scored(host):
    planted = host.name.startswith("planted")
    circuit = copying_circuit(host) if planted else sum_circuit(host)
    spec = copying_spec() if planted else sums_spec(SUM_THEORY)
    subject = subject_of(spec, circuit, host, prompts_of(circuit.prompts, host), 0)
    with torch.no_grad():
        assert part_names(spec.theory) == tuple(part.name for part in parts_of(subject))


def test_the_circuit_of_a_variant_has_higher_frequencies_and_no_other_change():
    host = sum_host()
    circuit = with_frequency_of_heads(sum_circuit(host))
    spec = sums_spec(SUM_THEORY + SUM_VARIANTS)
    higher = circuit_of(spec.theory, circuit, spec.theory.variants["next"])
    assert higher.families["sum"].frequency == (FREQUENCY + 1,)
    assert higher.families["gather"] == circuit.families["gather"]
    assert circuit_of(spec.theory, circuit, spec.theory.variants["subtraction"]) == circuit


def with_frequency_of_heads(circuit: TokenCircuit) -> TokenCircuit:
    """The circuit with a frequency of its heads too, which no rule of the theory reads."""
    heads = circuit.families["gather"].model_copy(update={"frequency": (FREQUENCY,)})
    return circuit.model_copy(update={"families": {**circuit.families, "gather": heads}})


@pytest.mark.parametrize(
    ("entry", "code", "expected"),
    [
        ("{about: x, set: {families.previous.look: 1}}", "unknown-key", "did you mean"),
        (f"{{about: x, set: {{'{OFFSET}': next}}}}", "wrong-type", "a whole number"),
        (f"{{about: x, set: {{'{OFFSET}': null}}}}", "conflict", "at for place: offset"),
        ("{about: x}", "missing-key", "set or units"),
        ("{about: x, units: {frequency_higher_by: 1}}", "not-allowed", "from-circuit"),
        ("{about: x, units: {radius_px: mean}}", "unknown-key", ""),
        ("{set: {families.previous.units: heads}}", "missing-key", "about"),
    ],
)
def test_a_faulty_variant_is_refused_with_its_key(entry, code, expected):
    with pytest.raises(SpecError) as error:
        copying_spec(f"{THEORY}\nvariants:\n  wrong: {entry}\n")
    (problem,) = error.value.problems
    assert problem.code == code
    assert problem.key.startswith("variants.wrong")
    assert expected in f"{problem.expected} {problem.suggestion}".lower()
