"""Steps in a browser that several tests of the studio take."""

import http.client

from workbench.studio.panels import png
from workbench.vision.tuning import curve

WAIT_MS = 120_000  # on a machine where others compute
READING_MS = 200  # for so long a list of options takes no key, so that none is taken by mistake
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


def loaded(chromium, address, script=""):
    """A window of its own, with the text in its editor; `script` is run before the page's."""
    page = chromium.new_context(viewport={"width": 1400, "height": 1400}).new_page()
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(script)
    page.goto(address)
    page.wait_for_selector(".cm-line")
    return page


def opened(chromium, address, script=""):
    """A window with the answer of its view."""
    page = loaded(chromium, address, script)
    page.wait_for_selector(".figure:not(.stale) img")
    return page


def replace_line(page, old: str, new: str) -> None:
    """Type a new line in place of the one that has `old`."""
    page.locator(".cm-line", has_text=old).first.click()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.type(new)


def text_of(page) -> str:
    return "\n".join(page.locator(".cm-line").all_inner_texts()).replace("\n\n", "\n")


def kernel(page) -> str:
    return page.locator(".figure img").first.get_attribute("src")


def new_kernel(page, before: str) -> None:
    page.wait_for_function(
        "before => { const shown = document.querySelector('.figure:not(.stale) img');"
        "return shown && shown.src != before }",
        arg=before,
    )


def photograph(shade: int) -> bytes:
    """A PNG with an arc of a circle on it."""
    rgb = curve(256, (128, 128), 90, 30, 255.0, float(shade))
    return png(rgb)


def drop(page, name: str, content: bytes | int) -> None:
    """Drop a file of that content, or of so many zeros."""
    data = page.evaluate_handle(
        "([name, bytes]) => { const data = new DataTransfer();"
        "data.items.add(new File([new Uint8Array(bytes)], name)); return data }",
        [name, content if isinstance(content, int) else list(content)],
    )
    page.dispatch_event(".shown", "drop", {"dataTransfer": data})


def status(port: int, path: str, host: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = connection.getresponse().status
    connection.close()
    return answer
