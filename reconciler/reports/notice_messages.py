"""Notices as the bodies that channels take: an adaptive card, Slack's blocks, JSON of our own, a mail."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from typing import Final

from reconciler import __version__
from reconciler.model import JSON, count
from reconciler.reports.notices import Notice

MOST: Final = 20
"""So many notices in one message; the rest is counted. Teams takes 28 KB, Slack 50 blocks."""
_TEXT_LIMIT: Final = 600
_SLACK_ESCAPES: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}


def subject_line(owner: str, notices: Sequence[Notice]) -> str:
    """One line for all of it: `contoso/exemptions: A user created an exemption` or how many things are new."""
    first = (
        notices[0].title if len(notices) == 1 else f"{count(len(notices), 'thing')} to know, {notices[0].title} first"
    )
    return f"{owner}: {first}"


def teams_card(owner: str, notices: Sequence[Notice]) -> dict[str, JSON]:
    """An adaptive card in the envelope that a workflow's webhook takes."""
    body: list[JSON] = [_block(subject_line(owner, notices), size="Large", weight="Bolder")]
    for notice in notices[:MOST]:
        body.append(_block(notice.title, weight="Bolder", separator=True))
        body.append(
            {"type": "FactSet", "facts": [{"title": label, "value": _plain(text)} for label, text in notice.facts]}
        )
        body += [_block(notice.message), _block(notice.remedy, isSubtle=True)]
        if notice.link:
            action = {"type": "Action.OpenUrl", "title": "Show in the Azure portal", "url": notice.link}
            body.append({"type": "ActionSet", "actions": [action]})
    if len(notices) > MOST:
        body.append(_block(_more(notices)))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        ],
    }


def _block(text: str, **style: JSON) -> dict[str, JSON]:
    return {"type": "TextBlock", "text": _plain(text), "wrap": True, **style}


def _plain(text: str) -> str:
    """Text in which a card finds no Markdown: what begins a link, a mention or emphasis is broken visibly."""
    shortened = text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"
    for mark in ("\\", "[", "]", "*", "_", "`", "#"):
        shortened = shortened.replace(mark, f"\\{mark}")
    return shortened.replace("<", "< ")


def slack_message(owner: str, notices: Sequence[Notice]) -> dict[str, JSON]:
    """Slack's blocks, all of plain text, in which nothing is markup; the first text is what a phone shows."""
    blocks: list[JSON] = []
    for notice in notices[:MOST]:
        blocks.append({"type": "header", "text": _plain_text(notice.title[:150])})
        rows = [
            *(f"{label}: {text[:_TEXT_LIMIT]}" for label, text in notice.facts),
            notice.message,
            notice.remedy,
            notice.link,
        ]
        blocks.append({"type": "section", "text": _plain_text("\n".join(filter(None, rows))[:3000])})
    if len(notices) > MOST:
        blocks.append({"type": "section", "text": _plain_text(_more(notices))})
    return {"text": subject_line(owner, notices).translate(_SLACK_ESCAPES), "blocks": blocks}


def _plain_text(text: str) -> dict[str, JSON]:
    return {"type": "plain_text", "text": text, "emoji": False}


def webhook_body(owner: str, tenant: str, notices: Sequence[Notice]) -> dict[str, JSON]:
    """Everything, for a program."""
    return {
        "format_version": "1.0",
        "tool_version": __version__,
        "owner": owner,
        "tenantId": tenant,
        "notices": [
            {
                "key": notice.key,
                "title": notice.title,
                "severity": notice.severity.value,
                "message": notice.message,
                "remedy": notice.remedy,
                "facts": dict(notice.facts),
                "link": notice.link or None,
                "owner": notice.owner or None,
            }
            for notice in notices
        ],
    }


def mail(owner: str, notices: Sequence[Notice], *, sender: str, to: Sequence[str]) -> EmailMessage:
    """Plain text; a header cannot be broken out of, since texts are on one line and the library refuses line ends."""
    message = EmailMessage()
    message["Subject"] = f"[exempt] {subject_line(owner, notices)}"[:200]
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Auto-Submitted"] = "auto-generated"
    parts = []
    for notice in notices:
        rows = [notice.title, "-" * min(len(notice.title), 72)]
        rows += [f"{label}: {text}" for label, text in notice.facts]
        rows += ["", notice.message, notice.remedy, *([notice.link] if notice.link else [])]
        parts.append("\n".join(rows))
    message.set_content("\n\n".join(parts) + "\n")
    return message


def _more(notices: Sequence[Notice]) -> str:
    return f"and {len(notices) - MOST:,} more: exempt drift"
