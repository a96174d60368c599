"""Headlines are on pictures that nothing was fitted on, known by content."""

from collections.abc import Sequence

from workbench.errors import WorkbenchError
from workbench.pictures import Picture
from workbench.spec.language import TunedOn

PREFIX = 16  # digits of a hash that a spec's ledger keeps


def keep_apart(pictures: Sequence[Picture], calibration: Sequence[Picture], tuned: TunedOn | None) -> None:
    """Raises WorkbenchError if a headline picture was used for calibration or for tuning the spec, naming some of them."""
    for use, hashes in (("calibration", {p.sha256[:PREFIX] for p in calibration}), ("tuning the spec", set(tuned.images if tuned else ()))):
        used = [picture.name for picture in pictures if picture.sha256[:PREFIX] in hashes]
        if used:
            some = ", ".join(used[:3]) + (", …" if len(used) > 3 else "")
            raise WorkbenchError(
                "headline pictures",
                f"{len(used)} of {len(pictures)} were used for {use} ({some})",
                "pictures never used for fitting",
                "Score on other pictures.",
            )
