"""Output-value weights of heads that copy: exact where the width suffices, else the nearest."""

from dataclasses import replace

import pytest
import torch

from tests.sequences.planted import (
    THEORY,
    VOCABULARY,
    copying_circuit,
    copying_spec,
    planted_host,
)
from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_host import transformer_host
from workbench.sequences.compile import compile_tokens
from workbench.sequences.natural_run import natural_run
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.score import TokenRequest, score_loaded
from workbench.sequences.weights import output_value
from workbench.sequences.weights.output_value import (
    compiled,
    copied_moments,
    kept_share,
    nearest_map,
)

IN_ORDER = torch.arange(VOCABULARY)
WIDE = VOCABULARY - 1  # rank of a copy of all tokens, up to a constant


@pytest.fixture(scope="module")
def host():
    return planted_host()


@pytest.fixture(scope="module")
def run(host):
    prompts = prompts_of(copying_circuit(host).prompts, host).calibration
    return natural_run(host, prompts, [])


def heads_of(host):
    written = compile_tokens(copying_spec().theory, copying_circuit(host), VOCABULARY)
    return written.heads["follower"]


def card_of(host, theory=THEORY):
    circuit = copying_circuit(host)
    request = TokenRequest("", "", only=("copying", "copying.weights"))
    prompts = prompts_of(circuit.prompts, host)
    return score_loaded(copying_spec(theory), circuit, host, prompts, request=request)


def test_a_wide_map_copies_every_token(host, run):
    wanted = copied_moments(host, 1, run, IN_ORDER)
    made = nearest_map(wanted, WIDE)
    assert kept_share(wanted, made) > 0.98
    logits = host.network.state_dict()["embed.W_E"].double() @ made.value @ made.output
    copied = logits @ wanted.answers
    assert torch.equal(copied.argmax(1), IN_ORDER)


def test_a_narrow_map_keeps_its_share_of_the_directions(host, run):
    wanted = copied_moments(host, 1, run, IN_ORDER)
    shares = [kept_share(wanted, nearest_map(wanted, rank)) for rank in (1, 3, 6, WIDE)]
    expected = [rank / WIDE for rank in (1, 3, 6, WIDE)]
    assert shares == pytest.approx(expected, abs=0.08)  # some tokens are more common


def test_another_order_is_another_map(host, run):
    right = copied_moments(host, 1, run, IN_ORDER)
    wrong = nearest_map(copied_moments(host, 1, run, IN_ORDER.roll(1)), WIDE)
    assert kept_share(right, wrong) < 0.05


@pytest.mark.parametrize("means", ["    means: calibrated\n", ""])
def test_the_part_recovers_a_planted_copy_and_its_control_fails(host, means):
    card = card_of(host, THEORY.replace("    means: calibrated\n", means))
    part, at_score = card.part("copying.weights"), card.part("copying")
    assert part.level == "weights"
    assert part.kept > 0.9
    assert part.row("spliced").recovered.value > 0.95
    assert part.supported, part.verdict
    assert [row.facts.name for row in part.rows] == [row.facts.name for row in at_score.rows]
    assert part.row("control.tokens_permuted").recovered.value < 0
    assert part.numbers.calibrated == 1
    assert (part.numbers.bound > 2 * 48 * WIDE) == bool(means)


def test_nothing_is_recovered_of_a_network_that_does_not_copy():
    part = card_of(planted_host(planted=False)).part("copying.weights")
    assert part.verdict.startswith("not this mechanism")


def test_a_written_gain_is_the_gain(host):
    written = THEORY.replace(
        "follower: {match: same, gain: calibrated}", "follower: {match: same, gain: 4}"
    )
    part = card_of(host, written).part("copying.weights")
    assert part.numbers.rule == 1
    assert part.numbers.calibrated == 0
    assert part.row("spliced").recovered.value > 0.9


def test_two_heads_share_the_map_and_the_last_one_has_the_constant(host, run):
    two = replace(heads_of(host), layers={1: (0, 0)})
    made, _ = compiled(host, two, run, IN_ORDER, constant=True)
    (members, whole), places = made.maps[1], range(2)
    parts = [whole.of(slice(place, None, len(members))) for place in places]
    together = sum(part.value @ part.output for part in parts)
    assert torch.allclose(together, whole.value @ whole.output)
    assert whole.value.shape[1] <= 2 * 24 - 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"norm": "layer"}, "a norm stands between"),
        ({"key_heads": 1, "heads": 2}, "several heads share their values"),
        ({"outputs": 5}, "the answers are not all tokens"),
    ],
)
def test_what_cannot_be_written_is_refused(host, changes, reason):
    assert output_value.refused(host) is None
    shape = replace(host.network.shape, **changes)
    other = transformer_host("other", shape, Transformer(shape).state_dict(), 24)
    assert reason in output_value.refused(other)
