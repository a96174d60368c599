"""Evaluation against the slow, plain path; its figures do not depend on batches; an interrupted run
goes on where it stopped.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.interrupted import stopped_at
from tests.planted import SITE, Run, planted_run
from workbench.cache import GIB, Cache, Kept, forget
from workbench.engine import _together
from workbench.evaluate import run as running
from workbench.evaluate.batches import Streaming, batch_name, donor_of, streamed
from workbench.evaluate.calibration import calibrated_each
from workbench.evaluate.groups import group_of
from workbench.evaluate.run import (
    evaluate,
    held_of,
    sampled_at_border,
    sampled_positions,
)
from workbench.evaluate.statistics import RANKED, RANKED_ROWS, SAMPLED, Statistics
from workbench.hosts import ClassOutput
from workbench.splice.network import SplicedNetwork
from workbench.vision.examples import chosen
from workbench.vision.pictures import Picture, batch
from workbench.work import Work

# logits and activations are float32 of size up to 20, summed in another order for another batch
FLOAT32 = 2e-4
EXACT = 1e-12  # float64 sums in another order
COUNT = 5  # pictures


@pytest.fixture(scope="module")
def run() -> Run:
    return planted_run(COUNT, 4)


@pytest.fixture(scope="module")
def whole(run) -> Statistics:
    return evaluate(run.host, [run.splices], run.pictures)


def same(a: Statistics, b: Statistics, tolerance: float) -> None:
    assert (a.names, a.sha256s, a.units) == (b.names, b.sha256s, b.units)
    assert a.peak == pytest.approx(b.peak, abs=tolerance)
    assert a.rows.keys() == b.rows.keys()
    for name, rows in a.rows.items():
        assert rows.keys() == b.rows[name].keys()
        for quantity, row in rows.items():
            scale = max(1.0, float(np.abs(row[np.isfinite(row)]).max(initial=0)))
            assert row == pytest.approx(
                b.rows[name][quantity], abs=tolerance * scale, nan_ok=True
            ), (name, quantity)


def test_equals_the_plain_path(run, whole):
    """Every condition on each picture alone, the whole host run from the pixels, and figures by
    their float64 formulas.
    """
    for i, picture in enumerate(run.pictures):
        x = batch([picture], run.host.input)
        donor = torch.tensor([int(picture.sha256[:12], 16) % run.splices.donors])
        with torch.inference_mode():
            p = run.host.network(x)[0].double().softmax(0).numpy()
            for name, condition in run.splices.conditions.items():
                q = (
                    SplicedNetwork(run.host, (run.splices.circuits, condition))(x, donor)[0]
                    .double()
                    .softmax(0)
                    .numpy()
                )
                rows = whole.rows[name]
                label = int(picture.label[1:])
                assert rows["kl"][i] == pytest.approx((p * np.log(p / q)).sum(), abs=FLOAT32), name
                assert rows["agreement"][i] == float(p.argmax() == q.argmax())
                assert rows["top1"][i] == float(q.argmax() == label)
                assert rows["top5"][i] == float(label in np.argsort(-q)[:5])


def test_every_splice_fired_and_natural_changes_nothing(whole):
    assert whole.rows["natural"]["kl"].tolist() == [0.0] * COUNT
    assert whole.rows["natural"]["changed"].tolist() == [0.0] * COUNT
    assert whole.rows["natural"]["consumer"].tolist() == [0.0] * COUNT
    for name, rows in whole.rows.items():
        if name != "natural":
            assert (rows["changed"] > 0).all(), name
    for name in ("ablated.zero", "ablated.mean", "control.permuted"):
        assert (whole.rows[name]["kl"] > 1e-3).all(), name


def test_zero_ablation_is_as_large_as_the_peak(whole):
    assert whole.rows["ablated.zero"]["changed"] == pytest.approx(whole.peak.max(1))


def test_of_many_pictures_fewer_cells_are_held_and_other_ones_of_each(run, whole, monkeypatch):
    monkeypatch.setattr("workbench.evaluate.run.RANKED_ROWS", 3 * COUNT + 1)
    statistics = evaluate(run.host, [run.splices], run.pictures, size=2)
    for name, rows in statistics.rows.items():
        of_all = whole.rows[name]["sample"]
        expected = [of_all[i, 3 * i : 3 * i + 3] for i in range(COUNT)]
        np.testing.assert_allclose(rows["sample"], expected, rtol=FLOAT32, atol=FLOAT32)
        np.testing.assert_allclose(
            rows["moments"], whole.rows[name]["moments"], rtol=FLOAT32, atol=FLOAT32
        )
    assert statistics.rows["natural"]["sample"].shape[1] == 3


@pytest.mark.parametrize(
    ("pictures", "cells"), [(1, SAMPLED), (500, SAMPLED), (1000, 16), (5000, 3), (50_000, 1)]
)
def test_the_samples_of_all_pictures_are_bounded(pictures, cells):
    row = np.zeros((2, SAMPLED, 3))
    held = held_of(
        {"spliced/sample": row, "spliced/kl": row, "ablated.zero/sample": row[:, :0]},
        SAMPLED - 1,
        pictures,
    )
    assert held["spliced/sample"].shape == (2, cells, 3)
    assert held["spliced/kl"] is row
    assert held["ablated.zero/sample"].shape == (2, 0, 3)


@pytest.mark.parametrize("pictures", [5, 1000])  # 1000: half of the sampled cells are held
def test_sampled_cells_at_the_border_are_those_that_are_held(run, pictures):
    site, sampled = run.host.site(SITE), sampled_positions(run.host, [run.splices], run.splices)
    cells = [divmod(position, site.width) for position in sampled]
    ends = [row in (0, site.height - 1) or column in (0, site.width - 1) for row, column in cells]
    batches = range(0, pictures, 5)
    rows = np.broadcast_to(np.array(ends)[None, :, None], (5, len(ends), 1))
    held = np.concatenate(
        [held_of({"spliced/sample": rows}, start, pictures)["spliced/sample"] for start in batches]
    )
    border = sampled_at_border(run.host, [run.splices], run.splices, pictures, held.shape[1])
    np.testing.assert_array_equal(border, held[:, :, 0])
    assert 0 < border.mean() < 0.6


def test_of_many_pictures_moments_are_sums_over_groups_and_each_ones_misses_stay(
    run, whole, monkeypatch
):
    monkeypatch.setattr("workbench.evaluate.groups.GROUPS", 2)
    statistics, groups = evaluate(run.host, [run.splices], run.pictures), group_of(np.arange(COUNT))
    assert set(groups) == {0, 1}
    for name, rows in statistics.rows.items():
        expected = [whole.rows[name]["moments"][groups == group].sum(0) for group in (0, 1)]
        np.testing.assert_allclose(rows["moments"], expected, rtol=EXACT)
        assert {
            quantity: row.tobytes() for quantity, row in rows.items() if quantity != "moments"
        } == {
            quantity: row.tobytes()
            for quantity, row in whole.rows[name].items()
            if quantity != "moments"
        }
    for unit in range(len(whole.units)):
        for kind in ("best", "worst"):
            assert chosen(statistics, unit, kind, 2) == chosen(whole, unit, kind, 2)


def test_sums_over_groups_are_the_same_to_the_bit_whatever_was_read_back(
    run, tmp_path, monkeypatch
):
    """Also where what is known stands behind what is not, and threads look ahead."""
    monkeypatch.setattr("workbench.evaluate.groups.GROUPS", 1)
    value = {
        picture.sha256: np.full((1, 1), number)
        for picture, number in zip(run.pictures, (1e16, 1.0, -1e16, 3.0, 1.0), strict=True)
    }

    def rows_of(few):
        return {"row": np.concatenate([value[picture.sha256] for picture in few])}

    def total(kept: Kept | None, engine=map) -> bytes:
        how = Streaming(kept=kept, engine=engine, size=1, summed=lambda quantity: True)
        return streamed(run.pictures, rows_of, how)["row"].tobytes()

    expected = total(None)
    for known in ([], [0, 1], [2, 4], [1, 2, 3, 4], range(COUNT)):
        for i, engine in enumerate((map, partial(_together, workers=4, threads=1))):
            kept = Kept(Cache(tmp_path / f"{len(known)}-{i}", GIB), "batches", "a run")
            for one in known:
                kept.write(batch_name([run.pictures[one]]), rows_of([run.pictures[one]]))
            assert total(kept, engine) == expected
            assert total(kept, engine) == expected


def test_what_is_held_hardly_grows_with_the_pictures():
    """Of 10 units and seven conditions, as `score` runs them."""
    units, names = 10, [*RANKED, *map(str, range(5))]

    def rows_of(few):
        single = {
            quantity: np.zeros(len(few))
            for quantity in ("kl", "agreement", "top1", "top5", "consumer", "changed")
        }
        rows = {f"{name}/{quantity}": row for name in names for quantity, row in single.items()}
        rows |= {
            f"{name}/sample": np.zeros((len(few), SAMPLED, units), np.float32) for name in RANKED
        }
        return rows | {f"{name}/moments": np.zeros((len(few), units, 6)) for name in names}

    def held(pictures: int) -> int:
        made = [Picture(str(i), str(i), None, lambda: None) for i in range(pictures)]
        how = Streaming(
            held=partial(held_of, pictures=pictures),
            summed=lambda quantity: quantity.endswith("/moments"),
        )
        return sum(row.nbytes for row in streamed(made, rows_of, how).values())

    few, many = RANKED_ROWS, RANKED_ROWS + 1600
    assert (held(many) - held(few)) / (
        many - few
    ) == 7 * 6 * 8 + 10 * 2 * 4 + 2 * 10 * 4  # bytes: figures, misses, sampled cells


def test_threads_compute_what_one_computes(run, tmp_path):
    """Cold and warm, calibrated by threads too: the same to the bit."""
    host = replace(run.host, reentrant=True)
    circuits = {name: run.splices.circuits[name] for name in ("spliced", "random")}

    def computed_by(engine, cache):
        work = Work(cache=cache, engine=engine)
        splices = calibrated_each(host, [circuits], run.calibration, work)
        return evaluate(host, splices, run.pictures, work, size=1)

    one, cache = computed_by(map, Cache(tmp_path / "one", GIB)), Cache(tmp_path / "threads", GIB)
    for _ in ("cold", "warm"):
        same(computed_by(partial(_together, workers=4, threads=1), cache), one, 0)


def test_sampled_cells_are_the_same_for_every_condition_and_picture(run, whole):
    x = batch(run.pictures, run.host.input)
    with torch.inference_mode():
        trained = (
            run.host.activations(x, "planted")["planted"][:, list(run.splices.units)]
            .flatten(2)
            .numpy()
        )
    sample = whole.rows["natural"]["sample"]
    assert sample.shape == (COUNT, SAMPLED, len(whole.units))
    cells = [
        int(np.abs(trained[:, :, :] - row[:, :, None]).max((0, 1)).argmin())
        for row in sample.swapaxes(0, 1)
    ]
    assert len(set(cells)) == SAMPLED
    assert sample == pytest.approx(trained[:, :, cells].swapaxes(1, 2), abs=FLOAT32)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_batches_do_not_matter(run, whole, size):
    same(evaluate(run.host, [run.splices], run.pictures, size=size), whole, FLOAT32)


def test_the_rows_of_batches_are_one_after_another(run):
    rows = streamed(
        run.pictures,
        lambda few: {"row": np.array([[run.pictures.index(picture), 1] for picture in few])},
        Streaming(size=2),
    )
    assert rows["row"].tolist() == [[i, 1] for i in range(COUNT)]


def test_the_order_of_pictures_does_not_matter(run, whole):
    turned = evaluate(run.host, [run.splices], run.pictures[::-1], size=2)
    for name, rows in whole.rows.items():
        assert turned.rows[name]["kl"][::-1] == pytest.approx(rows["kl"], abs=FLOAT32), name


def test_the_same_run_twice_is_the_same_to_the_last_bit(run, whole):
    same(evaluate(run.host, [run.splices], run.pictures), whole, 0)


def test_the_donor_is_known_from_the_picture(run):
    donor = donor_of(run.pictures, 4).tolist()
    assert donor == [int(picture.sha256[:12], 16) % 4 for picture in run.pictures]
    assert len(set(donor)) > 1


@pytest.mark.parametrize("label", [None, "n99999999"])
def test_without_a_known_label_accuracy_is_missing(run, label):
    unlabelled = [replace(picture, label=label) for picture in run.pictures[:2]]
    rows = evaluate(run.host, [run.splices], unlabelled).rows["spliced"]
    assert np.isnan([rows["top1"], rows["top5"]]).all()
    assert np.isfinite(rows["kl"]).all()


def test_a_host_without_classes_has_no_accuracies(run):
    """Labels are there, but nobody knows which output is which."""
    rows = evaluate(replace(run.host, output=ClassOutput()), [run.splices], run.pictures[:2]).rows[
        "natural"
    ]
    assert np.isnan([rows["top1"], rows["top5"]]).all()
    assert rows["agreement"].tolist() == [1.0, 1.0]


def test_progress_counts_pictures(run):
    steps: list[int] = []
    work = Work(stage=lambda name, total: steps.append if (name, total) == ("score", COUNT) else no)
    evaluate(run.host, [run.splices], run.pictures, work, size=2)
    assert steps == [2, 2, 1]


def no(steps: int) -> None:
    raise AssertionError("another stage")


@pytest.fixture
def computed(monkeypatch) -> list[int]:
    """The pictures of each batch whose rows are computed from now on."""
    sizes: list[int] = []
    plain = running._JointRun._computed

    def noted(self, pictures, wanted):
        sizes.append(len(pictures))
        return plain(self, pictures, wanted)

    monkeypatch.setattr(running._JointRun, "_computed", noted)
    return sizes


def of_a_command(folder: Path, limit: int = GIB) -> Cache:
    """A user's cache as a command has it, of `limit` bytes, with one for the unfinished run."""
    return Cache(folder / "user", limit, unfinished=Cache(folder / "unfinished", GIB, "run"))


