"""Universality -> the tables that a terminal shows."""

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table
from workbench.score.universality import SCORES, HostRow, Scores, Universality

NOT_AVAILABLE = "n/a"  # a figure of the answers of a host that has none
TITLES = dict(zip(SCORES, ("mean Pearson", "recovered KL"), strict=True))


def universality_table(found: Universality) -> Group:
    """Where the family lives; what its units are like and what the first theory makes of them; and the transfer matrices. Fits 100 columns."""
    said = f"{found.family} in {len(found.rows)} hosts, {found.images['n']} images, gain and bias from {found.calibration['n']} others"
    none = (Text(row.said, style="yellow") for row in found.rows if not row.units)
    return Group(
        Text(said, style="bold"), _where(found), *none, _scores(found), *(_matrix(found, figure) for figure in SCORES), *_kept(found)
    )


def _where(found: Universality) -> Table:
    shown = _table(
        "host", "site", "of\nsites", "stride\npx", "sees\npx", "units", "share\n%", "gap\ndeg", "radius\npx", "width\ndeg", "by\nhand"
    )
    for row in found.rows:
        shown.add_row(
            row.host, row.site or (f"{row.passed} pass: no family" if row.passed else "none"), *(_place(row) if row.units else ())
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


def _scores(found: Universality) -> Table:
    """The first theory on every host, beside the best and the permuted control."""
    theory = next(iter(found.theories))
    shown = _table(
        f"{theory} on", "mean\nPearson", "recov.\nKL", "95 % interval", "permuted\nPearson", "KL", "best control", "\nPearson", "KL"
    )
    for row in found.rows:
        if row.units:
            scores, best = row.theories[theory], row.best_control
            figures = [*_told(row, scores), interval(scores["recovered_kl"]["ci95"]), *_told(row, row.controls["permuted"])]
            shown.add_row(row.host, *figures, *((best, *_told(row, row.controls[best])) if best else ()))
    return shown


def _told(row: HostRow, scores: Scores) -> tuple[str, str]:
    pearson, kl = (number(scores[name]["value"], 2) for name in SCORES)
    return pearson, kl if row.has_output else NOT_AVAILABLE


def _matrix(found: Universality, figure: str) -> Table:
    """Tuned on the row, tried on the column."""
    columns = [row for row in found.rows if row.units]
    shown = _table(f"{TITLES[figure]}:\ntuned on", *(_folded(row.host) for row in columns))
    for theory, hosts in found.matrix_rows.items():
        shown.add_row(
            f"{' + '.join(hosts) or 'no host'} ({theory})", *(_told(row, row.theories[theory])[SCORES.index(figure)] for row in columns)
        )
    return shown


def _folded(name: str) -> str:
    """A host's name in two lines where it has two parts."""
    return name.replace("_", "_\n", 1).replace("-", "-\n", 1) if len(name) > 12 else name


def _kept(found: Universality) -> Iterator[Text]:
    """What a theory tuned elsewhere keeps of the figures of the one that was tuned here."""
    for row in found.rows:
        for theory, hosts in found.theories.items():
            pearson, kl = (found.kept(row, theory, figure) for figure in SCORES)
            if row.host not in hosts and pearson is not None:
                kept = f"{number(pearson, 2)} of the mean Pearson and {number(kl, 2)} of the recovered KL"
                own = found.tuned_here(row) or ""
                whose = f"of {own}, tuned on {' + '.join(found.theories[own])}"
                yield Text(f"{theory}, tuned on {' + '.join(hosts) or 'no host'}, keeps on {row.host} {kept} {whose}")


def _table(first: str, *titles: str) -> Table:
    shown = plain_table(title_justify="left")
    shown.add_column(first, overflow="fold")
    for title in titles:
        shown.add_column(title, justify="right" if title not in ("site", "best control", "95 % interval") else "left", overflow="fold")
    return shown
