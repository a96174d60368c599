"""Spec + poses -> HandwrittenCircuit. `compile_spec` is the door."""

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.compile import compile_spec
from workbench.compiler.file import read_circuit, write_circuit

__all__ = ["HandwrittenCircuit", "compile_spec", "read_circuit", "write_circuit"]
