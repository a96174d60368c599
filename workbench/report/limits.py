"""The limits of a scorecard: sentences about what it does not show, from its own figures."""

from collections.abc import Iterator

from workbench.hosts.output import AGREEMENT
from workbench.report.conditions import interval, known, left_out, number, tuned_on_host
from workbench.score.scorecard import Scorecard
from workbench.score.uncertainty import Figure

FEW = 200  # with fewer images, the interval should be quoted instead of the figure
FIRST = 3  # the limits that every theory has


def limits(card: Scorecard) -> Iterator[str]:
    """Sentences for a reader who wants to quote the headline; the FIRST are the same for all."""
    n = int(str(card.header.images["n"]))
    yield (
        "Whether the theory is the only one. Another theory with the same effect on the answers "
        "would score the same."
    )
    yield (
        f"A prediction from first principles. The poses of the {len(card.units)} units are from "
        f"{card.header.circuit['poses_from']}; a gain and a bias of each were fitted on "
        f"{card.header.calibration['n']} other pictures."
    )
    yield (
        f"Anything beyond these {n} images and {_sites(card)}. All other units of "
        f"{card.header.host['name']} were left as they are."
    )
    yield from _tuned(card)
    if "control.permuted" not in card.conditions:
        yield (
            "Whether a wrong circuit would score as well: `--quick` left out the controls that are "
            "made from this one, with units exchanged, signs flipped, another picture, or random "
            "weights."
        )
    yield (
        "Other choices of units, of calibration pictures or of the seed. The interval shows only "
        "how far the figure depends on which pictures were drawn."
    )
    if n < FEW and card.compared:
        ci95 = card.headline.ci95
        advice = f"quote the interval, {interval(ci95)}" if ci95 else "there is no interval"
        yield f"A precise figure: with {n} image{'s' * (n != 1)}, {advice}."
    yield from left_out(card)
    yield from _units(card)


def _sites(card: Scorecard) -> str:
    return (
        "this site"
        if len({theory.circuit["site"] for theory in card.theories}) == 1
        else "these sites"
    )


def _tuned(card: Scorecard) -> Iterator[str]:
    if card.tuned_on:
        written = card.conditions.get("as_written")
        before = (
            f" As written, before tuning, it recovers {number(written.recovered.value, 2)}."
            if written
            else ""
        )
        host = "this host" if tuned_on_host(card) else f"another host, {card.tuned_on['host']}"
        yield (
            f"The theory as it was written: {card.cost.tuned} of its numbers, including those of "
            f"poses, were tuned on {card.tuned_on['n']} pictures with {host}.{before}"
        )


def _units(card: Scorecard) -> Iterator[str]:
    rows = [unit for unit in card.units if known(unit.pearson)]
    if rows:
        worst = min(rows, key=lambda unit: unit.pearson)
        yield (
            f"Equal understanding of every unit: {worst.unit} has the lowest Pearson correlation, "
            f"{number(worst.pearson, 2)}."
        )
    kept = card.conditions["ablated.zero"].quantities.get(AGREEMENT.key, Figure(None)).value
    if not card.compared:
        yield (
            f"Effects on the network's answers: {card.header.host['name']} has no output, so no "
            "figure of its answers is available."
        )
    if kept is not None:
        yield (
            f"A large effect of these units: zeroing all {len(card.units)} keeps "
            f"{number(100 * kept, 1)} % of the first answers. Recovery is a share of what was "
            "lost, however little that was."
        )
