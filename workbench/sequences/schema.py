"""The language of theories of tokens as a JSON Schema, for editors.

`python -m workbench.sequences.schema > specs/tokens/theory.schema.json` writes it.
"""

import json
from typing import Any

from workbench.sequences.language import TokenTheory
from workbench.spec.schema import DIALECT

NAME = "urn:handwritten-weights-workbench:token-theory"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a theory's file.

    Rules that involve more than one key are left to `workbench check`.
    """
    return {"$schema": DIALECT, "$id": NAME, **TokenTheory.model_json_schema()}


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
