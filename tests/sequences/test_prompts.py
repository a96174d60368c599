"""Prompts, and how sets of them are made."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from workbench.errors import WorkbenchError
from workbench.hosts import Host, TransformerShape, transformer_host
from workbench.hosts.output import NO_TARGET
from workbench.hosts.transformer import Transformer
from workbench.sequences import prompt_sets
from workbench.sequences.circuit import PairPrompts, RepeatPrompts, TextPrompts
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.prompts import (
    Prompt,
    all_pairs,
    next_token,
    occurrences,
    own_samples,
    repeated_strings,
    texts,
)

SHAPE = TransformerShape(11, 20, 1, 8, 2, 4)


def writer(shape: TransformerShape = SHAPE) -> Host:
    torch.manual_seed(0)
    return transformer_host("writer", shape, Transformer(shape).state_dict(), 9)


class Letters:
    """A tokenizer of letters, a = 0."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) - ord("a") for letter in text if letter != " "]


def test_a_prompt_is_known_by_its_tokens_and_labelled_by_its_targets():
    prompt = Prompt((1, 2), (NO_TARGET, 3), "a")
    assert prompt.sha256 == Prompt((1, 2), (NO_TARGET, NO_TARGET), "b").sha256
    assert prompt.sha256 != Prompt((1, 3), (NO_TARGET, 3), "a").sha256
    assert (prompt.label, Prompt((1,), (NO_TARGET,), "b").label) == ("-1 3", None)
    assert hash(prompt) == hash(Prompt((1, 2), (NO_TARGET, 3), "a"))
    with pytest.raises(WorkbenchError, match="prompt a: 2 tokens and 1 targets"):
        Prompt((1, 2), (3,), "a")


def test_all_pairs_have_their_sum_at_equals():
    pairs = all_pairs(5)
    assert len({prompt.sha256 for prompt in pairs}) == len({p.name for p in pairs}) == 25
    for prompt in pairs:
        a, b, equals = prompt.tokens
        assert equals == 5
        assert prompt.targets == (NO_TARGET, NO_TARGET, (a + b) % 5)
    assert all_pairs(5, equals=9)[0].tokens == (0, 0, 9)


@pytest.mark.parametrize(("modulus", "equals"), [(0, None), (5, 3)])
def test_pairs_that_cannot_be_are_refused(modulus, equals):
    with pytest.raises(WorkbenchError, match="prompts of pairs"):
        all_pairs(modulus, equals)


def test_repeated_strings_occur_and_are_scored_within_later_occurrences():
    prompts = repeated_strings(50, 6, 3, 40, 30, seed=0)
    starts = []
    for prompt in prompts:
        runs = occurrences(prompt)
        assert [len(run) for run in runs] == [4, 4]
        strings = {prompt.tokens[run[0] - 1 : run[0] + 5] for run in runs}
        (string,) = strings
        first = [i for i in range(runs[0][0] - 6) if prompt.tokens[i : i + 6] == string]
        assert first
        starts.append((first[0], *(run[0] - 1 for run in runs)))
        for run in runs:
            assert [prompt.targets[place] for place in run] == [
                prompt.tokens[place + 1] for place in run
            ]
    assert all(b - a >= 6 for row in starts for a, b in pairwise(row))
    assert len(set(starts)) > 20
    assert np.ptp([row[0] for row in starts]) > 6


def test_strings_depend_on_the_seed_alone():
    assert repeated_strings(50, 6, 3, 40, 5, 0) == repeated_strings(50, 6, 3, 40, 5, 0)
    first, second = (repeated_strings(50, 6, 3, 40, 5, seed) for seed in (0, 1))
    assert not {p.sha256 for p in first} & {p.sha256 for p in second}


@pytest.mark.parametrize("sizes", [(50, 2, 3, 40), (50, 6, 1, 40), (50, 14, 3, 40), (1, 6, 3, 40)])
def test_strings_that_cannot_be_are_refused(sizes):
    with pytest.raises(WorkbenchError, match="expected 2 or more occurrences of"):
        repeated_strings(*sizes, 5, 0)


