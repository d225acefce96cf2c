"""Exemptions in ARM templates, as they are or as Bicep compiles them. Expressions are resolved where they are plain:
parameters with a value, variables, `concat`, `format` and `resourceId` of these; others are refused, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.documents.json_input import JsonInputError
from reconciler.importing.rows import ForeignRow, Parsed, RowError, lenient_json, refused, text_of, texts_of
from reconciler.model import JSON, ArmId, arm_id

_TYPE: Final = "microsoft.authorization/policyexemptions"
_DEPLOYMENT: Final = "microsoft.resources/deployments"
_CALL: Final = re.compile(r"\s*([A-Za-z.]+)\s*\(")
_NAME: Final = re.compile(r"\s*'((?:[^']|'')*)'\s*")
_DEEPEST: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """One template with what its expressions may read. `scope` is where it is deployed, where that is known."""

    parameters: Mapping[str, JSON]
    variables: Mapping[str, JSON]
    scope: str = ""
    depth: int = 0


def arm_rows(text: str, file: str, scope: ArmId | None = None) -> Iterator[Parsed]:
    """Every exemption in the text of a template; `scope` is where it is deployed."""
    try:
        document = lenient_json(text, file)
    except JsonInputError as error:
        yield refused(file, file, error.fault, "compile Bicep first: az bicep build --file FILE")
        return
    if not isinstance(document, dict) or not isinstance(document.get("resources"), (list, dict)):
        yield refused(file, file, "it is no ARM template: it has no resources", "name the compiled template")
        return
    yield from template_rows(document, file, scope)


def template_rows(document: Mapping[str, JSON], file: str, scope: ArmId | None = None) -> Iterator[Parsed]:
    """Every exemption in a template, and in the deployments inside it; `scope` is where it is deployed."""
    yield from _rows(document, file, scope.text if scope else "", {}, 0)


def _rows(
    document: Mapping[str, JSON], file: str, scope: str, arguments: Mapping[str, JSON], depth: int
) -> Iterator[Parsed]:
    defaults = {
        name.lower(): value["defaultValue"]
        for name, value in _object(document.get("parameters")).items()
        if isinstance(value, dict) and "defaultValue" in value
    }
    variables = {name.lower(): value for name, value in _object(document.get("variables")).items()}
    template = _Template(parameters={**defaults, **arguments}, variables=variables, scope=scope, depth=depth)
    resources = document.get("resources")
    entries = list(resources.items()) if isinstance(resources, dict) else list(enumerate(resources or (), 1))
    for label, resource in entries:
        if not isinstance(resource, dict):
            continue
        kind = text_of(resource.get("type")).lower()
        source = f"{file}: resource {label}"
        try:
            if kind.endswith(_TYPE.rpartition("/")[2]) and _TYPE.split("/", maxsplit=1)[0] in kind:
                yield _exemption(resource, source, template)
            elif kind == _DEPLOYMENT and depth < _DEEPEST:
                yield from _nested(resource, source, template)
        except RowError as error:
            yield refused(source, text_of(resource.get("name")), error.message, error.remedy)


def _nested(resource: Mapping[str, JSON], source: str, template: _Template) -> Iterator[Parsed]:
    properties = _object(resource.get("properties"))
    inner = properties.get("template")
    if not isinstance(inner, dict):
        return
    arguments = {
        name.lower(): _resolved(value["value"], template)
        for name, value in _object(properties.get("parameters")).items()
        if isinstance(value, dict) and "value" in value
    }
    subscription = text_of(_resolved(resource.get("subscriptionId"), template))
    group = text_of(_resolved(resource.get("resourceGroup"), template))
    scope = text_of(_resolved(resource.get("scope"), template))
    place = template.scope
    if scope:
        place = _scope_of(scope)
    elif subscription:
        place = f"/subscriptions/{subscription}"
    if group:
        place = f"{place}/resourceGroups/{group}" if "/resourcegroups/" not in place.lower() else place
    yield from _rows(inner, source, place, arguments, template.depth + 1)


def _scope_of(text: str) -> str:
    """A deployment's or an extension resource's scope, as an id."""
    if text.lower().startswith("microsoft.management/managementgroups/"):
        return f"/providers/{text}"
    return text


def _exemption(resource: Mapping[str, JSON], source: str, template: _Template) -> ForeignRow:
    if resource.get("copy") is not None:
        raise RowError("it is made in a loop", "write what the loop makes, or import it from Azure with 'import live'")
    name, scope, properties = (_resolved(resource.get(key), template) for key in ("name", "scope", "properties"))
    scope = _scope_of(text_of(scope)) or template.scope
    if not scope:
        raise RowError("the template does not say where it is deployed", "add --scope ID, the scope of its deployment")
    if not scope.startswith("/"):
        scope = f"{template.scope}/providers/{scope}"
    return ForeignRow(source=source, scopes=(scope,), **arm_fields(text_of(name), _object(properties)))


def arm_fields(name: str, properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """The fields of a row that ARM's `properties` hold."""
    selectors = properties.get("resourceSelectors")
    metadata = properties.get("metadata")
    return {
        "name": arm_id(name).name,
        "display_name": text_of(properties.get("displayName")),
        "description": text_of(properties.get("description")),
        "category": text_of(properties.get("exemptionCategory")),
        "expires_on": text_of(properties.get("expiresOn")),
        "assignment": text_of(properties.get("policyAssignmentId")),
        "references": texts_of(properties.get("policyDefinitionReferenceIds")),
        "selectors": tuple(selectors) if isinstance(selectors, list) else (),
        "metadata": metadata if isinstance(metadata, dict) else {},
        "validation": text_of(properties.get("assignmentScopeValidation")),
    }


