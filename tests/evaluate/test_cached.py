"""With a cache, cold and warm, the figures are those of the plain path; only what an edit changed
runs again.
"""

import copy
from collections import OrderedDict
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from tests.interrupted import stopped_at
from tests.planted import SITE, PlantedHost, planted
from workbench.cache import Cache, kinds
from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.evaluate import run as running
from workbench.evaluate.calibration import stream_inputs
from workbench.evaluate.keys import condition_keys
from workbench.evaluate.run import evaluate
from workbench.evaluate.statistics import Statistics
from workbench.hosts import ClassOutput, Host, NoOutput
from workbench.splice.calibrate import Splices, calibrate, with_random_readout
from workbench.splice.conditions import Condition, Handwritten, Mean, zero
from workbench.splice.inputs import ALL_CIRCUITS, Wanted, joint_inputs
from workbench.splice.natural import Part
from workbench.splice.network import SplicedNetwork, spliced_from
from workbench.vision.pictures import Picture, batch
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

# logits and activations are float32 of size up to 20, summed in another order for another batch
FLOAT32 = 2e-4
# float64 sums of thousands of terms up to 20, in another order: a single product in float32 would
# be off by more
FLOAT64 = 1e-11
COUNT = 5
GIB = 1 << 30
OF_THE_CIRCUIT = {"spliced", "control.permuted", "control.flipped"}


class Run(NamedTuple):
    toy: PlantedHost
    circuits: dict[str, HandwrittenCircuit]
    calibration: list[Picture]
    pictures: list[Picture]

    def splices(self, cache: Cache | None = None, host: Host | None = None) -> Splices:
        host = host or self.toy.host
        return calibrate(
            self.circuits, stream_inputs(host, self.circuits, self.calibration, Work(cache=cache))
        )


@pytest.fixture(scope="module")
def run() -> Run:
    toy = planted()
    circuits = {"spliced": compile_spec(toy.spec, toy.trained, toy.host)}
    circuits["random"] = with_random_readout(circuits["spliced"], 0)
    pictures = [
        replace(picture, label=f"n{i % 3:08d}") for i, picture in enumerate(drawn(COUNT, seed=2))
    ]
    return Run(toy, circuits, drawn(4, seed=1), pictures)


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path, GIB)


def edited(run: Run, share: float = 1.0) -> Run:
    """The spec after an edit: other weights of the last layer of the theory's circuit; its control
    is not touched.
    """
    circuit = run.circuits["spliced"]
    last = circuit.layers[-1]
    reads = tuple(
        replace(read, weight=read.weight + share * read.weight.roll(1, 2)) for read in last.reads
    )
    return run._replace(
        circuits={
            **run.circuits,
            "spliced": replace(circuit, layers=(*circuit.layers[:-1], replace(last, reads=reads))),
        }
    )


def same(a: Statistics, b: Statistics, tolerance: float) -> None:
    assert list(a.rows) == list(b.rows)
    np.testing.assert_allclose(a.peak, b.peak, atol=tolerance)
    for name, rows in a.rows.items():
        assert rows.keys() == b.rows[name].keys()
        for quantity, row in rows.items():
            scale = max(1.0, float(np.abs(row[np.isfinite(row)]).max(initial=0)))
            np.testing.assert_allclose(
                row,
                b.rows[name][quantity],
                rtol=0,
                atol=tolerance * scale,
                err_msg=f"{name} {quantity}",
            )


class Counted:
    """Counts runs of the trained prefix and of the suffix, and lists the conditions that were
    computed.
    """

    def __init__(self, monkeypatch, host: Host):
        self.prefix, self.suffix, self.conditions = 0, 0, []
        host.network.get_submodule("retina").register_forward_hook(lambda *_: self._count("prefix"))
        host.network.get_submodule("consumers").register_forward_hook(
            lambda *_: self._count("suffix")
        )
        plain = running._JointRun._computed

        def computed(run, pictures, wanted):
            self.conditions.append(set(wanted))
            return plain(run, pictures, wanted)

        monkeypatch.setattr(running._JointRun, "_computed", computed)

    def _count(self, what: str) -> None:
        setattr(self, what, getattr(self, what) + 1)

    def taken(self) -> tuple[int, int, list]:
        counts = self.prefix, self.suffix, self.conditions
        self.prefix, self.suffix, self.conditions = 0, 0, []
        return counts


def test_cold_and_warm_are_the_plain_path(run, cache):
    plain = evaluate(run.toy.host, [run.splices()], run.pictures)
    cold = evaluate(run.toy.host, [run.splices(cache)], run.pictures, Work(cache=cache))
    warm = evaluate(run.toy.host, [run.splices(cache)], run.pictures, Work(cache=cache))
    same(cold, plain, FLOAT32)
    same(warm, cold, 0)
    assert (
        plain.rows["spliced"]["kl"].mean() < plain.rows["control.permuted"]["kl"].mean() / 2
    )  # the figures tell right from wrong


