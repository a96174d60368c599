"""The spec language as a JSON Schema, for editors: `python -m workbench.spec.schema > specs/theory.schema.json`."""

import json
from typing import Any

from workbench.spec.language import Theory

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = "urn:handwritten-weights-workbench:theory"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a theory's file. What hangs on more than one key is left to `workbench check`."""
    schema = Theory.model_json_schema()
    _one_or_many(schema["$defs"]["Family"]["properties"]["reads"])
    for named in ("families", "variants"):
        schema["properties"][named]["additionalProperties"] = False
    return {"$schema": DIALECT, "$id": NAME, **schema}


def _one_or_many(reads: dict[str, Any]) -> None:
    """A read is a list of terms, or one term without its list."""
    terms = reads["additionalProperties"]
    reads["additionalProperties"] = {"anyOf": [terms["items"], terms]}


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
