"""Edits that meet: what is typed while an answer of the studio is on its way."""

import re

import pytest

from tests.studio.test_browser import opened, studio, text_of, window

__all__ = ("studio", "window")
pytestmark = pytest.mark.browser

# Messages of the studio wait in the list `held` while there is one.
HOLD = """
window.held = null;
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  set onmessage(handler) {
    super.onmessage = (event) =>
      window.held ? window.held.push(() => handler(event)) : handler(event);
  }
};
window.release = (count) => window.held.splice(0, count).forEach((deliver) => deliver());
"""
STEP = 0.8 / 200  # of the slider


@pytest.fixture
def held(window, studio):
    """A window that shows the sliders of a family and can hold the studio's messages."""
    window.add_init_script(HOLD)
    window.goto(f"{studio[0]}?view=kernels&family=line")
    window.wait_for_selector(".figure:not(.stale) img")
    yield window
    window.evaluate("window.held ? (release(1e9), window.held = null) : null")


@pytest.fixture
def other(chromium, studio):
    """Another window, which shows what the studio knows."""
    page = opened(chromium, studio[0])
    yield page
    page.context.close()


def threshold(page) -> float:
    return float(re.search(r"threshold: \{tune: ([\d.]+)", text_of(page))[1])


def wait_for_threshold(page, number: float) -> None:
    page.wait_for_function(
        f"document.querySelector('.editor').innerText.includes('{{tune: {number:g},')"
    )


def press(page, key: str = "ArrowRight") -> None:
    page.locator('[data-key="families.line.threshold"] [tabindex="0"]').press(key)


def test_each_of_fast_keys_moves_the_slider_also_after_a_late_answer(held, other):
    held.evaluate("window.held = []")
    press(held)
    wait_for_threshold(other, 0.2 + STEP)
    count = held.evaluate("held.length")
    press(held)
    held.evaluate(f"release({count})")
    press(held)
    held.evaluate("release(1e9), window.held = null")
    for page in (other, held):
        wait_for_threshold(page, 0.2 + 3 * STEP)
    for _ in range(20):
        press(held, "ArrowLeft")
    wait_for_threshold(held, 0.2 - 17 * STEP)


def test_a_line_that_is_typed_while_a_sliders_edit_is_on_its_way_is_kept(held, other):
    held.evaluate("window.held = []")
    press(held)
    wait_for_threshold(other, 0.2 + STEP)
    held.locator(".cm-line", has_text="theory: my-curves").click()
    held.keyboard.press("End")
    held.keyboard.type("-é😀")
    held.locator(".cm-line", has_text="window_px: 40").first.click()
    held.keyboard.press("End")
    held.keyboard.press("Enter")
    held.keyboard.type("# a line")
    assert threshold(held) == 0.2
    held.evaluate("release(1e9), window.held = null")
    wait_for_threshold(held, 0.2 + STEP)
    other.wait_for_function("document.querySelector('.editor').innerText.includes('# a line')")
    for page in (held, other):
        assert "theory: my-curves-é😀\n" in text_of(page)
        assert "    window_px: 40\n    # a line\n" in text_of(page)
        assert threshold(page) == pytest.approx(0.2 + STEP)
    assert text_of(held) == text_of(other)


def test_edits_of_two_windows_at_once_are_both_kept(held, other):
    held.evaluate("window.held = []")
    other.locator(".cm-line", has_text="window_px: 40").first.click()
    other.keyboard.press("End")
    other.keyboard.type(" # other")
    held.wait_for_function("held.length > 0")
    held.locator(".cm-line", has_text="theory: my-curves").click()
    held.keyboard.press("End")
    held.keyboard.type("-mine")
    press(held)
    held.evaluate("release(1e9), window.held = null")
    for page in (held, other):
        page.wait_for_function(
            "document.querySelector('.editor').innerText.includes('-mine') &&"
            "document.querySelector('.editor').innerText.includes('# other')"
        )
        wait_for_threshold(page, 0.2 + STEP)
    assert text_of(held) == text_of(other)
