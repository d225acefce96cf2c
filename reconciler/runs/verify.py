"""A proof: whether a saved plan, and what was written of it, keep the promises. Asks Azure nothing, writes nothing.

The checker reads the declarations by itself; only the files are found, and the facts of the catalogue taken, as every
run does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from reconciler.catalog.catalogue import Catalogue
from reconciler.catalog.catalogue import load as load_catalogue
from reconciler.catalog.facts import Recommendation
from reconciler.documents.json_input import LIMITS, read_json
from reconciler.documents.named_files import read_file
from reconciler.model import JSON, Cloud, Verdict, arm_id
from reconciler.problems import ReconcilerError, has_errors
from reconciler.verification import Facts, Violation, verify

_SAVE_AGAIN: Final = "save it again with the exempt that checks it"
_CORRECT: Final = "correct it; 'exempt validate' says where"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What to prove: the plan file, the snapshot it was made from, and where wanted what was written, what people had
    approved, and Azure after.
    """

    root: Path
    plan: Path
    snapshot: Path
    outcomes: Path | None = None
    after: Path | None = None
    approved: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRun:
    """`violations` are the rules that do not hold; `changes` counts what was proven where there are none. `only` are the
    scopes at and below which that holds, where the plan was narrowed to some.
    """

    violations: tuple[Violation, ...]
    changes: int
    only: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Refused where any rule does not hold."""
        return Verdict.REFUSED if self.violations else Verdict.DONE


def run(request: VerifyRequest) -> VerifyRun:
    """Reads the files and checks them.

    Raises:
        ReconcilerError: a file cannot be read, or is not what it should be.
    """
    plan = _read(request.plan, "plan")
    settings = _yaml(request.root / "reconciler.yaml")
    folder = request.root / "exemptions"
    declared = (path for path in (*folder.rglob("*.yaml"), *folder.rglob("*.yml")) if not path.is_dir())
    catalogue = _catalogue(request.root, settings)
    try:
        violations = verify(
            plan=plan,
            snapshot=_read(request.snapshot, "snapshot"),
            settings=settings,
            declarations=[_yaml(path) for path in sorted(declared)],
            facts=_facts(catalogue),
            outcomes=_read(request.outcomes, "file of outcomes") if request.outcomes else None,
            after=_read(request.after, "snapshot") if request.after else None,
            approved=_read(request.approved, "plan") if request.approved else None,
        )
        is_narrowed = not {str(scope).lower() for scope in settings["scopes"]} <= {
            text.lower() for text in plan["scopes"]
        }
        return VerifyRun(
            violations=tuple(violations),
            changes=len(plan["changes"]),
            only=tuple(plan["scopes"]) if is_narrowed else (),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        why = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else f"{error!r}"
        raise ReconcilerError(f"the files cannot be checked: {why} in one of them", _SAVE_AGAIN) from error


def _facts(catalogue: Catalogue) -> Facts:
    """What the checker takes from the catalogue; rules are judged by bundled facts and by catalog.yaml, as every run does."""

    def behind(recommendations: Iterable[Recommendation]) -> list[str]:
        return [evaluator.key for recommendation in recommendations for evaluator in recommendation.evaluators]

    def titles_of(text: str) -> list[str]:
        if not text.startswith("/"):
            return [recommendation.title for recommendation in catalogue.find(text)]
        definition = catalogue.policy(arm_id(text)) or catalogue.initiative(arm_id(text))
        return [definition.title] if definition else []

    def obstacles_of(policy: str) -> list[str]:
        described = filter(None, (source.policy(arm_id(policy)) for source in (catalogue, catalogue.bundled)))
        return [obstacle.value for facts in described for obstacle in facts.obstacles]

    return Facts(
        policies_behind=lambda text: behind(catalogue.find(text) or catalogue.in_category(text)),
        protected_by=lambda text: behind((*catalogue.find(text), *catalogue.bundled.find(text))),
        titles_of=titles_of,
        obstacles_of=obstacles_of,
    )


def _catalogue(root: Path, settings: JSON) -> Catalogue:
    """The facts that the repository's runs decide by."""
    cloud, overlay = settings.get("cloud") or Cloud.PUBLIC, root / "catalog.yaml"
    if cloud not in list(Cloud):
        raise ReconcilerError(f"{root / 'reconciler.yaml'} names no cloud that there is: {cloud!r}", _CORRECT)
    catalogue = load_catalogue(Cloud(cloud), overlay)
    if has_errors(catalogue.problems):  # by the shipped facts alone another plan would be right
        raise ReconcilerError(f"{overlay} has errors", _CORRECT)
    return catalogue


def _yaml(path: Path) -> JSON:
    """A YAML mapping with every scalar as the text that stands there."""
    data = read_file(path, label="file", remedy="name the repository with --root DIR", limit=LIMITS.size)
    try:
        value = yaml.load(data, Loader=yaml.BaseLoader)  # noqa: S506 - it builds text, lists and mappings only
    except yaml.YAMLError as error:
        raise ReconcilerError(f"{path} is no YAML", _CORRECT) from error
    except RecursionError:
        raise ReconcilerError(f"{path} is nested too deeply", _CORRECT) from None
    if not isinstance(value, dict):
        raise ReconcilerError(f"{path} is no mapping of fields", _CORRECT)
    return value


def _read(path: Path, label: str) -> JSON:
    remedy = f"name a {label} that exempt saved"
    data = read_file(path, label=label, remedy=remedy, limit=LIMITS.size)
    document = read_json(data, origin=str(path), remedy=remedy)
    document.check_format(document=f"a {label}", reads="1.0")
    return document.as_object()
