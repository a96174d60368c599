"""`workbench export` of theories of tokens: the file holds the network that the score runs."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.torch import load_file

from tests.sequences.planted import LENGTH, THEORY, VOCABULARY, copying_circuit, planted_host
from workbench.cli import main
from workbench.export.file import KEY, read_exported
from workbench.hosts.transformer_host import shape_of
from workbench.sequences import subject

try:
    WITH_LENS = version("transformer-lens").startswith("3.")
except PackageNotFoundError:
    WITH_LENS = False
# run by an interpreter of its own: the library warns, and a warning is an error here
IN_TRANSFORMER_LENS = """
import sys, torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig
config = HookedTransformerConfig(
    n_layers=2, d_model={d_model}, n_ctx={length}, d_head={d_head}, n_heads=1, d_vocab={tokens},
    attn_only=True, normalization_type=None, device="cpu",
)
network = HookedTransformer(config)
weights = load_file("{file}")
missing = network.state_dict().keys() - weights.keys()
biases = {{name: torch.zeros_like(network.state_dict()[name]) for name in missing if ".b_" in name}}
result = network.load_state_dict({{**weights, **biases}}, strict=False)
assert not result.unexpected_keys, result
prompts = torch.arange({length}).remainder({tokens})[None]
torch.save(network(prompts), "{logits}")
"""


@pytest.fixture(scope="module")
def host():
    return planted_host()


@pytest.fixture
def files(host, tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "load", lambda name: host)
    (tmp_path / "copying.yaml").write_text(THEORY)
    circuit = copying_circuit(host).model_dump(mode="json", exclude_none=True)
    (tmp_path / "circuit.yaml").write_text(json.dumps(circuit))
    return tmp_path


def export(files, *words):
    arguments = ["export", files / "copying.yaml", "--circuit", files / "circuit.yaml"]
    arguments += ["-o", files / "copy.safetensors", *words]
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture
def exported(files):
    result = export(files, "--part", "follower")
    assert result.exit_code == 0, result.output
    return files / "copy.safetensors"


def test_the_file_holds_the_whole_network_with_the_part_handwritten(host, exported):
    tensors, trained = load_file(exported), host.network.state_dict()
    assert set(tensors) == set(trained)
    changed = {name for name in trained if not torch.equal(tensors[name], trained[name])}
    assert changed == {"blocks.1.attn.W_Q", "blocks.1.attn.W_K"}
    with safe_open(exported, "pt") as file:
        header = json.loads(file.metadata()[KEY])
    assert header["part"] == "follower"
    assert header["tensors"] == sorted(changed)
    assert header["host_fingerprint"] == host.fingerprint
    assert len(header["calibration"]) == 30


def test_copying_is_written_as_values_and_outputs(host, files):
    result = export(files, "--part", "copying")
    assert result.exit_code == 0, result.output
    tensors, trained = load_file(files / "copy.safetensors"), host.network.state_dict()
    changed = {name for name in trained if not torch.equal(tensors[name], trained[name])}
    assert changed == {"blocks.1.attn.W_V", "blocks.1.attn.W_O"}


def test_the_file_gives_the_network_again(host, exported):
    again = read_exported(exported, host)
    tokens = torch.arange(LENGTH).remainder(VOCABULARY)[None]
    assert again.name == "planted-0+copying"
    assert not torch.equal(again.run(tokens)[0], host.run(tokens)[0])


def test_the_same_theory_gives_the_same_bytes(files, exported):
    before = exported.read_bytes()
    assert export(files, "--part", "follower").exit_code == 0
    assert exported.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--part", "whole"), "whole has no weights"),
        (("--part", "previus"), "Did you mean 'previous'?"),
        (("--calibrate-on", "5"), "--calibrate-on: has no meaning for a theory of tokens"),
    ],
)
def test_bad_input_is_refused_in_one_line(files, words, message):
    result = export(files, *words)
    assert result.exit_code == 2
    assert message in result.output
    assert not (files / "copy.safetensors").exists()


@pytest.mark.skipif(not WITH_LENS, reason="no transformer-lens 3 here: the extra `lens`")
def test_transformer_lens_gives_the_same_logits(host, exported):
    shape, logits = shape_of(host), exported.with_name("logits.pt")
    code = IN_TRANSFORMER_LENS.format(
        d_model=shape.d_model,
        d_head=shape.d_head,
        length=LENGTH,
        tokens=VOCABULARY,
        file=exported,
        logits=logits,
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
    tokens = torch.arange(LENGTH).remainder(VOCABULARY)[None]
    answers, _ = read_exported(exported, host).run(tokens)
    given = torch.load(logits, weights_only=True)
    assert torch.allclose(given, answers, atol=1e-4)
