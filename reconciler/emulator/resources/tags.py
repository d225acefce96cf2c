"""`Microsoft.Resources/tags/default`: the tags of a subscription, resource group or resource as an object of their own."""

from __future__ import annotations

from typing import Final

from reconciler.emulator import errors
from reconciler.emulator.call import Call, answer, empty
from reconciler.emulator.wire.http import Response
from reconciler.emulator.wire.jsontext import json_object, optional_object
from reconciler.model import JSON, ScopeKind

TYPE: Final = "Microsoft.Resources/tags"
Tags = dict[str, str]


def get(call: Call) -> Response:
    """The tags of the scope."""
    return _show(call, _tags(call))


def put(call: Call) -> Response:
    """Replace all tags of the scope."""
    return _store(call, _requested(json_object(call.request.body)))


def patch(call: Call) -> Response:
    """Merge tags into those of the scope, replace them all, or delete some by name or by name and value."""
    body = json_object(call.request.body)
    requested = _requested(body)
    match str(body.get("operation", "")).lower():
        case "merge":
            # Tag names do not mind case: a name that is there keeps its spelling.
            present = _tags(call)
            spelling = {name.lower(): name for name in present}
            return _store(
                call, present | {spelling.get(name.lower(), name): value for name, value in requested.items()}
            )
        case "replace":
            return _store(call, requested)
        case "delete":
            doomed = {name.lower(): value for name, value in requested.items()}
            return _store(
                call,
                {n: v for n, v in _tags(call).items() if n.lower() not in doomed or doomed[n.lower()] not in {"", v}},
            )
        case _:
            raise errors.bad_value(body.get("operation"), "operation")


def delete(call: Call) -> Response:
    """Take all tags away."""
    _store(call, {})
    return empty(200)


def checked(value: JSON) -> Tags:
    """A `tags` object of a body.

    Raises:
        ArmError: 400, it is no object of texts, or has more than 50 tags.
    """
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise errors.unparsable_body("the value of 'tags' is not an object of strings")
    if len(value) > 50:
        raise errors.ArmError(400, "InvalidTagCount", "A maximum of 50 tags can be applied to a resource.")
    return dict(value)


def _requested(body: dict[str, JSON]) -> Tags:
    return checked(optional_object(body, "properties").get("tags"))


def _tags(call: Call) -> Tags:
    scope, hierarchy = call.target.scope, call.tenant.hierarchy
    if call.target.name.lower() != "default" or not scope.key.startswith("/subscriptions/"):
        raise errors.not_modelled(f"{call.target.written_kind} '{call.target.name}'")
    hierarchy.require(scope)
    if scope.kind is ScopeKind.SUBSCRIPTION:
        return dict(hierarchy.subscriptions[scope.subscription or ""].tags)
    return dict(hierarchy.resources[scope.key].body.get("tags") or {})


def _store(call: Call, tags: Tags) -> Response:
    _tags(call)
    scope, hierarchy = call.target.scope, call.tenant.hierarchy
    if scope.kind is ScopeKind.SUBSCRIPTION:
        hierarchy.subscriptions[scope.subscription or ""].tags = tags
    else:
        hierarchy.resources[scope.key].body = {**hierarchy.resources[scope.key].body, "tags": tags}
    return _show(call, tags)


def _show(call: Call, tags: Tags) -> Response:
    identifier = f"{call.target.scope}/providers/{TYPE}/default"
    return answer(200, {"id": identifier, "name": "default", "type": TYPE, "properties": {"tags": tags}})
