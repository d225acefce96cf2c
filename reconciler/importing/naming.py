"""Names and folders of imported declarations: readable, unique, and the same in every run."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.model import Declaration, ScopeKind, Source
from reconciler.problems import UsageError

DEFAULT_FOLDER: Final = "imported/{subscription}"
_PLACEHOLDERS: Final = ("subscription", "category", "kind")
_LONGEST: Final = 60
_NAME: Final = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,98}[a-zA-Z0-9])?")
_FOLDER: Final = re.compile(r"(?:[A-Za-z0-9_.-]|\{[a-z]+\})+(?:/(?:[A-Za-z0-9_.-]|\{[a-z]+\})+)*")


def slug(text: str, longest: int = _LONGEST) -> str:
    """Letters, digits and dashes, lower case; accents are dropped. Empty where nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower())[:longest].strip("-")


def named(
    drafts: Sequence[tuple[Declaration, str]], taken: Iterable[str], folder: str, names: Mapping[str, str]
) -> list[Declaration]:
    """The declarations with names and paths. Each comes with the text that its name is made of, or is; where that is taken, or
    several have the same, all of them get a hash of what they mean, so that no name depends on the order.
    """
    used = {name.casefold() for name in taken}
    stems = [text if _NAME.fullmatch(text) else slug(text) or "imported" for _, text in drafts]
    times = Counter(stem.casefold() for stem in stems)
    finished: list[Declaration] = []
    for (draft, _), stem in zip(drafts, stems, strict=True):
        name = stem if times[stem.casefold()] == 1 and stem.casefold() not in used else f"{stem}-{meaning_hash(draft)}"
        number = 2
        while name.casefold() in used:
            name, number = f"{stem}-{meaning_hash(draft)}-{number}", number + 1
        used.add(name.casefold())
        path = f"exemptions/{_folder(draft, folder, names)}/{name}.yaml"
        finished.append(replace(draft, name=name, source=Source(path)))
    return finished


def meaning_hash(declaration: Declaration) -> str:
    """Eight digits that depend on what is exempted, where and until when."""
    subject = declaration.subject
    parts = (
        subject.kind.value,
        *sorted(value.lower() for value in subject.values),
        *sorted(reference.lower() for reference in subject.reference_ids),
        *sorted(scope.key for scope in declaration.scopes),
        repr(declaration.selectors),
        declaration.category.value,
        str(declaration.expires_on),
        declaration.display_name,
        declaration.justification,
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def check_folder(template: str) -> str:
    """The template of a folder, if it is one.

    Raises:
        UsageError: it leaves exemptions/, or has a placeholder that does not exist.
    """
    inside = template.removeprefix("exemptions/").strip("/")
    unknown = sorted(set(re.findall(r"\{([^{}]*)\}", inside)) - set(_PLACEHOLDERS))
    if not _FOLDER.fullmatch(inside) or unknown or {".", ".."} & set(inside.split("/")):
        raise UsageError(
            f"--into: {template!r} is no folder below exemptions/"
            + (f"; it has no {{{unknown[0]}}} to fill in" if unknown else ""),
            "give one such as imported/{subscription}; {subscription}, {category} and {kind} are filled in",
        )
    return inside


def _folder(declaration: Declaration, template: str, names: Mapping[str, str]) -> str:
    """The folder that a template means. `subscription` may be a management group; `several` where there is more than one."""
    owners = {
        scope.key if scope.kind is ScopeKind.MANAGEMENT_GROUP else f"/subscriptions/{scope.subscription}": scope
        for scope in declaration.scopes
    }
    subscription = ""
    if len(owners) == 1:
        ((key, owner),) = owners.items()
        subscription = slug(names.get(key, "")) or slug(owner.subscription or owner.name)
    values = {
        "subscription": subscription or "several",
        "category": declaration.category.value.lower(),
        "kind": slug(min(scope.kind for scope in declaration.scopes)) or "scope",
    }
    return re.sub(r"\{([a-z]+)\}", lambda placeholder: values[placeholder[1]], template)
