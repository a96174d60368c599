"""A planted host: a network that computes a handwritten circuit itself, so that the truth about its
units is known.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.compiler import compile_spec
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.compile import compile_theory
from workbench.compiler.respond import drive
from workbench.evaluate.calibration import calibrated
from workbench.hosts import Host, PictureInput, Site, host_from_module
from workbench.score.score import Spliced
from workbench.spec import (
    Spec,
    SurveyRecord,
    TrainedCircuit,
    TrainedUnit,
    dump_circuit,
    load_theory,
    theory_from_text,
)
from workbench.splice.calibrate import Splices
from workbench.splice.link import Link
from workbench.vision.pictures import Picture, batch
from workbench.vision.pictures.drawn import drawn

THEORY = """\
theory: planted
families:
  gabor:
    poses: {orientation_deg: {every: 30, over: 180}, phase_deg: {every: 90, over: 180}}
    stride_px: 2
    window_px: 9
    reads: {input: {kernel: gabor, wavelength_px: {tune: 6, min: 3, max: 10}, sigma_px: 2, aspect: 0.7}}
    rectify: full
    pool: {over_px: 6, stride_px: 4}
  curve:
    poses: from-circuit
    window_px: 32
    reads:
      gabor:
        - {along: arc, radius_px: {tune: 20, min: 10, max: 40}, spread_px: 4, extent_px: 10, match: tangent, tolerance_deg: 20}
        - {along: arc, radius_px: 20, spread_px: 8, extent_px: 10, match: normal, tolerance_deg: 30, gain: {tune: -0.3, min: -1, max: 0}}
"""  # noqa: E501
EDGES = """\
theory: edges
families:
  edge:
    poses: from-circuit
    window_px: 3
    reads: {input: {kernel: gabor, wavelength_px: 4, sigma_px: 1.2, aspect: 0.7}}
"""
STRAIGHT = THEORY.replace(
    "along: arc, radius_px: {tune: 20, min: 10, max: 40}", "along: line"
).replace("along: arc, radius_px: 20", "along: line")
SITE = "planted"
INPUT = PictureInput(size_px=96, mean_rgb=(120.0, 115.0, 105.0), scale_rgb=(60.0, 60.0, 60.0))
STRIDE_PX, OFFSET_PX, CELLS = (
    8,
    3,
    12,
)  # of SITE, as a convolution of 7 x 7 without padding has them
CHANNELS, CONSUMERS, CLASSES = 12, 16, 10
UNITS = tuple(
    TrainedUnit(unit=unit, centre_deg=centre_deg)
    for unit, centre_deg in zip((1, 3, 4, 7, 8, 10), range(10, 370, 60), strict=True)
)
EVEN = tuple(unit.model_copy(update={"centre_deg": 60.0 * i}) for i, unit in enumerate(UNITS))
LATE = tuple(
    TrainedUnit(unit=channel, centre_deg=centre_deg)
    for channel, centre_deg in ((2, 20), (5, 160), (9, 290))
)
ABOVE = "    poses: from-circuit\n    window_px: 32\n"
EARLY = "    poses: {centre_deg: {every: 60, over: 360}}\n    stride_px: 8\n    window_px: 32\n"
THEORY_OF_LATE = (
    THEORY.replace(ABOVE, EARLY)
    + """\
  late:
    poses: from-circuit
    window_px: 24
    reads:
      curve: {along: arc, radius_px: 24, spread_px: 5, extent_px: 10, match: same, harmonics: [0, 0.6, 0.3]}
