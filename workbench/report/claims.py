"""Claims in words, of theories of pictures and of tokens."""

from collections.abc import Mapping
from typing import Any

from workbench.spec.language import COMPARISONS


def bound_text(expect: Mapping[str, Any]) -> str:
    """The bound of an expectation: `above 0.1`, `falls by more than 0.3`."""
    (comparison,) = (name for name in COMPARISONS if expect.get(name) is not None)
    return f"{comparison.replace('_by', ' by more than')} {expect[comparison]:g}"
