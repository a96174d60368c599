"""`workbench explain` on weights from Gabors with phase, size and colour, planted as a theory has
them.
"""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from tests.interrupted import quiet
from tests.planted import trained_circuit
from workbench.analyses.explain.figures import Explained, PairExplained
from workbench.analyses.explain.run import ExplainRequest, explain
from workbench.analyses.explain.table import explain_table
from workbench.compiler import compile_spec
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.ideal import LIKE
from workbench.errors import WorkbenchError
from workbench.hosts import Host, PictureInput, host_from_module
from workbench.matching import subject as subject_module
from workbench.matching.family_weights import family_weights, weights_at_poses
from workbench.matching.matched import Matched
from workbench.matching.subject import Subject, SubjectFiles
from workbench.spec import TrainedUnit, dump_circuit, load_circuit, theory_from_text
from workbench.theory.poses import MIXTURE, Units
from workbench.theory.rule import gabor_weights
from workbench.work import Work

SIDE = 19  # of the filters, as `stand_in` draws them
CUT = 1e-3  # of a filter drawn in a picture of another size
NOTHING = 0.15  # of the variance: what twelve units in other order reach by chance
LATE = tuple(
    TrainedUnit(unit=unit, centre_deg=30.0 * unit, mixture=(0.5, 0.2 - 0.05 * unit, 0.1))
    for unit in range(12)
)
THEORY = """\
theory: late
families:
  first:
    poses:
      {angle}
      phase_deg: {{every: 90, over: 180}}
      scale: [1, 0.6]
      channel: [luma, red-green, blue-yellow]
    stride_px: 2
    window_px: 19
    reads: {{input: {{kernel: gabor, wavelength_px: 5, sigma_px: 1.6, aspect: 1.2}}}}
    rectify: {rectify}
    pool: {{over_px: 6, stride_px: 4}}
  late:
    poses: from-circuit
    window_px: 12
    reads:
      first:
        - {{along: line, spread_px: 3, extent_px: 5, match: {match}, harmonics: {harmonics}, {by}}}
        - {{along: point, spread_px: 4, match: any, gain: {{tune: -0.01, min: -1, max: 0}}}}
"""
LINES = {
    "angle": "orientation_deg: {every: 30, over: 180}",
    "rectify": "full",
    "match": "tangent",
    "harmonics": "[0.2, 1, 0.5]",
    "by": "by: {scale: [1, 0.3], channel: [1, 0.5, -0.5], phase_deg: [1, 0.5]}",
}
SIDES = {
    "angle": "centre_deg: {every: 30, over: 360}",
    "rectify": "half",
    "match": "opposite",
    "harmonics": "[0, 1, 0, 0.2]",
    "by": "colour: same, by: {scale: [1, 0.3], phase_deg: [0.2, 1]}",
}
KINDS = pytest.mark.parametrize("kind", [LINES, SIDES], ids=["full", "half"])


@dataclass(frozen=True)
class Planted:
    """A host whose last units read its Gabors as the theory has it, and the files of both.

    family_units  the family's unit that each Gabor is
    """

    host: Host
    files: dict[str, Path]
    family_units: np.ndarray


def gabor_of(circuit: HandwrittenCircuit, index: int, other: bool, full: bool) -> dict:
    """The pose of a family unit's filter as a survey may give it: also under its other name, and
    the opposite phase, which a fully rectified unit responds to too.
    """
    units = circuit.layers[0].units
    normal_deg, phase_deg = float(units.normal_deg[index]), float(units.column("phase_deg")[index])
    if full and index % 3 == 0:
        phase_deg += 180.0
    if other:
        normal_deg, phase_deg = normal_deg + 180.0, -phase_deg
    channel = units.poses["channel"][index]
    return {
        "centre_deg": normal_deg % 360,
        "phase_deg": phase_deg % 360,
        "scale": units.poses["scale"][index],
        "mixture": tuple(float(name == channel) for name in MIXTURE),
    }


def units_of(gabors: list[dict]) -> Units:
    mixtures = zip(*(gabor["mixture"] for gabor in gabors), strict=True)
    poses = {
        axis: tuple(gabor[axis] for gabor in gabors)
        for axis in ("centre_deg", "phase_deg", "scale")
    }
    return Units(
        tuple(map(str, range(len(gabors)))),
        poses | dict(zip(MIXTURE, mixtures, strict=True)),
        {"unit": len(gabors)},
    )


