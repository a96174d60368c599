"""Run the circuits over calibration pictures and fit their conditions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

import torch

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.evaluate.batches import BATCH, batches, donor_of, without_gradients
from workbench.evaluate.finite import refuse_inputs
from workbench.hosts.host import Host
from workbench.progress import Progress
from workbench.splice.calibrate import Splices, calibrate, with_random_readout
from workbench.splice.check import check_host
from workbench.splice.inputs import (
    EVERYTHING_TO_FIT,
    ConditionInputs,
    Wanted,
    condition_inputs,
)
from workbench.splice.link import link_of
from workbench.vision.pictures import Picture
from workbench.work import Work

Circuits = Mapping[str, HandwrittenCircuit]


def stream_inputs(
    host: Host,
    circuits: Circuits,
    pictures: Sequence[Picture],
    work: Work = Work(),  # noqa: B008 (frozen)
    wanted: Wanted = EVERYTHING_TO_FIT,
    progress: Progress | None = None,
) -> Iterator[ConditionInputs]:
    """The inputs of each batch of pictures, in order.

    Raises WorkbenchError for pictures with activations or drives that are not finite.
    """
    return _stream(host, [circuits], pictures, work, wanted, progress)


def _stream(
    host: Host,
    theories: Sequence[Circuits],
    pictures: Sequence[Picture],
    work: Work,
    wanted: Wanted,
    progress: Progress | None,
) -> Iterator[ConditionInputs]:
    """The inputs of each theory's circuits, one theory after another.

    They are one stream, so that no engine waits between theories.
    """
    cache = work.cache  # engines send the function below: it must not hold a progress bar

    def inputs_of(item: tuple[int, Sequence[Picture]]) -> ConditionInputs:
        theory, some_pictures = item
        x = host.input.batch(some_pictures).to(host.device)
        donor = donor_of(some_pictures, 1)
        inputs = condition_inputs(host, theories[theory], x, donor, wanted, cache)
        refuse_inputs(some_pictures, inputs)
        return inputs

    items = [(i, some) for i in range(len(theories)) for _, some in batches(pictures)]
    computed = work.engine(partial(without_gradients, inputs_of), items)
    for (_, some_pictures), inputs in zip(items, computed, strict=True):
        if progress:
            progress(len(some_pictures))
        yield inputs


@torch.inference_mode()
def checked(
    host: Host,
    theories: Sequence[Circuits],
    pictures: Sequence[Picture],
    work: Work = Work(),  # noqa: B008 (frozen)
) -> Mapping[str, float]:
    """Check the host on the first batch of pictures, with the units of all theories spliced.

    It runs in this process, whatever the engine. Raises WorkbenchError (`check_host`).
    """
    if not pictures:
        return {}
    x = host.input.batch(pictures[:BATCH]).to(host.device)
    return check_host(host, theories, x, work.cache)


def calibrated(
    host: Host,
    circuit: HandwrittenCircuit,
    pictures: Sequence[Picture],
    work: Work = Work(),  # noqa: B008 (frozen)
) -> Splices:
    """Fit one circuit's conditions and controls on pictures."""
    circuits = {"spliced": circuit, "random": with_random_readout(circuit, work.seed)}
    return calibrated_each(host, [circuits], pictures, work)[0]


def calibrated_each(
    host: Host,
    theories: Sequence[Circuits],
    pictures: Sequence[Picture],
    work: Work = Work(),  # noqa: B008 (frozen)
) -> list[Splices]:
    """Fit each theory's conditions and controls on the same pictures, on a checked host."""
    check = checked(host, theories, pictures, work)
    progress = work.stage("calibrate", len(pictures) * len(theories))
    inputs = _stream(host, theories, pictures, work, EVERYTHING_TO_FIT, progress)
    count = len(batches(pictures))
    links = [link_of(host.site(next(iter(circuits.values())).site)) for circuits in theories]
    return [
        replace(calibrate(circuits, islice(inputs, count), work.seed, link), check=check)
        for circuits, link in zip(theories, links, strict=True)
    ]
