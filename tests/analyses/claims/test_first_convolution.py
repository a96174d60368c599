"""Claims of a first convolution: the edit is of its weights of the picture's colours."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.planted import trained_circuit
from workbench.analyses.claims.figures import Claims
from workbench.analyses.claims.measure import claims_probe
from workbench.analyses.claims.part import open_questions
from workbench.analyses.claims.plot import aligned_at
from workbench.analyses.claims.run import ClaimsRequest, claims
from workbench.analyses.claims.table import claims_table
from workbench.compiler import compile_spec
from workbench.hosts import PictureInput, host_from_module
from workbench.matching import subject
from workbench.matching.subject import SubjectFiles
from workbench.spec import TrainedUnit, dump_circuit, theory_from_text
from workbench.vision.pictures.drawn import drawn
from workbench.vision.tuning import COLOUR_EDGES, HUED_SPOTS, probe_of
from workbench.work import Work

GABORS = """\
theory: gabors
families:
  gabor:
    poses: from-circuit
    window_px: 7
    reads: {input: {kernel: gabor, wavelength_px: 10, sigma_px: 1.6, aspect: 1.2}}
"""
CLAIMS = """\
claims:
  any-direction:
    {about: x, edit: {without: input, sign: negative}, expect: {figure: width_deg, of: every, rises_by: 90}}
  one-direction:
    {about: the opposite, edit: {without: input, sign: negative}, expect: {figure: width_deg, below: 200}}
  silent:
    {about: nothing is left, edit: {only: input}, expect: {figure: peak, below: 0.1}}
"""  # noqa: E501
ROUNDING_DEG = 0.01  # of widths, from float32 sums in another order
UNITS = [
    TrainedUnit(unit=unit, centre_deg=centre_deg, phase_deg=270.0)
    for unit, centre_deg in ((1, 20.0), (2, 130.0), (4, 250.0))
]


def run_on(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    inhibited: bool = True,
    site: str = "first",
    stride: int = 2,
    side: int = 7,
    groups: int = 1,
    bias: bool = True,
) -> Claims:
    """The claims of Gabors that are planted in a first convolution, with a second one after it.

    In a convolution of groups, which reads one colour with each filter, none is planted.
    """
    convolution = nn.Conv2d(3, 6, side, stride, padding=side // 2, groups=groups, bias=bias)
    network = nn.Sequential(
        nn.Sequential(convolution, nn.ReLU()),
        nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU()),
        nn.Flatten(),
    )
    scale = PictureInput(64, (120.0, 115.0, 105.0), (60.0, 60.0, 60.0))
    host = host_from_module(network, "planted", {"first": "0", "second": "1"}, scale)
    spec, trained = theory_from_text(GABORS), trained_circuit(host, UNITS, "gabor", site)
    kernel = compile_spec(spec, trained, host).layers[0].reads[0].weight.float()
    kernel = nn.functional.pad(kernel, ((side - kernel.shape[-1]) // 2,) * 4)
    units = [unit.unit for unit in UNITS]
    with torch.no_grad():
        if groups == 1:
            host.network[0][0].weight[units] = kernel if inhibited else kernel.clamp(min=0)
        if bias:
            host.network[0][0].bias.zero_()
    monkeypatch.setattr(subject, "load", lambda name: host)
    (folder / "gabors.yaml").write_text(GABORS + CLAIMS)
    dump_circuit(trained, folder / "gabor.yaml")
    files = SubjectFiles(folder / "gabors.yaml", folder / "gabor.yaml")
    return claims(ClaimsRequest(files, drawn(6, seed=1), 30), folder / "out", Work())


def test_claims_of_planted_gabors_are_tested_in_the_weights_of_the_input(tmp_path, monkeypatch):
    result = run_on(tmp_path, monkeypatch)
    wide, narrow, silent = result.claims
    for side in ("trained", "handwritten"):
        outcomes = [getattr(outcome, side).came_true for outcome in (wide, narrow)]
        assert outcomes == [True, False]
    assert [outcome.every_weight_from for outcome in result.claims] == ["input", "input", None]
    assert silent.trained is None
    text = "".join(str(part) for part in claims_table(result).renderables)
    assert "edits of the weights from the picture: any-direction, one-direction" in text
    assert "not tested in the trained network: silent. There edits of input need a sign" in text
    untested = "The claim silent of the trained network: edits of input need a sign"
    assert any(sentence.startswith(untested) for sentence in open_questions(result))


def test_a_first_convolution_without_inhibition_disagrees(tmp_path, monkeypatch):
    wide, *_ = run_on(tmp_path, monkeypatch, inhibited=False).claims
    assert wide.trained.after == pytest.approx(wide.trained.before, abs=ROUNDING_DEG)
    assert (wide.trained.came_true, wide.handwritten.came_true, wide.agree) == (False, True, False)


def test_a_first_convolution_of_groups_is_tested_in_the_handwritten_circuit_alone(
    tmp_path, monkeypatch
):
    result = run_on(tmp_path, monkeypatch, groups=3)
    assert [outcome.trained for outcome in result.claims] == [None] * 3
    text = "".join(str(part) for part in claims_table(result).renderables)
    assert "a first stage of one convolution and a ReLU" in text


def test_a_first_convolution_of_11_px_with_stride_4_and_no_bias_is_edited(tmp_path, monkeypatch):
    wide, *_ = run_on(tmp_path, monkeypatch, stride=4, side=11, bias=False).claims
    assert wide.trained.came_true
    assert wide.agree


def test_filters_of_a_later_site_are_not_tested_in_trained_weights(tmp_path, monkeypatch):
    for outcome in run_on(tmp_path, monkeypatch, site="second").claims:
        assert (outcome.trained, outcome.every_weight_from) == (None, None)


GABOR = "{kernel: gabor, wavelength_px: 10, sigma_px: 1.6}"
BLOB = "{kernel: blob, sigma_px: 2}"


@pytest.mark.parametrize(
    ("read", "probe"),
    [
        (GABOR, COLOUR_EDGES),
        (BLOB, HUED_SPOTS),
        (f"[{GABOR}, {BLOB}]", HUED_SPOTS),
    ],
)
def test_filters_are_measured_on_stimuli_of_their_own_colours(read, probe):
    family = f"{{poses: from-circuit, window_px: 7, reads: {{input: {read}}}}}"
    text = f"theory: a\nfamilies: {{a: {family}}}\n"
    assert claims_probe(theory_from_text(text).theory) is probe


def test_filters_next_to_reads_of_a_family_are_measured_on_that_familys_stimuli():
    family = f"{{poses: {{centre_deg: {{every: 30, over: 360}}}}, stride_px: 2, window_px: 9, reads: {{input: {GABOR}}}}}"  # noqa: E501
    last = f"{{poses: from-circuit, window_px: 9, reads: {{input: {GABOR}, a: {{along: line, match: same, tolerance_deg: 20, spread_px: 2, extent_px: 4}}}}}}"  # noqa: E501
    theory = theory_from_text(f"theory: a\nfamilies:\n  a: {family}\n  b: {last}\n").theory
    assert claims_probe(theory) is probe_of(theory)


def test_curves_are_aligned_at_the_direction_of_an_edge_or_the_hue_of_a_spot():
    blue = {"mixture": (0.2, 0.0, 0.8), "centre_deg": 30.0}
    assert aligned_at(blue, COLOUR_EDGES) == 30
    assert aligned_at(blue, HUED_SPOTS) == pytest.approx(90)
    assert aligned_at({**blue, "phase_deg": 200.0}, HUED_SPOTS) == pytest.approx(270)