def network(filters: torch.Tensor, late: int) -> nn.Sequential:
    """A first convolution of `filters` and of some random ones, a pool, and a second one."""
    first = nn.Conv2d(3, len(filters) + 4, SIDE, 2, SIDE // 2)
    second = nn.Conv2d(len(filters) + 4, late + 3, 3, padding=1)
    with torch.no_grad():
        first.weight[: len(filters)] = filters
        first.bias.zero_()
        second.weight *= 0.01
    stages = {
        "first": nn.Sequential(first, nn.ReLU()),
        "pool": nn.MaxPool2d(3, 2, 1),
        "late": nn.Sequential(second, nn.ReLU()),
        "head": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    }
    whole = nn.Sequential()
    for name, stage in stages.items():
        whole.add_module(name, stage)
    return whole


def plant(folder: Path, kind: dict) -> Planted:
    spec, full = theory_from_text(THEORY.format(**kind)), kind["rectify"] == "full"
    picture = PictureInput(size_px=96, mean_rgb=(127.5,) * 3, scale_rgb=(127.5,) * 3)
    generator = np.random.default_rng(0)
    units = spec.theory.families["first"].poses.axes()
    count = int(np.prod([len(values) for values in units.values()]))
    chosen = np.sort(generator.choice(count, 30, replace=False))
    circuit, gabors, filters = None, [], torch.zeros(30, 3, SIDE, SIDE)
    for _ in range(2):  # the poses are those of a compiled family, which needs the host's grid
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            stages = network(filters, len(LATE))
        host = host_from_module(stages, "planted", {"first": "first", "late": "late"}, picture)
        late = trained_circuit(host, LATE, "late", "late")
        circuit = compile_spec(spec, late, host)
        gabors = [gabor_of(circuit, int(i), i % 2 == 0, full) for i in chosen]
        gains = torch.linspace(1, 5, 30)[:, None, None, None]
        drawn = gabor_weights(units_of(gabors), 5.0, 1.6, 1.2, SIDE, LIKE)
        filters = gains * drawn.float()
    peaks = (filters * drawn / drawn.abs().amax((1, 2, 3), keepdim=True)).sum((1, 2, 3))
    flat = circuit.layers[0].reads[0].weight.flatten(1)
    flat /= flat.norm(dim=1, keepdim=True)
    same = (flat[chosen] @ flat.T > 1 - 1e-6).double()  # a bar is in the family of sides twice
    whole = torch.einsum("duyx,gu->dgyx", circuit.layers[1].reads[0].weight, same)
    kernel = whole / peaks[:, None, None]
    convolution = host.module("late")[0]
    with torch.no_grad():
        convolution.weight[: len(LATE), :30] = kernel.float()
    first = [TrainedUnit(unit=i, **gabor) for i, gabor in enumerate(gabors)]
    files = {"first": folder / "first.yaml", "late": folder / "late.yaml"}
    dump_circuit(trained_circuit(host, first, "gabor", "first"), files["first"])
    dump_circuit(late, files["late"])
    return Planted(host, files, chosen)


def run_on(
    folder: Path, planted: Planted, patch: pytest.MonkeyPatch, kind: dict, bind: bool = True
) -> Explained:
    """With `bind` the Gabors' poses are the file's; without, they are matched."""
    (folder / "late-spec.yaml").write_text(THEORY.format(**kind))
    patch.setattr(subject_module, "load", lambda name: planted.host)
    patch.setattr(subject_module, "answers", lambda *_: None)
    patch.setattr(subject_module, "nearest", lambda _: dict.fromkeys(planted.host.sites))
    rows = planted.family_units
    pair = Matched("first", "first", np.arange(len(rows)), rows, rows[::-1])
    patch.setattr("workbench.matching.correspondence.matched", lambda *_: [] if bind else [pair])
    bound = {"first": planted.files["first"]} if bind else {}
    files = SubjectFiles(folder / "late-spec.yaml", planted.files["late"], bound)
    return explain(ExplainRequest(files), folder / "out", Work(stage=quiet))


def only(result: Explained) -> PairExplained:
    (pair,) = result.pairs
    return pair


@KINDS
@pytest.mark.parametrize("bind", [True, False], ids=["surveyed", "matched"])
def test_explain_planted_weights_from_gabors_explains_all(tmp_path, monkeypatch, kind, bind):
    result = run_on(tmp_path, plant(tmp_path, kind), monkeypatch, kind, bind)
    pair = only(result)
    assert (pair.families, pair.sites, pair.pooled) == (("late", "first"), ("late", "first"), True)
    assert (len(pair.downstream), len(pair.upstream)) == (12, 30)
    for agreement in (pair.theory, pair.other_half, *pair.fitted.values()):
        assert agreement["explained"].value == pytest.approx(1, abs=CUT)
        assert agreement["explained"].p < 0.01
        assert agreement["explained"].permuted < NOTHING
    assert pair.predicted is None
    assert result.left_out == {}
    text = "".join(str(part) for part in explain_table(result).renderables)
    assert "not predicted by turning: weights from first, whose units differ" in text


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (LINES, {"harmonics": "[1, -0.5, 0]"}),  # across where the planted weights are along
        (LINES, {"by": "by: {scale: [0.1, 1], channel: [1, -0.5, 0.5], phase_deg: [-0.5, 1]}"}),
        (SIDES, {"harmonics": "[0, 0.1, 0, 1]"}),
    ],
)
def test_explain_wrong_theory_of_gabors_explains_little(tmp_path, monkeypatch, kind, wrong):
    pair = only(run_on(tmp_path, plant(tmp_path, kind), monkeypatch, kind | wrong))
    assert pair.theory["explained"].value < NOTHING


