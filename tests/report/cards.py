"""A small scorecard, its curves, circuit, spec and examples, made up: every figure is another, so
that a mix-up shows.
"""

from dataclasses import fields, replace

import numpy as np
import torch

from workbench.compiler.circuit import Grid, HandwrittenCircuit, Layer, Read
from workbench.hosts.output import ClassOutput
from workbench.score.facts import Header
from workbench.score.scorecard import (
    ConditionScore,
    Cost,
    Scorecard,
    TheoryScore,
    UnitScore,
    VariantScore,
)
from workbench.score.tuning import StimulusDifference
from workbench.score.uncertainty import Figure
from workbench.spec import Spec, theory_from_text
from workbench.splice.calibrate import CONTROLS
from workbench.splice.conditions import RIVALS, ConditionKind, facts_of_circuit
from workbench.theory.poses import CENTRE, Units, every_combination
from workbench.vision.examples import Example
from workbench.vision.tuning import TuningCurves
from workbench.vision.visualise.units import Visualised

POSES = (30.0, 140.0, 250.0)
RECOVERED = {
    "natural": 1.0,
    "ablated.zero": 0.0,
    "ablated.mean": 0.07,
    "ablated.resample": -0.21,
    "spliced": 0.81,
    "control.permuted": 0.12,
    "control.flipped": 0.03,
    "control.other_picture": -0.4,
    "control.random": 0.18,
    "baseline.affine": 0.64,
}
NOTHING = Figure(None)
TEXT = """
theory: made-up
about: Bars, and curves that read them.
source: [https://distill.pub/2020/circuits/curve-circuits/]
families:
  bar:
    poses: {orientation_deg: {every: 45, over: 180}, phase_deg: {every: 90, over: 360}}
    stride_px: 4
    window_px: 5
    reads:
      input: {kernel: gabor, wavelength_px: {tune: 5.25, min: 3, max: 8}, sigma_px: 1.75}
  curve:
    poses: from-circuit
    window_px: 24
    reads:
      bar: {along: arc, radius_px: 33, spread_px: 6, extent_px: 12, match: tangent, tolerance_deg: 17, gain: -0.5}
    threshold: 0.125
"""  # noqa: E501
LEDGER = """
tuned:
  circuits: [{host: squeezenet, circuit: "aa", pearson: [0.5, 0.7]}]
  spec: "bb"
  date: "2026-01-01"
  steps: 5
  seed: 0
  written: {"families.bar.reads.input[0].wavelength_px": 4.5}
  images: [0123456789abcdef]
"""


def near(value: float) -> Figure:
    return Figure(value, (value - 0.05, value + 0.05))


def kind_of(name: str) -> ConditionKind:
    """The kind of the condition of that name."""
    word = name.partition(".")[0]
    kinds = {
        "natural": ConditionKind.NATURAL,
        "ablated": ConditionKind.ABLATION,
        "control": ConditionKind.CONTROL,
        "baseline": ConditionKind.BASELINE,
    }
    return kinds[word] if word in kinds else facts_of_circuit(name).kind


def label_of(name: str) -> str:
    """A label of the condition of that name."""
    return CONTROLS.get(name) or facts_of_circuit(name).label


def condition(recovered: float, labelled: bool, name: str = "spliced") -> ConditionScore:
    accuracies = (
        (near(0.5 + recovered / 7), near(0.6 + recovered / 9)) if labelled else (NOTHING, NOTHING)
    )
    keys = ("kl", "top1_agreement", "top1", "top5")
    figures = (near(0.2345 * (1 - recovered)), near(0.9 + recovered / 11), *accuracies)
    return ConditionScore(
        kind=kind_of(name),
        label=label_of(name),
        quantities=dict(zip(keys, figures, strict=True)),
        consumer=near(0.031),
        pearson=near(recovered / 2),
        recovered=near(recovered),
        changed=12.5,
    )


def unit(i: int) -> UnitScore:
    def tuned(echo: float) -> dict[str, float]:
        return {
            "preferred_deg": POSES[i] + 3,
            "width_deg": 47.0 + i,
            "echo": echo,
            "invariance dark line": 1.25,
        }

    measured = tuple(first + i / 100 for first in (0.71, 0.61, 0.51, 0.41, 0.31, 0.21, 0.11))
    return UnitScore(
        f"fire5:{7 + i}",
        {"centre_deg": POSES[i]},
        *measured,
        2.0,
        -1.0,
        tuned(0.012),
        tuned(0.034),
        4.0,
        StimulusDifference("dark fill", 24.0, 15.0 * i, 0.125, 0.25 + i / 5),
        0.5 + i / 100,
        0.125,
    )


