"""Any module as a host: what is measured is right, what cannot be is refused."""

import threading
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

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


# ---- modules of every kind


class Small(nn.Module):
    """Stages `a` and `b`: a site, and logits."""

    def __init__(self, **fields):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU())
        self.b = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
        for name, value in fields.items():
            setattr(self, name, value)

    def forward(self, x):
        return self.b(self.a(x))


class TrainGivesNothing(Small):
    def train(self, mode=True):
        super().train(mode)


class AlwaysTrains(Small):
    def train(self, mode=True):
        return super().train(True)


class Extra(Small):
    """A module with extra state."""

    def get_extra_state(self):
        return self.state

    def set_extra_state(self, state):
        self.state = state


class InHalf(Small):
    def forward(self, x):
        return super().forward(x.half()).float()


class NoGrad(Small):
    forward = torch.no_grad()(Small.forward)


class OneAtATime(Small):
    def forward(self, x):
        return self.b[2](self.b[0](self.a(x)).view(1, -1))


class FourAtLeast(Small):
    def forward(self, x):
        assert len(x) >= 4, "four pictures please"
        return super().forward(x)


class TwoArguments(Small):
    def forward(self, x, target):
        return super().forward(x)


class Raises(Small):
    def forward(self, x):
        raise self.error


class Complex(Small):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, dtype=torch.complex64)

    def forward(self, x):
        return self.b(self.a(x.to(torch.complex64)).abs())


def changed(change: Callable[[Small], object], run: bool = False) -> Small:
    """A small module that `change` has changed in place, and that has then run if asked to."""
    module = Small()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the older weight_norm is deprecated
        change(module)
    if run:
        module(torch.zeros(1, 3, 32, 32))
    return module


def with_transposed_weight(module: Small) -> None:
    weight = torch.randn(3, 8, 3, 3).transpose(0, 1)
    module.a[0].weight = nn.Parameter(weight)
    module.same = module.a


TAKEN = {
    "train() gives nothing": TrainGivesNothing,
    "extra state": lambda: Extra(state={"version": 1}),
    "extra tensor": lambda: Extra(state=torch.ones(2)),
    "sparse buffer": lambda: changed(lambda m: m.register_buffer("s", torch.eye(3).to_sparse())),
    "no gradients": NoGrad,
    "new weight_norm": lambda: changed(lambda m: parametrizations.weight_norm(m.a[0])),
    "shared, not contiguous": lambda: changed(with_transposed_weight),
}
REFUSED = {
    "half": (lambda: Small().half(), r"weights are torch.float16. Give network.float\(\)"),
    "bfloat16": (lambda: Small().bfloat16(), r"weights are torch.bfloat16. Give network.float\(\)"),
    "double": (lambda: Small().double(), r"weights are torch.float64. Give network.float\(\)"),
    "half within": (lambda: InHalf().half(), "site a: its submodule gives torch.float16"),
    "complex": (Complex, "gives torch.complex64.* Name a submodule with real values"),
    "lock": (lambda: Small(lock=threading.Lock()), "cannot be copied: TypeError.* such as locks"),
    "activation": (
        lambda: Small(seen=Small()(torch.zeros(1, 3, 32, 32))),
        "cannot be copied: RuntimeError.* Delete what it keeps from earlier runs",
    ),
    "old weight_norm": (
        lambda: changed(lambda m: nn.utils.weight_norm(m.a[0])),
        "cannot be copied.*remove_weight_norm",
    ),
    "old spectral_norm": (
        lambda: changed(lambda m: nn.utils.spectral_norm(m.a[0]), run=True),
        "cannot be copied.*remove_spectral_norm",
    ),
    "pruned": (
        lambda: changed(lambda m: prune.l1_unstructured(m.a[0], "weight", 0.5)),
        "cannot be copied.*prune.remove",
    ),
    "always trains": (AlwaysTrains, "in training mode after .* super\\(\\).train\\(mode\\)"),
    "extra object": (lambda: Extra(state={"a": object()}), "_extra_state has no fingerprint"),
    "one at a time": (OneAtATime, "does not take 2 inputs at a time.* keep its first axis"),
    "four at least": (FourAtLeast, "AssertionError: four pictures please.* of any size"),
    "two arguments": (TwoArguments, "TypeError: .*'target'. Its forward must take one tensor"),
    "ValueError": (lambda: Raises(error=ValueError("four channels")), "ValueError: four channels"),
    "KeyError": (lambda: Raises(error=KeyError("a")), "does not take an input .*KeyError: 'a'"),
    "traced": (
        lambda: torch.jit.trace(Small().eval(), torch.zeros(1, 3, 32, 32)),
        "its module is scripted .* Give the module that was scripted",
    ),
    "meta": (lambda: Small().to("meta"), "on the device meta, without values"),
    "lazy": (
        lambda: changed(lambda m: setattr(m, "b", nn.Sequential(nn.Flatten(), nn.LazyLinear(5)))),
        "its parameter b.1.weight has no shape yet. Run the network once",
    ),
    "parallel": (lambda: nn.DataParallel(Small()), "spreads its batches .* Give its `.module`"),
    "compiled": (lambda: torch.compile(Small()), "is compiled .* `._orig_mod`"),
    "function": (lambda: torch.relu, "a builtin_function_or_method; expected a torch.nn.Module"),
}  # fmt: skip