@pytest.mark.parametrize("limit", [GIB, 1000], ids=["roomy", "full"])
def test_an_interrupted_run_goes_on_where_it_stopped(run, whole, tmp_path, computed, limit):
    """Also where nothing fits into the user's cache."""
    interrupted = Work(stage=stopped_at("score", 2), cache=of_a_command(tmp_path, limit))
    with pytest.raises(KeyboardInterrupt):
        evaluate(run.host, [run.splices], run.pictures, interrupted, size=2)
    assert computed == [2, 2]
    cache = of_a_command(tmp_path, limit)
    resumed = evaluate(run.host, [run.splices], run.pictures, Work(cache=cache), size=2)
    assert computed == [2, 2, 1]
    same(resumed, evaluate(run.host, [run.splices], run.pictures, size=2), FLOAT32)
    same(resumed, whole, FLOAT32)
    assert list((tmp_path / "unfinished" / "run").iterdir())
    forget(cache)
    assert not (tmp_path / "unfinished" / "run").exists()


def test_with_a_cache_for_the_run_alone_an_interrupted_run_goes_on_too(run, tmp_path, computed):
    """As a command has it that is told to ignore the cache."""
    interrupted = Work(stage=stopped_at("score", 2), cache=Cache(tmp_path, GIB, "run"))
    with pytest.raises(KeyboardInterrupt):
        evaluate(run.host, [run.splices], run.pictures, interrupted, size=2)
    cache = Cache(tmp_path, GIB, "run")
    resumed = evaluate(run.host, [run.splices], run.pictures, Work(cache=cache), size=2)
    assert computed == [2, 2, 1]
    same(resumed, evaluate(run.host, [run.splices], run.pictures, size=2), FLOAT32)


