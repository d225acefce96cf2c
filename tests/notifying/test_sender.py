"""What channels receive, how often, and that no secret is in anything that is said."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from notifying.receiver import mail_server, receiving

from reconciler.model import Channel, ChannelKind, Severity
from reconciler.notifying.sender import NotifyError, Sender
from reconciler.reports.notice_messages import mail
from reconciler.reports.notices import Notice

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NOTICE = Notice(
    key="abc", title="A user created an exemption", message="exempts [everything](http://evil) <at>all</at> *now*", remedy="exempt import live",
    severity=Severity.WARNING, facts=(("where", "sub Payments"), ("who", "ann@contoso.example (User)")),
    link="https://portal.azure.com/#resource/x", owner="data@contoso.example", always=True,
)  # fmt: skip
KINDS = {kind: Channel(kind=kind, url_from="HOOK", secret_from="KEY" if kind is ChannelKind.WEBHOOK else "") for kind in (ChannelKind.TEAMS, ChannelKind.SLACK, ChannelKind.WEBHOOK)}  # fmt: skip


def sender(url="", waits=None, **environment):
    variables = {"HOOK": url, "KEY": "hush-hush", **environment}
    return Sender(
        owner="contoso/exemptions", tenant_id="t", environment=variables, now=NOW,
        wait=(waits if waits is not None else []).append,
    )  # fmt: skip


def test_a_card_for_teams_in_which_nothing_is_markup():
    with receiving() as receiver:
        sender(receiver.url).send(KINDS[ChannelKind.TEAMS], [NOTICE])
    (body,) = receiver.bodies
    (attachment,) = body["attachments"]
    card = attachment["content"]
    assert (card["type"], attachment["contentType"]) == ("AdaptiveCard", "application/vnd.microsoft.card.adaptive")
    texts = [block["text"] for block in card["body"] if block["type"] == "TextBlock"]
    assert "A user created an exemption" in texts
    assert r"exempts \[everything\](http://evil) < at>all< /at> \*now\*" in texts
    facts = next(block["facts"] for block in card["body"] if block["type"] == "FactSet")
    assert {"title": "where", "value": "sub Payments"} in facts
    assert len(json.dumps(body)) < 28_000


def test_many_fit_into_one_card_and_the_rest_is_counted():
    with receiving() as receiver:
        sender(receiver.url).send(KINDS[ChannelKind.TEAMS], [NOTICE] * 300)
    assert len(receiver.requests[0][1]) < 28_000
    assert "and 280 more: exempt drift" in receiver.requests[0][1].decode()


def test_plain_text_for_slack():
    with receiving() as receiver:
        sender(receiver.url).send(KINDS[ChannelKind.SLACK], [NOTICE])
    (body,) = receiver.bodies
    assert {block["text"]["type"] for block in body["blocks"]} == {"plain_text"}
    assert body["text"] == "contoso/exemptions: A user created an exemption"


def test_a_webhook_can_check_who_sent_it_and_when():
    with receiving() as receiver:
        sender(receiver.url).send(KINDS[ChannelKind.WEBHOOK], [NOTICE])
    ((headers, body),) = receiver.requests
    stamp = headers["X-Exempt-Timestamp"]
    expected = hmac.new(b"hush-hush", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Exempt-Signature"] == f"v1={expected}"
    assert int(stamp) == NOW.timestamp()
    assert receiver.bodies[0]["notices"][0]["facts"]["who"] == "ann@contoso.example (User)"


def test_a_receiver_that_fails_twice_gets_it_once_in_the_end():
    waits = []
    with receiving() as receiver:
        receiver.answers = [(500, {}), (429, {"Retry-After": "7"})]
        sender(receiver.url, waits).send(KINDS[ChannelKind.SLACK], [NOTICE])
    assert len(receiver.requests) == 3
    assert waits == [2.0, 7.0]


@pytest.mark.parametrize(
    ("answers", "requests"), [([(404, {})], 1), ([(302, {"Location": "http://127.0.0.1:1/"})], 1), ([(503, {})] * 4, 4)]
)
def test_what_does_not_take_it_is_said_without_its_address(answers, requests):
    with receiving() as receiver:
        receiver.answers = list(answers)
        with pytest.raises(NotifyError) as error:
            sender(receiver.url).send(KINDS[ChannelKind.WEBHOOK], [NOTICE])
    assert len(receiver.requests) == requests
    said = f"{error.value.message} {error.value.remedy}"
    assert "secret-path" not in said
    assert "hush-hush" not in said
    assert str(answers[0][0]) in said


@pytest.mark.parametrize("url", ["", "http://contoso.example/hook", "file:///etc/passwd", "hook"])
def test_an_address_that_is_none_is_not_called(url):
    with pytest.raises(NotifyError, match="HOOK holds no https address" if url else "the variable HOOK is not set"):
        sender(url).send(KINDS[ChannelKind.TEAMS], [NOTICE])


def test_nobody_there_is_said():
    with pytest.raises(NotifyError) as error:
        sender("http://127.0.0.1:9/secret-path").send(KINDS[ChannelKind.TEAMS], [NOTICE])
    assert "127.0.0.1 cannot be reached" in error.value.message
    assert "secret-path" not in error.value.message


def test_mail_reaches_owners_and_the_rest_the_recipients():
    hostile = Notice(key="x", title="New finding\r\nBcc: everybody@contoso.example", message="m", remedy="r", severity=Severity.ERROR, owner="a@b, c@d")  # fmt: skip
    with mail_server() as box:
        box.refuse, box.cut = 2, 1  # the second mail goes by another connection, and the first not again
        channel = Channel(kind=ChannelKind.MAIL, host="127.0.0.1", port=box.port, sender="exempt@contoso.example", to=("team@contoso.example",), to_owners=True)  # fmt: skip
        clean = Notice(**{**{name: getattr(hostile, name) for name in hostile.__slots__}, "title": "New finding"})
        sender().send(channel, [NOTICE, clean])
    assert [to for to, _ in box.mails] == [["data@contoso.example"], ["team@contoso.example"]]
    assert "Subject: [exempt] contoso/exemptions: A user created an exemption" in box.mails[0][1]
    assert "where: sub Payments" in box.mails[0][1]
    with pytest.raises(ValueError, match="Header"):  # texts are made printable before; this is the last line
        mail("contoso", [hostile], sender="exempt@contoso.example", to=["team@contoso.example"])


def test_mail_is_sent_by_the_user_whom_the_variables_name():
    channel = Channel(kind=ChannelKind.MAIL, host="127.0.0.1", sender="exempt@contoso.example", to=("team@contoso.example",), user_from="MAIL_USER", password_from="MAIL_PASSWORD")  # fmt: skip
    with mail_server() as box:
        box.login = ("exempt", "hush-hush")
        channel = replace(channel, port=box.port)
        sender(MAIL_USER="exempt", MAIL_PASSWORD="hush-hush").send(channel, [NOTICE])
        assert [to for to, _ in box.mails] == [["team@contoso.example"]]
        with pytest.raises(NotifyError, match="SMTPAuthenticationError") as refused:
            sender(MAIL_USER="exempt", MAIL_PASSWORD="guessed-word").send(channel, [NOTICE])
        with pytest.raises(NotifyError, match="the variable MAIL_PASSWORD is not set"):
            sender(MAIL_USER="exempt").send(channel, [NOTICE])
    assert box.logins == [("exempt", "hush-hush"), ("exempt", "guessed-word")], "a refused login is tried once"
    assert "guessed-word" not in refused.value.message + refused.value.remedy
