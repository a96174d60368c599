"""Headers of every command's table are whole words with long names, at 60 and 80 columns and in a
pipe.
"""

import io
import re
from collections.abc import Iterator
from types import SimpleNamespace as Made

import numpy as np
import pytest
from rich.console import Console, Group, RenderableType
from rich.table import Table

from tests.report import cards
from workbench.analyses.claims.table import claims_table
from workbench.analyses.diff.table import diff_table
from workbench.analyses.equivariance.table import equivariance_table
from workbench.analyses.explain.table import explain_table
from workbench.analyses.families.table import families_table
from workbench.analyses.frontier.measure import OTHERS, OWN, SPLICED
from workbench.analyses.frontier.table import frontier_table
from workbench.analyses.polysemanticity.table import polysemanticity_table
from workbench.analyses.propose.table import proposal_table
from workbench.analyses.registry import ANALYSES
from workbench.analyses.rivals.table import rivals_table
from workbench.analyses.unexplained.table import unexplained_table
from workbench.analyses.universality.table import universality_table
from workbench.analyses.usage.consumers import Consumers
from workbench.analyses.usage.consumers_table import consumers_table
from workbench.analyses.usage.readers_table import readers_table
from workbench.analyses.visualise.table import visualised_table
from workbench.report import table
from workbench.score.facts import Header
from workbench.score.uncertainty import Figure

HOST, SITE = "squeezenet_second_run", "features.12.expand3x3"
FAMILY, OTHER = "complex_gabor_pooled", "early_curve_detector"  # 20 characters
UNIT = f"{SITE}:255"
HOSTS = {"squeezenet_\nsecond_run", "efficientnet-\nlite0", "resnet50v2_\ntrunk"}
NEAR = Figure(-0.35, (-0.45, -0.25))
HEADER = Header(
    host={"name": HOST},
    spec={"theory": "curve-detectors-transferred"},
    circuit={"name": "curve", "site": SITE, "units": 12},
    images={"n": 500},
    calibration={"n": 300},
)


def families() -> RenderableType:
    best = Made(unit=UNIT, pearson=-0.35)
    row = {"units": 120, "share": 0.25, "pearson": NEAR, "permuted": NEAR}
    layer = Made(family=FAMILY, site=SITE, best=best, worst=best, **row)
    return families_table(
        Made(
            header=HEADER,
            thresholds={"tuning": 0.7},
            sites={"conv1": 64, SITE: 256},
            families=(FAMILY, OTHER),
            layers=[layer],
        )
    )


def frontier() -> RenderableType:
    quantities = {"kl": NEAR, "top1_agreement": NEAR}
    conditions = dict.fromkeys((SPLICED, OTHERS), quantities)
    step = Made(spec={"theory": FAMILY}, units=1200, share=0.123, conditions=conditions)
    step.gains, step.beaten = dict.fromkeys(OWN, NEAR), 3
    return frontier_table(Made(header=HEADER, sites=(SITE,), of=4000, steps=[step]))


def propose() -> RenderableType:
    term = {"along": "outside", "match": "tangent", "harmonics": [{"tune": -0.3512}, 0, 1]}
    values = {"pearson": (0.5,), "labels_permuted": (0.2,), "poses_permuted": (0.1,)}
    result = Made(header=HEADER, terms=[(FAMILY, term)], atoms=1, candidates=952, **values)
    result.before, result.bits = 0.4, {"proposed": 2897, "before": 3252}
    return proposal_table(result)


def rivals() -> RenderableType:
    way = "trained weights, quantised"
    row = Made(way=way, setting="1.6 bits a weight", bits=123456, quantities={"kl": NEAR})
    row.recovered = row.pearson = NEAR
    result = Made(header=HEADER, reads=SITE, headline="kl", ways={way: [row]}, theory=row)
    result.best_at_bits = result.fewest_as_good = "quantised.2"
    result.row, result.against = lambda name: row, NEAR
    return rivals_table(result)


def polysemanticity() -> RenderableType:
    unit = Made(unit=UNIT, explained=NEAR, other=NEAR, of_unit=0.5, of_theory=0.5, inexact=0.1)
    unit.permuted = unit.permuted_other = 0.25
    means = {"explained": 0.5, "of_unit": 0.5, "of_theory": 0.5, "other": 0.1, "permuted": 0.2}
    result = Made(header=HEADER, units=[unit], level=0.5, silent=3, permuted_other=0.1, **means)
    return polysemanticity_table(result)


def equivariance() -> RenderableType:
    part = Made(parts=("rotation", "reflection"), explained=NEAR, prototypes=12, worth=1.5)
    part.numbers = 12345
    view = Made(view="natural pictures", parts=[part], permuted=NEAR, p=0.001, turning=NEAR)
    view.raw, view.turned, view.alone, view.orbits = Made(value=0.3, p=0.01), True, 9, [("a", "b")]
    view.simpler = {"units_each": 2.0, "numbers": 3.0}
    return equivariance_table(Made(header=HEADER, tolerance=0.5, views=[view]))


def diff() -> RenderableType:
    both = {"pose_deg": (123, 321), "radius_px": (25, 33), "width_deg": (104, 120)}
    pair = Made(a=UNIT, b=UNIT, likeness=0.95, parts={f"{FAMILY}[0]": -0.14}, **both)
    host = {"name": HOST, "site": SITE, "units": 12, "lost": {"value": None}}
    host["recovered"] = {"value": None}
    counts = {"only_a": [], "only_b": [], "silent_a": [], "silent_b": [], "named": []}
    return diff_table(Made(hosts={"a": host, "b": host}, pairs=[pair], **counts))


