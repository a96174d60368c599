"""The studio in a real browser: open, edit, make an error, move a slider, save, reload."""

import os
import re
import signal
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.studio.browsing import (
    HOLD,
    READING_MS,
    drop,
    kernel,
    loaded,
    new_kernel,
    opened,
    photograph,
    replace_line,
    status,
    text_of,
)
from tests.studio.conftest import served, started_by

pytestmark = pytest.mark.browser
STEP = 0.8 / 200  # of the slider that the theory has


@pytest.fixture(scope="module")
def studio(theory, chromium):
    with served(theory) as (address, process):
        yield address, process


@pytest.fixture
def window(chromium, studio, theory):
    """A window of the studio, with the file's text in its editor."""
    page = opened(chromium, studio[0])
    yield page
    page.get_by_role("button", name="Reload file").click()
    page.wait_for_function("document.querySelector('.status').innerText == 'saved'")
    page.context.close()


def test_the_page_shows_kernels_and_a_score_beside_the_best_baseline(window, theory):
    window.wait_for_selector(".score:not(.stale) svg")
    score = window.locator(".score").inner_text()
    assert "handwritten" in score
    assert "best baseline (" in score
    assert "recovered KL, 24 pictures" in score
    assert f"workbench show {theory}" in window.locator(".command").inner_text()


def test_nothing_is_fetched_from_elsewhere(window, studio):
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.reload()
    window.wait_for_selector(".figure img")
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith((studio[0], "data:"))] == []


def test_an_edit_draws_other_kernels_and_says_what_changed(window):
    before = kernel(window)
    replace_line(window, "tolerance_deg: 20}", "- {along: line, spread_px: 3, extent_px: 16,")
    window.keyboard.type(" match: tangent, tolerance_deg: 20}")
    new_kernel(window, before)
    assert window.locator(".status").inner_text() == "unsaved"
    assert "1 lines added, 1 removed" in window.locator(".changed").inner_text()


def test_an_error_is_underlined_with_its_message_and_keeps_the_last_kernels_as_stale(
    window, theory
):
    before = kernel(window)
    replace_line(window, "window_px: 40", "windw_px: 40")
    window.locator(".editor .problem", has_text="windw_px").first.wait_for()
    window.locator(".problems", has_text="Did you mean").wait_for()
    message = window.locator(".problems").inner_text()
    assert f"{theory}:" in message
    assert "Did you mean 'window_px'?" in message
    assert window.locator(".figure.stale img").first.get_attribute("src") == before
    replace_line(window, "windw_px: 40", "window_px: 40")
    window.wait_for_selector(".figure:not(.stale) img")
    window.wait_for_selector(".editor .problem", state="detached")
    assert window.locator(".problems").inner_text() == ""


def test_keys_and_words_are_offered_while_they_are_typed(window):
    window.locator(".cm-line", has_text="window_px: 40").first.click()
    window.keyboard.press("End")
    window.keyboard.press("Enter")
    window.keyboard.type("rec")
    option = window.locator(".cm-tooltip-autocomplete li", has_text="rectify")
    option.wait_for()
    information = window.locator(".cm-completionInfo")
    information.wait_for()
    assert "one unit stands for two opposite phases" in information.inner_text()
    window.wait_for_timeout(READING_MS)
    option.click()
    window.wait_for_function("document.querySelector('.editor').innerText.includes('rectify: ')")
    assert "    rectify: \n" in text_of(window)
    window.keyboard.type("f")
    window.locator(".cm-tooltip-autocomplete li", has_text="full").wait_for()
    window.wait_for_timeout(READING_MS)
    window.keyboard.press("Enter")
    window.wait_for_function(
        "document.querySelector('.editor').innerText.includes('rectify: full')"
    )
    window.keyboard.press("Enter")
    window.keyboard.press("Control+Space")
    window.locator(".cm-tooltip-autocomplete li", has_text="stride_px").wait_for()
    assert window.locator(".cm-tooltip-autocomplete li", has_text="rectify").count() == 0


