"""Figures of conditions: each point is where the scorecard has it."""

from tests.report import cards
from workbench.report.ledger import draw_bits


def test_draw_bits_places_each_predictor_at_its_bits_and_its_kl():
    made = cards.card()
    (axes,) = draw_bits(made).axes
    points = {line.get_label(): line.get_xydata() for line in axes.lines}
    names = {"theory": "spliced", "mean": "ablated.mean", "one trained unit": "baseline.affine"}
    assert {label for label in points if not label.startswith("_")} == set(names)
    for words, name in names.items():
        kl = made.conditions[name].quantities["kl"].value
        assert points[words].tolist() == [[made.bits[name], kl]]
