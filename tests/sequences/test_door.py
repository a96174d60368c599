"""Theories of tokens from Python."""

import pytest
import torch

import workbench as wb
from tests.sequences.planted import THEORY, copying_circuit, copying_spec, planted_host
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.door import TheoryOfTokens
from workbench.sequences.weights.file import read_part


@pytest.fixture(scope="module")
def result():
    host = planted_host()
    theory = TheoryOfTokens(copying_spec())
    return theory.score(copying_circuit(host), host=host, parts=("previous", "heads"))


def test_a_file_of_tokens_gives_a_theory_and_a_circuit_of_tokens(tmp_path):
    file = tmp_path / "theory.yaml"
    file.write_text(THEORY)
    theory = wb.load_theory(file)
    assert (theory.name, theory.families) == ("copying", ("previous", "follower", "answer"))
    assert "<dd>heads</dd>" in theory._repr_html_()
    assert wb.load_theory("tokens/copying").name == "copying"
    assert isinstance(wb.load_circuit("tokens/induction/copying"), TokenCircuit)


def test_a_result_has_the_parts_that_were_asked_for(result):
    assert list(result.to_dict()["parts"]) == ["previous", "heads"]
    html = result._repr_html_()
    assert "<th>previous</th>" in html
    assert result.card.part("heads").verdict in html


def test_a_frame_has_a_row_for_each_condition(result):
    pytest.importorskip("pandas")
    frame = result.to_frame()
    assert len(frame) == sum(len(part.rows) for part in result.card.parts)
    assert frame.loc[("heads", "natural"), "recovered"] == 1


def test_a_circuit_of_another_network_is_refused():
    theory = TheoryOfTokens(copying_spec())
    with pytest.raises(wb.WorkbenchError, match="circuit copying: fingerprint"):
        theory.score(copying_circuit(planted_host(0)), host=planted_host(1))


@pytest.fixture(scope="module")
def handwritten():
    host = planted_host()
    theory = TheoryOfTokens(copying_spec())
    return host, theory.compile(copying_circuit(host), host=host, part="follower")


def test_a_compiled_part_has_its_weights_by_name(handwritten):
    host, made = handwritten
    shape = shape_of(host)
    assert {name: tuple(tensor.shape) for name, tensor in made.weights().items()} == {
        f"blocks.1.attn.W_{letter}[0]": (shape.d_model, shape.d_head) for letter in "KQ"
    }
    trained = host.network.state_dict()
    copied = made.host.network.state_dict()
    changed = {name for name in trained if not torch.equal(trained[name], copied[name])}
    assert changed == {"blocks.1.attn.W_K", "blocks.1.attn.W_Q"}
    assert torch.equal(copied["blocks.1.attn.W_Q"][0], made.weights()["blocks.1.attn.W_Q[0]"])


def test_its_picture_has_a_map_for_each_matrix(handwritten):
    _, made = handwritten
    titles = [axes.get_title().splitlines()[0] for axes in made.show().axes]
    assert titles == list(made.weights())


def test_it_is_saved_and_read_again(handwritten, tmp_path):
    _, made = handwritten
    facts, tensors = read_part(made.save(tmp_path / "part.safetensors"))
    assert facts["part"] == "follower"
    assert all(torch.equal(tensors[name], value) for name, value in made.weights().items())
    assert made.save(tmp_path / "part.png").read_bytes().startswith(b"\x89PNG")
