"""score.json: dotted names nest, what is not finite is null, the same card gives the same text."""

import json
import math
from dataclasses import replace

import pytest

from workbench.files import set_sha256
from workbench.hosts.output import ClassOutput
from workbench.score.document import FORMAT, document, to_json
from workbench.score.facts import Header, picture_facts
from workbench.score.scorecard import ConditionScore, Cost, Scorecard, UnitScore
from workbench.score.uncertainty import Figure
from workbench.splice.conditions import ConditionKind
from workbench.vision.pictures import Picture, photographs
from workbench.vision.pictures.drawn import drawn

CONDITIONS = (
    "natural",
    "ablated.zero",
    "ablated.mean",
    "ablated.resample",
    "spliced",
    "control.permuted",
    "control.flipped",
)


def condition(value: float) -> ConditionScore:
    figure = Figure(value, (value - 1, value + 1))
    return ConditionScore(
        kind=ConditionKind.CONTROL,
        label="made up",
        quantities={
            "kl": figure,
            "top1_agreement": figure,
            "top1": Figure(None),
            "top5": Figure(None),
        },
        consumer=figure,
        pearson=figure,
        recovered=figure,
        changed=value,
    )


def card(echo: float = 0.25) -> Scorecard:
    unit = UnitScore(
        "fire5:3",
        {"centre_deg": 15.0},
        0.5,
        0.5,
        0.25,
        0.125,
        0.75,
        0.375,
        0.0625,
        2.0,
        -1.0,
        {"echo": echo},
        {"echo": echo},
        pose_error_deg=math.nan,
    )
    recovered = {quantity: Figure(0.5, (0.25, 0.75)) for quantity in ("kl", "top1", "top5")}
    return Scorecard(
        header=Header(
            host={"name": "h", "fingerprint": "f"},
            circuit={"name": "curve", "site": "s", "poses_from": "p", "sha256": "c"},
            spec={"theory": "t", "file": "t.yaml", "sha256": "d"},
            images={"n": 3, "labelled": 0},
            calibration={"n": 2},
            seed=0,
            workbench="1",
        ),
        quantities=ClassOutput.quantities,
        headline_quantity=ClassOutput.headline,
        compared=True,
        tuned_on=None,
        units=(unit,),
        conditions={name: condition(i) for i, name in enumerate(CONDITIONS)},
        recovered={"zero": recovered, "mean": {**recovered, "kl": Figure(0.125, (-math.inf, 1.0))}},
        fires=recovered,
        against={"baseline.affine": Figure(0.5, (0.25, 0.75))},
        tuning={"trained.echo": math.inf},
        cost=Cost(10, 2, 2, 1, 100, 400),
        theories=(),
    )


def test_dotted_conditions_nest_and_keep_their_values():
    written = document(card())
    assert list(written["conditions"]) == ["natural", "ablated", "spliced", "control"]
    assert {kind: row["kl"] for kind, row in written["conditions"]["ablated"].items()} == {
        "zero": 1,
        "mean": 2,
        "resample": 3,
    }
    assert written["conditions"]["control"]["flipped"]["changed"] == 6
    assert written["intervals"]["control"]["flipped"]["kl"] == (5, 7) or written["intervals"][
        "control"
    ]["flipped"]["kl"] == [5, 7]


def test_recovered_is_against_zero_ablation():
    written = document(card())
    assert written["recovered"] == written["recovered_by"]["zero"]
    assert written["against"] == {"baseline": {"affine": {"value": 0.5, "ci95": [0.25, 0.75]}}}
    assert written["recovered"]["kl"]["value"] == 0.5
    assert written["recovered_by"]["mean"]["kl"]["value"] == 0.125
    assert written["format"] == FORMAT == 2


@pytest.mark.parametrize("echo", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_null(echo):
    text = to_json(card(echo))
    assert "NaN" not in text
    assert "Infinity" not in text
    written = json.loads(text)
    assert written["units"][0]["trained"]["echo"] is None
    assert written["units"][0]["pose_error_deg"] is None
    assert written["tuning"]["trained.echo"] is None
    assert written["recovered_by"]["mean"]["kl"]["ci95"] == [None, 1.0]
    assert written["conditions"]["spliced"]["top1"] is None


def test_the_same_card_gives_the_same_text():
    assert to_json(card()) == to_json(card())
    assert to_json(card()) != to_json(replace(card(), tuned_on={"n": 1}))
    assert to_json(card()).endswith("}\n")


def test_document_counts_of_figures_over_fewer_pictures_are_written_and_no_others():
    whole = card()
    assert "counts" not in document(whole)
    assert "resamples" not in to_json(whole)
    row = whole.conditions["ablated.zero"]
    fewer = replace(row, consumer=Figure(0.5, None, n=2), recovered=Figure(0.5, resamples=9000))
    changed = replace(
        whole,
        conditions={**whole.conditions, "ablated.zero": fewer},
        fires={"kl": Figure(0.5, (0.25, 0.75), n=1)},
    )
    written = document(changed)
    assert written["counts"] == {
        "ablated": {"zero": {"consumer": {"n": 2}, "recovered_kl": {"resamples": 9000}}}
    }
    assert written["fires"] == {"kl": {"value": 0.5, "ci95": [0.25, 0.75], "n": 1}}
    assert written["intervals"]["ablated"]["zero"]["consumer"] is None


def test_picture_facts_tell_the_default_pictures_from_others():
    assert picture_facts(photographs("headline")) == {
        "n": 64,
        "photographs": 6,
        "drawn": 16,
        "sha256": set_sha256([picture.sha256 for picture in photographs("headline")]),
    }
    crops = [picture for picture in photographs("headline") if picture.name.startswith("camera")]
    others = [replace(crops[0], name=name) for name in ("holiday@2x(3,1)", "camera.png")]
    assert picture_facts(crops)["photographs"] == 1
    for pictures in (crops + others[:1], crops + others[1:], drawn(3, seed=1)):
        assert "photographs" not in picture_facts(pictures)


def test_picture_facts_count_copies_by_content_and_leave_out_none():
    pictures = [Picture(str(i), content, None, lambda: None) for i, content in enumerate("abca")]
    assert picture_facts(pictures)["copies"] == 1
    assert picture_facts(pictures)["n"] == 4
    assert "copies" not in picture_facts(pictures[:3])
