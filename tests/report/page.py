"""Reads a page of a report: its tags and its figures."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """The tags of a page with attributes, and its figures: path, value and the text shown."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.figures: list[list[str]] = []
        self.open = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open = tag == "data"
        if self.open:
            self.figures.append([dict(attrs)["class"], dict(attrs)["value"], ""])

    def handle_endtag(self, tag):
        self.open = False

    def handle_data(self, data):
        if self.open:
            self.figures[-1][2] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]
