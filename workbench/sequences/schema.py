"""The language of theories of tokens as a JSON Schema, for editors.

`python -m workbench.sequences.schema > specs/tokens/theory.schema.json` writes it.
"""

import json
from typing import Any

from workbench.sequences.language import TokenTheory
from workbench.spec.schema import DIALECT, one_or_many

NAME = "urn:handwritten-weights-workbench:token-theory"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a theory's file.

    Rules that involve more than one key are left to `workbench check`.
    """
    schema = TokenTheory.model_json_schema()
    uniform = schema["$defs"]["TokenEdit"]["properties"]["uniform"]
    uniform["anyOf"] = [*one_or_many(uniform["anyOf"][0]), *uniform["anyOf"][1:]]
    return {"$schema": DIALECT, "$id": NAME, **schema}


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
