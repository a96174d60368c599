"""Tuning of theories of tokens, and the record of what they were tuned on."""

import pytest

from tests.sequences.planted import THEORY, copying_circuit, copying_spec, planted_host
from workbench.errors import WorkbenchError
from workbench.sequences.files import load_token_theory
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.subject import refuse_shared
from workbench.sequences.tune import TokenTuneSettings, prompts_sha256, tuned_lines, tuned_tokens

TUNABLE = THEORY.replace("gain: 30}", "gain: {tune: 2, min: 0, max: 60}}  # kept", 2)
SETTINGS = TokenTuneSettings(steps=25, rate=0.3)


def tuned(tmp_path, theory=TUNABLE, planted=True):
    host = planted_host(planted=planted)
    circuit = copying_circuit(host)
    prompts = prompts_of(circuit.prompts, host).calibration
    output = tmp_path / "tuned.yaml"
    return tuned_tokens(copying_spec(theory), circuit, host, prompts, output, SETTINGS), prompts


def test_gains_of_a_planted_circuit_grow_and_the_loss_falls(tmp_path):
    result, prompts = tuned(tmp_path)
    assert result.after < result.before / 3
    assert all(number.after > 10 for number in result.numbers)
    spec = load_token_theory(result.spec)
    record = spec.theory.tuned
    assert (record.count, record.prompts) == (len(prompts), prompts_sha256(prompts))
    assert record.written == {
        "families.previous.looks[0].gain": 2,
        "families.follower.looks[0].gain": 2,
    }
    assert spec.text.count("# kept") == 2
    assert result.plot.read_text().startswith("<?xml")


def test_the_same_seed_gives_the_same_file_and_a_tuned_file_is_tuned_again(tmp_path):
    first, _ = tuned(tmp_path)
    text = first.spec.read_text()
    again, _ = tuned(tmp_path)
    assert again.spec.read_text() == text
    more, _ = tuned(tmp_path, theory=text)
    assert more.spec.read_text().count("tuned:") == 1
    assert more.before == pytest.approx(first.after, rel=1e-2)


def test_a_theory_without_numbers_to_tune_is_refused(tmp_path):
    with pytest.raises(WorkbenchError, match="marks nothing to tune"):
        tuned(tmp_path, theory=THEORY)


def test_prompts_that_a_theory_was_tuned_on_are_not_scored(tmp_path):
    result, prompts = tuned(tmp_path)
    spec = load_token_theory(result.spec)
    with pytest.raises(WorkbenchError, match=f"tuned on 1 .* such as {prompts[3].name}"):
        refuse_shared(spec, prompts, prompts[3:4])
    refuse_shared(spec, prompts[:3], prompts[3:])


def test_numbers_at_a_bound_are_named(tmp_path):
    low = TUNABLE.replace("max: 60", "max: 3")
    result, _ = tuned(tmp_path, theory=low)
    assert any("is at its max" in line for line in tuned_lines(result))