def test_a_slider_moves_its_number_in_the_text(window):
    window.goto(f"{window.url.split('?')[0]}?view=kernels&family=line")
    track = window.locator('[data-key="families.line.threshold"]')
    box = track.bounding_box()
    y = box["y"] + box["height"] / 2
    window.mouse.move(box["x"] + box["width"] / 4, y)
    window.mouse.down()
    window.mouse.move(box["x"] + box["width"] / 2, y, steps=4)
    window.mouse.up()
    window.wait_for_function("!document.querySelector('.editor').innerText.includes('tune: 0.2,')")
    value = float(re.search(r"tune: ([\d.]+)", text_of(window))[1])
    assert value == pytest.approx(0.4, abs=0.02)
    window.wait_for_function(
        "document.querySelector('.changed').innerText.includes('line.threshold 0.2 →')"
    )


def test_the_address_names_the_view(window, chromium, studio):
    window.goto(f"{studio[0]}?view=kernels&family=gabor")
    window.wait_for_selector("text=gabor reads the picture")
    window.locator(".q-select:visible").click()
    window.locator(".q-item", has_text="line").click()
    window.wait_for_url("**family=line")
    window.wait_for_selector("text=--family line")


def test_a_stimulus_is_dragged_and_both_kinds_of_unit_answer(window, studio):
    window.goto(f"{studio[0]}?view=stimulus&stimulus=0,24")
    window.wait_for_selector("text=direction 0°, radius 24 pixels")
    before = window.locator(".figure svg").inner_html()
    box = window.locator(".stimulus img").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    window.mouse.move(x + 30, y)
    window.mouse.down()
    window.mouse.move(x - 30, y, steps=3)
    window.mouse.up()
    window.wait_for_function(
        "() => { const shown = document.querySelector('.figure').innerText;"
        "const [, degrees] = shown.match(/direction ([0-9.]+)/);"
        "return Math.abs(degrees - 180) < 20 }"
    )
    assert window.locator(".figure svg").inner_html() != before
    assert re.search(r"stimulus=1[6-9]\d[.\d]*,", window.url)
    assert "--print --stimulus 1" in window.locator(".command").inner_text()
    window.keyboard.down("Shift")
    window.mouse.move(x + 8, y)
    window.mouse.down()
    window.mouse.up()
    window.keyboard.up("Shift")
    window.wait_for_function(
        "() => !document.querySelector('.figure').innerText.includes('width 3 pixels')"
    )
    assert re.search(r"stimulus=[.\d]+,[.\d]+,[.\d]+", window.url)


def test_a_picture_that_is_dropped_is_answered_and_its_address_shows_it_again(
    window, studio, theory
):
    files = sorted(theory.parent.iterdir())
    window.goto(f"{studio[0]}?view=stimulus")
    window.wait_for_selector(".figure >> text=direction 45°")
    drop(window, "mine.png", photograph(90))
    window.wait_for_selector(".figure >> text=mine.png: ")
    window.wait_for_url("**stimulus=mine.png")
    assert "--print --stimulus mine.png" in window.locator(".command").inner_text()
    assert window.locator(".figure img").count() == 1  # both activations, laid over it
    before = window.locator(".figure img").get_attribute("src")
    with window.expect_file_chooser() as choice:
        window.get_by_role("button", name="Choose a picture").click()
    choice.value.set_files({"name": "other.png", "mimeType": "", "buffer": photograph(10)})
    window.wait_for_selector(".figure >> text=other.png: ")
    assert window.locator(".figure img").get_attribute("src") != before
    window.goto(f"{studio[0]}?view=stimulus&stimulus=mine.png")
    window.wait_for_selector(".figure >> text=mine.png: ")
    window.get_by_role("button", name="Draw a stimulus").click()
    window.wait_for_selector(".figure >> text=direction 45°")
    assert sorted(theory.parent.iterdir()) == files


