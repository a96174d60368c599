"""The survey of heads, on heads whose scores are planted."""

import numpy as np
import pytest
import torch

from tests.sequences.planted import planted_host
from workbench.errors import WorkbenchError
from workbench.hosts import Host, TransformerShape, transformer_host
from workbench.hosts.transformer import Transformer
from workbench.sequences.circuit import RepeatPrompts
from workbench.sequences.files import load_token_circuit
from workbench.sequences.survey import dump_token_circuit, families, survey, survey_heads
from workbench.sequences.survey.gates import gate_of
from workbench.sequences.survey.relations import RELATIONS

PLACES, TOKENS = 24, 60
SHARP = 30.0
OFFSET = torch.arange(PLACES)[:, None] - torch.arange(PLACES)[None, :]
NOTHING = torch.zeros(PLACES, PLACES)
FIRST = torch.zeros(PLACES, PLACES)
FIRST[:, 0] = SHARP
PREVIOUS, NEXT, NEAR = (SHARP * pairs.float() for pairs in (OFFSET == 1, OFFSET == -1, OFFSET < 3))
GATED = PREVIOUS.clone()
GATED[13:] = 0
LATE = PREVIOUS.clone()
LATE[:13] = 0


def scored(places: torch.Tensor, same: float = 0.0, causal: bool = True) -> Host:
    """One head whose score is `places[query, key]`, plus `same` where the tokens are the same."""
    width = PLACES + TOKENS
    shape = TransformerShape(TOKENS, PLACES, 1, width, 1, width, causal=causal)
    state = {
        name: torch.zeros_like(value) for name, value in Transformer(shape).state_dict().items()
    }
    state["pos_embed.W_pos"][:, :PLACES] = torch.eye(PLACES)
    state["embed.W_E"][:, PLACES:] = torch.eye(TOKENS)
    state["blocks.0.attn.W_K"][0] = torch.eye(width)
    state["blocks.0.attn.W_Q"][0, :PLACES, :PLACES] = places * width**0.5
    state["blocks.0.attn.W_Q"][0, PLACES:, PLACES:] = same * width**0.5 * torch.eye(TOKENS)
    return transformer_host("scored", shape, state, PLACES)


@pytest.mark.parametrize(
    ("host", "kinds"),
    [
        (scored(PREVIOUS), ("previous", "local")),
        (scored(NEXT, causal=False), ("next", "local")),
        (scored(FIRST), ("first",)),
        (scored(NEAR - FIRST), ("local",)),
        (scored(-SHARP * (OFFSET == 0), SHARP), ("same",)),
        (scored(NOTHING), ()),
        (scored(SHARP * (OFFSET == 0).float()), ("local",)),
        (scored(SHARP * (OFFSET == 7).float()), ()),
    ],
    ids=["previous", "next", "first", "near", "same", "uniform", "itself", "seven before"],
)
def test_a_head_is_known_by_what_it_attends_to(host, kinds):
    (row,) = survey_heads(host)
    assert row.kinds == kinds
    assert not any(a.queries or a.keys for name, a in row.attention.items() if name in kinds[:1])


def test_an_induction_circuit_is_told_from_what_shuffled_tokens_leave():
    previous, follower = survey_heads(planted_host())
    assert "previous" in previous.kinds
    assert "induction" not in previous.kinds
    assert follower.kinds == ("induction",)
    attention = follower.attention["induction"]
    assert attention.share > 0.9
    assert attention.shuffled < attention.share / 2
    assert previous.attention["previous"].shuffled == pytest.approx(1, abs=0.01)
    assert (previous.name, follower.name) == ("0.0", "1.0")


def test_a_network_without_the_circuit_has_no_such_heads():
    assert not any(row.kinds for row in survey_heads(planted_host(planted=False)))


def test_the_profile_is_the_attention_by_offset():
    (row,) = survey_heads(scored(PREVIOUS))
    assert row.profile[1] == pytest.approx(1, abs=1e-3)
    assert max(value for offset, value in row.profile.items() if offset != 1) < 0.1
    assert row.profile[-3] == 0


# ---- gates


def test_a_gate_on_places_is_found():
    (row,) = survey_heads(scored(GATED))
    attention = row.attention["previous"]
    assert attention.queries is not None
    assert attention.queries.before == 13
    assert attention.share == pytest.approx(1, abs=1e-3)
    assert attention.queries.outside < 0.1
    assert "previous" in row.kinds


def test_a_head_that_does_it_late_has_no_gate_that_closes():
    (row,) = survey_heads(scored(LATE))
    assert row.attention["previous"].queries is row.attention["previous"].keys is None


