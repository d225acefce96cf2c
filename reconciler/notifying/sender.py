"""Sends notices over one channel: https with retries, or SMTP. A secret is in no message, whatever goes wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import requests

from reconciler.model import JSON, Channel, ChannelKind
from reconciler.problems import ReconcilerError
from reconciler.reports.notice_messages import mail, slack_message, teams_card, webhook_body
from reconciler.reports.notices import Notice

_ATTEMPTS: Final = 4
_BACKOFF_SECONDS: Final = 2
_LONGEST_WAIT_SECONDS: Final = 60
_TIMEOUT_SECONDS: Final = 20
_WORTH_ANOTHER_TRY: Final = frozenset({408, 429, 500, 502, 503, 504})
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_IMPLICIT_TLS: Final = 465


class NotifyError(ReconcilerError):
    """A channel took nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends for one repository. `environment` holds the secrets that channels name; `wait` sleeps for seconds."""

    owner: str
    tenant_id: str
    environment: Mapping[str, str]
    now: datetime
    wait: Callable[[float], None] = time.sleep

    def send(self, channel: Channel, notices: Sequence[Notice]) -> None:
        """Sends one message with all of them (by mail: one for each recipient's own).

        Raises:
            NotifyError: the channel is not set up, or did not take it after some tries.
        """
        match channel.kind:
            case ChannelKind.TEAMS:
                self._post(channel, teams_card(self.owner, notices))
            case ChannelKind.SLACK:
                self._post(channel, slack_message(self.owner, notices))
            case ChannelKind.WEBHOOK:
                self._post(channel, webhook_body(self.owner, self.tenant_id, notices))
            case ChannelKind.MAIL:
                self._mail(channel, notices)

    def _variable(self, channel: Channel, name: str) -> str:
        value = self.environment.get(name, "")
        if not value:
            raise NotifyError(f"{channel.label}: the variable {name} is not set", "set it where this runs, as a secret")
        return value

    # --- https ---

    def _post(self, channel: Channel, body: Mapping[str, JSON]) -> None:
        url = self._variable(channel, channel.url_from)
        address = urlsplit(url)
        if address.scheme != "https" and address.hostname not in _LOOPBACK:
            raise NotifyError(
                f"{channel.label}: {channel.url_from} holds no https address", "give the webhook's whole address"
            )
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if channel.secret_from:
            stamp = str(int(self.now.timestamp()))
            key = self._variable(channel, channel.secret_from).encode()
            signature = hmac.new(key, stamp.encode() + b"." + data, hashlib.sha256).hexdigest()
            headers |= {"X-Exempt-Timestamp": stamp, "X-Exempt-Signature": f"v1={signature}"}
        reason = ""
        for attempt in range(_ATTEMPTS):
            delay = float(_BACKOFF_SECONDS * 2**attempt)
            try:
                answer = requests.post(url, data=data, headers=headers, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
            except requests.RequestException as error:  # its text holds the address, which is a secret
                reason = f"{address.hostname} cannot be reached ({type(error).__name__})"
            else:
                if answer.ok and not answer.is_redirect:
                    return
                reason = f"{address.hostname} answered {answer.status_code}"
                if answer.status_code not in _WORTH_ANOTHER_TRY:
                    break
                retry_after = answer.headers.get("Retry-After", "")
                delay = (float(retry_after) if retry_after.isdigit() else 0) or delay
            if attempt + 1 < _ATTEMPTS:
                self.wait(min(delay, _LONGEST_WAIT_SECONDS))
        raise NotifyError(f"{channel.label}: {reason}", "check the webhook; what was not told is told by the next run")

    # --- mail ---

    def _mail(self, channel: Channel, notices: Sequence[Notice]) -> None:
        by_recipient: dict[tuple[str, ...], list[Notice]] = defaultdict(list)
        for notice in notices:
            is_address = (
                channel.to_owners and notice.owner.count("@") == 1 and not set(notice.owner) & set("<>,; \r\n\t")
            )
            by_recipient[(notice.owner,) if is_address else channel.to].append(notice)
        reason = ""
        for attempt in range(_ATTEMPTS):
            try:
                with self._connected(channel) as server:
                    for to in list(by_recipient):
                        server.send_message(mail(self.owner, by_recipient[to], sender=channel.sender, to=to))
                        del by_recipient[to]  # told; a second try is for the others
            except (smtplib.SMTPException, OSError) as error:
                reason = f"{channel.host} does not take it ({type(error).__name__})"
                if isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPRecipientsRefused):
                    break
            else:
                return
            if attempt + 1 < _ATTEMPTS:
                self.wait(_BACKOFF_SECONDS * 2**attempt)
        raise NotifyError(
            f"{channel.label}: {reason}", "check the mail server; what was not told is told by the next run"
        )

    def _connected(self, channel: Channel) -> smtplib.SMTP:
        """A connection to the mail server, encrypted but for this machine's own, and logged in where the channel says who."""
        context, is_encrypted = ssl.create_default_context(), channel.port == _IMPLICIT_TLS
        server = (
            smtplib.SMTP_SSL(channel.host, channel.port, timeout=_TIMEOUT_SECONDS, context=context)
            if is_encrypted
            else smtplib.SMTP(channel.host, channel.port, timeout=_TIMEOUT_SECONDS)
        )
        try:
            if not is_encrypted and channel.host not in _LOOPBACK:
                server.starttls(context=context)
            if channel.user_from:
                server.login(self._variable(channel, channel.user_from), self._variable(channel, channel.password_from))
        except BaseException:
            server.close()
            raise
        return server
