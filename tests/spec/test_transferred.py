"""The theory of curves with constants of another network is the same theory: only the values that
tuning may change differ.
"""

from pathlib import Path

from workbench.spec import load_circuit, load_theory

SPECS = Path(__file__).parents[2] / "specs"


def without_values(part):
    """Plain values below a theory's families, numbers that are tuned by their bounds alone."""
    if isinstance(part, dict):
        return {
            name: without_values(item)
            for name, item in part.items()
            if not (name == "tune" and part.get("min") is not None)
        }
    return [without_values(item) for item in part] if isinstance(part, (list, tuple)) else part


def test_both_files_say_the_same_theory():
    original, transferred = (
        load_theory(SPECS / f"{name}.yaml").theory
        for name in ("curve-detectors", "curves-transferred")
    )
    first, second = (
        {name: family.model_dump() for name, family in each.families.items()}
        for each in (original, transferred)
    )
    assert without_values(first) == without_values(second)
    assert first != second


def test_no_number_of_it_was_fitted_to_inceptionv1():
    """It was fitted to other networks' units, from the values as they were first written."""
    original, transferred = (
        load_theory(SPECS / f"{name}.yaml").theory.tuned
        for name in ("curve-detectors", "curves-transferred")
    )
    assert original is not None
    assert transferred is not None
    assert not set(transferred.hosts) & set(original.hosts)
    for row in transferred.circuits:
        assert (
            row.circuit == load_circuit(SPECS.parent / "circuits" / row.host / "curve.yaml").sha256
        )
    assert transferred.written == original.written
