"""Theories of tokens from Python."""

import pytest

import workbench as wb
from tests.sequences.planted import THEORY, copying_circuit, copying_spec, planted_host
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.door import TheoryOfTokens


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
