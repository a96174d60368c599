"""The pictures of docs/studio.md: the starter's theory in the studio, and a comparison's page.

python -m tests.studio.screenshot docs/pictures
"""

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.studio.conftest import CHROMIUM, STARTER, served

WAIT_MS = 240_000
SIZE = {"width": 1400, "height": 1000}
COLOURS = 224  # of a picture, so that it stays small


def main(folder: str) -> None:
    """Write the pictures to a folder."""
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        for name in ("theory.yaml", "circuit.yaml"):
            shutil.copy(STARTER / name, scratch)
        theory = Path(scratch, "theory.yaml")
        text = theory.read_text().replace("gain: -0.3", "gain: {tune: -0.3, min: -1, max: 0}")
        theory.write_text(text)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(WAIT_MS)
        with served(theory) as (address, _):
            for name in studio(page, address):
                write(page, Path(folder, f"{name}.png"))
        page.goto(compared(theory).as_uri())
        write(page, Path(folder, "compare.png"))
        browser.close()


def studio(page: Page, address: str) -> Iterator[str]:
    """Bring the page to each view in turn; the names of the views."""
    page.goto(address)
    page.wait_for_selector(".score:not(.stale) svg")
    box = page.locator("[data-key$=gain]").bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + box["height"] / 2)
    page.wait_for_selector(".score.stale")
    page.wait_for_function("document.querySelector('.changed').innerText.includes('Recovered')")
    page.wait_for_selector(".figure:not(.stale) img")
    yield "studio"
    view(page, "tuning", "h3:has-text('Tuning') ~ figure svg")
    yield "studio-tuning"
    view(page, "stimulus", "figure:has-text('direction 45')")
    drag(page)
    yield "studio-stimulus"
    view(page, "worst", "table.parts")
    yield "studio-worst"
    page.get_by_role("button", name="Reload file").click()
    view(page, "kernels", "img")
    page.locator(".cm-line", has_text="window_px: 40").click()
    page.keyboard.press("End")
    page.keyboard.press("Control+ArrowLeft")
    page.keyboard.press("Control+ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Backspace")
    page.wait_for_selector(".editor .problem")
    yield "studio-problem"


def view(page: Page, name: str, shows: str) -> None:
    """Choose a view, and wait for its answer."""
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_selector(f".figure:not(.stale) {shows}")


def drag(page: Page) -> None:
    """Drag the stimulus so that its circle's centre lies at the lower left."""
    box = page.locator(".stimulus img").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 18, y + 18, steps=3)
    page.mouse.up()
    page.wait_for_function("/direction 1[234]/.test(document.querySelector('.figure').innerText)")


def compared(theory: Path) -> Path:
    """The page of the theory's comparison with a copy whose inhibition is as strong again."""
    other = theory.with_name("stronger.yaml")
    text = theory.read_text().replace("tune: -0.3", "tune: -0.6")
    other.write_text(text.replace("theory: my-curves", "theory: stronger-inhibition"))
    words = ["score", theory, "--circuit", theory.with_name("circuit.yaml"), "--quick"]
    words += ["--compare-with", other, "-o", theory.with_name("out")]
    subprocess.run([sys.executable, "-m", "workbench", *map(str, words)], check=True)
    return theory.with_name("out") / "compare.html"


def write(page: Page, file: Path) -> None:
    """Write what the page shows, in few colours."""
    page.wait_for_timeout(300)  # until notices and transitions are over
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shown.quantize(COLOURS).save(file, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
