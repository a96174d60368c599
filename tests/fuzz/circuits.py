"""Mutated texts of the shipped circuit files, by seed."""

from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.texts import mutated

CIRCUITS = sorted((Path(__file__).parents[2] / "circuits").glob("*/*.yaml"))


def mutated_circuits(seed: int) -> Iterator[str]:
    """Mutated texts without end; the same for the same seed."""
    return mutated([path.read_text(encoding="utf-8") for path in CIRCUITS], seed)
