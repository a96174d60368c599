"""The page is self-contained and safe, its figures are those of score.json, and what is missing is
said to be missing.
"""

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cards
import pytest

from tests.report.page import Page
from workbench.report import write_report
from workbench.report.html import CONTENTS, render
from workbench.report.limits import limits
from workbench.report.page import Score
from workbench.score.document import document, to_json
from workbench.score.uncertainty import Figure
from workbench.vision.visualise.units import Visualised

MALICIOUS = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def rendered(card, spec=None) -> str:
    return render(card, [spec or cards.spec()], Score(document(card)), {})


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text())


def test_nothing_is_fetched_or_run(page: Page):
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    assert {name for name, _ in page.tags} & {
        "script",
        "link",
        "iframe",
        "object",
        "base",
        "form",
    } == set()
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    links = {link["href"] for link in page.all("a")}
    assert {link for link in links if not link.startswith("#")} == {
        "https://distill.pub/2020/circuits/curve-circuits/"
    }


def test_no_style_fetches(folder: Path):
    style = re.search(
        r"<style>(.*?)</style>", (folder / "report.html").read_text(), re.DOTALL
    ).group(1)
    assert "url(" not in style
    assert "@import" not in style


def test_every_entry_of_the_contents_leads_somewhere(page: Page):
    anchors = {attributes.get("id") for _, attributes in page.tags}
    assert {anchor for anchor, _ in CONTENTS} <= anchors
    assert {link["href"] for link in page.all("a") if link["href"].startswith("#")} == {
        f"#{anchor}" for anchor, _ in CONTENTS
    }


def test_images_have_alternatives_and_lie_beside_the_page(page: Page, folder: Path):
    pictures, drawings = page.all("img"), page.all("svg")
    alternatives = [image["alt"] for image in pictures] + [svg["aria-label"] for svg in drawings]
    assert all(alternative and len(alternative) > 20 for alternative in alternatives)
    assert {path.stem for path in folder.glob("*.svg")} == {
        "summary",
        "bits",
        "ledger",
        "circuit-diagram",
        "tuning-aligned",
        "tuning-directions",
        "tuning-radii",
    }
    files = {path.stem for path in folder.glob("*.png")}
    assert {"kernels-bar-1", "kernels-curve-1", "patches-fire5-7"} <= files
    assert (len(pictures), len(drawings)) == (len(files), 7)


