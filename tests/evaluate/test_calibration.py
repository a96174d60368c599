"""Whatever is calibrated, is calibrated on a host that was checked."""

import copy
from dataclasses import replace

import pytest
import torch

from tests.planted import PlantedHost, planted
from workbench.cache import GIB, Cache
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import calibrated, calibrated_each, checked
from workbench.hosts import Host
from workbench.splice.check import FLOAT32
from workbench.vision.pictures import Picture
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work


@pytest.fixture(scope="module")
def toy() -> PlantedHost:
    return planted()


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return drawn(3, seed=1)


def noisy(host: Host) -> Host:
    """The host with noise after its second site."""
    network = copy.deepcopy(host.network)
    network.get_submodule("consumers").register_forward_hook(
        lambda module, inputs, output: output + 0.1 * torch.rand_like(output)
    )
    return replace(host, network=network)


def test_calibrated_noisy_host_raises(toy, pictures):
    circuit = compile_spec(toy.spec, toy.trained, toy.host)
    with pytest.raises(WorkbenchError, match=r"again, give others at site consumers \(module"):
        calibrated(noisy(toy.host), circuit, pictures)


def test_calibrated_each_planted_host_has_the_check(toy, pictures, tmp_path):
    theories = [{"spliced": compile_spec(toy.spec, toy.trained, toy.host)}] * 2
    work = Work(cache=Cache(tmp_path, GIB))
    joint = calibrated_each(toy.host, theories, pictures, work)
    for splices in joint:
        assert list(splices.check) == ["repeated", "alone", "spliced"]
        assert max(splices.check.values()) <= FLOAT32
    assert checked(toy.host, theories, pictures, work) == joint[0].check


def test_checked_without_pictures_is_empty(toy):
    assert checked(toy.host, [], []) == {}
