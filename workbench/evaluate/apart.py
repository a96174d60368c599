"""Refuse evaluation pictures that were also used for calibration or tuning (by SHA-256)."""

from collections.abc import Sequence

from workbench.errors import WorkbenchError
from workbench.spec.language import TunedOn
from workbench.vision.pictures import Picture

PREFIX = 16  # digits of a picture's hash that a ledger keeps


def keep_apart(
    pictures: Sequence[Picture], calibration: Sequence[Picture], tuned: TunedOn | None
) -> None:
    """Refuse evaluation pictures that were used for calibration or for tuning the spec.

    The WorkbenchError names some of them.
    """
    for use, hashes in (
        ("calibration", {p.sha256[:PREFIX] for p in calibration}),
        ("tuning the spec", set(tuned.images if tuned else ())),
    ):
        used = [picture.name for picture in pictures if picture.sha256[:PREFIX] in hashes]
        if used:
            names = ", ".join(used[:3]) + (", …" if len(used) > 3 else "")
            raise WorkbenchError(
                "headline pictures",
                f"{len(used)} of {len(pictures)} were used for {use} ({names})",
                "pictures never used for fitting",
                "Score on other pictures.",
            )
