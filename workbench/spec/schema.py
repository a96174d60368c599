"""The spec language as a JSON Schema, for editors.

`python -m workbench.spec.schema > specs/theory.schema.json` writes it.
"""

import json
from typing import Any

from workbench.spec.language import LedgerName, Theory

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = "urn:handwritten-weights-workbench:theory"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a theory's file.

    Rules that involve more than one key are left to `workbench check`.
    """
    schema = Theory.model_json_schema()
    reads = schema["$defs"]["Family"]["properties"]["reads"]
    reads["additionalProperties"] = {"anyOf": one_or_many(reads["additionalProperties"])}
    for edit in ("without", "only"):
        families = schema["$defs"]["Edit"]["properties"][edit]
        families["anyOf"] = [*one_or_many(families["anyOf"][0]), *families["anyOf"][1:]]
    # a file names its ledger, or holds it as earlier versions wrote it
    schema["$defs"]["LedgerName"] = LedgerName.model_json_schema()
    schema["properties"]["tuned"]["anyOf"].insert(0, {"$ref": "#/$defs/LedgerName"})
    for named in ("families", "variants", "claims"):
        schema["properties"][named]["additionalProperties"] = False
    return {"$schema": DIALECT, "$id": NAME, **schema}


def one_or_many(listed: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas of a list, and of one item without its list."""
    return [listed["items"], listed]


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
