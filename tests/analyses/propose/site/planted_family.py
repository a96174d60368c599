"""Random networks with and without a family: eight units that read oriented ones along an arc."""

import torch

from tests.planted import SITE, planted, trained_circuit
from workbench.compiler import compile_spec
from workbench.hosts import Host
from workbench.spec import TrainedUnit, theory_from_text

GABOR = """\
theory: oriented
families:
  curve:
    poses: from-circuit
    window_px: 15
    reads: {input: {kernel: gabor, wavelength_px: 8, sigma_px: 3, aspect: 0.7}}
"""
BENT = """\
theory: bent
families:
  curve:
    poses: {orientation_deg: {every: 22.5, over: 180}}
    stride_px: 8
    window_px: 15
    reads: {input: {kernel: gabor, wavelength_px: 8, sigma_px: 3, aspect: 0.7}}
  bent:
    poses: from-circuit
    window_px: 24
    reads:
      curve:
        - {along: arc, radius_px: 10, spread_px: 4, extent_px: 10, match: tangent, tolerance_deg: 20}
        - {along: outside, spread_px: 4, distance_px: 8, match: any, gain: -0.3}
"""  # noqa: E501
ORIENTED = tuple(
    TrainedUnit(unit=unit, centre_deg=22.5 * i) for i, unit in enumerate((0, 1, 3, 4, 6, 7, 9, 10))
)
FAMILY = tuple(
    TrainedUnit(unit=unit, centre_deg=10 + 45.0 * i)
    for i, unit in enumerate((1, 2, 4, 5, 9, 11, 13, 14))
)
PLANTED_AT, READ = "consumers", SITE


def network(seed: int, with_family: bool) -> Host:
    """A random network whose site READ has eight Gabor units of even phase.

    All of its units at PLANTED_AT read that site with random weights; `with_family`, those of
    FAMILY read the Gabors as BENT says.
    """
    host, oriented, _ = planted(GABOR, ORIENTED, seed=seed)
    stage = host.module(READ)
    stage.bias.zero_()
    stage.gain.fill_(20.0)
    if with_family:
        bent = trained_circuit(host, FAMILY, "bent", PLANTED_AT)
        spec = theory_from_text(BENT)
        above, last = compile_spec(spec, bent, host, bound={"curve": oriented}).layers
        kernel = torch.einsum(
            "uekl,ec->uckl", last.reads[0].weight, above.reads[0].weight[:, :, 0, 0]
        )
        convolution, units = host.module(PLANTED_AT)[0], [unit.unit for unit in FAMILY]
        with torch.no_grad():
            convolution.weight[units] = 10 * (kernel / last.ideal).float()
            convolution.bias[units] = -1.0
    return host