def test_pictures_below_each_other_share_no_id(page: Page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_tells_a_story_in_order(folder: Path):
    text = (folder / "report.html").read_text()
    order = [
        "tuning-aligned",
        "summary",
        "limits",
        "ablations",
        "tuning-directions",
        "visualised-units",
        "patches-fire5-7",
        "kernels-curve-1",
        "kernels-bar-1",
        "ledger",
        "bits",
        "cost",
        "made",
    ]
    places = [text.index(f' id="{anchor}"') for anchor in order]
    assert places == sorted(places)


def test_visualisations_have_a_caption_and_an_alternative(page: Page, folder: Path):
    text = (folder / "report.html").read_text()
    figure = re.search(r'<figure id="visualised-units">(.*?)</figure>', text, re.DOTALL).group(1)
    alternative = Page(figure).all("img")[0]["alt"]
    assert alternative == (
        "Pairs of pictures made to drive fire5:7, fire5:9: left for the trained unit, right for "
        "the handwritten unit."
    )
    assert "the highest, the middle and the lowest Pearson" in figure
    assert "fire5:7, Pearson 0.71, share 0.62; fire5:9, Pearson 0.73, share –" in figure
    assert "leaves them out" not in text


def test_missing_visualisations_have_a_reason(tmp_path):
    assert "<code>--quick</code> leaves them out" in rendered(cards.card())
    reason = "host odd: its network computes no <gradient>"
    parts = [cards.spec()], [cards.circuit()], [cards.curves()], cards.examples()
    without = Visualised(("fire5:7",), 5, missing=reason)
    text = write_report(tmp_path, cards.card(), *parts, [without]).read_text()
    assert "No pictures could be made. host odd: its network computes no &lt;gradient&gt;" in text
    assert "leaves them out" not in text
    assert not (tmp_path / "visualised-units.png").exists()


def test_visualisations_of_several_theories_have_a_figure_each(tmp_path):
    card = cards.in_two(cards.card())
    theories = [cards.spec(cards.TEXT.replace("made-up", "bars")), cards.spec()]
    both = [cards.circuit()] * 2, [cards.curves()] * 2
    made = [replace(cards.visualised(), units=("fire5:7", "fire5:8")), cards.visualised()]
    text = write_report(tmp_path, card, theories, *both, [], made).read_text()
    assert '<figure id="visualised-1-units">' in text
    assert '<figure id="visualised-2-units">' in text
    assert "bars at fire3. Left of each pair" in text


def folded(text: str) -> list[str]:
    """What the page folds away."""
    return re.findall(r"<details>(.*?)</details>", text, re.DOTALL)


def test_three_limits_are_visible_and_the_others_folded():
    written = rendered(cards.card())
    visible = re.search(r'<ul id="limits">(.*?)</ul>', written, re.DOTALL).group(1)
    assert visible.count("<li>") == 3
    more = next(part for part in folded(written) if "more limits" in part)
    assert f"<summary>{more.count('<li>')} more limits</summary>" in more
    assert visible.count("<li>") + more.count("<li>") == len(list(limits(cards.card())))


def test_tables_of_numbers_are_folded_and_scroll():
    written = rendered(cards.varied(cards.card()))
    inside = sum(part.count("<table>") for part in folded(written))
    assert written.count("<table>") == inside == 7
    assert written.count('<div class="scroll"><table>') == inside


def test_what_is_recovered_by_each_ablation_is_visible_and_the_cheapest_is_named():
    written = rendered(cards.card())
    line = re.search(r'<p id="ablations">(.*?)</p>', written, re.DOTALL).group(1)
    assert [path for path, _, _ in Page(line).figures if path.endswith("value")] == [
        f"recovered_by/{ablation}/kl/value" for ablation in ("zero", "mean", "resample")
    ]
    assert "The cheapest is mean ablation" in line  # it recovers 0.07, so it costs least
    assert not any('id="ablations"' in part for part in folded(written))


def test_the_style_has_rules_for_a_dark_screen(folder: Path):
    style = re.search(
        r"<style>(.*?)</style>", (folder / "report.html").read_text(), re.DOTALL
    ).group(1)
    dark = style[style.index("@media (prefers-color-scheme: dark)") :].split("\n}")[0]
    assert set(re.findall(r"(--\w+):", dark)) == set(re.findall(r"var\((--\w+)\)", style))


def test_numbers_tuned_elsewhere_are_not_said_to_be_fitted_to_the_host():
    here, elsewhere = (
        rendered(cards.card(tuned_on={"n": 9, "host": host, "date": "2026-01-01"}))
        for host in ("squeezenet + another", "inceptionv1")
    )
    assert "fitted to this host on" in here
    assert "fitted to inceptionv1, not to this host, on" in elsewhere
    assert "tuned on 9 pictures with another host, inceptionv1" in elsewhere
    assert "fitted to" not in rendered(cards.card())


def test_the_worst_drawn_stimuli_are_named():
    line = re.search(r'<p id="worst-drawn">(.*?)</p>', rendered(cards.card()), re.DOTALL).group(1)
    assert [(path, text) for path, _, text in Page(line).figures][:4] == [
        ("units/2/worst_stimulus/centre_deg", "30"),  # the unit with the largest difference
        ("units/2/worst_stimulus/radius_px", "24"),
        ("units/2/worst_stimulus/trained", "0.12"),
        ("units/2/worst_stimulus/handwritten", "0.65"),
    ]
    assert "dark fill at" in line
    assert "for fire5:9," in line
    units = cards.card().units
    straight = replace(units[0].worst_stimulus, radius_px=None)
    first = replace(units[0], worst_stimulus=straight)
    others = [replace(unit, worst_stimulus=None) for unit in units[1:]]
    written = rendered(replace(cards.card(), units=(first, *others)))
    assert "dark fill at" in written
    assert "radius <data" not in written
    silent = tuple(replace(unit, worst_stimulus=None) for unit in units)
    assert 'id="worst-drawn"' not in rendered(replace(cards.card(), units=silent))


def test_firing_of_the_lowest_and_the_highest_unit_is_told():
    written = rendered(cards.card())
    line = re.search(r'<p id="firing">(.*?)</p>', written, re.DOTALL).group(1)
    assert [(path, text) for path, _, text in Page(line).figures] == [
        ("units/0/firing_precision", "0.31"),
        ("units/2/firing_precision", "0.33"),
        ("units/0/firing_recall", "0.21"),
        ("units/2/firing_recall", "0.23"),
        ("units/0/border_false_alarms", "0.50"),
        ("units/2/border_false_alarms", "0.52"),
        ("units/2/border_positions", "0.12"),
    ]
    inside = [replace(unit, border_false_alarms=math.nan) for unit in cards.card().units]
    assert "outermost" not in rendered(replace(cards.card(), units=tuple(inside)))
    silent = [replace(unit, firing_precision=math.nan) for unit in cards.card().units]
    assert 'id="firing"' not in rendered(replace(cards.card(), units=tuple(silent)))


def test_default_pictures_are_said_to_be_crops():
    images = {**cards.card().header.images, "photographs": 6, "drawn": 16}
    written = rendered(cards.card(images=images))
    assert "21 crops of 6 photographs and 16 drawn pictures" in written[: written.index("<nav")]
    assert "crops of one photograph are alike" in written
    assert "crops" not in rendered(cards.card())


def test_figures_are_those_of_score_json(page: Page, folder: Path):
    score = Score(json.loads((folder / "score.json").read_text()))
    assert len(page.figures) > 100
    for path, value, text in page.figures:
        expected = score.at(path.replace("invariance_dark_line", "invariance dark line"))
        assert json.loads(value) == expected, path
        decimals = len(text.partition(".")[2])
        assert float(text.replace("−", "-").replace(",", "")) == pytest.approx(
            expected, abs=0.5000001 * 10**-decimals
        ), path


@pytest.mark.parametrize(
    "path",
    [
        "recovered/kl/value",
        "conditions/baseline/affine/recovered_kl",
        "units/2/pearson",
        "cost/weights",
        "units/1/handwritten/echo",
    ],
)
def test_the_figures_that_matter_are_on_the_page(page: Page, path: str):
    assert path in {figure[0] for figure in page.figures}


def test_what_others_wrote_is_escaped():
    text = cards.TEXT.replace("Bars, and curves that read them.", f"'{MALICIOUS}'").replace(
        "[https", "['javascript:alert(3)', https"
    )
    written = rendered(cards.card(host={"name": MALICIOUS, "fingerprint": "f"}), cards.spec(text))
    page = Page(written)
    assert "&lt;script&gt;alert(1)" in written
    assert not page.all("script")
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert not any((link["href"] or "").startswith("javascript:") for link in page.all("a"))


def test_variants_say_what_they_change_and_lose():
    plain, varied = (
        rendered(card)
        for card in (cards.card(), cards.varied(cards.card(), f"no colour {MALICIOUS}"))
    )
    figures = {path: text for path, _, text in Page(varied).figures}
    assert figures["variants/grey/loses/value"] == "0.17"
    assert figures["variants/grey/loses/ci95/0"] == "0.12"
    assert figures["conditions/variant/grey/recovered_kl"] == "0.64"
    assert "no colour &lt;script&gt;" in varied
    assert (
        "the part itself is worth less" in varied,
        "the part itself is worth less" in plain,
    ) == (True, False)


def test_missing_figures_are_dashes_with_a_reason():
    made = cards.card(labelled=False)
    unheard = replace(
        made.units[0],
        pose_error_deg=math.nan,
        handwritten={**made.units[0].handwritten, "echo": math.nan},
    )
    nothing_lost = {"zero": {**made.recovered["zero"], "kl": Figure(None)}}
    card = replace(
        made, units=(unheard, *made.units[1:]), recovered={**made.recovered, **nothing_lost}
    )
    dashes = re.findall(r'<span title="([^"]+)">–</span>', rendered(card))
    assert dashes.count("no response to drawn arcs") == 2
    straight = rendered(
        card, cards.spec(cards.TEXT.replace("along: arc, radius_px: 33", "along: line"))
    )
    assert straight.count("no response to drawn bars") == 2
    assert "drawn arcs" not in straight
    assert (
        sum("nothing to recover" in reason for reason in dashes) >= 2
    )  # the headline and its interval
    assert "None" not in rendered(card)
    assert ">nan<" not in rendered(card)


def test_the_page_says_on_what_it_was_computed(folder: Path):
    page = (folder / "report.html").read_text()
    assert (
        "<dt>computed on</dt><dd><code>cuda:3, made-up, statistics by CuPy 0, torch 1</code></dd>"
        in page
    )


def test_files_that_were_passed_over_are_told():
    assert "passed over" not in rendered(cards.card())
    page = rendered(cards.card(calibration={"n": 11, "skipped": 4, "sha256": "a" * 64}))
    assert "11 pictures, 4 files passed over, aaa" in page


def test_copies_are_counted_where_the_pictures_are_identified_and_among_the_limits():
    page = rendered(cards.card(calibration={"n": 11, "copies": 2, "sha256": "a" * 64}))
    assert "11 pictures, 2 copies of others, aaa" in page
    assert "<li>2 of 11 calibration images are copies of others" in page


def test_a_missing_key_is_an_error_and_no_dash():
    with pytest.raises(KeyError):
        Score(document(cards.card())).figure("conditions/splised/kl", 2)


def test_accuracies_only_where_there_are_labels():
    assert "top-5" in rendered(cards.card(labelled=True))
    assert "<th>top-5" not in rendered(cards.card(labelled=False))


def test_a_control_that_does_as_well_is_told_at_the_top():
    assert 'class="warning"' not in rendered(cards.card())
    assert 'class="warning"' in rendered(cards.with_control("control.flipped", 0.81))


def test_an_ablation_that_does_as_well_is_told_at_the_top():
    made = cards.card()
    recovered = {**made.recovered, "mean": {**made.recovered["mean"], "kl": cards.near(0.03)}}
    written = rendered(replace(made, recovered=recovered))
    assert "An ablation does as well.</strong> ablated.mean (" in written
    assert "their KL is 3 % lower (−2 to 8 %)" in written


def test_units_of_another_name_are_told_at_the_top():
    page = rendered(
        cards.card(trained={"bar": {"name": "curve", "site": "fire3", "sha256": "b" * 64}})
    )
    assert "Units of another name.</strong> bar is read off units that were found as curve" in page


def test_tuned_numbers_are_marked():
    card = cards.card(tuned_on={"n": 1, "host": "squeezenet", "date": "2026-01-01"})
    written = rendered(card, cards.spec(cards.TEXT + cards.LEDGER))
    assert '<b class="tuned" title="tuned between 3 and 8; written as 4.5">5.25 px</b>' in written
    assert 'class="tuned" title' not in rendered(cards.card())


def test_the_same_inputs_give_the_same_bytes(folder: Path, tmp_path: Path):
    write_report(
        tmp_path,
        cards.card(),
        [cards.spec()],
        [cards.circuit()],
        [cards.curves()],
        cards.examples(),
        [cards.visualised()],
        "workbench score made-up.yaml",
    )
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {
        p.name: p.read_bytes() for p in folder.iterdir()
    }


def test_document_nests_dotted_names_and_is_strict_json():
    made = cards.card()
    odd = replace(
        made,
        tuning={**made.tuning, "trained.echo": math.nan},
        units=(replace(made.units[0], pearson=math.inf), *made.units[1:]),
    )
    read = json.loads(to_json(odd), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert read["conditions"]["ablated"]["mean"]["recovered_kl"] == 0.07
    assert read["intervals"]["control"]["random"]["recovered_kl"] == pytest.approx([0.13, 0.23])
    assert read["recovered"]["kl"] == {"value": 0.81, "ci95": pytest.approx([0.76, 0.86])}
    assert read["units"][0]["pearson"] is None
    assert read["tuning"]["trained.echo"] is None
    assert not any("." in name for name in read["conditions"])


def test_importing_the_report_imports_no_matplotlib():
    code = (
        "import sys, workbench.report; from workbench.report import table; "
        "print('matplotlib' in sys.modules, callable(table))"
    )
    assert subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split() == ["False", "True"]


def test_units_of_several_theories_stand_theory_by_theory():
    """The first unit, at 30 degrees, would come first in any case; the last, at 250, is made the
    first of its circle.
    """
    made = cards.card()
    turned = replace(
        made, units=(*made.units[:2], replace(made.units[2], pose={"centre_deg": 10.0}))
    )
    order = [
        re.findall(r"<tr><td>(fire5:\d)</td>", rendered(card))
        for card in (turned, cards.in_two(turned))
    ]
    # in both tables of units
    assert order == [["fire5:9", "fire5:7", "fire5:8"] * 2, ["fire5:7", "fire5:9", "fire5:8"] * 2]


def test_the_page_of_several_theories_says_each_and_what_it_costs():
    specs = [cards.spec(cards.TEXT.replace("made-up", "bars")), cards.spec()]
    card = cards.in_two(cards.card())
    written = render(card, specs, Score(document(card)), {})
    assert "<h3>bars, for 1 units of fire3</h3>" in written
    assert "<h3>made-up, for 2 units of fire5</h3>" in written
    assert "these sites" in written
    assert "theories/1/cost/free" in {figure[0] for figure in Page(written).figures}
    assert "these sites" not in rendered(cards.card())
    assert "theories/0/cost/free" not in {
        figure[0] for figure in Page(rendered(cards.card())).figures
    }
