"""The benchmark of tokens: its ways give the same figures. Its times are no test."""

import pytest
import torch

from tests.bench import tokens
from tests.bench.plain_transformer import plain
from tests.bench.tokens import LOOP, Ready, by_hooks, by_loop, report_of, table, torch_passes
from tests.sequences.planted import copying_circuit, copying_spec, planted_host
from workbench.errors import WorkbenchError
from workbench.sequences.parts import parts_of
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.subject import sites_read, subject_of
from workbench.sequences.weights.parts import at_both_levels


@pytest.fixture(scope="module")
def small():
    """The planted circuit, on few prompts."""
    host = planted_host()
    circuit = copying_circuit(host)
    prompts = prompts_of(circuit.prompts, host)
    with torch.no_grad():
        subject = subject_of(copying_spec(), circuit, host, prompts, 0)
        parts = at_both_levels(subject, parts_of(subject))
    return Ready(subject.host, parts, sites_read(subject.written), prompts.scored[:8])


def test_the_ways_give_the_same_kl(small):
    by_name = by_loop(small)
    assert set(by_name) == set(small.conditions)
    tokens.refuse_different({LOOP: by_name, "hooks": by_hooks(small, torch_passes(small))})


def test_another_figure_is_refused(small, monkeypatch):
    monkeypatch.setattr(tokens, "torch_passes", lambda this, of=None: _shifted(this))
    with pytest.raises(WorkbenchError, match=r"torch hooks, .*: the KL of one item differs by"):
        report_of(small, 1, "cpu")


def _shifted(this):
    passes = torch_passes(this)

    def shifted(spliced, run):
        answers, patterns = passes(spliced, run)
        return answers.roll(1, -1), patterns

    return shifted


def test_the_report_has_ratios_and_what_is_left_out(small):
    report = report_of(small, 1, "cpu")
    ratio = report["seconds"]["torch hooks"] / report["seconds"][LOOP]
    assert report["ratios"][f"torch hooks over {LOOP}"] == ratio
    lines = table(report).splitlines()
    assert lines[0].startswith(f"planted-0: 8 prompts, {len(small.conditions)} conditions")
    assert [line.split("  ")[0] for line in lines[2:5]] == list(report["seconds"])[:3]


def test_a_library_that_is_not_there_is_left_out_with_the_reason(small, monkeypatch):
    def absent(host):
        raise ImportError("No module named 'transformer_lens'")

    monkeypatch.setattr(tokens, "lens_passes", absent)
    report = report_of(small, 1, "cpu")
    reason = "cannot be imported (No module named 'transformer_lens'): pip install '.[lens]'"
    assert report["left_out"] == {"TransformerLens": reason}
    assert table(report).splitlines()[-1] == f"left out: TransformerLens, {reason}"


def test_plain_attention_is_the_same_network(small):
    made = plain(small.host)
    example = torch.arange(24).remainder(12)[None]
    answers = [host.run(example)[0] for host in (small.host, made)]
    assert torch.allclose(*answers, atol=1e-4)
    assert type(made.network.blocks[0].attn).forward is not made.network.blocks[0].attn.forward
