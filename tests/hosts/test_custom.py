"""Any module as a host: what is measured is right, what cannot be is refused."""

import pytest
import torch
from torch import nn

from tests.conftest import tiny_network
from workbench.errors import WorkbenchError
from workbench.hosts import PictureInput, Site, host_from_module
from workbench.hosts.frozen import state_fingerprint
from workbench.hosts.grid import Spacing, measure_grid, receptive_field_px

INPUT = PictureInput(size_px=32, mean_rgb=(0.0, 0.0, 0.0))


def conv(kernel: int, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    return nn.Conv2d(3, 3, kernel, stride, padding)


@pytest.mark.parametrize(
    ("layers", "stride_px", "offset_px"),
    [
        ([conv(1)], 1, 0),
        ([conv(3)], 1, 1),
        ([conv(3, padding=1)], 1, 0),
        ([conv(3, stride=2)], 2, 1),
        ([conv(7, stride=2, padding=3)], 2, 0),
        ([conv(7, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2)], 4, 5),
        ([conv(3, stride=2, padding=1), nn.MaxPool2d(3, 2, padding=1), conv(5, padding=2)], 4, 0),
    ],
)
def test_grids_by_hand(layers, stride_px, offset_px):
    assert measure_grid(nn.Sequential(*layers), 64) == Spacing(stride_px, offset_px)


def test_a_field_larger_than_the_picture_is_measured_on_a_larger_one():
    deep = nn.Sequential(*[conv(9, padding=4) for _ in range(10)])
    assert measure_grid(deep, 32) == Spacing(1, 0)


@pytest.mark.parametrize(
    ("layers", "field_px"),
    [
        ([conv(1)], 1),
        ([conv(3, padding=1)], 3),
        ([conv(7, stride=2), nn.MaxPool2d(3, 2)], 11),
        ([conv(3, stride=2), conv(5, 2), conv(3)], 19),
    ],
)
def test_receptive_fields_by_hand(layers, field_px):
    assert receptive_field_px(nn.Sequential(*layers), 64) == field_px


@pytest.mark.parametrize("site", ["block3.depthwise", "block5.expand", "block6.depthwise"])
def test_efficientnets_declared_grids_are_the_measured_ones(efficientnet_lite0, site):
    declared = efficientnet_lite0.site(site)
    measured = measure_grid(
        lambda x: efficientnet_lite0.activations(x, site)[site], efficientnet_lite0.input.size_px
    )
    assert measured == Spacing(declared.stride_px, declared.offset_px)


@pytest.mark.shared
@pytest.mark.parametrize("site", ["stage1_unit1.spatial", "stage2_unit1.spatial"])
def test_the_trunks_declared_grids_are_the_measured_ones(resnet50v2_trunk, site):
    declared = resnet50v2_trunk.site(site)
    measured = measure_grid(
        lambda x: resnet50v2_trunk.activations(x, site)[site], resnet50v2_trunk.input.size_px
    )
    assert measured == Spacing(declared.stride_px, declared.offset_px)


@pytest.mark.parametrize("site", ["conv1", "fire5", "fire9"])
def test_squeezenets_declared_grids_are_the_measured_ones(squeezenet, site):
    declared = squeezenet.site(site)
    measured = measure_grid(
        lambda x: squeezenet.activations(x, site)[site], squeezenet.input.size_px
    )
    assert measured == Spacing(declared.stride_px, declared.offset_px)


@pytest.mark.inceptionv1
@pytest.mark.parametrize("site", ["conv2d0", "mixed3b"])
def test_inceptionv1s_declared_grids_are_the_measured_ones(inceptionv1, site):
    declared = inceptionv1.site(site)
    measured = measure_grid(
        lambda x: inceptionv1.activations(x, site)[site], inceptionv1.input.size_px
    )
    assert measured == Spacing(declared.stride_px, declared.offset_px)


def test_sites_and_copy():
    module = tiny_network().train()
    host = host_from_module(
        module,
        "tiny",
        {"first": "0", "relu": "1.1", "third": "2"},
        INPUT,
        classes=["n1", "n2", "n3", "n4", "n5"],
    )
    assert host.sites == {
        "first": Site.on_grid("first", "0", 8, 16, 16, 2, 0),
        "relu": Site.on_grid("relu", "1.1", 12, 16, 16, 2, 0),
        "third": Site.on_grid("third", "2", 16, 8, 8, 4, 0),
    }
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert not host.network.training
    assert not any(parameter.requires_grad for parameter in host.network.parameters())
    with torch.no_grad():
        module[0][0].weight.zero_()
    assert host.network[0][0].weight.abs().max() > 0


def test_the_fingerprint_is_that_of_the_weights():
    network = tiny_network(seed=0)
    assert state_fingerprint(network) == state_fingerprint(tiny_network(seed=0))
    assert state_fingerprint(network) != state_fingerprint(tiny_network(seed=1))
    with torch.no_grad():
        network[2][0].bias[3] += 1e-6
    assert state_fingerprint(network) != state_fingerprint(tiny_network(seed=0))


def test_every_problem_at_once():
    with pytest.raises(WorkbenchError) as error:
        host_from_module(tiny_network(), "tiny", {"a": "0.7", "b": "nine"}, INPUT)
    assert "host tiny: site a: no submodule '0.7'. Did you mean '0.1'" in str(error.value)
    assert "site b: no submodule 'nine'" in str(error.value)


class Twice(nn.Module):
    """Runs one layer two times and gives its logits as a picture."""

    def __init__(self):
        super().__init__()
        self.layer = conv(3, padding=1)

    def forward(self, x):
        return self.layer(self.layer(x))


@pytest.mark.parametrize(
    ("module", "sites", "classes", "message"),
    [
        (
            Twice(),
            {"a": "layer"},
            None,
            r"site a: its submodule ran 2 times.*gives \(1, 3, 32, 32\) .*; expected logits",
        ),
        (
            tiny_network(),
            {"a": "3"},
            None,
            r"site a: its submodule gives \(1, 5\); expected one tensor n c h w",
        ),
        (tiny_network(), {"a": "0"}, ["n1"], r"1 classes are named; the network has 5 outputs"),
        (
            nn.Sequential(nn.Conv2d(1, 1, 1)),
            {"a": "0"},
            None,
            r"does not take an input of 3 x 32 x 32",
        ),
    ],
)
def test_what_is_no_host_is_refused(module, sites, classes, message):
    with pytest.raises(WorkbenchError, match=message):
        host_from_module(module, "odd", sites, INPUT, classes)


class Excited(nn.Module):
    """Squeeze and excitation: every cell sees the whole picture."""

    def __init__(self):
        super().__init__()
        self.layer, self.gate, self.head = (
            conv(3, stride=2, padding=1),
            nn.Identity(),
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        )

    def forward(self, x):
        y = self.layer(x)
        return self.head(self.gate(y * y.mean((2, 3), keepdim=True).sigmoid()))


def test_a_site_without_a_place_is_refused_unless_declared():
    with pytest.raises(
        WorkbenchError,
        match=r"site gated: its place .* cannot be measured: each cell sees the whole picture",
    ):
        host_from_module(
            Excited(), "excited", {"gated": "gate"}, INPUT, links={"gated": "identity"}
        )
    declared = Site.on_grid("gated", "gate", 3, 16, 16, 2, 0)
    assert host_from_module(Excited(), "excited", {"gated": declared}, INPUT).sites == {
        "gated": declared
    }