# --- expressions -------------------------------------------------------------------------------------------------


def _resolved(value: JSON, template: _Template) -> JSON:
    """The value with every expression in it resolved.

    Raises:
        RowError: one of them depends on what only a deployment knows.
    """
    match value:
        case dict():
            return {key: _resolved(item, template) for key, item in value.items()}
        case list():
            return [_resolved(item, template) for item in value]
        case str() if value.startswith("[") and value.endswith("]") and not value.startswith("[["):
            try:
                return _evaluated(value[1:-1], template)
            except RowError:
                raise
            except (IndexError, ValueError, RecursionError):  # too few arguments, or what stands for itself
                raise _unresolved(value[1:-1]) from None
        case str():
            return value[1:] if value.startswith("[[") else value
    return value


def _evaluated(expression: str, template: _Template) -> JSON:
    if literal := _NAME.fullmatch(expression):
        return literal[1].replace("''", "'")
    if expression.strip().lower() in {"null()", "true()", "false()"}:
        return {"null()": None, "true()": True, "false()": False}[expression.strip().lower()]
    call = _CALL.match(expression)
    if call is None or not expression.rstrip().endswith(")"):
        raise _unresolved(expression)
    arguments = _arguments(
        expression.strip()[call.end() - (len(expression) - len(expression.lstrip())) : -1], expression
    )
    function = call[1].lower()
    if function in {"parameters", "variables"} and len(arguments) == 1:
        values = template.parameters if function == "parameters" else template.variables
        name = text_of(_evaluated(arguments[0], template)).lower()
        if name not in values:
            raise RowError(
                f"its {function[:-1]} {name!r} has no value here", "give it a default, or compile with its value"
            )
        return _resolved(values[name], template)
    texts = [text_of(_evaluated(argument, template)) for argument in arguments]
    match function:
        case "concat":
            return "".join(texts)
        case "format":
            return re.sub(r"\{(\d+)\}", lambda match: texts[int(match[1]) + 1], texts[0]) if texts else ""
        case "tolower":
            return texts[0].lower()
        case (
            "subscriptionresourceid"
            | "resourceid"
            | "managementgroupresourceid"
            | "extensionresourceid"
            | "tenantresourceid"
        ):
            return _resource_id(function, texts, template, expression)
    raise _unresolved(expression)


def _resource_id(function: str, texts: Sequence[str], template: _Template, expression: str) -> str:
    remaining = list(texts)
    base = ""
    match function:
        case "extensionresourceid":
            base = remaining.pop(0)
        case "managementgroupresourceid":
            base = (
                f"/providers/Microsoft.Management/managementGroups/{remaining.pop(0)}"
                if "/" not in remaining[0]
                else template.scope
            )
        case "subscriptionresourceid":
            base = f"/subscriptions/{remaining.pop(0)}" if "/" not in remaining[0] else _subscription(template)
        case "resourceid":
            leading = [remaining.pop(0) for _ in range(2) if remaining and "/" not in remaining[0]]
            base = template.scope
            if len(leading) == 2:
                base = f"/subscriptions/{leading[0]}/resourceGroups/{leading[1]}"
            elif leading:
                base = f"{_subscription(template)}/resourceGroups/{leading[0]}"
    if function != "tenantresourceid" and not base:
        raise _unresolved(expression)
    kind, *names = remaining
    namespace, *types = kind.split("/")
    if len(types) != len(names):
        raise _unresolved(expression)
    return (
        base + f"/providers/{namespace}" + "".join(f"/{part}/{name}" for part, name in zip(types, names, strict=True))
    )


def _subscription(template: _Template) -> str:
    return "/".join(template.scope.split("/")[:3]) if template.scope.lower().startswith("/subscriptions/") else ""


def _arguments(text: str, expression: str) -> list[str]:
    """The arguments of a call, split at its own commas."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    if depth or quoted:
        raise _unresolved(expression)
    return [part for part in (*parts, text[start:]) if part.strip()]


def _unresolved(expression: str) -> RowError:
    return RowError(
        f"only a deployment knows what [{expression[:80]}] means", "import it from Azure with 'import live'"
    )


def _object(value: JSON) -> Mapping[str, JSON]:
    return value if isinstance(value, dict) else {}
