"""Theories of tokens in the studio, in a real browser."""

import shutil
from pathlib import Path

import pytest

from tests.shipped import FOLDER
from tests.studio.browsing import READING_MS, opened, replace_line
from tests.studio.conftest import served

pytestmark = [pytest.mark.browser, pytest.mark.shared]
CIRCUIT = Path(__file__).parents[2] / "circuits" / "tokens" / "modular_addition" / "sum.yaml"
GAIN = "{tune: 20, min: 0, max: 40}"  # of one look, in place of the number


@pytest.fixture(scope="module")
def theory(tmp_path_factory, modular_addition) -> Path:
    """The theory of modular addition with a number to tune, and its circuit file."""
    folder = tmp_path_factory.mktemp("sums")
    shutil.copy(CIRCUIT, folder / "circuit.yaml")
    text = (FOLDER / "tokens" / "modular-addition.yaml").read_text()
    look = "{place: offset, at: 1, gain: 20}"
    assert look in text
    file = folder / "theory.yaml"
    file.write_text(text.replace(look, look.replace("20", GAIN)))
    return file


@pytest.fixture(scope="module")
def address(theory, chromium):
    with served(theory) as (address, _):
        yield address


@pytest.fixture
def window(chromium, address):
    page = opened(chromium, address)
    page.wait_for_selector(".score:not(.stale) svg")
    yield page
    page.get_by_role("button", name="Reload file").click()
    page.wait_for_function("document.querySelector('.status').innerText == 'saved'")
    page.context.close()


def test_patterns_circles_and_a_score_are_shown(window, address, theory):
    score = window.locator(".score").inner_text()
    for words in ("gather: handwritten", "whole: baseline.cosines", "recovered KL", "logit R2"):
        assert words in score
    assert "256 prompts" in score
    assert "gather" in window.locator(".figure h4").all_inner_texts()
    assert window.locator(".figure img").first.get_attribute("alt").startswith("Attention patterns")
    assert f"workbench score {theory}" in window.locator(".command").inner_text()
    window.locator(".q-btn", has_text="circles").click()
    window.wait_for_selector(".figure:not(.stale) svg[aria-label^='Circles of frequencies 14']")
    window.wait_for_url("**view=circles*")
    window.goto(f"{address}?view=circles&family=sum")
    window.wait_for_selector("text=A circle for each frequency")


def test_an_edit_marks_the_answers_as_stale_until_new_ones_stand(window):
    window.goto(f"{window.url.split('?')[0]}?view=patterns&family=gather")
    window.wait_for_selector(".figure:not(.stale) img")
    before = window.locator(".figure img").first.get_attribute("src")
    score = window.locator(".score").inner_html()
    track = window.locator('[data-key="families.gather.looks[0].gain"] [tabindex="0"]')
    track.focus()
    track.press("ArrowLeft")
    replace_line(window, "at: 2, gain: 20", "- {place: offset, at: 0, gain: 20}")
    window.wait_for_selector(".score.stale")
    window.wait_for_selector("text=2 lines added, 2 removed. Recovered 1.00 → ")
    assert "gain: {tune: 19.8," in window.locator(".cm-content").inner_text()
    assert window.locator(".score").inner_html() != score
    window.wait_for_selector(".figure:not(.stale) img")
    assert window.locator(".figure img").first.get_attribute("src") != before


def test_problems_are_underlined_and_keys_of_tokens_are_offered(window):
    replace_line(window, "units: numbers", "units: number")
    window.wait_for_selector(".editor .problem")
    window.locator(".problems", has_text="Did you mean 'numbers'?").wait_for()
    window.wait_for_selector(".score.stale")
    window.locator(".cm-line", has_text="at: 2, gain: 20").first.click()
    window.keyboard.press("End")
    window.keyboard.press("ArrowLeft")
    window.keyboard.type(", qu")
    option = window.locator(".cm-tooltip-autocomplete li", has_text="queries_before")
    option.wait_for()
    window.wait_for_timeout(READING_MS)
    option.click()
    window.wait_for_function(
        "document.querySelector('.editor').innerText.includes('gain: 20, queries_before: }')"
    )
