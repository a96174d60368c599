"""Spec + poses -> HandwrittenCircuit. `compile_spec` is the door; `compile_chain` opens it with families bound to trained units."""

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.compile import compile_beside, compile_chain, compile_spec
from workbench.compiler.file import read_circuit, write_circuit

__all__ = ["HandwrittenCircuit", "compile_beside", "compile_chain", "compile_spec", "read_circuit", "write_circuit"]