def test_texts_are_paragraphs_cut_to_length(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("abc de\nfg\n\nab\n\nhijklmn\n")
    prompts = texts(path, Letters(), 5)
    assert [prompt.tokens for prompt in prompts] == [(0, 1, 2, 3, 4), (7, 8, 9, 10, 11)]
    assert prompts[0].targets == (1, 2, 3, 4, NO_TARGET)
    assert len({prompt.name for prompt in prompts}) == 2
    path.write_text("abcdef\nab\nfghijk")
    assert len(texts(path, Letters(), 5)) == 2


def test_texts_that_are_too_short_or_unreadable_are_refused(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("abc")
    with pytest.raises(WorkbenchError, match="longest paragraph has 3 tokens; expected one of 5"):
        texts(path, Letters(), 5)
    with pytest.raises(WorkbenchError, match="cannot be read"):
        texts(tmp_path / "none.txt", Letters(), 5)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(WorkbenchError, match="expected a text in UTF-8"):
        texts(path, Letters(), 5)


def test_samples_follow_the_host_s_probabilities():
    host = writer()
    samples = own_samples(host, 3000, 4, seed=0, first=2)
    assert all(prompt.tokens[0] == 2 for prompt in samples)
    assert samples[0].targets == (*samples[0].tokens[1:], NO_TARGET)
    assert samples == own_samples(host, 3000, 4, seed=0, first=2)
    drawn = np.bincount([prompt.tokens[1] for prompt in samples], minlength=11) / 3000
    expected = torch.softmax(host.network(torch.tensor([[2]]))[0, 0], -1).numpy()
    assert abs(drawn - expected).max() < 0.03  # three deviations of a share of 3000
    assert abs(np.roll(drawn, 1) - expected).max() > 0.03


@pytest.mark.parametrize(
    ("length", "first", "message"),
    [
        (21, 1, "samples of 21 tokens; .* 1 to 20"),
        (4, 11, "first token 11; expected 0 to 10"),
    ],
)
def test_samples_that_do_not_fit_are_refused(length, first, message):
    with pytest.raises(WorkbenchError, match=message):
        own_samples(writer(), 1, length, 0, first)


def test_a_host_that_writes_no_text_is_refused(tiny_host):
    shape = TransformerShape(11, 20, 1, 8, 2, 4, causal=False)
    with pytest.raises(WorkbenchError, match="host writer: it writes no text; expected a causal"):
        own_samples(writer(shape), 1, 4, 0)
    with pytest.raises(WorkbenchError, match="host tiny: its network is a Sequential"):
        own_samples(tiny_host, 1, 4, 0)


def test_next_token_scores_every_place_but_the_last():
    assert next_token([3, 4, 5], "a") == Prompt((3, 4, 5), (4, 5, NO_TARGET), "a")


def test_a_paragraph_that_occurs_again_is_one_prompt(tmp_path, monkeypatch):
    monkeypatch.setattr(prompt_sets, "tokenizer", lambda name: Letters())
    path, host = tmp_path / "text.txt", writer()
    declared = TextPrompts(kind="texts", length=3, count=1, calibrate_on=1)
    path.write_text("\n\n".join(["abc", "abc", "abc", "bcd"]))
    made = prompts_of(declared, host, text=path)
    assert {prompt.tokens for prompt in (*made.calibration, *made.scored)} == {(0, 1, 2), (1, 2, 3)}
    path.write_text("abc\n\nabc")
    with pytest.raises(WorkbenchError, match="1 different paragraphs of 3 tokens; expected 2"):
        prompts_of(declared, host, text=path)


def test_prompts_that_calibrate_and_are_scored_are_refused():
    short = RepeatPrompts(kind="repeats", vocabulary=2, length=6, string=3, times=2)
    with pytest.raises(WorkbenchError, match="that are scored also calibrate, such as repeated-2"):
        prompts_of(short, writer())
    with pytest.raises(WorkbenchError, match="0 for calibration and 4 for scored"):
        prompts_of(PairPrompts(kind="pairs", modulus=2, share=1e-9), writer())