"""  # noqa: E501
)
THEORY_OF_LATE_AND_GABOR = (
    THEORY_OF_LATE + "      gabor: {along: point, match: tangent, tolerance_deg: 20, gain: 0.01}\n"
)
# Scale of the weights from the planted channels to their consumers, and from those to the classes,
# so that an ablation shows
LOUD = 4.0


class PlantedHost(NamedTuple):
    """`host` has the sites retina (6 channels, stride 1), planted (12, 8) and consumers (16, 8) on
    pictures of 96 px, and 10 classes.
    """

    host: Host
    trained: TrainedCircuit
    spec: Spec


def planted(
    theory: str | Path = THEORY, units: Sequence[TrainedUnit] = UNITS, seed: int = 0
) -> PlantedHost:
    """A host whose channels `units` at the site "planted" are `relu(gain * drive + bias)` of the
    theory's own circuit; all else is random.

    The theory's last family must be called `curve`. `truth(host)` gives the gains and biases.
    """
    spec = load_theory(theory) if isinstance(theory, Path) else theory_from_text(theory)
    sites = _sites(6)
    draft = Host("planted", "0" * 64, nn.Identity(), INPUT, sites)
    circuit = compile_theory(spec.theory, trained_circuit(draft, units), draft)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(Retina(), lambda: PlantedStage(circuit))
    host = host_from_module(network, "planted", sites, INPUT, [f"n{i:08d}" for i in range(CLASSES)])
    return PlantedHost(host, trained_circuit(host, units), spec)


def truth(host: Host) -> tuple[Tensor, Tensor]:
    """Planted gain and bias of each unit."""
    stage = host.module(SITE)
    return stage.gain[:, 0, 0], stage.bias[:, 0, 0]


def trained_circuit(
    host: Host, units: Sequence[TrainedUnit], circuit: str = "curve", site: str = SITE
) -> TrainedCircuit:
    survey = SurveyRecord(
        command="planted",
        date="2026-01-01",
        workbench="0",
        stimuli="",
        pictures="",
        pictures_sha256="0" * 64,
        thresholds={},
    )
    return TrainedCircuit(
        circuit=circuit,
        host=host.name,
        fingerprint=host.fingerprint,
        site=site,
        found=survey,
        units=tuple(units),
    )


class Run(NamedTuple):
    """A planted theory, calibrated, and pictures to score it on."""

    host: Host
    splices: Splices
    pictures: list[Picture]
    calibration: list[Picture]


def planted_run(pictures: int, calibration: int) -> Run:
    """`pictures` with labels of three classes; so many other pictures to calibrate on."""
    host, trained, spec = planted()
    others = drawn(calibration, seed=1)
    labelled = [
        replace(picture, label=f"n{i % 3:08d}") for i, picture in enumerate(drawn(pictures, seed=2))
    ]
    return Run(host, calibrated(host, compile_spec(spec, trained, host), others), labelled, others)


class PlantedTwice(NamedTuple):
    """As PlantedHost, with two circuits: `edge` at the site retina (10 channels, the last four of
    which are its units) and `curve` at planted.
    """

    host: Host
    trained: list[TrainedCircuit]
    specs: list[Spec]


EDGE_UNITS = tuple(
    TrainedUnit(unit=unit, centre_deg=centre_deg)
    for unit, centre_deg in zip((6, 7, 8, 9), (0, 60, 120, 250), strict=True)
)


def planted_twice(seed: int = 0) -> PlantedTwice:
    """A host with planted circuits at two sites.

    What is not planted at the second reads the planted units of the first, too.
    """
    specs = [
        theory_from_text(text, f"{name}.yaml")
        for name, text in (("edges", EDGES), ("planted", THEORY))
    ]
    sites = _sites(6 + len(EDGE_UNITS))
    draft = Host("planted", "0" * 64, nn.Identity(), INPUT, sites)
    kinds = (EDGE_UNITS, "edge", "retina"), (UNITS, "curve", SITE)
    circuits = [
        compile_theory(spec.theory, trained_circuit(draft, *kind), draft)
        for spec, kind in zip(specs, kinds, strict=True)
    ]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(
            PlantedRetina(circuits[0]), lambda: PlantedBehind(circuits[1], len(EDGE_UNITS))
        )
    host = host_from_module(network, "planted", sites, INPUT, [f"n{i:08d}" for i in range(CLASSES)])
    return PlantedTwice(host, [trained_circuit(host, *kind) for kind in kinds], specs)


class PlantedLate(NamedTuple):
    """A host whose units `late`, at "consumers", read its units of the planted family `curve` as
    the theory has it.
    """

    host: Host
    files: dict[str, Path]


def write_late(
    folder: Path,
    inhibited: bool = True,
    units: Sequence[TrainedUnit] = LATE,
    theories: tuple[str, str] = (THEORY, THEORY_OF_LATE),
    early: Sequence[TrainedUnit] = EVEN,
) -> PlantedLate:
    """The host, and the files of its two circuits; without inhibition its weights below 0 are left
    out. `theories` are of the family `curve` alone, whose units are `early`, and with `late` behind
    it.
    """
    host, bound, _ = planted(theories[0], early)
    host.module(SITE).bias.zero_()
    late = trained_circuit(host, units, "late", "consumers")
    curve, last = compile_spec(
        theory_from_text(theories[1]), late, host, bound={"curve": bound}
    ).layers
    kernel = (
        torch.einsum("uekl,ec->uckl", last.reads[0].weight, curve.reads[0].weight[:, :, 0, 0])
        / last.ideal
    )
    convolution, channels = host.module("consumers")[0], [unit.unit for unit in units]
    convolution.weight[channels], convolution.bias[channels] = (
        10 * (kernel if inhibited else kernel.clamp(min=0)).float(),
        -1.0,
    )
    files = {"early": folder / "curve.yaml", "late": folder / "late.yaml"}
    for circuit, file in zip((bound, late), files.values(), strict=True):
        dump_circuit(circuit, file)
    return PlantedLate(host, files)


def spliced_twice(turns_deg: Sequence[float], calibration: Sequence[Picture]) -> Spliced:
    """The theories of `planted_twice`, calibrated together; each one's units are turned."""
    host, trained, specs = planted_twice()
    turned, joint = [], []
    for spec, circuit, turn_deg in zip(specs, trained, turns_deg, strict=True):
        units = [
            unit.model_copy(update={"centre_deg": (unit.centre_deg + turn_deg) % 360})
            for unit in circuit.units
        ]
        turned.append(circuit.model_copy(update={"units": tuple(units)}))
        joint.append(calibrated(host, compile_spec(spec, turned[-1], host), calibration))
    return Spliced(specs, turned, host, joint)


