"""The page of a theory of tokens: whole, self-contained, and with the figures of score.json."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.page import Page
from tests.sequences.planted import THEORY, copying_circuit, copying_spec, planted_host
from workbench.report.page import Score
from workbench.sequences.document import document
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.report.page import render, write_report
from workbench.sequences.score import TokenCard, TokenRequest, score_loaded

MALICIOUS = "<script>alert(1)</script>"
COMMAND = "workbench score copying.yaml --circuit planted.yaml"
HEADS = ("previous", "follower", "heads")
ATTENTION = (*HEADS, *(f"{name}.weights" for name in HEADS))  # at both levels
ANSWERS = ("copying", "copying.weights", "circuit", "whole")


def scored(planted: bool = True, theory: str = THEORY) -> TokenCard:
    host = planted_host(0, planted)
    circuit = copying_circuit(host)
    request = TokenRequest(spec="", circuit="", command=COMMAND, pictured=True)
    prompts = prompts_of(circuit.prompts, host)
    return score_loaded(copying_spec(theory), circuit, host, prompts, request=request)


@pytest.fixture(scope="module")
def card() -> TokenCard:
    return scored()


@pytest.fixture(scope="module")
def folder(card, tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("report")
    write_report(made, card)
    return made


@pytest.fixture(scope="module")
def page(folder) -> Page:
    return Page((folder / "report.html").read_text())


def test_every_part_has_its_section_and_its_pictures(card, page):
    anchors = {attributes.get("id") for _, attributes in page.tags}
    names = {part.name for part in card.parts}
    assert names == {*ATTENTION, *ANSWERS}
    expected = {"summary", *(f"part-{name}" for name in names)}
    expected |= {f"ledger-{name}" for name in names}
    expected |= {f"patterns-{name}" for name in ATTENTION} | {"offsets-previous", "offsets-heads"}
    expected |= {f"{kind}-{name}" for kind in ("loss", "answers") for name in ANSWERS}
    assert expected <= anchors
    assert "offsets-follower" not in anchors  # its theory reads no offset
    links = {link["href"] for link in page.all("a")}
    assert {f"#part-{name}" for name in names} <= links
    assert all(link.removeprefix("#") in anchors for link in links)


def test_every_figure_has_a_caption_and_a_description(folder, page):
    text = (folder / "report.html").read_text()
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text, re.DOTALL)
    assert len(captions) == len(page.all("figure")) == len(list(folder.glob("*.[ps][nv]g")))
    assert all(len(caption) > 40 for caption in captions)
    described = [each["alt"] for each in page.all("img")]
    described += [each["aria-label"] for each in page.all("svg")]
    assert len(described) == len(captions)
    assert all(len(text) > 20 for text in described)


def test_figures_are_those_of_score_json(folder, page):
    document = json.loads((folder / "score.json").read_text())
    assert len(page.figures) > 200
    for path, value, text in page.figures:
        expected = document
        for key in path.split("/"):
            expected = expected[int(key)] if isinstance(expected, list) else expected[key]
        assert json.loads(value) == expected, path
        decimals = len(text.partition(".")[2])
        shown = float(text.replace("−", "-").replace(",", ""))
        assert shown == pytest.approx(expected, abs=0.5000001 * 10**-decimals), path


def test_figures_of_captions_are_those_of_score_json(folder):
    text = (folder / "report.html").read_text()
    pictured = json.loads((folder / "score.json").read_text())["pictured"]
    for name in ATTENTION:
        caption = re.search(rf'id="patterns-{name}".*?<figcaption>(.*?)<', text, re.DOTALL)[1]
        for head, overlap in pictured["overlap"][name].items():
            assert f"{head} {overlap:.2f}" in caption
    for name in ANSWERS:
        caption = re.search(rf'id="loss-{name}".*?<figcaption>(.*?)<', text, re.DOTALL)[1]
        for condition, words in (("natural", "trained"), ("spliced", "handwritten")):
            (mean,) = pictured["loss"][name][condition]
            assert f"{words} {mean:.2f}" in caption


def test_means_of_losses_are_the_rows_of_the_score(card):
    """64 prompts would be drawn, and there are 40: all that were scored."""
    for name in ANSWERS:
        part, losses = card.part(name), card.examples.parts[name].losses
        assert set(losses) == {"natural", "spliced", part.cheapest}
        for condition, loss in losses.items():
            assert loss.mean() == pytest.approx(part.row(condition).quantities["loss"], rel=1e-5)


def test_overlaps_of_heads_are_the_rows_of_the_score(card):
    for name in ATTENTION:
        heads = card.examples.parts[name].heads
        mean = sum(head.overlap for head in heads) / len(heads)
        assert mean == pytest.approx(card.part(name).row("spliced").overlap, rel=1e-5)


def test_the_place_before_has_the_attention_of_both(card):
    (head,) = card.examples.parts["previous"].heads
    means = head.by_offset
    assert means.offsets[0] == 0  # a causal network sees no key after the query
    for values in (means.trained, means.handwritten):
        assert means.offsets[int(values.argmax())] == 1
        assert values.max() > 0.95


def test_right_answers_have_the_highest_logits(card):
    for name in ANSWERS:
        table = card.examples.parts[name].answers
        for logits in (table.trained, table.handwritten):
            assert logits.argmax(1).tolist() == list(table.rows), name
            assert abs(logits.mean(1)).max() < 1e-5  # centred


def test_nothing_is_fetched_or_run(page):
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    forbidden = {"script", "link", "iframe", "object", "base", "form"}
    assert not {name for name, _ in page.tags} & forbidden
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert all(link["href"].startswith("#") for link in page.all("a"))


def test_tables_are_folded_and_have_fidelity_apart_from_the_task(card, folder):
    text = (folder / "report.html").read_text()
    tables = re.findall(
        r"<details><summary>[^<]*</summary>(<div class=\"scroll\"><table>.*?</table></div>)"
        r"</details>",
        text,
        re.DOTALL,
    )
    assert len(tables) == text.count("<table>") == len(card.parts)
    for table in tables:
        groups = re.findall(r'<th colspan="(\d)">([^<]*)</th>', table)
        assert groups == [("8", "fidelity to the network"), ("2", "the task")]
        titles = [title.replace("<br>", " ") for title in re.findall(r"<th>(.*?)</th>", table)]
        assert titles[-2:] == ["loss", "accuracy"]
        assert "logit R2" in titles[:-2]


def test_the_headline_says_what_is_not_shown(folder):
    text = (folder / "report.html").read_text()
    limits = re.search(r'<ul id="limits">(.*?)</ul>', text, re.DOTALL)[1]
    assert limits.count("<li>") == 3
    assert "no claim about W_Q and W_K" in limits
    assert "40 prompts" in limits
    assert "calibrated on 30 other prompts" in limits
    assert "baseline.mean_pattern in previous" in limits


def test_the_page_says_how_it_was_made(card, folder):
    text = (folder / "report.html").read_text()
    made = text[text.index('id="made"') :]
    for value in (card.spec.sha256, card.host.fingerprint, COMMAND, "40 scored", "<dt>seed</dt>"):
        assert value in made


def rendered(card: TokenCard) -> str:
    """The page without its pictures."""
    return render(card, Score(document(card), "not measured here"), {})


def test_a_wrong_theory_is_shown_as_one():
    """The verdict of every part of a network without the circuit."""
    wrong = scored(planted=False)
    text = rendered(wrong)
    for part in wrong.parts:
        section = text[text.index(f'id="part-{part.name}"') :]
        shown = re.search(r'<strong class="verdict vs">(.*?)</strong>', section)[1]
        assert shown == f"Verdict: not this mechanism: no better than {part.cheapest}."
    assert "Parts that beat every control and baseline: 0 of 10." in text


def test_the_same_card_gives_the_same_bytes(card, folder, tmp_path):
    write_report(tmp_path, card)
    names = {path.name for path in folder.iterdir()}
    assert names == {path.name for path in tmp_path.iterdir()}
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_what_others_wrote_is_escaped(card):
    theory = THEORY.replace("families:", f"about: '{MALICIOUS}'\nfamilies:", 1)
    text = rendered(replace(card, spec=copying_spec(theory)))
    assert "&lt;script&gt;alert(1)" in text
    assert not Page(text).all("script")


def test_a_card_without_activations_has_its_ledgers(card, tmp_path):
    host = planted_host()
    circuit = copying_circuit(host)
    plain = score_loaded(copying_spec(), circuit, host, prompts_of(circuit.prompts, host))
    assert plain.examples is None
    text = write_report(tmp_path, plain).read_text()
    assert 'id="ledger-whole"' in text
    assert "<img" not in text


def test_no_matplotlib_is_loaded_to_score_tokens():
    code = "import workbench.sequences.score, sys; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
