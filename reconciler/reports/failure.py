"""The comment where there is no plan: it takes the place of an earlier one, which would stand as if it were current."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.catalog import weakening
from reconciler.problems import AzureError, CredentialError, Problem, ReconcilerError, UsageError, has_errors
from reconciler.reports.context import NO_CONTEXT, ReportContext
from reconciler.reports.markdown import bullets, problem_item, value
from reconciler.reports.plan_markdown import MARKER


def failure_markdown(
    error: BaseException, problems: Sequence[Problem] = (), context: ReportContext = NO_CONTEXT, marker: str = MARKER
) -> str:
    """Why there is no plan, and what to do, as Markdown; `problems` are the mistakes of an invalid repository."""
    lines = [marker, f"### No plan: {_cause(error, problems)}."]
    weaker = [problem for problem in problems if problem.code == weakening.CODE]
    lines += bullets("Bundled facts that this weakens", sorted(weaker), lambda item: problem_item(item, context))
    if isinstance(error, ReconcilerError):
        lines.append(f"\n{value(error.message)}" + (f"; {value(error.remedy)}" if error.remedy else ""))
    elif not isinstance(error, KeyboardInterrupt):
        lines.append(f"\n{value(f'{type(error).__name__}: {error}')}; the log of this run has the rest")
    wrong = [problem for problem in problems if problem.code != weakening.CODE]
    lines += bullets("What is wrong", sorted(wrong), lambda item: problem_item(item, context))
    lines.append("\nWhat this change would do is not known. An earlier comment is no longer current.")
    return "\n".join(lines) + "\n"


def _cause(error: BaseException, problems: Sequence[Problem]) -> str:
    match error:
        case _ if has_errors(tuple(problems)):
            return "the repository is invalid"
        case UsageError():
            return "the command asks for something that does not exist"
        case CredentialError():
            return "Azure accepts no identity"
        case AzureError():
            return "Azure could not be read"
        case ReconcilerError():
            return "something that it needs refuses"
        case KeyboardInterrupt():
            return "the run was cut off"
        case _:
            return "exempt itself failed"