def test_after_an_edit_of_the_spec_the_figures_are_those_of_the_plain_path(run, cache):
    evaluate(run.toy.host, [run.splices(cache)], run.pictures, Work(cache=cache))
    after = edited(run)
    warm = evaluate(run.toy.host, [after.splices(cache)], run.pictures, Work(cache=cache))
    same(warm, evaluate(run.toy.host, [after.splices()], run.pictures), FLOAT32)
    before = evaluate(run.toy.host, [run.splices()], run.pictures)
    assert np.abs(warm.rows["spliced"]["kl"] - before.rows["spliced"]["kl"]).max() > 100 * FLOAT32


def pooled_after(host: Host) -> Host:
    """The toy in float64, a ReLU in place and a pool after its planted site, as published networks
    have them.
    """
    stages = dict(copy.deepcopy(host.network).named_children())
    after = {
        "relu": nn.ReLU(inplace=True),
        "pool": nn.MaxPool2d(2),
        "upsampled": nn.Upsample(scale_factor=2),
    }
    order = {
        "retina": stages["retina"],
        SITE: stages[SITE],
        **after,
        "consumers": stages["consumers"],
        "head": stages["head"],
    }
    return replace(host, network=nn.Sequential(OrderedDict(order)).double().eval())


def test_in_float64_what_is_kept_gives_the_plain_path_to_rounding(run, cache):
    """Kept one by one, taken together; the suffix after the pushed splice point against the whole
    network with a hook.
    """
    host = pooled_after(run.toy.host)
    x, donor = batch(run.pictures, host.input).double(), torch.arange(COUNT)
    circuits, order = (
        {"spliced": run.circuits["spliced"]},
        torch.arange(len(run.circuits["spliced"].units)).roll(1),
    )
    handwritten = Handwritten(
        "spliced",
        torch.full((len(order),), 20.0).double(),
        torch.full((len(order),), -0.1).double(),
        order,
    )
    with torch.inference_mode():
        for i in range(COUNT):
            wanted = Wanted(more=(Part("pushed", SITE),))
            joint_inputs(host, [circuits], x[i : i + 1], donor[i : i + 1], wanted, cache)
        wanted = Wanted(more=(Part("pushed", SITE), Part("site", SITE)))
        here, seen = joint_inputs(host, [circuits], x, donor, wanted, cache)
        whole, channels = seen[Part("site", SITE)], [4, 1]
        assert seen[Part("pushed", SITE)].shape[2:] == (6, 6)
        assert torch.equal(
            host.push(SITE, whole[:, channels]), seen[Part("pushed", SITE)][:, channels]
        )
        for condition in (zero, handwritten):
            logits, _ = spliced_from(host, x, here, [condition(here[0])], seen)
            plain = SplicedNetwork(host, (circuits, condition))(x, donor)
            assert plain.dtype == torch.float64
            torch.testing.assert_close(logits, plain, rtol=0, atol=FLOAT64)
            assert (plain - host.network(x)).abs().max() > 0.1


def test_after_an_edit_only_its_own_circuit_and_a_suffix_for_each_changed_condition_run(
    run, cache, monkeypatch
):
    toy = planted()
    run = run._replace(toy=toy)
    splices = run.splices(cache)
    counted = Counted(monkeypatch, toy.host)
    evaluate(toy.host, [splices], run.pictures, Work(cache=cache))
    prefix, suffix, conditions = counted.taken()
    assert (prefix, suffix, conditions) == (1, len(splices.conditions), [set(splices.conditions)])
    evaluate(toy.host, [splices], run.pictures, Work(cache=cache))
    assert counted.taken() == (0, 0, [])
    changed = edited(run).splices(cache)
    assert counted.taken() == (0, 0, [])  # what calibration saw of the host was kept too
    evaluate(toy.host, [changed], run.pictures, Work(cache=cache))
    changed_conditions = OF_THE_CIRCUIT | {"control.other_picture"}
    assert counted.taken() == (0, len(changed_conditions), [changed_conditions])


def test_a_subclass_of_a_condition_is_not_cached_as_its_parent(run, cache):
    class Doubled(Handwritten):
        def __call__(self, inputs):
            return 2 * super().__call__(inputs)

    class Halved(Mean):
        def __call__(self, inputs):
            return super().__call__(inputs) / 2

    splices = run.splices()
    spliced, mean = splices.conditions["spliced"], splices.conditions["ablated.mean"]
    assert (spliced.circuits, mean.circuits) == ({"spliced"}, frozenset())
    for condition in (Doubled(**vars(spliced)), Halved(**vars(mean))):
        assert condition.fitted_parameters() is None
        assert "own" not in condition_keys(
            run.toy.host, [replace(splices, conditions={**splices.conditions, "own": condition})]
        )


