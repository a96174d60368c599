"""Spec + poses -> HandwrittenCircuit.

`compile_spec` compiles one spec; the other functions call it with something changed.
"""

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.compile import compile_kernels, compile_spec
from workbench.compiler.derived import compile_chain, compile_compared, compile_variants
from workbench.compiler.file import read_circuit, write_circuit

__all__ = [
    "HandwrittenCircuit",
    "compile_chain",
    "compile_compared",
    "compile_kernels",
    "compile_spec",
    "compile_variants",
    "read_circuit",
    "write_circuit",
]
