"""What a scorecard does not show, said from its own figures."""

from collections.abc import Iterator

from workbench.report.conditions import interval, known, number
from workbench.score.scorecard import Scorecard

FEW = 200  # images below which the interval, not the figure, is what was measured


def limits(card: Scorecard) -> Iterator[str]:
    """Sentences for the reader who is about to quote the headline."""
    n = int(str(card.images["n"]))
    yield (
        "That the theory is the only one. Another theory with the same effect on the answers would score the same; "
        "the controls say how little it takes to score."
    )
    yield (
        f"A prediction from first principles. The poses of the {len(card.units)} units were measured on this host, "
        f"and a gain and a bias of each were fitted on {card.calibration['n']} other pictures."
    )
    yield from _tuned(card)
    if "control.permuted" not in card.conditions:
        yield (
            "That the circuit scores for what it says: `--quick` left out the controls that speak with it, which have other units' places, signs "
            "turned, another picture, or random weights."
        )
    yield (
        f"Anything beyond these {n} images and {_sites(card)}. All other units of {card.host['name']} were left as they are. "
        "The interval says how far the figure depends on which pictures were drawn, and nothing about the choice of units, "
        "of calibration pictures or of the seed."
    )
    if n < FEW and card.has_output:
        quoted = f", {interval(card.headline.ci95)}" if card.headline.ci95 else ""
        yield f"A precise figure: with {n} images, quote the interval{quoted}."
    yield from _units(card)


def _sites(card: Scorecard) -> str:
    return "this site" if len({theory.circuit["site"] for theory in card.theories}) == 1 else "these sites"


def _tuned(card: Scorecard) -> Iterator[str]:
    if card.tuned_on:
        written = card.conditions.get("as_written")
        before = f" As written, before tuning, it recovers {number(written.recovered_kl.value, 2)}." if written else ""
        here = card.host["name"] in str(card.tuned_on["host"]).split(" + ")
        pictures = f"{card.tuned_on['n']} pictures of this host" if here else "another host"
        yield f"The theory as it was written: {card.cost.tuned} of its numbers, those of poses counted, were tuned on {pictures}.{before}"


def _units(card: Scorecard) -> Iterator[str]:
    rows = [unit for unit in card.units if known(unit.pearson)]
    if rows:
        worst = min(rows, key=lambda unit: unit.pearson)
        yield f"That each unit is understood equally well: {worst.unit} has the lowest Pearson correlation, {number(worst.pearson, 2)}."
    kept = card.conditions["ablated.zero"].top1_agreement.value
    if not card.has_output:
        yield f"What the network makes of these units: {card.host['name']} has no output, so no figure of its answers is available."
    if kept is not None:
        yield (
            f"That these units matter much: silencing all {len(card.units)} keeps {number(100 * kept, 1)} % of the first answers. "
            "Recovery is a share of what was lost, however little that was."
        )
