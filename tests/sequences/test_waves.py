"""Waves of the number at a key: the rule, the fit, and a network that has them."""

import math
from dataclasses import replace

import pytest
import torch

from tests.sequences.sums import MODULUS, sums_circuit
from tests.sequences.waves import (
    AMPLITUDES,
    FREQUENCY,
    PHASES,
    THEORY,
    WAVE,
    waves_host,
    waves_spec,
)
from workbench.errors import WorkbenchError
from workbench.sequences.compile import compile_tokens
from workbench.sequences.files import refuse_unmatched
from workbench.sequences.head_controls import phases_permuted
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.rule import scores
from workbench.sequences.score import score_loaded
from workbench.sequences.subject import subject_of
from workbench.spec.problems import SpecError

DEGREES = 3.0  # of a fitted phase: the trained pattern also has the places that the rule leaves out
RIDGED = 0.05  # of an amplitude: the fit has a small ridge


def circuit_of(host, frequencies=(FREQUENCY,)):
    circuit = sums_circuit(host)
    families = {"number": circuit.families["number"]}
    families["gather"] = circuit.families["gather"].model_copy(update={"frequency": frequencies})
    return circuit.model_copy(update={"families": families})


def card_of(host, text: str = THEORY, frequencies=(FREQUENCY,)):
    circuit = circuit_of(host, frequencies)
    return score_loaded(waves_spec(text), circuit, host, prompts_of(circuit.prompts, host))


@pytest.fixture(scope="module")
def card():
    return card_of(waves_host())


def test_a_wave_is_the_cosine_of_the_keys_number_less_the_phase():
    text = THEORY.replace(WAVE, "phase_deg: 40, gain: 3").replace("from-circuit", "[2, 5]")
    host = waves_host()
    heads = compile_tokens(waves_spec(text).theory, circuit_of(host), MODULUS).heads["gather"]
    tokens = torch.tensor([[4, 11, MODULUS]])
    score = scores(heads.terms, tokens, {})
    places = (20, 20, 0)
    for head in range(2):
        for key, (place, token) in enumerate(zip(places, tokens[0].tolist(), strict=True)):
            angles = [360 * k * token / MODULUS - 40 for k in (2, 5)]
            wave = sum(3 * math.cos(math.radians(angle)) for angle in angles)
            expected = place + (wave if token < MODULUS else 0)  # `=` is no number
            assert score[0, head, 2, key].item() == pytest.approx(expected, abs=1e-5)


def test_the_fitted_waves_are_the_planted_ones():
    host = waves_host()
    circuit = circuit_of(host)
    subject = subject_of(waves_spec(), circuit, host, prompts_of(circuit.prompts, host), 0)
    cosine, sine = (term for term in subject.written.heads["gather"].terms if term.wave)
    amplitude = torch.hypot(cosine.gain, sine.gain)
    phase = torch.atan2(sine.gain, cosine.gain).rad2deg() % 360
    assert amplitude.tolist() == pytest.approx(AMPLITUDES, rel=RIDGED)
    assert phase.tolist() == pytest.approx(PHASES, abs=DEGREES)


def test_gradients_pass_through_a_written_wave():
    text = THEORY.replace(WAVE, "phase_deg: 40, gain: 3")
    made = {}

    def value(number):
        return made.setdefault(number.tune, torch.tensor(number.tune, requires_grad=True))

    theory, circuit = waves_spec(text).theory, circuit_of(waves_host())
    heads = compile_tokens(theory, circuit, MODULUS, value).heads["gather"]
    scores(heads.terms, torch.tensor([[4, 11, MODULUS]]), {})[0, 0, 2, 0].backward()
    angle = math.radians(360 * FREQUENCY * 4 / MODULUS - 40)
    assert made[3].grad.item() == pytest.approx(math.cos(angle), abs=1e-5)
    assert made[40].grad.item() == pytest.approx(3 * math.sin(angle) * math.pi / 180, abs=1e-5)


def test_phases_are_permuted_among_heads_and_amplitudes_are_not():
    host = waves_host()
    text = THEORY.replace(WAVE, "phase_deg: 40, gain: 3")
    heads = compile_tokens(waves_spec(text).theory, circuit_of(host), MODULUS).heads["gather"]
    assert phases_permuted(heads.terms) == heads.terms  # the same phase in every head
    *places, cosine, sine = heads.terms
    turned = [0.5, 2.5]
    amplitude, phase = torch.tensor([1.0, 2.0]), torch.tensor(turned)
    terms = (
        *places,
        replace(cosine, gain=amplitude * phase.cos()),
        replace(sine, gain=amplitude * phase.sin()),
    )
    *_, cosine, sine = phases_permuted(terms)
    assert torch.allclose(torch.hypot(cosine.gain, sine.gain), amplitude)
    moved = torch.atan2(sine.gain, cosine.gain).tolist()
    assert moved == pytest.approx(turned[::-1], abs=1e-6)


def test_planted_waves_are_recovered_at_both_levels_and_wrong_ones_are_not(card):
    controls = {
        *("other_head", "phases_permuted", "frequencies_1_higher", "frequencies_5_higher"),
        "shifted",
    }
    for name in ("gather", "gather.weights"):
        part = card.part(name)
        assert part.row("spliced").recovered.value > 0.98, name
        assert part.supported, part.verdict
        for control in controls:
            assert part.row(f"control.{control}").recovered.value < 0.7, (name, control)