def explain() -> RenderableType:
    agreement = dict.fromkeys(("explained", "cosine", "sign", "rank"), Made(value=-0.12, p=0.01))
    for figure in agreement.values():
        figure.permuted = -0.34
    pair = Made(families=(FAMILY, OTHER), sites=(SITE, SITE), upstream=["u"], downstream=["d"])
    pair.pooled, pair.share, pair.worst, pair.fitted = True, 0.3, [], {"by turns": agreement}
    pair.theory = pair.other_half = agreement
    pair.predicted = {"one side from the other": agreement}
    return explain_table(Made(header=HEADER, pairs=[pair], left_out={}))


def unexplained() -> RenderableType:
    candidate = Made(name=f"{FAMILY} at {SITE}", missing=None, read=True, channels=(UNIT,) * 8)
    candidate.explained = candidate.random = candidate.needed = candidate.p = 0.123
    result = Made(header=HEADER, before=SITE, left={UNIT: 0.5}, left_wrong={UNIT: 0.9})
    result.candidates, result.kinds, result.together, result.suggestion = [candidate], [], {}, None
    return unexplained_table(result)


def claims() -> RenderableType:
    measured = Made(before=12.34, after=56.78, came_true=True, holds=17, silent=3)
    measured.unit_figures = [(1, 2)] * 18
    outcome = Made(claim="inhibition-keeps-the-turned-edge-out", trained=measured, agree=True)
    outcome.edit, outcome.handwritten, outcome.unbound = {"without": [FAMILY]}, measured, []
    outcome.every_weight_from = SITE
    outcome.expect = {"of": "every", "figure": "echo", "radius": "mean", "above": 0.1}
    return claims_table(Made(header=HEADER, units=["u"] * 18, claims=[outcome]))


def visualised() -> RenderableType:
    made = Made(unit=UNIT, by="handwritten", trained=0.5, handwritten=0.5, others=0.25)
    return visualised_table(Made(header=HEADER, side_px=63, steps=96, made=[made]))


def universality() -> RenderableType:
    score = {"pearson": {"value": 0.5}, "recovered_kl": {"value": 0.5, "ci95": (-0.45, -0.25)}}
    names = (HOST, "efficientnet-lite0", "resnet50v2_trunk", "inceptionv1")
    controls = {"permuted": score, "regression": score}
    rows = [
        Made(host=name, units=12, site=SITE, depth=12, sites=33, stride_px=8, field_px=91, of=256)
        for name in names
    ]
    for row in rows:
        row.figures = dict.fromkeys(
            ("trained.largest_gap_deg", "trained.width_deg", "handwritten.width_deg"), 123.0
        )
        row.theories, row.controls, row.best_control = {"t": score}, controls, "regression"
        row.radius_px, row.has_output, row.reason = 24, True, ""
    result = Made(header=HEADER, family="curve", rows=rows, theories={"t": names})
    result.matrix_rows, result.kept = {"t": names}, lambda *_: None
    return universality_table(result)


def consumers() -> RenderableType:
    names = ("ablated.zero", "spliced", "control.permuted", "ablated.mean")
    return consumers_table(Consumers(SITE, {name: np.full(12, 0.25) for name in names}))


def readers() -> RenderableType:
    read = {name: np.array([0.5]) for name in ("share", "read_deg", "one_pose")}
    result = Made(site=SITE, units=[255], names=[UNIT] * 2, excites=np.ones((1, 2)), **read)
    result.known = result.channels = 256
    return readers_table(result)


TABLES = {
    "score": lambda: table(cards.card()),
    "families": families,
    "frontier": frontier,
    "propose": propose,
    "rivals": rivals,
    "polysemanticity": polysemanticity,
    "equivariance": equivariance,
    "diff": diff,
    "explain": explain,
    "unexplained": unexplained,
    "claims": claims,
    "visualise": visualised,
    "universality": universality,
    "usage": lambda: Group(consumers(), readers()),
}
TREES = {"stepwise"}  # an analysis whose result is a tree, without headers


def test_every_analysis_has_its_table_here():
    assert TABLES.keys() | TREES == {"score", *(row.name for row in ANALYSES)}


def tables_in(what: RenderableType) -> Iterator[Table]:
    if isinstance(what, Table):
        yield what
    for part in getattr(what, "renderables", ()):
        yield from tables_in(part)


def printed(what: RenderableType, width: int | None) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(what)
    return console.file.getvalue()


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("width", [60, 80, None])  # None: a pipe
def test_headers_are_whole_and_nothing_is_cut(name, width, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    made = TABLES[name]()
    text = printed(made, width)
    assert "…" not in text.replace(", …", "")  # more channels than are listed
    assert max(map(len, text.splitlines())) <= (width or 80)
    for part in tables_in(made):
        text = printed(part, width)
        for header in (str(column.header) for column in part.columns):
            assert header in HOSTS or not re.search("[-_]\n", header), "a word in two lines"
            for word in header.split():
                assert re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}", text), word


def test_the_words_of_a_score_are_not_folded_at_80_columns():
    text = printed(table(cards.card(labelled=True)), 80)
    assert re.search(r"^silenced \(every unit at 0\) ", text, re.MULTILINE)
