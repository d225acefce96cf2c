"""The schema's verdict on one document. jsonschema is the judge; a predicate compiled from the same schema only ever
says "certainly valid", so that ten thousand good files do not wait for it.

The registry is empty, so that no reference is ever fetched; formats are checked by the functions here, which agree with
check-jsonschema's.
"""

from __future__ import annotations

import functools
import json
from datetime import date, datetime
from typing import Any, Final, Protocol

from reconciler.documents.compiled import Predicate, compiled
from reconciler.documents.patterns import compile_pattern
from reconciler.model import JSON
from reconciler.package_data import schema_path


class SchemaError(Protocol):
    """What jsonschema says about one failing keyword; only the parts that messages are made of."""

    validator: str
    validator_value: JSON
    instance: JSON
    absolute_path: Any
    absolute_schema_path: Any
    schema: JSON
    message: str
    context: Any


@functools.cache
def schema(name: str) -> dict[str, JSON]:
    """The bundled schema of that name: `exemption`, `reconciler` or `catalog`."""
    loaded: dict[str, JSON] = json.loads(schema_path(name).read_text("utf-8"))
    return loaded


def errors(name: str, data: JSON) -> tuple[SchemaError, ...]:
    """Everything in which the data breaks the schema; empty where it does not."""
    return () if is_surely_valid(name, data) else judge(name, data)


def is_surely_valid(name: str, data: JSON) -> bool:
    """Whether the schema certainly accepts the data; False may mean that the judge must be asked."""
    return _predicate(name)(data)


def judge(name: str, data: JSON) -> tuple[SchemaError, ...]:
    """The same, always by jsonschema."""
    return tuple(_validator(name).iter_errors(data))


@functools.cache
def _validator(name: str) -> Any:
    return validator_for(schema(name))


def validator_for(root: JSON) -> Any:
    """The judge for a schema: jsonschema's validator, with nothing to fetch references from."""
    import jsonschema  # noqa: PLC0415 - costs a tenth of a second, and good files never need it
    from referencing import Registry  # noqa: PLC0415 - likewise

    checker = jsonschema.FormatChecker(formats=())
    for kind, check in _FORMATS.items():
        checker.checks(kind)(check)
    return jsonschema.Draft202012Validator(root, registry=Registry(), format_checker=checker)


# --- formats -----------------------------------------------------------------------------------------------------


def _is_date(value: JSON) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return bool(date.fromisoformat(value)) and len(value) == 10
    except ValueError:
        return False


def _is_date_time(value: JSON) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return datetime.fromisoformat(value).tzinfo is not None and len(value) > 10
    except ValueError:
        return False


def _is_regex(value: JSON) -> bool:
    if not isinstance(value, str):
        return True
    try:
        compile_pattern(value)
    except ValueError:
        return False
    return True


_FORMATS: Final[dict[str, Predicate]] = {"date": _is_date, "date-time": _is_date_time, "regex": _is_regex}


@functools.cache
def _predicate(name: str) -> Predicate:
    return compiled(schema(name), _FORMATS)
