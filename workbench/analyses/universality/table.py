"""Universality -> the tables that a terminal shows."""

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from workbench.analyses.universality.figures import SCORES, HostRow, Scores, Universality
from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table

NOT_AVAILABLE = "n/a"  # for a figure of the answers of a host without an output
TITLES = dict(zip(SCORES, ("mean Pearson", "recovered KL"), strict=True))


def universality_table(result: Universality) -> Group:
    """Where networks have the family, the scores of the first theory, and the transfer matrices.

    Fits 100 columns.
    """
    images, calibration = result.header.images or {}, result.header.calibration or {}
    title = (
        f"{result.family} in {len(result.rows)} hosts, {images['n']} images, gain and bias from "
        f"{calibration['n']} others"
    )
    none = (Text(row.reason, style="yellow") for row in result.rows if not row.units)
    return Group(
        Text(title, style="bold"),
        _where(result),
        *none,
        _scores(result),
        *(_matrix(result, figure) for figure in SCORES),
        *_kept(result),
    )


def _where(result: Universality) -> Table:
    shown = _table(
        "host",
        "site",
        "of\nsites",
        "stride\npx",
        "field\npx",
        "units",
        "share\n%",
        "gap\ndeg",
        "radius\npx",
        "width\ndeg",
        "spliced\nwidth",
    )
    for row in result.rows:
        shown.add_row(
            row.host,
            row.site or (f"{row.passed} pass: no family" if row.passed else "none"),
            *(_place(row) if row.units else ()),
        )
    return shown


def _place(row: HostRow) -> tuple[str, ...]:
    share, figures = 100 * row.units / (row.of or 1), row.figures
    tuned = [figures[name] for name in ("trained.width_deg", "handwritten.width_deg")]
    return (
        f"{row.depth}/{row.sites}",
        str(row.stride_px),
        number(row.field_px, 0),
        str(row.units),
        number(share, 1),
        number(figures["trained.largest_gap_deg"], 0),
        number(row.radius_px, 0),
        *(number(value, 0) for value in tuned),
    )


def _scores(result: Universality) -> Table:
    """The first theory on every host, next to the permuted and the best control."""
    theory = next(iter(result.theories))
    shown = _table(
        f"{theory} on",
        "mean\nPearson",
        "recov.\nKL",
        "95 % interval",
        "permuted\nPearson",
        "KL",
        "best control",
        "\nPearson",
        "KL",
    )
    for row in result.rows:
        if row.units:
            scores, best = row.theories[theory], row.best_control
            figures = [
                *_cells(row, scores),
                interval(scores["recovered_kl"]["ci95"]),
                *_cells(row, row.controls["permuted"]),
            ]
            shown.add_row(
                row.host, *figures, *((best, *_cells(row, row.controls[best])) if best else ())
            )
    return shown


def _cells(row: HostRow, scores: Scores) -> tuple[str, str]:
    pearson, kl = (number(scores[name]["value"], 2) for name in SCORES)
    return pearson, kl if row.has_output else NOT_AVAILABLE


def _matrix(result: Universality, figure: str) -> Table:
    """One figure of each theory, tuned on the row's hosts, on each column's host."""
    columns = [row for row in result.rows if row.units]
    shown = _table(f"{TITLES[figure]}:\ntuned on", *(_folded(row.host) for row in columns))
    for theory, hosts in result.matrix_rows.items():
        shown.add_row(
            f"{' + '.join(hosts) or 'no host'} ({theory})",
            *(_cells(row, row.theories[theory])[SCORES.index(figure)] for row in columns),
        )
    return shown


def _folded(name: str) -> str:
    """A host's name in two lines where it has two parts."""
    return name.replace("_", "_\n", 1).replace("-", "-\n", 1) if len(name) > 12 else name


def _kept(result: Universality) -> Iterator[Text]:
    """Lines on what theories tuned elsewhere keep of the figures of the one tuned here."""
    for row in result.rows:
        for theory, hosts in result.theories.items():
            pearson, kl = (result.kept(row, theory, figure) for figure in SCORES)
            if row.host not in hosts and pearson is not None:
                best = result.tuned_here(row) or ""
                yield Text(
                    f"{theory}, tuned on {' + '.join(hosts) or 'no host'}, keeps on {row.host} "
                    f"{number(pearson, 2)} of the mean Pearson and {number(kl, 2)} of the "
                    f"recovered KL of {best}, tuned on {' + '.join(result.theories[best])}"
                )


def _table(first: str, *titles: str) -> Table:
    shown = plain_table(title_justify="left")
    shown.add_column(first, overflow="fold")
    for title in titles:
        shown.add_column(
            title,
            justify="right" if title not in ("site", "best control", "95 % interval") else "left",
            overflow="fold",
        )
    return shown
