"""A handwritten-weights reconstruction workbench: theory -> weights -> spliced network -> fidelity.

Start reading in `workbench/rebuild.py`. Importing this package imports neither torch, CuPy nor
matplotlib.
"""

__version__ = "0.1.0"