@pytest.mark.parametrize("at", [5, 12, 19])
def test_the_step_is_where_the_attention_falls(at):
    values = np.where(np.arange(24) < at, 0.8, 0.05)
    gate = gate_of(values, np.ones(24))
    assert (gate.before, gate.inside, gate.outside) == pytest.approx((at, 0.8, 0.05))
    assert gate.explained == pytest.approx(1)
    assert gate_of(1 - values, np.ones(24)) is None


@pytest.mark.parametrize(
    "values",
    [np.full(24, 0.5), np.linspace(0.9, 0.4, 24), np.where(np.arange(24) < 12, 0.1, 0.0)],
    ids=["even", "a slope", "weak"],
)
def test_what_is_no_step_is_no_gate(values):
    assert gate_of(values, np.ones(24)) is None


def test_places_without_pairs_do_not_count():
    values = np.where(np.arange(24) < 12, 0.8, 0.0)
    weight = np.ones(24)
    weight[14:] = 0
    assert gate_of(values, weight) is None  # two places outside show nothing
    weight[14:] = 0.01
    assert gate_of(values, weight).before == 12


# ---- relations


def test_relations_are_of_the_pairs_that_they_name():
    tokens = torch.tensor([[5, 3, 5, 7, 3, 9]])
    pairs = {r.name: {tuple(p) for p in r.pairs(tokens)[0].nonzero().tolist()} for r in RELATIONS}
    assert pairs["previous"] == {(i, i - 1) for i in range(1, 6)}
    assert pairs["next"] == {(i, i + 1) for i in range(5)}
    assert pairs["same"] == {(0, 2), (2, 0), (1, 4), (4, 1)}
    assert pairs["induction"] == {(2, 1), (4, 2)}
    assert pairs["first"] == {(4, 0), (5, 0)}
    assert pairs["local"] == {(q, k) for q in range(6) for k in range(1, 6) if abs(q - k) <= 4}


# ---- circuits


def test_the_circuit_of_planted_heads_is_written_and_read_back(tmp_path):
    host = planted_host()
    found = survey(host, "copying")
    path = tmp_path / "copying.yaml"
    dump_token_circuit(found.circuit, path)
    assert load_token_circuit(path) == found.circuit
    assert found.circuit.families["previous"].heads == ("0.0",)
    assert found.circuit.families["follower"].heads == ("1.0",)
    assert isinstance(found.circuit.prompts, RepeatPrompts)
    assert found.circuit.fingerprint == host.fingerprint
    assert "0.0: " in found.lines[0]
    assert "of its attention on the previous token" in found.lines[0]


@pytest.mark.parametrize("family", [name for name in families.FAMILIES if name != "sum"])
def test_a_network_without_the_mechanism_is_refused_in_one_line(family):
    message = "host planted-0: not this mechanism: no head attends to .*; nearest is "
    with pytest.raises(WorkbenchError, match=message) as error:
        survey(planted_host(planted=False), family)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["previous", "induction"])
def test_the_nearest_miss_is_shown(name):
    with pytest.raises(WorkbenchError, match=r"0\.0: 0\.\d\d of its attention on"):
        survey(scored(NOTHING), name)


def test_what_cannot_be_surveyed_is_refused(tiny_host):
    with pytest.raises(WorkbenchError, match=r"no family 'previuos'.*'previous'"):
        survey(planted_host(), "previuos")
    with pytest.raises(WorkbenchError, match="its network is a Sequential; expected a Transformer"):
        survey(tiny_host, "previous")
    shape = TransformerShape(5, 8, 1, 4, 1, 4)
    short = transformer_host("short", shape, Transformer(shape).state_dict(), 8)
    with pytest.raises(WorkbenchError, match="prompts of 8 tokens; expected 12 or more"):
        survey(short, "previous")


@pytest.mark.shared
def test_the_published_network_has_the_heads_that_its_facts_name(induction):
    found = survey(induction, "copying").circuit.families
    assert found["previous"].heads == ("0.2",)
    assert found["follower"].heads == ("1.1", "1.2", "1.3")
    rows = {row.name: row for row in survey_heads(induction)}
    assert 25 <= rows["0.2"].attention["previous"].queries.before <= 32
    for head in ("1.1", "1.2", "1.3"):
        assert 25 <= rows[head].attention["induction"].keys.before <= 32


@pytest.mark.shared
def test_shuffled_weights_have_none(induction):
    from workbench.hosts.null import null_host

    assert not any(row.kinds for row in survey_heads(null_host(induction)))