def _sites(retina: int) -> dict[str, Site]:
    return {
        "retina": Site.on_grid("retina", "retina", retina, INPUT.size_px, INPUT.size_px, 1, 0),
        SITE: Site.on_grid(SITE, SITE, CHANNELS, CELLS, CELLS, STRIDE_PX, OFFSET_PX),
        "consumers": Site.on_grid(
            "consumers", "consumers", CONSUMERS, CELLS, CELLS, STRIDE_PX, OFFSET_PX
        ),
    }


class Retina(nn.Module):
    """ON and OFF cells: a layer before the planted one that keeps the whole picture."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(torch.cat([x, -x], 1))


class PlantedStage(nn.Module):
    """Random channels, some of them replaced by what the circuit says."""

    def __init__(self, circuit: HandwrittenCircuit):
        super().__init__()
        self.circuit, self.units = circuit, list(circuit.units)
        self.random = nn.Conv2d(3, CHANNELS, 7, STRIDE_PX)
        count = len(self.units)
        self.register_buffer("gain", torch.linspace(10.0, 40.0, count)[:, None, None])
        self.register_buffer("bias", torch.linspace(-0.3, 0.3, count)[:, None, None])
        # the host's fingerprint is of its tensors, so the theory's must be among them
        self.register_buffer(
            "weights",
            torch.cat(
                [read.weight.flatten() for layer in circuit.layers for read in layer.reads]
            ).float(),
        )

    def forward(self, retina: Tensor) -> Tensor:
        x = retina[:, :3] - retina[:, 3:]
        out = F.relu(self.random(x)).clone()  # or a gradient could not pass what is written into it
        out[:, self.units] = F.relu(
            self.gain * drive(self.circuit, INPUT.decode(x), INPUT.mean_rgb) + self.bias
        )
        return out


class PlantedRetina(Retina):
    """A retina with the units of a circuit behind its own."""

    def __init__(self, circuit: HandwrittenCircuit):
        super().__init__()
        self.circuit = circuit
        self.register_buffer("gain", torch.linspace(2.0, 4.0, len(circuit.units))[:, None, None])
        self.register_buffer(
            "weights",
            torch.cat(
                [read.weight.flatten() for layer in circuit.layers for read in layer.reads]
            ).float(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(
            [
                super().forward(x),
                F.relu(self.gain * drive(self.circuit, INPUT.decode(x), INPUT.mean_rgb)),
            ],
            1,
        )


class PlantedBehind(PlantedStage):
    """A planted stage after a PlantedRetina; all other channels read the retina's planted units."""

    def __init__(self, circuit: HandwrittenCircuit, edges: int):
        super().__init__(circuit)
        self.others = [channel for channel in range(CHANNELS) if channel not in circuit.units]
        self.edges = nn.Conv2d(edges, len(self.others), 7, STRIDE_PX)
        with torch.no_grad():
            self.edges.weight *= LOUD**3  # hundreds of cells, of which the most are silent

    def forward(self, retina: Tensor) -> Tensor:
        out = super().forward(retina[:, :6])
        out[:, self.others] = F.relu(out[:, self.others] + self.edges(retina[:, 6:]))
        return out


