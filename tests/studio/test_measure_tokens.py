"""The studio's answers for theories of tokens: the figures and pictures of a report."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.sequences.planted import THEORY, copying_circuit, copying_spec, planted_host
from tests.sequences.sums import THEORY as SUMS
from tests.sequences.sums import sum_circuit, sum_host
from workbench.errors import WorkbenchError
from workbench.report.embedding import embedded
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.report.drawings import drawings
from workbench.sequences.report.page import words_of
from workbench.sequences.score import TokenCard, TokenRequest, score_loaded
from workbench.splice.conditions import ConditionKind
from workbench.studio import measure_tokens, token_network
from workbench.studio.answers import Asked
from workbench.studio.kinds import TOKENS

CIRCUIT = Path("circuit.yaml")
CACHED = (token_network._calibrated, token_network.pictured, token_network.neurons)
WRONG = THEORY.replace("at: 1", "at: 2")


@pytest.fixture
def on(monkeypatch):
    """Let questions be about a network in memory; `on(host, circuit)`."""

    def network(host, circuit) -> None:
        made = circuit, host, prompts_of(circuit.prompts, host)
        monkeypatch.setattr(token_network, "network", lambda *_: made)
        forget()

    def forget() -> None:
        for cached in CACHED:
            cached.cache_clear()

    yield network
    forget()


@pytest.fixture
def copying(on):
    host = planted_host()
    on(host, copying_circuit(host))
    return host


def asked(text: str = THEORY) -> Asked:
    return Asked(text, Path("theory.yaml"), CIRCUIT)


@cache
def scored() -> TokenCard:
    """The score of the planted network, with pictures; computed once."""
    host = planted_host()
    circuit = copying_circuit(host)
    request = TokenRequest(Path("theory.yaml"), CIRCUIT, pictured=True)
    prompts = prompts_of(circuit.prompts, host)
    return score_loaded(copying_spec(), circuit, host, prompts, request=request)


def test_the_quick_score_of_all_prompts_is_that_of_the_report(copying):
    card, quick = scored(), measure_tokens.quick_score(asked())
    assert quick.sample == "40 prompts"
    parts = [part for part in card.parts if not part.name.endswith(".weights")]
    assert [row.condition for row in quick.rows][::2] == [f"{part.name}.spliced" for part in parts]
    second = quick.second
    assert second.label == "logit R2"
    for part, handwritten, rival, r2 in zip(
        parts, quick.rows[::2], quick.rows[1::2], second.rows[::2], strict=True
    ):
        figure = part.row("spliced").recovered
        assert handwritten.value == pytest.approx(figure.value, abs=1e-5)
        assert (handwritten.low, handwritten.high) == pytest.approx(figure.ci95, abs=1e-5)
        assert r2.value == pytest.approx(part.row("spliced").quantities["logit_r2"], abs=1e-4)
        assert r2.low <= r2.value <= r2.high
        name = rival.condition.removeprefix(f"{part.name}.")
        assert rival.value == pytest.approx(part.row(name).recovered.value, abs=1e-5)
        baselines = [row for row in part.rows if row.facts.kind is ConditionKind.BASELINE]
        rivals = baselines or [r for r in part.rows if r.facts.kind is ConditionKind.CONTROL]
        best = max(rivals, key=lambda row: row.recovered.value)
        assert rival.value == pytest.approx(best.recovered.value, abs=1e-5)
    assert quick.row(quick.main).words == "whole: handwritten"


def test_the_figure_of_a_verdict_has_the_interval_over_prompts(copying, monkeypatch):
    rows = []
    evaluate = measure_tokens.evaluate_parts
    monkeypatch.setattr(
        measure_tokens, "evaluate_parts", lambda *given: rows.extend(evaluate(*given)) or rows
    )
    shown = measure_tokens.quick_score(asked(WRONG)).second.row("whole.spliced")
    values = np.asarray(rows[-1].rows["spliced"]["logit_r2"])
    drawn = np.random.default_rng(1).choice(values, (4000, len(values))).mean(1)
    ends = np.percentile(drawn, (2.5, 97.5))
    assert ends[0] < shown.value < ends[1]
    assert (shown.low, shown.high) == pytest.approx(tuple(ends), abs=0.1 * np.ptp(ends))


def test_a_wrong_theory_and_a_network_without_the_circuit_score_low(copying, on):
    right, wrong = (measure_tokens.quick_score(asked(text)) for text in (THEORY, WRONG))
    for name in ("previous.spliced", "heads.spliced", "whole.spliced"):
        assert right.row(name).value > 0.8
        assert wrong.row(name).value < 0.2
    host = planted_host(planted=False)
    on(host, copying_circuit(host))
    assert measure_tokens.quick_score(asked()).row("heads.spliced").value < 0.2


def test_patterns_are_the_pictures_of_the_report(copying):
    card = scored()
    of_report = {
        drawing.name: str(embedded(drawing.name, drawing.content(), "", "").markup)
        for drawing in drawings(card, words_of(card))
        if drawing.name.startswith(("patterns-", "offsets-"))
    }
    shown = measure_tokens.patterns(asked())
    assert {picture.family for picture in shown} == {"previous", "follower"}
    image = next(picture for picture in shown if "<img" in picture.markup)
    assert image.family == "previous"
    assert source(image.markup) == source(of_report["patterns-previous"])
    assert "0.0" in image.caption
    other = measure_tokens.patterns(asked(WRONG))
    assert source(other[0].markup) != source(image.markup)


def test_pictures_of_families_that_an_edit_leaves_as_they_were_are_not_drawn_again(
    copying, monkeypatch
):
    drawn = []
    draw = measure_tokens.head_drawings
    monkeypatch.setattr(
        measure_tokens, "head_drawings", lambda *given: drawn.append(given[0]) or draw(*given)
    )
    first = measure_tokens.patterns(asked())
    assert measure_tokens.patterns(asked(THEORY + "# more\n")) == first
    assert drawn == ["previous", "follower"]
    assert measure_tokens.patterns(asked(WRONG)) != first
    assert drawn == ["previous", "follower", "previous"]
    assert measure_tokens.patterns(asked()) == first


def source(markup: str) -> str:
    return markup.partition('src="')[2].partition('"')[0]


def test_circles_show_the_neurons_of_each_frequency(on):
    host = sum_host()
    on(host, sum_circuit(host))
    shown = measure_tokens.circles(asked(SUMS))
    assert [picture.family for picture in shown] == ["sum", "sum"]
    assert "frequency 3 trained" in shown[0].markup
    assert "frequency 3 handwritten" in shown[0].markup
    coarse = measure_tokens.circles(asked(SUMS.replace("every: 45", "every: 90")))
    assert coarse[0].markup != shown[0].markup
    assert measure_tokens.circles(asked(SUMS)) == shown


def test_a_view_has_the_pictures_of_the_family_or_of_all(copying):
    patterns, circles = measure_tokens.patterns(asked()), measure_tokens.circles(asked())
    html = {name: view.html for name, view in TOKENS.views.items()}
    previous, answer = (html["patterns"](patterns, family) for family in ("previous", "answer"))
    assert previous.count("<figure") == 2
    assert "<h4>follower</h4>" not in previous
    assert "<h4>previous</h4>" in answer
    assert "<h4>follower</h4>" in answer
    assert answer.count("<figure") == len(patterns) == 3
    assert circles == ()
    assert "no neurons" in html["circles"](circles, "previous")
    assert "no heads" in html["patterns"]((), "answer")


def test_questions_that_cannot_be_answered_are_refused(copying):
    with pytest.raises(WorkbenchError, match=r"theory\.yaml: no circuit; expected"):
        measure_tokens.quick_score(Asked(THEORY, Path("theory.yaml")))
    with pytest.raises(WorkbenchError, match=r"circuit.yaml: families: no earlier"):
        measure_tokens.patterns(asked(THEORY.replace("previous", "earlier")))


def test_the_networks_own_run_is_computed_once(copying, monkeypatch):
    runs = []
    natural_run = token_network.natural_run
    monkeypatch.setattr(
        token_network, "natural_run", lambda *given: runs.append(given) or natural_run(*given)
    )
    first = measure_tokens.quick_score(asked())
    again = measure_tokens.quick_score(asked(THEORY.replace("gain: 30", "gain: 3")))
    assert len(runs) == 1
    assert again.row("previous.spliced").value != first.row("previous.spliced").value
