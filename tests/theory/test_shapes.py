"""The shapes in the annotations are true: every public function of the theory runs under a type
checker.
"""

import subprocess
import sys

import pytest

# The import hook checks every annotated function of the package, also those that call each other,
# so it needs an interpreter of its own.
HOOKED = """
from jaxtyping import install_import_hook
with install_import_hook(["workbench.theory", "workbench.vision.geometry"], "beartype.beartype"):
    from workbench.theory import (poses, rule)
    from workbench.vision.geometry import frame as frame
    from workbench.vision.geometry import gabor as gabor
import numpy as np
from jaxtyping import TypeCheckError

like = np.zeros(())
x, y = frame.offsets(24.0, 3, like)
turns, scales = np.array([20.0, 130.0, 7.0]), np.ones(3)
units = poses.every_combination({"orientation_deg": (0.0, 30.0), "scale": (1.0, 0.7)})
columns = {"centre_deg": (0.0, 30.0, 60.0), "radius_px": (9.0, 12.0, 20.0)}
curves = poses.Units(("a", "b", "c"), columns, {"unit": 3})
"""

RIGHT = """
normal, tangent = frame.seen_from(x, y, turns, scales)
gabor.gabor(normal, tangent, turns[:, None, None], 5.0, 2.0, 0.7)
gabor.total(normal)
rule.gabor_weights(units, 5.0, 2.0, 0.7, 9.0, like)
line = {"spread_px": 3.0, "extent_px": 5.0}
for place, where in {"point": {}, "line": line, "arc": {**line, "radius_px": 9.0}}.items():
    term = rule.Motif(place, "tangent", 1.0, where, tolerance_deg=20.0, by={"scale": [1.0, 0.5]})
    rule.weights(curves, units, [term], 24.0, 4, like)
curves.normal_deg, curves.bend, units.column("scale")
"""

WRONG = {
    "one scale for three units": "frame.seen_from(x, y, turns, scales[:1])",
    "turns of two axes": "frame.seen_from(x, y, turns[:, None], scales)",
    "a kernel that is not square": "gabor.total(np.zeros((2, 5, 7)))",
    "a kernel of whole numbers": "gabor.total(np.zeros((2, 5, 5), int))",
    "a phase that is no array": "frame.seen_from(x, y, 20.0, scales)",
}


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_every_annotation_holds():
    done = run(HOOKED + RIGHT)
    assert done.returncode == 0, done.stderr


def test_wrong_shapes_are_refused():
    """All in one interpreter: each must raise."""
    tries = "".join(
        f"\ntry:\n    {call}\nexcept TypeCheckError:\n    print({name!r})\n"
        for name, call in WRONG.items()
    )
    done = run(HOOKED + tries)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == list(WRONG)


@pytest.mark.parametrize(
    "name", ["offsets", "seen_from", "gabor", "total", "weights", "gabor_weights"]
)
def test_public_array_functions_say_their_shapes(name):
    from workbench.theory import rule
    from workbench.vision.geometry import frame as frame
    from workbench.vision.geometry import gabor as gabor

    function = next(
        getattr(module, name)
        for module in (frame, gabor, rule)
        if hasattr(module, name) and getattr(module, name).__module__ == module.__name__
    )
    assert "jaxtyping" in str(function.__annotations__["return"])