def test_without_a_cache_nothing_is_kept(run, computed):
    for _ in range(2):
        evaluate(run.host, [run.splices], run.pictures, size=2)
    assert computed == 2 * [2, 2, 1]


DAMAGES = {
    "cut short": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "one byte of a number": lambda content: content[:-9] + bytes([content[-9] ^ 64]) + content[-8:],
    "one byte of the header": lambda content: (
        content[:40] + bytes([content[40] ^ 1]) + content[41:]
    ),
    "something else": lambda content: b"no batch at all",
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_batch_is_computed_again(run, tmp_path, computed, name):
    cache = of_a_command(tmp_path, 1000)
    expected = evaluate(run.host, [run.splices], run.pictures[:3], Work(cache=cache), size=2)
    files = [path for path in (tmp_path / "unfinished").rglob("*") if path.is_file()]
    assert len(files) == 2
    files[0].write_bytes(DAMAGES[name](files[0].read_bytes()))
    again = evaluate(run.host, [run.splices], run.pictures[:3], Work(cache=cache), size=2)
    same(again, expected, 0)
    assert len(computed) == 3


def test_a_label_given_after_the_interrupt_counts(run, tmp_path):
    work = Work(cache=of_a_command(tmp_path))
    unlabelled = [replace(picture, label=None) for picture in run.pictures]
    evaluate(run.host, [run.splices], unlabelled, work)
    statistics = evaluate(run.host, [run.splices], run.pictures, work)
    assert np.isfinite(statistics.rows["spliced"]["top1"]).all()


def test_each_run_has_batches_of_its_own(run, tmp_path):
    """Their key depends on the host, the circuits, and what calibration fitted."""
    cache = of_a_command(tmp_path)
    other = replace(
        run.splices,
        circuits={
            "spliced": run.splices.circuits["random"],
            "random": run.splices.circuits["spliced"],
        },
    )
    spliced = run.splices.conditions["spliced"]
    refitted = replace(
        run.splices,
        conditions={**run.splices.conditions, "spliced": replace(spliced, gain=2 * spliced.gain)},
    )
    few = {name: run.splices.conditions[name] for name in ("natural", "spliced")}
    fewer = replace(run.splices, conditions=few)
    runs = [
        (run.host, [run.splices]),
        (replace(run.host, fingerprint="1" * 64), [run.splices]),
        (run.host, [other]),
        (run.host, [refitted]),
        (run.host, [fewer]),
        (run.host, [run.splices, other]),
    ]
    keys = [running._JointRun.of(host, joint, cache).unfinished.key for host, joint in runs]
    assert len(set(keys)) == len(keys)
    assert running._JointRun.of(run.host, [run.splices], cache).unfinished.key == keys[0]