def card(labelled: bool = True, **changed) -> Scorecard:
    recovered = {
        name: near(value)
        for name, value in {"kl": 0.81, "agreement": 0.77, "consumer": 0.66}.items()
    }
    recovered |= (
        {"top1": near(0.55), "top5": near(0.565)}
        if labelled
        else {"top1": NOTHING, "top5": NOTHING}
    )
    sides = {
        f"{side}.{name}": 1.5
        for side in ("trained", "handwritten")
        for name in ("width_deg", "echo", "largest_gap_deg", "invariance dark line")
    }
    made = Scorecard(
        header=Header(
            host={"name": "squeezenet", "fingerprint": "f" * 64},
            circuit={
                "name": "curve",
                "site": "fire5",
                "poses_from": "workbench survey",
                "sha256": "c" * 64,
            },
            spec={"theory": "made-up", "file": "made-up.yaml", "sha256": "d" * 64},
            images={"n": 37, "labelled": 37 if labelled else 0, "fires": 29, "sha256": "e" * 64},
            calibration={"n": 11, "sha256": "a" * 64},
            seed=5,
            computed={"device": "cuda:3, made-up", "statistics": "CuPy 0", "torch": "1"},
        ),
        quantities=ClassOutput.quantities,
        headline_quantity=ClassOutput.headline,
        compared=True,
        tuned_on=None,
        units=tuple(unit(i) for i in range(len(POSES))),
        conditions={name: condition(value, labelled, name) for name, value in RECOVERED.items()},
        recovered=dict.fromkeys(("zero", "mean", "resample"), recovered),
        fires=recovered,
        against={
            name: near(1 - 0.19 / (1 - value))
            for name, value in RECOVERED.items()
            if kind_of(name) in RIVALS
        },
        tuning={"pose_error_deg": 4.0, **sides},
        cost=Cost(93, 0, 6, 3, 78608, 1200),
        theories=(),
        bits={"spliced": 1200, "ablated.mean": 48, "baseline.affine": 120},
    )
    only = TheoryScore(
        made.header.spec,
        made.header.circuit,
        len(made.units),
        0.75,
        made.tuned_on,
        made.tuning,
        made.cost,
    )
    names = {field.name for field in fields(Header)}
    header = replace(made.header, **{name: changed.pop(name) for name in names & changed.keys()})
    return replace(made, **{"theories": (only,), "header": header, **changed})


def varied(made: Scorecard, about: str = "no colour is seen") -> Scorecard:
    """The card with a variant that loses 0.17 of the recovered KL."""
    conditions = {**made.conditions, "variant.grey": condition(0.64, True, "variant.grey")}
    return replace(made, conditions=conditions, variants={"grey": VariantScore(about, near(0.17))})


def in_two(made: Scorecard) -> Scorecard:
    """The card's units shared by two theories: the first unit is of another theory."""
    (only,) = made.theories
    bars = replace(
        only,
        spec={**only.spec, "theory": "bars"},
        circuit={**only.circuit, "site": "fire3"},
        units=1,
        pearson=0.25,
    )
    return replace(made, theories=(bars, replace(only, units=len(made.units) - 1)))


def with_control(name: str, value: float) -> Scorecard:
    """The card with another recovered KL for one control."""
    made = card()
    changed = {**made.conditions, name: replace(made.conditions[name], recovered=near(value))}
    return replace(
        made, conditions=changed, against={**made.against, name: near(1 - 0.19 / (1 - value))}
    )


def curves() -> TuningCurves:
    centre_deg = np.arange(0, 360, 10.0)
    bump = np.exp(-0.5 * (((centre_deg[:, None] - np.array(POSES) + 180) % 360 - 180) / 20) ** 2)
    radii = np.array([16.0, 24.0, 36.0])
    trained = bump[None] * np.array([0.5, 1.0, 0.7])[:, None, None]
    return TuningCurves(
        centre_deg, radii, trained, trained * 3 + 0.2, {"bright line": (bump, bump)}
    )


def circuit() -> HandwrittenCircuit:
    """Four bars with two phases, and three curves: the weight from bar 0 to curve 0 is positive,
    from bar 1 negative, from bar 2 zero.
    """
    bars = every_combination(
        {"orientation_deg": (0.0, 45.0, 90.0, 135.0), "phase_deg": (0.0, 90.0)}
    )
    filters = torch.zeros(8, 3, 5, 5, dtype=torch.float64)
    filters[:, :, 2] = 0.25
    between = torch.zeros(3, 8, 3, 3, dtype=torch.float64)
    between[:, bars.names.index("orientation 0° phase 0°")] = 0.5
    between[:, bars.names.index("orientation 45° phase 0°")] = -0.5
    named = Units(tuple(f"fire5:{7 + i}" for i in range(3)), {CENTRE: POSES}, {"unit": 3})
    one, none = torch.tensor(1.0), torch.tensor(0.0)
    layers = (
        Layer("bar", bars, 4, (Read("input", filters),), none, one),
        Layer("curve", named, 8, (Read("bar", between),), none, one),
    )
    return HandwrittenCircuit(
        "made-up", "squeezenet", "fire5", (7, 8, 9), Grid(227, 8, 7, 27, 27), layers
    )


def spec(text: str = TEXT) -> Spec:
    return theory_from_text(text, "made-up.yaml")


def examples() -> tuple[Example, ...]:
    ramp = np.linspace(0, 1, 25, dtype=np.float32).reshape(5, 5)
    rgb = np.full((40, 40, 3), 90, np.uint8)
    return tuple(
        Example("fire5:7", kind, f"{kind}.jpg", rgb, ramp, ramp / 2) for kind in ("best", "worst")
    )


def visualised() -> Visualised:
    grey = np.full((2, 24, 24, 3), 90, np.uint8)
    return Visualised(("fire5:7", "fire5:9"), 5, grey, grey // 2, (0.625, np.nan))