def test_explain_gabors_of_another_site_are_left_out_by_name(tmp_path, monkeypatch):
    planted = plant(tmp_path, SIDES)
    pair = Matched("first", "first", np.arange(30), planted.family_units, planted.family_units)
    subject = SimpleNamespace(
        spec=theory_from_text(THEORY.format(**SIDES)),
        circuit=None,
        bound={"first": SimpleNamespace(circuit="gabor", site="pool")},
    )
    late = Matched("late", "late", np.arange(12), np.arange(12), np.arange(12))
    assert weights_at_poses(subject, late, list(range(12)), pair) == (
        "gabor is at pool, and late is compared with units of first; without --use-trained those "
        "that respond as first does are taken"
    )


def test_explain_weights_to_a_site_that_is_finer_than_the_family_are_left_out(tmp_path):
    planted, spec = plant(tmp_path, LINES), theory_from_text(THEORY.format(**LINES))
    trained = load_circuit(planted.files["late"])
    subject = Subject(spec, trained, planted.host, {}, compile_spec(spec, trained, planted.host))
    twelve = np.arange(12)
    pairs = [Matched(family, "first", twelve, twelve, twelve) for family in ("late", "first")]
    assert weights_at_poses(subject, pairs[0], list(range(12)), pairs[1]) == (
        "its cells are 4 px apart, and those of first 2 px"
    )


def test_explain_weights_to_a_file_of_units_of_several_axes_are_left_out(tmp_path):
    """The file's units have a size, which the family's units nearest in direction may not have."""
    sized = """\
  sized:
    poses: {orientation_deg: {every: 30, over: 180}, scale: [1, 0.6]}
    stride_px: 4
    window_px: 12
    reads: {first: {along: point, match: tangent, tolerance_deg: 20}}
  late:
"""
    text = THEORY.format(**LINES).replace("  late:\n", sized)
    spec, planted = theory_from_text(text), plant(tmp_path, LINES)
    trained = load_circuit(planted.files["late"])
    circuit = compile_spec(spec, trained, planted.host)
    subject = Subject(spec, trained, planted.host, {"sized": trained}, circuit)
    twelve = np.arange(12)
    pairs = [
        Matched("first", "first", twelve, twelve, twelve),
        Matched("sized", "late", twelve, twelve, twelve),
    ]
    weights, left_out = family_weights(subject, pairs)
    assert weights == []
    assert left_out["sized at late"].startswith("it has several axes and reads a family")


def test_explain_gabors_without_an_axis_of_the_family_are_refused(tmp_path, monkeypatch):
    planted = plant(tmp_path, SIDES)
    file = planted.files["first"]
    file.write_text(file.read_text().replace("phase_deg", "curvature"))
    with pytest.raises(
        WorkbenchError,
        match="late at late from first: it has the axes centre_deg, phase_deg, scale, channel, "
        "and unit 0 of gabor has no phase_deg",
    ):
        run_on(tmp_path, planted, monkeypatch, SIDES)