def test_a_theory_of_other_circles_does_no_better_than_places_alone():
    wrong = card_of(waves_host(), frequencies=(FREQUENCY + 1,)).part("gather")
    alone = THEORY.replace(
        f"      - {{match: same, of: number, frequency: from-circuit, {WAVE}}}\n", ""
    )
    places = card_of(waves_host(), alone).part("gather")
    gained = wrong.row("spliced").recovered.value - places.row("spliced").recovered.value
    assert gained < 0.02


def test_every_number_counts(card):
    numbers = card.part("gather").numbers
    assert (numbers.rule, numbers.calibrated) == (4 + 1, 2 * 2)  # a frequency; two numbers a head
    text = THEORY.replace(WAVE, "phase_deg: 40, gain: 3")
    assert card_of(waves_host(), text).part("gather").numbers.rule == 4 + 1 + 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (f", {WAVE}", ", gain: calibrated", ("families.gather.looks[2]", "conflict")),
        ("phase_deg: calibrated", "phase_deg: 40", ("families.gather.looks[2]", "conflict")),
        (
            f"frequency: from-circuit, {WAVE}",
            "gain: 3",
            ("families.gather.looks[2]", "missing-key"),
        ),
        ("of: number", "of: input", ("families.gather.looks[2].frequency", "conflict")),
        ("of: number", "of: nubmer", ("families.gather.looks[2].of", "unknown-family")),
        ("from-circuit", "[0]", ("families.gather.looks[2].frequency[0]", "out-of-range")),
    ],
)
def test_a_fault_of_a_wave_is_reported_at_its_key(old, new, expected):
    with pytest.raises(SpecError) as raised:
        waves_spec(THEORY.replace(old, new, 1))
    assert expected in [(problem.key, problem.code) for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("frequencies", "message"),
    [(None, "no frequency"), ((7,), "frequency 7 of 13 numbers; expected 1 to 6")],
)
def test_a_circuit_without_frequencies_or_with_too_high_ones_is_refused(frequencies, message):
    with pytest.raises(WorkbenchError, match=message):
        refuse_unmatched(waves_spec(), circuit_of(waves_host(), frequencies), "sum.yaml")


# ---- neurons that read numbers by the attention of heads

NEURONS = """
  sum:
    units: neurons
    poses: {frequency: [2], phase_deg: {every: 45, over: 360}}
    phases: added
    reads:
      number: {match: same, harmonics: [0, 1], places: [0, 1], through: gather}
  answer:
    units: answers
    reads:
      sum: {match: same, harmonics: [0, 1], gain: calibrated}
"""


def whole_circuit(host):
    circuit = circuit_of(host)
    families = circuit.families | {"sum": sums_circuit(host).families["sum"]}
    return circuit.model_copy(update={"families": families})


def test_a_number_counts_by_the_attention_that_it_gets():
    host = waves_host()
    written = compile_tokens(waves_spec(THEORY + NEURONS).theory, whole_circuit(host), MODULUS)
    neurons, tokens = written.neurons["sum"], torch.tensor([[4, 11, MODULUS]])
    assert written.heads_read == ("gather",)
    looked = torch.zeros(1, 2, 3, 3)
    looked[0, :, 2] = torch.tensor([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0]])
    drive = neurons.drive(tokens, 2, {"gather": looked})
    for neuron, phase in enumerate(range(0, 360, 45)):
        waves = [math.cos(math.radians(720 * n / MODULUS - phase)) for n in (4, 11)]
        assert drive[0, neuron].item() == pytest.approx(2 * (0.7 * waves[0] + 0.3 * waves[1]))
    looked[0, :, 2] = torch.tensor([0.5, 0.5, 0.0])
    assert torch.allclose(neurons.drive(tokens, 2, {"gather": looked}), neurons.drive(tokens, 2))


def test_a_whole_network_by_attention_counts_the_heads_and_is_not_written_as_weights():
    host = waves_host()
    circuit, spec = whole_circuit(host), waves_spec(THEORY + NEURONS)
    card = score_loaded(spec, circuit, host, prompts_of(circuit.prompts, host))
    assert [part.name for part in card.parts] == [
        "number",
        "gather",
        "gather.weights",
        "mlp",
        "whole",
    ]
    whole, gather = card.part("whole").numbers, card.part("gather").numbers
    assert whole.rule == gather.rule + 1 + 2 + 1 + 2  # frequency, harmonics, step; of the answers
    assert whole.calibrated == gather.calibrated + 1


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("through: gather", "through: number", ("number.through", "unknown-family")),
        ("gain: calibrated}\n", "gain: calibrated, through: gather}\n", ("through", "conflict")),
    ],
)
def test_a_fault_of_through_is_reported_at_its_key(old, new, expected):
    with pytest.raises(SpecError) as raised:
        waves_spec(THEORY + NEURONS.replace(old, new))
    (problem,) = raised.value.problems
    assert (problem.key.endswith(expected[0]), problem.code) == (True, expected[1])
