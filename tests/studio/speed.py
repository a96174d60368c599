"""How long the studio takes from an edit to pictures and to the score, and the page's weight.

python -m tests.studio.speed [SPEC CIRCUIT]; by default the starter's theory. The last family with
a slider is shown, and its first slider is moved EDITS times by a key. A theory without any gets one
(TUNED). Times are wall-clock seconds in the browser and processor seconds of the studio's
processes.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.studio.conftest import CHROMIUM, STARTER, served, started_by
from workbench.studio.draft import sliders
from workbench.studio.kinds import kind_of

EDITS = 20
TUNED = {  # a number of a shipped theory -> the same with bounds
    "gain: -0.3}": "gain: {tune: -0.3, min: -1, max: 0}}",
    "at: 1, gain: 20}": "at: 1, gain: {tune: 20, min: 0, max: 40}}",
    "at: 1, gain: calibrated}": "at: 1, gain: {tune: 4, min: 0, max: 8}}",
}
WAIT_MS = 240_000
PICTURES = "src => { const s = document.querySelector('.figure:not(.stale) img');\
 return s && s.src != src }"
SCORE = ".score:not(.stale) svg"


def main(spec: Path = STARTER / "theory.yaml", circuit: Path = STARTER / "circuit.yaml") -> None:
    """Print the medians and the bytes."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        theory = Path(folder, Path(spec).name)
        for ledger in Path(spec).parent.glob("*.tuned-*.yaml"):
            shutil.copy(ledger, folder)
        shutil.copy(circuit, Path(folder, "circuit.yaml"))
        text = Path(spec).read_text()
        for number, tuned in TUNED.items():
            text = text.replace(number, tuned)
        theory.write_text(text)
        rows = list(sliders(kind_of(text).read(text, theory)))
        slider = next(row for row in rows if row.family == rows[-1].family)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with served(theory) as (address, process):
            page = browser.new_page(viewport={"width": 1400, "height": 1400})
            page.set_default_timeout(WAIT_MS)
            weight = weighed(page)
            began = time.perf_counter()
            page.goto(f"{address}?family={slider.family}")
            page.wait_for_selector(SCORE)
            print(f"from the address to the first score: {time.perf_counter() - began:.1f} s")
            page.wait_for_timeout(1000)
            print(f"page: {sum(weight):,} bytes in {len(weight)} answers")
            times = [edit(page, slider.key, process.pid) for _ in range(EDITS)]
        browser.close()
    for name, column in zip(("pictures", "score"), zip(*times, strict=True), strict=True):
        wall, used = zip(*column, strict=True)
        print(
            f"edit to {name}: median of {EDITS} {statistics.median(wall):.2f} s "
            f"({min(wall):.2f} to {max(wall):.2f}), {statistics.median(used):.2f} processor seconds"
        )


def edit(page, key: str, pid: int) -> list[tuple[float, float]]:
    """Move the slider by a step: wall and processor seconds to the pictures, and to the score."""
    before = page.locator(".figure img").first.get_attribute("src")
    track = page.locator(f'[data-key="{key}"] [tabindex="0"]')
    track.focus()
    began, used = time.perf_counter(), processor_s(pid)
    track.press("ArrowRight")
    page.wait_for_function(PICTURES, arg=before, polling=20)
    pictures = time.perf_counter() - began, processor_s(pid) - used
    page.wait_for_selector(SCORE)
    return [pictures, (time.perf_counter() - began, processor_s(pid) - used)]


def weighed(page) -> list[float]:
    """The bytes of every answer that the page gets from now on, as they are sent."""
    weights: list[float] = []
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: weights.append(event["encodedDataLength"]))
    return weights


def processor_s(pid: int) -> float:
    """Processor seconds that a process and its children have used."""
    return sum(_used(one) for one in _tree(pid)) / os.sysconf("SC_CLK_TCK")


def _used(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for below in started_by(pid):
        yield from _tree(below)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
