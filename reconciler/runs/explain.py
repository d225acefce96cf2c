"""An explanation: why a resource is exempt, or what a declaration comes to. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.azure.session import Login, connect
from reconciler.catalog.subjects import ResolvedSubject, resolve_subject
from reconciler.documents.suggest import did_you_mean
from reconciler.model import ArmId, Snapshot, Subject, SubjectKind, Verdict
from reconciler.planning.explain.declaration import DeclarationExplanation, explain_declaration
from reconciler.planning.explain.resource import explain_resource
from reconciler.planning.explain.values import ResourceExplanation
from reconciler.planning.marks import with_adopted
from reconciler.planning.planner import assemble_plan
from reconciler.planning.stages import decide
from reconciler.problems import UsageError
from reconciler.runs.context import Context
from reconciler.runs.loading import Repository, load_repository, named
from reconciler.runs.reading import display_names, load_record, read_declared, saved_snapshot

_POLICY: Final = "/policydefinitions/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRequest:
    """What to explain: a `resource` (about one `recommendation`, or all), or a `declaration`, by name. `record` is a
    file with what earlier runs adopted.
    """

    root: Path
    resource: ArmId | None = None
    recommendation: str | None = None
    declaration: str | None = None
    snapshot: Path | None = None
    record: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRun:
    """What was asked for; `names` are display names by folded id."""

    explanation: ResourceExplanation | DeclarationExplanation
    names: dict[str, str]

    @property
    def verdict(self) -> Verdict:
        """Incomplete where something that matters could not be read."""
        return Verdict.INCOMPLETE if self.explanation.unread else Verdict.DONE


def run(request: ExplainRequest, context: Context) -> ExplainRun:
    """Loads, checks, reads, decides as the plan does, explains.

    Raises:
        UsageError: not exactly one thing is asked for, or it does not exist.
        InvalidRepositoryError: the repository has errors.
        ReconcilerError: git, Azure or a file refuses.
    """
    if (request.resource is None) == (request.declaration is None):
        raise UsageError(
            "explain one thing: a RESOURCE or --declaration NAME", "exempt explain --help shows both forms"
        )
    if request.declaration is not None and request.recommendation is not None:
        raise UsageError("--recommendation goes with a RESOURCE", "leave it out: a declaration is about one already")
    login = Login(context.environment)
    log_in = login.begin if request.snapshot is None else None
    repository = load_repository(request.root, None, context, log_in)
    declaration = None
    if request.declaration is not None:
        (declaration,) = named([request.declaration], repository.declarations, "--declaration")
    subject = _subject(repository, request.recommendation) if request.recommendation is not None else None
    recorded = load_record(request.record, repository.settings, context)
    snapshot = with_adopted(_snapshot(request, repository, context, login), recorded)
    basis = decide(repository.plan_inputs(snapshot, context.now))
    plan, names = assemble_plan(basis), display_names(snapshot, repository.catalogue)
    if declaration is not None:
        return ExplainRun(explanation=explain_declaration(basis, plan, declaration), names=names)
    assert request.resource is not None
    return ExplainRun(explanation=explain_resource(basis, plan, request.resource, subject), names=names)


def _snapshot(request: ExplainRequest, repository: Repository, context: Context, login: Login) -> Snapshot:
    """What Azure holds, and whether the resource that was asked for exists, where no declaration names it."""
    if request.snapshot is not None:
        return saved_snapshot(request.snapshot, repository.settings)
    with connect(repository.settings, context.environment, context.observer.warning, login) as azure:
        snapshot = read_declared(azure, context, repository)
        resource = request.resource
        if resource is None or resource.key in snapshot.exists | snapshot.gone:
            return snapshot
        from reconciler.azure.targets import confirm_targets  # noqa: PLC0415 - loads the SDK

        confirmed = confirm_targets(azure.client, [resource], lambda _done, _total: None)
        return replace(
            snapshot,
            exists=snapshot.exists | confirmed.exists,
            gone=snapshot.gone | confirmed.gone,
            similar={**snapshot.similar, **confirmed.similar},
        )


def _subject(repository: Repository, text: str) -> ResolvedSubject:
    """What `--recommendation` means, looked up as a declaration's own field would be."""
    kind = SubjectKind.POLICY if _POLICY in text.lower() else SubjectKind.RECOMMENDATION
    subject = resolve_subject(Subject(kind=kind, value=text), repository.catalogue)
    if subject is not None:
        return subject
    namesakes = repository.catalogue.find(text)
    if namesakes:
        keys = ", ".join(recommendation.key for recommendation in namesakes)
        raise UsageError(f"--recommendation: {text!r} is the title of several recommendations", f"name a key: {keys}")
    near = [f"{recommendation.title} ({recommendation.key})" for recommendation in repository.catalogue.nearest(text)]
    remedy = did_you_mean(near, "'exempt catalog search WORDS' finds it")
    raise UsageError(f"--recommendation: the catalogue has no recommendation {text!r}", remedy)