def test_each_thing_that_a_row_depends_on_is_in_its_key(run, cache):
    splices = run.splices()
    known = condition_keys(run.toy.host, [splices])
    assert set(known) == set(splices.conditions)
    assert len(set(known.values())) == len(known)
    units = replace(run.circuits["spliced"], units=run.circuits["spliced"].units[::-1])
    changes = {
        "host": (replace(run.toy.host, fingerprint="1" * 64), splices),
        "classes": (replace(run.toy.host, output=ClassOutput()), splices),
        "output": (replace(run.toy.host, output=NoOutput()), splices),
        "source": (replace(run.toy.host, source="another recipe"), splices),
        "input": (replace(run.toy.host, input=replace(run.toy.host.input, order="BGR")), splices),
        "units": (run.toy.host, replace(splices, circuits={**splices.circuits, "spliced": units})),
        "donors": (run.toy.host, replace(splices, donors=splices.donors + 1)),
    }
    for name, (host, other) in changes.items():
        assert not set(condition_keys(host, [other]).values()) & set(known.values()), name
    renamed = replace(run.circuits["spliced"], theory="another", facts={"spec": "another"})
    assert (
        condition_keys(
            run.toy.host, [replace(splices, circuits={**splices.circuits, "spliced": renamed})]
        )
        == known
    )


def test_a_label_given_later_counts(run, cache):
    splices = run.splices()
    evaluate(
        run.toy.host,
        [splices],
        [replace(picture, label=None) for picture in run.pictures],
        Work(cache=cache),
    )
    assert np.isfinite(
        evaluate(run.toy.host, [splices], run.pictures, Work(cache=cache)).rows["spliced"]["top1"]
    ).all()


def test_a_condition_of_a_users_own_class_is_never_kept(run, cache):
    asked: list[int] = []

    class Mine(Condition):
        def __call__(self, inputs):
            asked.append(len(inputs.trained))
            return torch.zeros_like(inputs.trained)

    mine = Mine(name="mine")
    assert mine.circuits is ALL_CIRCUITS
    splices = run.splices()
    splices = replace(splices, conditions={**splices.conditions, "mine": mine})
    for _ in range(2):
        evaluate(run.toy.host, [splices], run.pictures, Work(cache=cache))
    assert asked == [COUNT, COUNT]


def test_damaged_entries_are_computed_again(run, cache):
    splices = run.splices(cache)
    expected = evaluate(run.toy.host, [splices], run.pictures, Work(cache=cache))
    for file in cache.folder.rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:-1])
    same(
        evaluate(
            run.toy.host, [run.splices(cache)], run.pictures, Work(cache=Cache(cache.folder, GIB))
        ),
        expected,
        FLOAT32,
    )


def test_an_interrupted_run_goes_on(run, cache, monkeypatch):
    toy = planted()
    splices = run.splices(cache)
    interrupted = Work(stage=stopped_at("score", 2), cache=cache)
    counted = Counted(monkeypatch, toy.host)
    with pytest.raises(KeyboardInterrupt):
        evaluate(toy.host, [splices], run.pictures, interrupted, size=2)
    assert counted.taken()[0] == 2
    statistics = evaluate(toy.host, [splices], run.pictures, Work(cache=cache), size=2)
    prefix, _, conditions = counted.taken()
    assert (prefix, conditions) == (1, [set(splices.conditions)])  # of the third batch alone
    same(statistics, evaluate(toy.host, [splices], run.pictures, size=2), FLOAT32)


def test_of_a_scored_picture_nothing_is_kept_that_only_calibration_reads(run, cache):
    evaluate(run.toy.host, [run.splices(cache)], run.pictures, Work(cache=cache))
    entries = {kind: count for kind, (count, _) in kinds(cache.folder).items()}
    assert entries["before"] == len(run.calibration)
    assert entries["units"] == len(run.calibration) + COUNT


class Features(nn.Module):
    def forward(self, x):
        return {"features": x}


def test_a_host_without_an_output_keeps_no_logits_and_need_not_give_a_tensor(run, cache):
    network = nn.Sequential(
        OrderedDict([*run.toy.host.network.named_children(), ("end", Features())])
    )
    host = replace(run.toy.host, network=network, output=NoOutput())
    plain = evaluate(host, [run.splices(host=host)], run.pictures)
    for _ in range(2):
        statistics = evaluate(host, [run.splices(cache, host)], run.pictures, Work(cache=cache))
        same(statistics, plain, FLOAT32)
    assert np.isnan(plain.rows["spliced"]["kl"]).all()
    assert plain.rows["ablated.zero"]["consumer"].min() > 0
    assert "logits" not in kinds(cache.folder)


def test_a_full_cache_changes_nothing(run, tmp_path):
    small = Cache(tmp_path, 100_000)
    splices = run.splices(small)
    same(
        evaluate(run.toy.host, [splices], run.pictures, Work(cache=small)),
        evaluate(run.toy.host, [run.splices()], run.pictures),
        FLOAT32,
    )
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) <= 100_000