class LinkedStage(nn.Module):
    """A planted stage whose units have another link in place of their ReLU."""

    def __init__(self, stage: PlantedStage, link: Link):
        super().__init__()
        self.stage, self.link = stage, link

    def forward(self, retina: Tensor) -> Tensor:
        stage, x = self.stage, retina[:, :3] - retina[:, 3:]
        activation = stage(retina)
        activation[:, stage.units] = self.link(
            stage.gain * drive(stage.circuit, INPUT.decode(x), INPUT.mean_rgb) + stage.bias
        )
        return activation


def linked_host(toy: PlantedHost, link: Link) -> Host:
    """The planted host with another link before the activation of the planted units."""
    network = nn.Sequential()
    for name, stage in toy.host.network.named_children():
        network.add_module(name, LinkedStage(stage, link) if name == SITE else stage)
    sites = {**toy.host.sites, SITE: replace(toy.host.site(SITE), link=link.name)}
    return host_from_module(network, "planted", sites, INPUT, list(toy.host.classes))


class GreyRetina(Retina):
    """A retina of one channel, which it shows three times to what follows."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.expand(-1, 3, -1, -1))


def grey_host(toy: PlantedHost) -> Host:
    """The planted host on grey pictures."""
    network = nn.Sequential()
    for name, stage in toy.host.network.named_children():
        network.add_module(name, GreyRetina() if name == "retina" else stage)
    grey = PictureInput(INPUT.size_px, (115.0,) * 3, INPUT.scale_rgb, order="grey")
    return host_from_module(network, "grey", toy.host.sites, grey, list(toy.host.classes))


def mixed_host(toy: PlantedHost, matrix: Tensor) -> Host:
    """The planted host with its site mixed by an orthogonal matrix, which the next stage undoes.

    A channel of the planted host is here a direction, the matrix's column of that number.
    """

    def mixing(weight: Tensor) -> nn.Conv2d:
        stage = nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False)
        with torch.no_grad():
            stage.weight.copy_(weight[:, :, None, None])
        return stage

    stages = dict(toy.host.network.named_children())
    network = nn.Sequential()
    network.add_module("retina", stages["retina"])
    network.add_module(SITE, nn.Sequential(stages[SITE], mixing(matrix)))
    network.add_module("consumers", nn.Sequential(mixing(matrix.T), stages["consumers"]))
    network.add_module("head", stages["head"])
    return host_from_module(network, "planted", toy.host.sites, INPUT, list(toy.host.classes))


def mixed_units(
    toy: PlantedHost, matrix: Tensor, channels: Sequence[int] | None = None
) -> list[TrainedUnit]:
    """The planted units as the directions that these channels, by default theirs, have become."""
    channels = channels or [unit.unit for unit in toy.trained.units]
    return [
        unit.model_copy(update={"vector": tuple(matrix[:, channel].tolist())})
        for unit, channel in zip(toy.trained.units, channels, strict=True)
    ]


def _network(retina: nn.Module, planted_stage: Callable[[], PlantedStage]) -> nn.Sequential:
    consumers, head = (
        nn.Conv2d(CHANNELS, CONSUMERS, 3, padding=1),
        nn.Linear(CONSUMERS * 9, CLASSES),
    )
    stage = planted_stage()
    with torch.no_grad():
        consumers.weight[:, stage.units] *= LOUD
        head.weight *= LOUD
        head.bias.zero_()
    network = nn.Sequential()
    network.add_module("retina", retina)
    network.add_module(SITE, stage)
    network.add_module("consumers", nn.Sequential(consumers, nn.ReLU()))
    network.add_module("head", nn.Sequential(nn.AdaptiveAvgPool2d(3), nn.Flatten(), head))
    with torch.no_grad():
        head.bias -= network(batch(drawn(6, seed=0), INPUT)).mean(
            0
        )  # no class wins on every picture
    return network


class Whole(nn.Module):
    """The planted network as no plain `nn.Sequential`; on all calls but the first its planted stage
    runs `times`.
    """

    def __init__(self, host: Host, times: int = 1):
        super().__init__()
        self.stages, self.times, self.calls = (
            nn.ModuleDict(dict(host.network.named_children())),
            times,
            0,
        )

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        retina = self.stages["retina"](x)
        for _ in range(self.times if self.calls > 1 else 1):
            activation = self.stages[SITE](retina)
        if self.calls > 1 and not self.times:
            activation = torch.zeros(len(x), 12, 12, 12)
        return self.stages["head"](self.stages["consumers"](activation))
