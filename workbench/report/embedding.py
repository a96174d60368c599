"""Pictures inside a page: PNG as a data address, SVG as it is."""

import base64
import re
import struct
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True)
class Shown:
    """A picture that is embedded in a page: its name, its markup and what is written below it."""

    name: str
    markup: Markup
    caption: str


def embedded(name: str, content: bytes, alt: str, caption: str) -> Shown:
    """Embed a picture, PNG or SVG."""
    markup = _png(content, alt) if content.startswith(b"\x89PNG") else _svg(content.decode(), alt)
    return Shown(name, markup, caption)


def _png(content: bytes, alt: str) -> Markup:
    """A PNG picture at half its size, so that it is sharp on a screen of high density."""
    width, height = struct.unpack(">II", content[16:24])  # from the PNG header
    source = "data:image/png;base64," + base64.b64encode(content).decode()
    return Markup('<img src="{}" alt="{}" width="{}" height="{}">').format(
        source, alt, width // 2, height // 2
    )


def _svg(text: str, alt: str) -> Markup:
    """An SVG picture without its prologue, and with those ids only that it refers to.

    So that several pictures on one page share no id.
    """
    text = text[text.index("<svg") :]
    used = set(re.findall(r"#([\w.-]+)", text))
    text = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", text)
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1))
