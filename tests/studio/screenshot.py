"""The picture of docs/studio.md: the starter's theory with a slider moved, an edit not yet saved.

python -m tests.studio.screenshot docs/pictures/studio.png
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.studio.conftest import CHROMIUM, STARTER, served

WAIT_MS = 180_000


def main(picture: str) -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for name in ("theory.yaml", "circuit.yaml"):
            shutil.copy(STARTER / name, folder)
        theory = Path(folder, "theory.yaml")
        text = theory.read_text().replace("gain: -0.3", "gain: {tune: -0.3, min: -1, max: 0}")
        theory.write_text(text)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with served(theory) as (address, _):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.set_default_timeout(WAIT_MS)
            page.goto(address)
            page.wait_for_selector(".score:not(.stale) svg")
            box = page.locator("[data-key$=gain]").bounding_box()
            page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + box["height"] / 2)
            page.wait_for_selector(".score.stale")
            page.wait_for_selector(".score:not(.stale) svg")
            page.wait_for_function(
                "document.querySelector('.changed').innerText.includes('Recovered')"
            )
            page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