def test_a_file_that_is_no_picture_is_refused_in_a_sentence(window, studio):
    window.goto(f"{studio[0]}?view=stimulus")
    window.wait_for_selector(".figure >> text=direction 45°")
    drop(window, "notes.txt", b"no picture")
    window.wait_for_selector("text=notes.txt: no picture; expected one of JPEG")
    drop(window, "large.png", (32 << 20) + 1)
    window.wait_for_selector("text=picture: more than 32 MiB. Scale it down.")
    assert "direction 45°" in window.locator(".figure").inner_text()


def test_an_upload_without_a_file_is_refused(studio):
    with urlopen(studio[0]) as page:
        path = re.search(r"_nicegui/client/[\w-]+/upload/\d+", page.read().decode())[0]
    field = b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\nabc\r\n--x--\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(studio[0] + path, field, kind))
    with refused.value as answer:
        assert answer.code == 400
        assert answer.read() == b"body: a field that is no file"


def test_the_worst_place_shows_the_part_of_each_term_and_is_stale_after_an_edit(window, studio):
    window.goto(f"{studio[0]}?view=worst")
    window.wait_for_selector(".figure:not(.stale) table.parts")
    rows = window.locator(".parts tr").all_inner_texts()
    assert [row.split()[0] for row in rows[1:]] == [
        "line[0]",
        "line[1]",
        "bias",
        "sum",
        "handwritten",
        "trained",
    ]
    assert "{along: arc, radius_px: 18" in rows[1]
    numbers = [float(row.split()[-1].replace("−", "-")) for row in rows[1:]]
    assert sum(numbers[:3]) == pytest.approx(numbers[3], abs=0.01)
    assert "--print --worst any" in window.locator(".command").inner_text()
    replace_line(window, "window_px: 40", "window_px: 32")
    window.wait_for_selector(".figure.stale table.parts")
    window.wait_for_selector(".figure:not(.stale) table.parts")
    assert window.locator(".parts tr").all_inner_texts() != rows
    shown = window.locator(".figure figcaption").first.inner_text().split()[0]
    window.goto(f"{studio[0]}?view=worst&unit=fire5:38")
    window.wait_for_selector(".figure >> text=fire5:38 at")
    assert shown != "fire5:38"
    assert "--print --worst fire5:38" in window.locator(".command").inner_text()


def test_saving_writes_the_file_alone_and_other_windows_show_the_text(
    window, chromium, studio, theory
):
    second = opened(chromium, studio[0])
    written = theory.read_text()
    others = {path: path.read_bytes() for path in theory.parent.iterdir() if path != theory}
    try:
        replace_line(window, "theory: my-curves", "theory: other-curves")
        second.wait_for_function(
            "document.querySelector('.editor').innerText.includes('other-curves')"
        )
        assert theory.read_text() == written
        window.get_by_role("button", name="Save").click()
        window.wait_for_function("document.querySelector('.status').innerText == 'saved'")
        assert theory.read_text() == written.replace("my-curves", "other-curves")
        second.reload()
        second.wait_for_function(
            "document.querySelector('.editor').innerText.includes('other-curves')"
        )
        assert others == {p: p.read_bytes() for p in theory.parent.iterdir() if p != theory}
        assert [path.name for path in others] == ["circuit.yaml"]
    finally:
        theory.write_text(written)
        second.context.close()


