"""The workbench from Python: every step of the loop, in memory."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure

import workbench as wb
from tests.planted import THEORY, planted
from workbench import api
from workbench.shipped import given_or_shipped, shipped
from workbench.splice.network import SplicedNetwork
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn

ROOT = Path(__file__).parents[1]
EXACT = 1e-6  # of a KL in float32, between two runs of the same layers


@pytest.fixture(scope="module")
def theory() -> wb.Theory:
    return wb.load_theory(THEORY)


@pytest.fixture(scope="module")
def result(theory) -> wb.Result:
    host, trained, _ = planted()
    return theory.score(trained, drawn(4, seed=2), drawn(4, seed=1), host)


def test_load_theory_of_a_name_a_file_and_a_text_gives_a_theory(theory):
    file = ROOT / "specs" / "line.yaml"
    assert wb.load_theory("line").spec.sha256 == wb.load_theory(file).spec.sha256
    assert theory.families[-1] == "curve"
    with pytest.raises(wb.WorkbenchError, match="nowhere"):
        wb.load_theory("nowhere")


def test_load_theory_a_text_finds_its_ledger_in_the_folder():
    whole = wb.load_theory("line")
    assert wb.load_theory(whole.spec.text, folder=ROOT / "specs").spec.theory == whole.spec.theory
    assert wb.load_theory(whole.spec.text).spec.theory == whole.spec.theory  # a shipped ledger
    with pytest.raises(wb.WorkbenchError, match="in a text without a folder"):
        wb.load_theory(whole.spec.text.replace("line.tuned-", "mine.tuned-"))


def test_load_circuit_of_a_shipped_name_gives_its_units():
    circuit = wb.load_circuit("squeezenet/curve")
    assert (circuit.host, circuit.site) == ("squeezenet", "fire5")


@pytest.mark.parametrize("name", ["/specs/line.yaml", "../specs/line.yaml", "line.txt", "nothing"])
def test_shipped_of_another_name_is_none(name):
    assert shipped(name) is None


def test_given_or_shipped_prefers_the_users_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert given_or_shipped("specs/line.yaml") == ROOT / "specs" / "line.yaml"
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "line.yaml").write_text("mine")
    assert given_or_shipped("specs/line.yaml") == Path("specs/line.yaml")


def test_splice_gives_a_module_whose_answers_are_those_of_the_condition(theory):
    host, trained, _ = planted()
    pictures = drawn(3, seed=2)
    calibrated = theory.compile(trained, host).calibrate(drawn(4, seed=1))
    x = batch(pictures, host.input)
    with torch.inference_mode():
        answers = {name: calibrated.splice(name)(x) for name in ("natural", "ablated.zero")}
        torch.testing.assert_close(answers["natural"], host.network(x))
    assert isinstance(calibrated.splice(), SplicedNetwork)
    assert not torch.allclose(answers["ablated.zero"], answers["natural"])
    with pytest.raises(wb.WorkbenchError, match=r"no condition 'nothing'; expected one of natural"):
        calibrated.splice("nothing")


def test_score_of_a_wrong_theory_is_lower(theory, result):
    """The control: units of the planted theory at poses a right angle away."""
    host, trained, _ = planted()
    turned = tuple(
        unit.model_copy(update={"centre_deg": (unit.centre_deg + 90) % 360})
        for unit in trained.units
    )
    wrong = theory.score(
        trained.model_copy(update={"units": turned}), drawn(4, seed=2), drawn(4, seed=1), host
    )
    right = result.to_dict()["recovered"]["kl"]["value"]
    assert wrong.to_dict()["recovered"]["kl"]["value"] < right - 0.2


def test_score_compared_with_another_theory_has_its_condition(theory, result):
    host, trained, _ = planted()
    other = wb.load_theory(THEORY.replace("theory: planted", "theory: other"))
    both = theory.score(
        trained, drawn(4, seed=2), drawn(4, seed=1), host, compare_with=[other], quick=True
    )
    rows = both.card.conditions
    assert rows["compared.other"].recovered.value == pytest.approx(
        rows["spliced"].recovered.value, abs=EXACT
    )


def test_to_frame_has_a_row_for_each_condition(result):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = result.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.index) == list(result.card.conditions)
    assert frame.loc["natural", "recovered"] == 1


def test_to_frame_without_pandas_is_refused(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(wb.WorkbenchError, match="pandas is not installed"):
        result.to_frame()


def test_show_and_write_report_give_pictures_and_a_page(theory, result, tmp_path):
    host, trained, _ = planted()
    handwritten = theory.compile(trained, host)
    assert isinstance(result.show(), Figure)
    assert isinstance(handwritten.show("curve"), Figure)
    page = result.write_report(tmp_path / "out")
    assert page.read_text().startswith("<!doctype html>")
    assert handwritten.save(tmp_path / "curve.safetensors").stat().st_size > 0
    assert handwritten.save(tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert set(handwritten.weights()) >= {"gabor <- input"}


def test_repr_html_shows_sentences_kernels_and_four_rows(theory, result):
    host, trained, _ = planted()
    assert "They read the picture through Gabor filters" in theory._repr_html_()
    assert "data:image/png;base64," in theory.compile(trained, host)._repr_html_()
    table = result._repr_html_()
    assert re.findall(r"<tr><th>([^<]+)</th>", table) == [
        "trained",
        "silenced (every unit at 0)",
        "handwritten",
        f"best baseline ({best_of(result)})",
    ]


def best_of(result: wb.Result) -> str:
    rows = {
        name: row.recovered.value
        for name, row in result.card.conditions.items()
        if row.kind == "baseline"
    }
    return max(rows, key=rows.__getitem__).removeprefix("baseline.")


def test_every_public_name_is_documented_and_loads_nothing_before_it_is_used():
    page = (ROOT / "docs" / "python.md").read_text()
    assert all(hasattr(api, name) for name in wb.__all__)
    methods = {"compile", "score", "calibrate", "splice", "show", "save", "weights"}
    for name in ("load_host", "load_theory", "load_circuit", "load_pictures", *methods):
        assert f"{name}(" in page
    code = "import sys, workbench; print('torch' in sys.modules, workbench.load_theory.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "load_theory"]


def test_names_do_not_collide_with_modules():
    modules = {path.stem for path in (ROOT / "workbench").iterdir()}
    assert not modules & set(wb.__all__)


def test_the_examples_of_the_page_run(tmp_path, monkeypatch):
    """On eight pictures of each part, so that it takes seconds."""
    monkeypatch.chdir(tmp_path)
    few = {part: api.photographs(part)[:8] for part in ("headline", "calibration")}
    monkeypatch.setattr(api, "photographs", few.__getitem__)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(), re.S)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    assert (tmp_path / "out" / "report.html").is_file()
    assert (tmp_path / "kernels.png").is_file()
    assert names["result"].card.header.images["n"] == 8


@pytest.mark.full
def test_the_notebook_runs_and_its_theories_rank_as_it_says(tmp_path, monkeypatch, capsys):
    """On sixteen pictures of each part, so that it takes seconds."""
    monkeypatch.chdir(tmp_path)
    few = {part: api.photographs(part)[:16] for part in ("headline", "calibration")}
    monkeypatch.setattr(api, "photographs", few.__getitem__)
    names: dict[str, object] = {}
    exec((ROOT / "docs" / "first_theory.py").read_text(), names)
    pearson = {
        name: names[name].card.conditions["spliced"].pearson.value
        for name in ("first", "second", "wrong")
    }
    assert pearson["second"] > pearson["first"] > pearson["wrong"]
    assert pearson["second"] > 0.4
    assert "arcs and inhibition: Pearson 0." in capsys.readouterr().out
