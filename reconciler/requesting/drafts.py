"""From a person's answers to a declaration with a name and a place in the repository."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from reconciler.arm.standard_properties import vulnerability_selectors
from reconciler.importing.naming import slug
from reconciler.model import CATEGORY_LABELS, JSON, ArmId, Category, Declaration, Diagnostic, Rules, ScopeKind, Source
from reconciler.requesting.subjects import SubjectChoice

FOLDER: Final = "exemptions"
UNLIMITED_DAYS: Final = 365
"""The proposal where no rule sets a longest time: somebody should look at every exemption once a year."""

_LONGEST_TITLE: Final = 40
_LONGEST_RESOURCE: Final = 40
_SAID_BY_ALL: Final = frozenset(
    "should be enabled on for the your in of to a an and is are have has not using with use must at by from azure".split()  # noqa: SIM905
)

CATEGORY_WORDS: Final[Mapping[Category, tuple[str, str]]] = {
    Category.WAIVER: (
        CATEGORY_LABELS[Category.WAIVER],
        "you live with the risk; the resource no longer counts in the secure score, in either direction",
    ),
    Category.MITIGATED: (
        CATEGORY_LABELS[Category.MITIGATED],
        "something that Defender does not see already protects it; this earns no points, but none are taken away either",
    ),
}
"""Each category in the portal's words, and what it does to the score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a request says. Empty texts are not said; `expires_on` None means that it never ends. `selected_by` are the
    tags by which the scopes were chosen, `requested_by` who asked where the commit does not say it; `vulnerabilities` are
    conditions on findings, as a declaration writes them. `notes` are what the person should know.
    """

    choice: SubjectChoice
    scopes: tuple[ArmId, ...]
    category: Category
    justification: str
    owner: str
    expires_on: datetime | None = None
    ticket: str = ""
    requested_by: str = ""
    name: str = ""
    selected_by: Mapping[str, str] = field(default_factory=dict)
    vulnerabilities: Mapping[str, JSON] = field(default_factory=dict)
    notes: tuple[Diagnostic, ...] = ()


def draft(answers: Answers, *, taken: Iterable[str], rules: Rules, declarations: Sequence[Declaration]) -> Declaration:
    """The declaration. `taken` are the names that others have; `declarations` show where such files lie."""
    name = answers.name or _free_name(answers, taken)
    folder = place(answers.scopes, rules, declarations)
    return Declaration(
        name=name,
        subject=answers.choice.subject,
        scopes=answers.scopes,
        category=answers.category,
        justification=answers.justification.strip(),
        owner=answers.owner,
        source=Source("/".join(part for part in (FOLDER, folder, f"{name}.yaml") if part)),
        expires_on=answers.expires_on,
        ticket=answers.ticket,
        requested_by=answers.requested_by,
        selected_by=answers.selected_by,
        selectors=vulnerability_selectors(answers.vulnerabilities) if answers.vulnerabilities else (),
    )


def _free_name(answers: Answers, taken: Iterable[str]) -> str:
    """`legacy-sql-transparent-data-encryption`: what and where, or with a number where that is taken."""
    words = [word for word in slug(answers.choice.title, 120).split("-") if word not in _SAID_BY_ALL]
    title = slug(" ".join(words), _LONGEST_TITLE + 1)
    title = title.rpartition("-")[0] if len(title) > _LONGEST_TITLE and "-" in title else title
    tag = "-".join(part for pair in sorted(answers.selected_by.items()) for part in pair)
    where = tag or answers.scopes[0].name
    stem = "-".join(part for part in (slug(where, _LONGEST_RESOURCE), title) if part) or "exemption"
    used = {name.casefold() for name in taken}
    number, name = 2, stem
    while name in used:
        number, name = number + 1, f"{stem}-{number}"
    return name


def place(scopes: Sequence[ArmId], rules: Rules, declarations: Sequence[Declaration]) -> str:
    """The folder inside exemptions/ where such a file belongs: the deepest one whose rule names a place around all of the
    scopes, else where most files about the same group or subscription lie that the rules allow, else the top.
    """
    ruled = [
        rule.folder
        for rule in rules.folders
        if rule.below and rule.folder and all(_is_below(scope, rule.below) for scope in scopes)
    ]
    folders = sorted(ruled, key=lambda folder: (-folder.count("/"), -len(folder), folder))
    for kind in (ScopeKind.RESOURCE_GROUP, ScopeKind.SUBSCRIPTION):
        wanted_areas = {_area(scope, kind) for scope in scopes}
        used = Counter(
            str(PurePosixPath(declaration.source.file).parent).removeprefix(FOLDER).strip("/")
            for declaration in declarations
            if {_area(scope, kind) for scope in declaration.scopes} <= wanted_areas
        )
        folders += [folder for folder, _ in sorted(used.items(), key=lambda item: (-item[1], item[0]))]
    return next((folder for folder in folders if _is_allowed(folder, scopes, rules)), "")


def _area(scope: ArmId, kind: ScopeKind) -> str:
    """The resource group or the subscription that a scope lies in, or the scope itself where it lies in none."""
    parts = scope.key.split("/")
    length = 5 if kind is ScopeKind.RESOURCE_GROUP and parts[3:4] == ["resourcegroups"] else 3
    return "/".join(parts[:length]) if parts[1] == "subscriptions" else scope.key


def _is_below(scope: ArmId, places: Sequence[ArmId]) -> bool:
    return any(container.contains(scope) for container in places)


def _is_allowed(folder: str, scopes: Sequence[ArmId], rules: Rules) -> bool:
    file = f"{FOLDER}/{folder}/x.yaml" if folder else f"{FOLDER}/x.yaml"
    kinds = rules.folder_rule(file, lambda rule: rule.kinds)
    if kinds and kinds.kinds and any(scope.kind not in kinds.kinds for scope in scopes):
        return False
    below = rules.folder_rule(file, lambda rule: rule.below)
    if below is None or not below.below:
        return True
    has_group = any(container.kind is ScopeKind.MANAGEMENT_GROUP for container in below.below)
    return has_group or all(_is_below(scope, below.below) for scope in scopes)


def latest_end(
    rules: Rules, category: Category | None, severities: frozenset[str] | None, now: datetime
) -> tuple[datetime, int | None]:
    """The longest end that the rules allow, as the last instant of its day, and the days that a rule sets; where none
    does, a year ahead and None.
    """
    rule = rules.strictest_lifetime(category, severities)
    days = rule.days if rule else UNLIMITED_DAYS
    end = (now + timedelta(days=days)).replace(hour=23, minute=59, second=59, microsecond=0)
    return end, rule.days if rule else None
