"""Scores of theories of tokens on networks that have the mechanism, and on one that has not."""

import math

import pytest
import torch

from tests.sequences.planted import THEORY, copying_circuit, copying_spec, planted_host
from tests.sequences.sums import sum_circuit, sum_host, sums_spec
from workbench.errors import WorkbenchError
from workbench.sequences.document import document
from workbench.sequences.hosted import refuse_unfit
from workbench.sequences.parts import parts_of
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.score import TokenCard, TokenRequest, score_loaded
from workbench.sequences.subject import subject_of

PARTS = (
    *("previous", "previous.weights", "follower", "follower.weights", "heads", "heads.weights"),
    *("copying", "copying.weights", "circuit", "whole"),
)


def scored(planted: bool, theory: str = THEORY, seed: int = 0) -> TokenCard:
    host = planted_host(seed, planted)
    circuit = copying_circuit(host)
    return score_loaded(copying_spec(theory), circuit, host, prompts_of(circuit.prompts, host))


@pytest.fixture(scope="module")
def card() -> TokenCard:
    return scored(planted=True)


def test_every_part_of_a_planted_circuit_is_recovered(card):
    assert [part.name for part in card.parts] == list(PARTS)
    for part in card.parts:
        assert part.row("spliced").recovered.value > 0.8, part.name
    assert card.part("previous").row("spliced").overlap > 0.99


def test_every_control_of_a_planted_circuit_fails(card):
    names = {row.facts.name for part in card.parts for row in part.rows}
    controls = {name for name in names if name.startswith("control.")}
    assert controls >= {"control.shifted", "control.tokens_permuted", "control.same_token"}
    for part in card.parts:
        for row in part.rows:
            if row.facts.name in controls:
                assert row.recovered.value < 0, (part.name, row.facts.name)


def test_no_part_is_found_in_a_network_without_the_circuit():
    for part in scored(planted=False).parts:
        assert part.verdict.startswith("not this mechanism"), part.name


def test_splicing_the_natural_run_changes_nothing(card):
    for part in card.parts:
        natural = part.row("natural")
        assert natural.quantities["kl"] == 0
        assert natural.recovered.value == 1


def test_a_baseline_with_many_numbers_is_named_with_their_count(card):
    part = card.part("previous")
    assert part.rival == "baseline.mean_pattern"
    assert part.row("baseline.mean_pattern").numbers == 24 * 25 // 2
    assert "with 300 fitted numbers" in part.verdict


def test_the_constants_of_directions_that_are_read_off_count_too():
    host = sum_host()
    circuit = sum_circuit(host)
    subject = subject_of(sums_spec(), circuit, host, prompts_of(circuit.prompts, host), 0)
    with torch.no_grad():
        (mlp,) = (part for part in parts_of(subject) if part.name == "mlp")
    assert mlp.numbers.bound == 2 * (host.network.shape.d_model + 1)  # a cosine and a sine


def test_calibrated_gains_are_as_good_as_those_written(card):
    calibrated = THEORY.replace("gain: 30}", "gain: calibrated}")
    for part in scored(planted=True, theory=calibrated).parts[:6]:
        if part.level == "weights":
            continue
        written = card.part(part.name).row("spliced").recovered.value
        assert part.row("spliced").recovered.value > written - 0.02, part.name
        assert part.numbers.calibrated == (2 if part.name == "heads" else 1)


def test_the_document_is_strict_and_has_every_condition(card):
    written = document(card)
    assert written["format"] == 1
    assert set(written["parts"]) == set(PARTS)
    for part in card.parts:
        conditions = written["parts"][part.name]["conditions"]
        assert list(conditions) == [row.facts.name for row in part.rows]
        for row in conditions.values():
            assert row["kl"] is None or math.isfinite(row["kl"])


def test_the_same_seed_gives_the_same_figures(card):
    assert document(scored(planted=True)) == document(card)


def test_only_the_parts_that_are_asked_for_are_scored():
    host = planted_host()
    circuit = copying_circuit(host)
    request = TokenRequest(spec="", circuit="", only=("follower",))
    prompts = prompts_of(circuit.prompts, host)
    card = score_loaded(copying_spec(), circuit, host, prompts, request=request)
    assert [part.name for part in card.parts] == ["follower"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fingerprint": "0" * 64}, "fingerprint"),
        ({"families": {"previous": {"heads": ("0.3",)}}}, "head 0.3"),
        ({"families": {"previous": {"heads": ("2.0",)}}}, "head 2.0"),
        ({"families": {"sum": {"layer": 0, "frequency": (1,)}}}, "layer 0"),
        ({"families": {"number": {"numbers": 13}}}, "13 numbers"),
    ],
)
def test_a_circuit_of_another_network_is_refused(changes, message):
    host = planted_host()
    circuit = copying_circuit(host)
    wrong = type(circuit).model_validate(circuit.model_dump() | changes)
    with pytest.raises(WorkbenchError, match=message):
        refuse_unfit(host, wrong, "circuit.yaml")
