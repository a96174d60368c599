"""The result of a fit: which numbers are at a bound, as lines and as JSON."""

import json
from pathlib import Path

import pytest

from workbench.tune.bounded import AT_BOUND, MARGIN
from workbench.tune.plot import SMOOTHED, draw_history, running_mean
from workbench.tune.result import (
    FittedCircuit,
    FittedNumber,
    TunedSpec,
    tuned_json,
    tuned_lines,
)


def result(*after: float) -> TunedSpec:
    return TunedSpec(
        Path("t.yaml"),
        Path("t.tuned-1.yaml"),
        Path("t.tuning.svg"),
        (FittedCircuit(Path("c.yaml"), "host", "a", 0.5, 0.75),),
        tuple(FittedNumber(f"n{i}", 5.0, value, 0.0, 10.0) for i, value in enumerate(after)),
    )


@pytest.mark.parametrize(
    ("after", "low", "high", "bound"),
    [
        (0.0, 0, 10, "min"),
        (0.29, 0, 10, "min"),
        (0.31, 0, 10, None),
        (9.69, 0, 10, None),
        (9.71, 0, 10, "max"),
        (10.0, 0, 10, "max"),
        (-0.999, -1, 1, "min"),
        (MARGIN, 0, 1, "min"),  # where a number starts that is written on its bound
        (2.0, 2, 2, None),
    ],
)
def test_at_bound_is_within_a_share_of_the_bounds_distance(after, low, high, bound):
    assert FittedNumber("n", 1.0, after, low, high).at_bound == bound
    assert AT_BOUND == 0.03


def test_tuned_lines_name_each_number_at_a_bound():
    assert list(tuned_lines(result(0.01, 5.0, 9.99))) == [
        "c.yaml: mean Pearson on the tuning pictures 0.500 -> 0.750",
        "tuned: t.yaml, t.tuned-1.yaml, t.tuning.svg",
        *(
            f"{name} is at its {bound}. Widen this bound and tune again; if the number is then at "
            "a bound, too, the pictures do not determine it."
            for name, bound in (("n0: 0.01", "min 0"), ("n2: 9.99", "max 10"))
        ),
    ]


def test_tuned_lines_no_number_at_a_bound_is_one_line():
    assert list(tuned_lines(result(5.0, 1.0)))[2:] == [
        "No fitted number is at a bound, within 3 % of the distance between its bounds."
    ]


def test_tuned_json_has_the_files_circuits_and_numbers():
    assert json.loads(tuned_json(result(9.99))) == {
        "files": {"spec": "t.yaml", "ledger": "t.tuned-1.yaml", "plot": "t.tuning.svg"},
        "circuits": [
            {"file": "c.yaml", "host": "host", "circuit": "a", "before": 0.5, "after": 0.75}
        ],
        "numbers": [
            {"key": "n0", "before": 5.0, "after": 9.99, "min": 0.0, "max": 10.0, "at_bound": "max"}
        ],
    }


def test_running_mean_is_over_the_values_around_each():
    peak = running_mean([0.0] * 20 + [1.0] + [0.0] * 20)
    assert peak[13:28] == pytest.approx([1 / SMOOTHED] * 15)
    assert not peak[:13].any()
    assert not peak[28:].any()
    ramp = running_mean([float(i) for i in range(40)])
    assert ramp[7:33] == pytest.approx(range(7, 33))
    assert (ramp[0], ramp[-1]) == (3.5, 35.5)
    assert running_mean([0.5]) == pytest.approx([0.5])
    assert running_mean([1.0, 2.0]) == pytest.approx([1.5, 1.5])


def test_draw_history_has_both_lines_and_labels_in_words():
    (axes,) = draw_history([0.1, 0.2, 0.3]).axes
    raw, smoothed = axes.lines
    assert raw.get_xydata().tolist() == [[1, 0.1], [2, 0.2], [3, 0.3]]
    assert smoothed.get_ydata() == pytest.approx([0.2, 0.2, 0.2])
    assert smoothed.get_label() == f"running mean over {SMOOTHED} steps"
    assert axes.get_xlabel() == "step of gradient descent"
    assert "mean Pearson correlation" in axes.get_ylabel()
