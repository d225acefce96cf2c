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
from reconciler.documents.json_input import read_json
from reconciler.model import JSON, Cloud, Verdict, arm_id
from reconciler.problems import ReconcilerError, UsageError
from reconciler.verification import Facts, Violation, verify

_SAVE_AGAIN: Final = "save it again with the exempt that checks it"


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
    plan = _read(request.plan, "a plan")
    settings = _yaml(request.root / "reconciler.yaml")
    overlay, folder = request.root / "catalog.yaml", request.root / "exemptions"
    catalogue = load_catalogue(Cloud(settings.get("cloud") or Cloud.PUBLIC), overlay)
    try:
        violations = verify(
            plan=plan,
            snapshot=_read(request.snapshot, "a snapshot"),
            settings=settings,
            declarations=[_yaml(path) for path in sorted((*folder.rglob("*.yaml"), *folder.rglob("*.yml")))],
            facts=_facts(catalogue),
            outcomes=_read(request.outcomes, "outcomes") if request.outcomes else None,
            after=_read(request.after, "a snapshot") if request.after else None,
            approved=_read(request.approved, "a plan") if request.approved else None,
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


def _yaml(path: Path) -> JSON:
    """A YAML mapping with every scalar as the text that stands there."""
    try:
        value = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)  # noqa: S506 - it builds text, lists and mappings only
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "name the repository with --root DIR") from error
    except yaml.YAMLError as error:
        raise ReconcilerError(f"{path} is no YAML", "correct it; 'exempt validate' says where") from error
    if not isinstance(value, dict):
        raise ReconcilerError(f"{path} is no mapping of fields", "correct it; 'exempt validate' says where")
    return value


def _read(path: Path, label: str) -> JSON:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", f"name {label} that exempt saved") from error
    document = read_json(data, origin=str(path), remedy=f"name {label} that exempt saved")
    document.check_format(document=label, reads="1.0")
    return document.as_object()
