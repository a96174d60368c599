"""Spec + poses -> HandwrittenCircuit. `compile_spec` is the door; the others open it with something changed."""

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.compile import compile_beside, compile_chain, compile_spec, compile_variants
from workbench.compiler.file import read_circuit, write_circuit

__all__ = ["HandwrittenCircuit", "compile_beside", "compile_chain", "compile_spec", "compile_variants", "read_circuit", "write_circuit"]
