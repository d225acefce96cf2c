"""Reads a folder of published OpenAPI 2 documents and says what a response has against them.

Stricter than the documents: an object with declared properties may have no others, unless the document allows them.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

OPEN = {"metadata", "tags", "data", "parameterValues", "updatedBy"}
"""Properties whose values the documents leave open in words though not in schema, or that recordings show as null."""

RECORDED_OTHERWISE = (
    "parent: Additional properties are not allowed ('displayName', 'name' were unexpected)",
    "AssessmentsMetadata_Get 404: $: Additional properties are not allowed ('Error' was unexpected)",
)
"""Complaints about what recordings of the service show all the same."""


@dataclass(frozen=True)
class Operation:
    """One verb on one path of one version. `responses` maps a status (or `default`) to a schema or None."""

    name: str
    version: str
    method: str
    pattern: re.Pattern[str]
    literal: int
    responses: dict[str, Any]


@dataclass(frozen=True)
class Example:
    """An official example of an operation: the request with its parameters put in, and the declared answers."""

    name: str
    method: str
    path: str
    query: dict[str, str]
    body: Any
    responses: dict[str, Any]


def examples(folder: Path) -> list[Example]:
    """Every official example below a folder."""
    return [example for file in _documents(folder) for example in _examples(file)]


def _examples(file: Path) -> list[Example]:
    document = _document(file)
    found = []
    for template, verbs in (document["paths"] | document.get("x-ms-paths", {})).items():
        for method, operation in verbs.items():
            for title, reference in (
                (operation.get("x-ms-examples") or {}).items() if isinstance(operation, dict) else ()
            ):
                path = file.parent / reference["$ref"]
                if path.is_file():
                    name = f"{operation['operationId']} {title}"
                    found.append(_example(name, method.upper(), template, operation, _document(path)))
    return found


def _example(name: str, method: str, template: str, operation: Any, value: Any) -> Example:
    given = value["parameters"]
    kinds = {p["name"]: p["in"] for p in operation.get("parameters", ()) if "name" in p}
    path, _, fixed = template.partition("?")
    for key, text in given.items():
        path = path.replace("{" + key + "}", str(text).strip("/") if "{" + key + "}" in path else str(text))
    query = dict(pair.split("=", 1) for pair in fixed.split("&") if "=" in pair)
    query |= {k: str(v) for k, v in given.items() if k == "api-version" or k.startswith("$") or kinds.get(k) == "query"}
    bodies = [v for k, v in given.items() if kinds.get(k) == "body" or (isinstance(v, dict) and k not in kinds)]
    answers = {status: answer.get("body") for status, answer in value["responses"].items()}
    return Example(name, method, path, query, bodies[0] if bodies else None, answers)


class Specifications:
    """Every operation below a folder."""

    def __init__(self, folder: Path) -> None:
        self.operations = [each for file in _documents(folder) for each in _operations(file)]

    def find(self, method: str, path: str, version: str) -> Operation | None:
        """The operation that a request asks for: the one whose template is the most literal."""
        fitting = [
            each
            for each in self.operations
            if each.method == method and each.version == version and each.pattern.fullmatch(path)
        ]
        return max(fitting, key=lambda each: each.literal, default=None)


def problems(operation: Operation, status: int, body: Any) -> list[str]:
    """What a response has against its operation; empty where it conforms."""
    declared = operation.responses.get(str(status))
    if declared is None and status < 400:
        return [f"{operation.name}: status {status} is not declared, only {sorted(operation.responses)}"]
    schema = declared if declared is not None else operation.responses.get("default")
    if schema is None or schema == {}:
        return []
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    found = [f"{operation.name} {status}: {each.json_path}: {each.message}" for each in validator.iter_errors(body)]
    return [problem for problem in found if not problem.endswith(RECORDED_OTHERWISE)]


def _documents(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.rglob("*.json")) if "examples" not in path.parts]
    return [path for path in found if "swagger" in _document(path) and _document(path).get("paths")]


def _operations(file: Path) -> list[Operation]:
    document = _document(file)
    version = document["info"]["version"]
    found = []
    for template, verbs in (document["paths"] | document.get("x-ms-paths", {})).items():
        path = template.split("?")[0]
        for method, operation in verbs.items():
            if method in {"get", "put", "post", "patch", "delete", "head"}:
                responses = {
                    status: _schema(file, each.get("schema", {})) for status, each in operation["responses"].items()
                }
                literal = len(re.sub(r"\{[^}]*\}", "", path))
                found.append(
                    Operation(operation["operationId"], version, method.upper(), _pattern(path), literal, responses)
                )
    return found


def _pattern(template: str) -> re.Pattern[str]:
    """`{scope}` and other paths in one parameter span slashes, the others do not."""
    parts = re.split(r"(\{[^}]*\})", template)
    wide = {"{scope}", "{scopeId}", "{resourceId}", "{parentResourcePath}"}
    text = "".join((".+" if part in wide else "[^/]+") if part.startswith("{") else re.escape(part) for part in parts)
    text = text.replace(re.escape("/") + ".+" + re.escape("/"), "/(?:.+/)?")
    return re.compile(("/?" + text) if text.startswith("/") else text, re.IGNORECASE)


@functools.cache
def _document(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _schema(file: Path, schema: Any, seen: tuple[str, ...] = (), *, strict: bool = True) -> Any:
    """The schema with references followed, closed where it declares properties, null allowed where it says so."""
    if "$ref" in schema:
        target, where = _resolve(file, schema["$ref"])
        key = f"{where}#{schema['$ref'].split('#')[1]}"
        return {} if key in seen else _schema(where, target, (*seen, key), strict=strict)
    result = {
        name: value
        for name, value in schema.items()
        if name in {"type", "format", "required", "pattern", "minLength", "maxLength"}
    }
    if result.get("type") == "object" and not {"properties", "additionalProperties", "allOf"} & set(schema):
        return {}  # by the documents' own convention an object without properties is any value
    if "enum" in schema and not (schema.get("x-ms-enum") or {}).get("modelAsString"):
        result["enum"] = schema["enum"]
    if "items" in schema:
        result["items"] = _schema(file, schema["items"], seen)
    properties = dict(schema.get("properties", {}))
    if "allOf" in schema:
        parts = [_schema(file, each, seen, strict=False) for each in schema["allOf"]]
        result["allOf"] = parts
        for part in parts:
            properties = {**part.get("properties", {}), **properties}
    if properties:
        result["properties"] = {
            name: {}
            if name in OPEN
            else value
            if name not in schema.get("properties", {})
            else _schema(file, value, seen)
            for name, value in properties.items()
        }
        closed = strict and "additionalProperties" not in schema and "discriminator" not in schema
        result |= {"additionalProperties": False} if closed else {}
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = _schema(file, schema["additionalProperties"], seen)
    return {"anyOf": [result, {"type": "null"}]} if schema.get("x-nullable") else result


def _resolve(file: Path, reference: str) -> tuple[Any, Path]:
    where, _, pointer = reference.partition("#")
    target = _sibling(file, where) if where else file
    value = _document(target)
    for step in pointer.strip("/").split("/"):
        value = value[step.replace("~1", "/").replace("~0", "~")]
    return value, target


def _sibling(file: Path, where: str) -> Path:
    """The file that a relative reference means; for a document kept elsewhere, the one of that name further down."""
    target = (file.parent / where).resolve()
    if target.is_file():
        return target
    name = where.replace("../", "")
    return next(path for path in sorted(file.parent.rglob(Path(name).name)) if str(path).endswith(name))
