"""Reads and writes specs and trained circuits' files: the only stage that knows YAML.

The language is in specs/README.md.
"""

from workbench.spec.circuit import SurveyRecord, TrainedCircuit, TrainedUnit, misnamed, posed
from workbench.spec.language import Theory, numbers
from workbench.spec.loader import (
    Spec,
    check_pair,
    dump_circuit,
    load_circuit,
    load_file,
    load_theory,
    load_together,
    theory_from_text,
    with_tuned,
)
from workbench.spec.problems import Problem, SpecError
from workbench.spec.source import dumped

__all__ = [
    "Problem",
    "Spec",
    "SpecError",
    "SurveyRecord",
    "Theory",
    "TrainedCircuit",
    "TrainedUnit",
    "check_pair",
    "dump_circuit",
    "dumped",
    "load_circuit",
    "load_file",
    "load_theory",
    "load_together",
    "misnamed",
    "numbers",
    "posed",
    "theory_from_text",
    "with_tuned",
]