@pytest.mark.full  # torch and the network are loaded again; tests/studio/test_worker.py is quick
def test_a_killed_process_is_started_again(window, studio):
    before = kernel(window)
    computing = [
        pid
        for pid in started_by(studio[1].pid)
        if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert len(computing) == 2  # kernels, and the score
    for pid in computing:
        os.kill(pid, signal.SIGKILL)
    replace_line(window, "window_px: 40", "window_px: 32")
    new_kernel(window, before)


def test_without_the_token_or_from_another_host_it_is_forbidden(studio):
    address = urlsplit(studio[0])
    assert address.hostname == "127.0.0.1"
    assert len(address.path) > 20
    assert status(address.port, address.path) == 200
    assert status(address.port, "/") == 403
    assert status(address.port, f"{address.path[:-3]}xx/") == 403
    assert status(address.port, "/_nicegui_ws/socket.io/?transport=polling&EIO=4") == 403
    assert status(address.port, address.path, "evil.example") == 403
    assert status(address.port, address.path, f"localhost:{address.port}") == 200


def test_read_only_follows_the_file_also_where_no_trained_units_are_known(
    chromium, theory, tmp_path
):
    file = tmp_path / "theory.yaml"
    file.write_text(theory.read_text().replace("  curve:", "  bow:"))
    with served(file, "--read-only", circuit=False) as (address, _):
        page = loaded(chromium, f"{address}?family=line")
        assert page.get_by_role("button", name="Save").count() == 0
        assert "give the trained units with --circuit" in page.locator(".score").inner_text()
        assert page.locator(".cm-content").get_attribute("contenteditable") == "false"
        text = file.read_text().replace("spread_px: 2", "spread_px: 4")
        file.write_text(text)
        page.wait_for_selector(".cm-line >> text=spread_px: 4")
        assert text_of(page).rstrip() == text.rstrip()
        page.context.close()


# ---- edits that meet: the studio's messages are on their way for as long as the test says


@pytest.fixture
def held(chromium, studio, window):
    """A second window, which shows the sliders of a family and can hold the studio's messages."""
    page = opened(chromium, f"{studio[0]}?view=kernels&family=line", HOLD)
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


def test_each_of_fast_keys_moves_the_slider_also_after_a_late_answer(held, window):
    held.evaluate("window.held = []")
    press(held)
    wait_for_threshold(window, 0.2 + STEP)
    count = held.evaluate("held.length")
    press(held)
    held.evaluate(f"release({count})")
    press(held)
    held.evaluate("release(1e9), window.held = null")
    for page in (window, held):
        wait_for_threshold(page, 0.2 + 3 * STEP)
    for _ in range(20):
        press(held, "ArrowLeft")
    wait_for_threshold(held, 0.2 - 17 * STEP)


def test_a_line_that_is_typed_while_a_sliders_edit_is_on_its_way_is_kept(held, window):
    held.evaluate("window.held = []")
    press(held)
    wait_for_threshold(window, 0.2 + STEP)
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
    window.wait_for_function("document.querySelector('.editor').innerText.includes('# a line')")
    for page in (held, window):
        assert "theory: my-curves-é😀\n" in text_of(page)
        assert "    window_px: 40\n    # a line\n" in text_of(page)
        assert threshold(page) == pytest.approx(0.2 + STEP)
    assert text_of(held) == text_of(window)


def test_edits_of_two_windows_at_once_are_both_kept(held, window):
    held.evaluate("window.held = []")
    window.locator(".cm-line", has_text="window_px: 40").first.click()
    window.keyboard.press("End")
    window.keyboard.type(" # other")
    held.wait_for_function("held.length > 0")
    held.locator(".cm-line", has_text="theory: my-curves").click()
    held.keyboard.press("End")
    held.keyboard.type("-mine")
    press(held)
    held.evaluate("release(1e9), window.held = null")
    for page in (held, window):
        page.wait_for_function(
            "document.querySelector('.editor').innerText.includes('-mine') &&"
            "document.querySelector('.editor').innerText.includes('# other')"
        )
        wait_for_threshold(page, 0.2 + STEP)
    assert text_of(held) == text_of(window)
    text = text_of(held)
    window.reload()  # the text is not saved: a closed window loses nothing
    window.wait_for_selector(".cm-line >> text=-mine")
    assert text_of(window) == text
