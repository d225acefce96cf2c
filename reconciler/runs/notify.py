"""Tells the configured channels what is new in a drift report. A channel that fails is said, and told by the next run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from reconciler.model import Declaration, Settings
from reconciler.notifying.sender import NotifyError, Sender
from reconciler.reports.drift import DriftReport
from reconciler.reports.labels import Names
from reconciler.reports.notices import for_channel, notices
from reconciler.runs.context import Context


def tell(  # noqa: PLR0913 - what is told, of what, and with what
    report: DriftReport,
    settings: Settings,
    declarations: Mapping[str, Declaration],
    names: Names,
    context: Context,
    *,
    since: datetime | None,
    untold: Mapping[str, frozenset[str]],
    everything: bool,
) -> dict[str, tuple[str, ...]]:
    """Sends, and returns by channel the keys that could not be told. `since` is when the earlier report was made, `untold`
    what it could not tell; `everything` counts as new.
    """
    if not settings.channels:
        context.observer.warning("--notify: reconciler.yaml has no channels under notify, so nobody is told")
    if since is None and not everything:
        context.observer.warning(
            "--notify: without --since nothing is known to be new, so only reminders of today are sent"
        )
    owners = {name: declaration.owner for name, declaration in declarations.items()}
    sender = Sender(owner=report.owner, tenant_id=report.tenant_id, environment=context.environment, now=context.now)
    failed: dict[str, tuple[str, ...]] = {}
    for channel in settings.channels:
        due = notices(
            report,
            owners=owners,
            since=since,
            untold=untold.get(channel.label, frozenset()),
            names=names,
            everything=everything,
        )
        if due := for_channel(due, channel):
            try:
                sender.send(channel, due)
            except NotifyError as error:
                context.observer.warning(f"not told: {error.message}; {error.remedy}")
                failed[channel.label] = tuple(notice.key for notice in due)
    return failed
