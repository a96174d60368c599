"""The end of a report: names and values that identify the run."""

import importlib.metadata
import platform
from collections.abc import Iterator, Mapping

from workbench.report.conditions import picture_kinds
from workbench.score.scorecard import Scorecard

PACKAGES = ("numpy", "scipy")


def made(card: Scorecard, command: str) -> Iterator[tuple[str, str]]:
    """Names and values that identify the run."""
    host = (
        card.header.host["name"],
        f"weights {card.header.host['fingerprint']}",
        card.header.host.get("precision"),
    )
    yield "host", ", ".join(filter(None, host))
    for theory in card.theories:
        yield (
            "trained circuit",
            f"{theory.circuit['name']} at {theory.circuit['site']}, {theory.circuit['sha256']}",
        )
        yield "spec", f"{theory.spec['file']}, {theory.spec['sha256']}"
    images, calibration = card.header.images, card.header.calibration
    labelled = f"({images['labelled']} labelled{picture_counts(images)})"
    yield "images", f"{images['n']} {labelled}, {images['sha256']}"
    yield (
        "calibration",
        f"{calibration['n']} pictures{picture_counts(calibration)}, {calibration['sha256']}",
    )
    if card.tuned_on:
        yield "tuned", ", ".join(f"{name} {value}" for name, value in card.tuned_on.items())
    yield "seed", str(card.header.seed)
    yield "computed on", on_what(card.header.computed)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    yield (
        "versions",
        f"workbench {card.header.workbench}, Python {platform.python_version()}, {versions}",
    )
    if command:
        yield "command", command


def picture_counts(pictures: Mapping[str, object]) -> str:
    """The end of a sentence about pictures: default ones, copies, files that were skipped."""
    kinds = f", {words}" if (words := picture_kinds(pictures)) else ""
    copies = f", {pictures['copies']} copies of others" if "copies" in pictures else ""
    return (
        kinds
        + copies
        + (f", {pictures['skipped']} files passed over" if "skipped" in pictures else "")
    )


def on_what(computed: Mapping[str, str]) -> str:
    """A sentence from the facts of `computed_on`."""
    return (
        f"{computed['device']}, statistics by {computed['statistics']}, torch {computed['torch']}"
    )
