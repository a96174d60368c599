"""No headline picture was used for calibration, nor for tuning the spec."""

import pytest

from workbench.errors import WorkbenchError
from workbench.evaluate.apart import PREFIX, keep_apart
from workbench.spec.language import TunedCircuit, TunedOn
from workbench.vision.pictures import Picture


def pictures(*digits: str) -> list[Picture]:
    return [Picture(f"picture {digit}", digit * 64, None, lambda: None) for digit in digits]


def tuned(*digits: str) -> TunedOn:
    images = tuple(digit * PREFIX for digit in digits)
    on = TunedCircuit(host="h", circuit="c", pearson=(0.0, 0.0))
    return TunedOn(circuits=(on,), spec="s", date="d", steps=1, seed=0, written={}, images=images)


def test_other_pictures_pass():
    keep_apart(pictures("1", "2"), pictures("3"), tuned("4"))
    keep_apart(pictures("1"), pictures("3"), None)


@pytest.mark.parametrize(
    ("calibration", "ledger", "message"),
    [
        (
            pictures("2", "3"),
            None,
            "2 of 5 were used for calibration (picture 2, picture 3); "
            "expected pictures never used for fitting",
        ),
        (pictures("9"), tuned("1"), "1 of 5 were used for tuning the spec (picture 1)"),
        (
            pictures("1", "2", "3", "4"),
            None,
            "4 of 5 were used for calibration (picture 1, picture 2, picture 3, …)",
        ),
    ],
)
def test_pictures_that_were_used_are_refused_by_name(calibration, ledger, message):
    with pytest.raises(WorkbenchError) as caught:
        keep_apart(pictures("1", "2", "3", "4", "5"), calibration, ledger)
    assert message in str(caught.value)


def test_the_content_counts_and_not_the_name():
    renamed = [Picture("another name", "1" * 64, "n00000001", lambda: None)]
    with pytest.raises(WorkbenchError, match="calibration"):
        keep_apart(renamed, pictures("1"), None)
    keep_apart([Picture("picture 1", "7" * 64, None, lambda: None)], pictures("1"), None)