@pytest.mark.parametrize("make", TAKEN.values(), ids=TAKEN.keys())
def test_host_from_module_of_an_ordinary_module_answers_as_it_does(make):
    torch.manual_seed(0)
    module = make()
    host = host_from_module(module, "mine", {"a": "a"}, INPUT)
    assert host.sites == {"a": Site.on_grid("a", "a", 8, 16, 16, 2, 0)}
    x = torch.randn(2, 3, 32, 32)
    module.eval()
    torch.testing.assert_close(host.run(x, "a")[0], module(x))


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch", "ignore:.*non-leaf:UserWarning")
@pytest.mark.parametrize(("make", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_host_from_module_of_any_other_module_is_refused(make, problem):
    with pytest.raises(WorkbenchError, match=problem):
        host_from_module(make(), "mine", {"a": "a"}, INPUT)


def test_host_from_module_of_a_quantised_module_is_refused():
    quantised = pytest.importorskip("torch.ao.nn.quantized")
    network = nn.Sequential(Small(), quantised.ReLU6())
    with pytest.raises(
        WorkbenchError, match=r"submodule 1 is quantised .* before it was quantised"
    ):
        host_from_module(network, "mine", {"a": "0.a"}, INPUT)


def test_host_from_module_error_of_the_users_forward_is_its_cause():
    raised = KeyError("a")
    with pytest.raises(WorkbenchError) as error:
        host_from_module(Raises(error=raised), "mine", {"a": "a"}, INPUT)
    assert error.value.__cause__ is not None
    assert repr(error.value.__cause__) == repr(raised)


def test_state_fingerprint_extra_state_and_sparse_values_count():
    torch.manual_seed(0)
    module = Extra(state={"version": 1, "name": "a"})
    module.register_buffer("s", torch.eye(3).to_sparse())
    prints = {state_fingerprint(module)}
    module.state = {"name": "a", "version": 1}
    assert {state_fingerprint(module)} == prints  # the order of keys does not count
    module.state = {"version": 2, "name": "a"}
    prints.add(state_fingerprint(module))
    module.s = (2 * torch.eye(3)).to_sparse()
    prints.add(state_fingerprint(module))
    assert len(prints) == 3


def test_host_from_module_values_below_zero_need_a_declared_link():
    with pytest.raises(WorkbenchError, match=r'site a: its activation falls to -.*"identity"'):
        host_from_module(Small(), "mine", {"a": "a.0"}, INPUT)
    for link in ("identity", "relu"):
        host = host_from_module(Small(), "mine", {"a": "a.0"}, INPUT, links={"a": link})
        assert host.site("a").link == link
    declared = Site.on_grid("a", "a.0", 8, 16, 16, 2, 0)
    assert host_from_module(Small(), "mine", {"a": declared}, INPUT).site("a") == declared
