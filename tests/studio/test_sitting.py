"""One sitting of a new user: from `workbench new` to a theory that correlates above 0.5."""

import re

import pytest
from click.testing import CliRunner

from tests.studio.conftest import served
from workbench.cli import main
from workbench.spec import load_theory

pytestmark = pytest.mark.browser
WAIT_MS = 120_000  # on a machine where others compute
GOAL = 0.5
TUNED = "threshold: {tune: 0.2, min: 0, max: 0.8}"


def pearson(page) -> float:
    """The Pearson correlation of the handwritten units, as the page shows it."""
    page.wait_for_selector(".score:not(.stale) svg")
    texts = page.locator(".score svg text").all_text_contents()
    assert "Pearson" in texts
    return float(texts[texts.index("handwritten") + 2])


def replace(page, line: str, old: str, new: str) -> None:
    """Type a line of the editor again, with one word changed."""
    row = page.locator(".cm-line", has_text=line).first
    text = row.inner_text()
    assert old in text
    row.click()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.insert_text(text.strip().replace(old, new))
    page.wait_for_selector(".score.stale")


@pytest.mark.full
def test_a_new_user_reaches_half_without_leaving_the_page(
    tmp_path, monkeypatch, chromium, squeezenet
):
    monkeypatch.chdir(tmp_path)
    printed = CliRunner().invoke(main, ["new", "mine"]).output
    assert "workbench studio mine/theory.yaml --circuit mine/circuit.yaml" in printed
    theory = tmp_path / "mine" / "theory.yaml"
    with served(theory) as (address, _):
        page = chromium.new_context(viewport={"width": 1400, "height": 1400}).new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(address)
        before = pearson(page)
        assert before < GOAL
        page.wait_for_selector("text=A number that is written as {tune: 0.2, min: 0, max: 0.8}")
        replace(page, "match: tangent, tolerance_deg: 20", "spread_px: 3", "spread_px: 5")
        replace(page, "match: normal", "spread_px: 6", "spread_px: 10")
        replace(page, "normalise:", "floor: 0.1", "floor: 0.03")
        replace(page, "threshold: 0.2", "threshold: 0.2", TUNED)
        page.wait_for_selector(".score:not(.stale) svg")
        page.locator(".q-select:visible").click()
        page.locator(".q-item", has_text="line").click()
        box = page.locator('[data-key="families.line.threshold"]').bounding_box()
        page.mouse.click(box["x"] + 0.375 * box["width"], box["y"] + box["height"] / 2)
        page.wait_for_selector(".score.stale")
        page.wait_for_function("document.querySelector('.changed').innerText.includes('→')")
        after = pearson(page)
        assert after > GOAL
        page.get_by_role("button", name="Save").click()
        page.wait_for_function("document.querySelector('.status').innerText == 'saved'")
        page.context.close()
    saved = load_theory(theory)
    assert saved.theory.families["line"].threshold.tune == pytest.approx(0.3, abs=0.02)
    assert re.search(r"spread_px: 10, .*match: normal", theory.read_text())
    assert after > before
