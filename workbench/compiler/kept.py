"""Responses of layers in memory from one call to the next, for a process that stays.

A theory that is edited keeps most of its layers, and they see the same pictures again.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import Tensor

from workbench.arrays import to_numpy
from workbench.compiler.cells import Cells

# key of a layer (`workbench.compiler.plan`) -> its responses to some pictures, and their cells
KnownResponses = dict[str, tuple[Tensor, tuple[Cells, Cells]]]
LARGEST = 256 << 10  # bytes of one layer's response to one picture that is kept


class KeptResponses:
    """Responses by pictures and layer, at most `limit` bytes; none are kept with a limit of 0.

    Of each chunk of pictures those of its last call are kept; the chunk that was not asked about
    for the longest time is dropped first.
    """

    def __init__(self, limit: int = 0):
        self.limit, self.bytes = limit, 0
        self._chunks: dict[str, KnownResponses] = {}

    @contextmanager
    def keeping(self, limit: int) -> Iterator[None]:
        """Keep at most `limit` bytes in the block, and use what earlier blocks have kept.

        After it the limit is as before: where that was 0, nothing is kept and nothing is used.
        """
        before, self.limit = self.limit, limit
        try:
            yield
        finally:
            self.limit = before

    def name_of(self, pictures: Iterable[Tensor]) -> str:
        """The name of a chunk: a hash of what circuits read. Empty where nothing is kept."""
        if not self.limit:
            return ""
        digest = hashlib.sha256()
        for picture in pictures:
            digest.update(repr((picture.shape, picture.dtype, picture.device)).encode())
            digest.update(to_numpy(picture.contiguous()).data)
        return digest.hexdigest()

    def of(self, name: str) -> KnownResponses:
        """The responses that are kept of a chunk, by the layers' keys."""
        return dict(self._chunks.get(name, {}))

    def keep(self, name: str, known: KnownResponses) -> None:
        """Keep the responses of a chunk in place of its earlier ones, but for the large ones."""
        if not self.limit:
            return
        self._drop(name)
        small = {key: row for key, row in known.items() if row[0][0].nbytes <= LARGEST}
        self._chunks[name] = small
        self.bytes += _bytes(small)
        while self.bytes > self.limit:
            self._drop(next(iter(self._chunks)))

    def _drop(self, name: str) -> None:
        self.bytes -= _bytes(self._chunks.pop(name, {}))


def _bytes(known: KnownResponses) -> int:
    return sum(response.nbytes for response, _ in known.values())


KEPT = KeptResponses()  # of this process
