"""What a command prints, held against its JSON Schema in docs/schemas; of JSON Schema only what stands there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "schemas"
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_KNOWN = {"$schema", "title", "description", "type", "required", "properties", "additionalProperties", "items"}
_KNOWN |= {"enum", "const"}


def check(told: Any) -> str:
    """The kind of an object, such as "fuse", that is as its schema says; AssertionError for one that is not."""
    name, version = told["schema"].removeprefix("dfuse.").split("/")
    schema = json.loads((FOLDER / f"{name}-{version}.json").read_text(encoding="utf-8"))
    assert not (wrong := list(_wrong(told, schema, name))), wrong
    return name


def _wrong(value: Any, schema: dict[str, Any], where: str):
    assert set(schema) <= _KNOWN, f"{where}: the check knows no {set(schema) - _KNOWN}"
    if "const" in schema and value != schema["const"]:
        yield f"{where} is not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is none of {schema['enum']}"
    kinds = schema.get("type", list(_TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    is_flag = isinstance(value, bool)
    if not any(isinstance(value, _TYPES[kind]) and (not is_flag or kind == "boolean") for kind in kinds):
        yield f"{where} is {value!r}, not {kinds}"
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        yield from (f"{where} lacks {key}" for key in schema.get("required", ()) if key not in value)
        for key, each in value.items():
            if key in properties or others is not None:
                yield from _wrong(each, properties.get(key, others), f"{where}.{key}")
    if isinstance(value, list) and "items" in schema:
        for number, each in enumerate(value):
            yield from _wrong(each, schema["items"], f"{where}[{number}]")
