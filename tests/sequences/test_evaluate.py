"""Batches of prompts that are computed at once, against one after the other."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from tests.sequences.planted import copying_circuit, copying_spec, planted_host
from workbench.sequences import evaluate
from workbench.sequences.evaluate import evaluate_parts
from workbench.sequences.parts import parts_of
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.subject import sites_read, subject_of
from workbench.work import Work


def at_once(function, items):
    """An engine that computes all items at once."""
    with ThreadPoolExecutor(4) as pool:
        yield from pool.map(function, items)


def one_by_one(function, items):
    return map(function, items)


def test_batches_that_are_computed_at_once_have_the_same_rows(monkeypatch):
    monkeypatch.setattr(evaluate, "BATCH", 8)
    host = planted_host()
    circuit = copying_circuit(host)
    prompts = prompts_of(circuit.prompts, host)
    with torch.no_grad():
        subject = subject_of(copying_spec(), circuit, host, prompts, 0)
        parts = parts_of(subject)
    seen: list[int] = []

    def stage(name, total):
        return seen.append

    first, second = (
        evaluate_parts(
            subject.host,
            parts,
            prompts.scored,
            sites_read(subject.written),
            Work(stage=stage, engine=engine),
            subject.run,
        )
        for engine in (one_by_one, at_once)
    )
    assert seen == [8] * 5 * 2
    for before, after in zip(first, second, strict=True):
        assert before.rows.keys() == after.rows.keys()
        for name, rows in before.rows.items():
            for quantity, values in rows.items():
                assert np.array_equal(values, after.rows[name][quantity], equal_nan=True)
        assert not np.array_equal(before.rows["spliced"]["kl"], before.rows["ablated.zero"]["kl"])
