"""What `exempt request` asks a person, in which words, with which proposal, and which answers it refuses. How the questions
look on a terminal is tested with the command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import emulated
import pytest
from cli.console import Ended, exempt
from clones import Clone, clone
from main_job.repositories import BENCHMARK, NIST, ROOT, assignment, subscription, tenant
from requesting.test_request_command import ANSWERS, ORDERS, PAGE, SERVER, STOCK, TDE, _day, finding

from reconciler.cli import conversation, request
from reconciler.model import arm_id
from reconciler.reports.labels import scope_label
from reconciler.runs import choosing

RETIRED = "0354476c-a12a-4fcc-a79d-f0ab7ffffdbb"
NO_EFFECT = "17f3ad34-4f87-4463-a11d-6c6d7a84c486"
SUBJECT = "Recommendation (paste its portal address, or words of its title):"
RESOURCE = "Resource (paste its portal address or id, or its name):"
UNHEALTHY = "Which resources? Defender calls these unhealthy"
REASON = "Why is this acceptable?"
OWNER = "Who answers for the risk?"
OTHER_WORDS = "none of these: other words"
OTHER_ADDRESS = "another: paste its address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A question: what is answered, which choices (a set: some of them) or default it must have, and which answers are refused with what."""

    question: str
    answer: Any
    offers: Any = None
    refuses: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Person:
    """Answers the questions that are expected, in their order."""

    expected: list[Expected]

    def _next(self, question: str, offers: Any) -> Expected:
        assert self.expected, f"nobody expects {question!r}"
        step = self.expected.pop(0)
        assert step.question == question
        if isinstance(step.offers, set):
            assert step.offers <= {*offers}
        elif step.offers is not None:
            assert offers == step.offers
        return step

    def text(self, message: str, default: str = "", check: Callable[[str], bool | str] = lambda _: True) -> str:
        step = self._next(message, default)
        answer = default if step.answer is None else step.answer
        assert {text: check(text) for text in step.refuses} == step.refuses
        assert check(answer) is True
        return str(answer)

    def one(self, message: str, choices: Sequence[tuple[str, Any]]) -> Any:
        step = self._next(message, [title for title, _ in choices])
        return dict(choices)[step.answer]

    def several(self, message: str, choices: Sequence[tuple[str, Any]]) -> list[Any]:
        step = self._next(message, [title for title, _ in choices])
        return [dict(choices)[title] for title in step.answer]

    def confirmed(self, message: str, *, default: bool = True) -> bool:
        return bool(self._next(message, default).answer)


@pytest.fixture(scope="module")
def cloud() -> Iterator[emulated.Azure]:
    assigned = [assignment(ROOT, "SecurityCenterBuiltIn", BENCHMARK), assignment(subscription(1), "nist", NIST)]
    lists = {"resources": [SERVER, ORDERS, STOCK], "assessments": [finding(ORDERS), finding(STOCK)]}
    with emulated.running(tenant(*assigned, **lists)) as running:
        yield running


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, cloud: emulated.Azure) -> Callable[..., Ended]:
    def run(here: Clone, expected: list[Expected], *words: str, azure: emulated.Azure = cloud) -> Ended:
        person = Person(expected)
        for module in (conversation, request):
            monkeypatch.setattr(module, "prompts", lambda: person)
        monkeypatch.setattr(request, "can_converse", lambda: True)
        ended = exempt(azure, "request", *words, "--dry-run", root=here.root, check=0)
        assert person.expected == []
        return ended

    return run


def until(answer: str | None = None, why: str = "no rule limits it; a year is proposed", **more: Any) -> Expected:
    return Expected(question=f"Until which day ({why})?", answer=answer, **more)


def category(answer: str = "Risk accepted (Waiver)") -> Expected:
    offers = ["Risk accepted (Waiver)", "Resolved through 3rd party (Mitigated)"]
    return Expected(question="Category?", answer=answer, offers=offers)


LABELS = ["servers/legacy-sql/databases/orders in rg rg-data, sub Sub 1 00000000…0001", "servers/legacy-sql/databases/stock in rg rg-data, sub Sub 1 00000000…0001"]  # fmt: skip


def test_everything_is_asked_with_what_is_proposed_and_what_is_refused(
    asked: Callable[..., Ended], tmp_path: Path
) -> None:
    here = clone(tmp_path, rules={"maxLifetimeDays": 90, "ticketPattern": "SEC-[0-9]+"})
    late = f"{_day(90)} is the last that is allowed"
    titles = [
        "Transparent Data Encryption on SQL databases should be enabled (Low)",
        "Transparent data encryption should be enabled for SQL databases (Medium)",
        OTHER_WORDS,
    ]
    ended = asked(
        here,
        [
            Expected(question=SUBJECT, answer="xyzzy plugh", offers=""),
            Expected(question=SUBJECT, answer=""),
            Expected(question=SUBJECT, answer="transparent data encryption"),
            Expected(question="Which one?", answer=OTHER_WORDS, offers=titles),
            Expected(question=SUBJECT, answer="transparent data encryption"),
            Expected(question="Which one?", answer=titles[0], offers=titles),
            Expected(question=UNHEALTHY, answer=[LABELS[1], OTHER_ADDRESS], offers=[*LABELS, OTHER_ADDRESS]),
            Expected(question=RESOURCE, answer="ordres", offers=""),
            Expected(question=RESOURCE, answer=ORDERS),
            category("Resolved through 3rd party (Mitigated)"),
            until(
                why="at most 90 days are allowed", offers=_day(90), answer=_day(0),
                refuses={"soon": "as 2027-01-31", _day(-1): "that day is past", _day(91): late, _day(90): True},
            ),
            Expected(
                question=REASON, answer="x" * 512, offers="",
                refuses={" ": "the reviewer needs a reason", "x" * 513: "Azure holds 512 characters of it"},
            ),
            Expected(question=OWNER, answer=None, offers="ana@contoso.example", refuses={" ": "an address"}),
            Expected(
                question="Ticket (of the form SEC-[0-9]+), if there is one?", answer="", offers="",
                refuses={"later": "a ticket (of the form SEC-[0-9]+) is required", "SEC-7": True},
            ),
        ],
    )  # fmt: skip
    first, *said = ended.stderr.splitlines()
    assert first == "one moment: what the remote and Azure have now …"
    assert said[0] == "no recommendation has the key, the title or the address 'xyzzy plugh'"
    assert "Transparent Data Encryption on SQL databases should be enabled (Low severity)" in said
    assert f"did you mean {ORDERS}?" in ended.stderr
    assert [row.partition(": ")[0] for row in said if row.startswith(("Risk accepted", "Resolved through"))] == [
        "Risk accepted (Waiver)",
        "Resolved through 3rd party (Mitigated)",
    ]
    for row in (f"  - {STOCK}", f"  - {ORDERS}", "category: Mitigated", "owner: ana@contoso.example"):
        assert row in ended.stdout.splitlines()
    assert "ticket" not in ended.stdout
    assert re.search(rf"^expiresOn: '?{_day(0)}", ended.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("rules", "question", "refuses", "answer"),
    [
        ({}, None, {}, ""),
        ({"required": ["ticket"]}, "Ticket?", {"": "a ticket is required", "1": True}, "any"),
        (
            {"required": ["ticket"], "ticketPattern": "SEC-[0-9]+"},
            "Ticket (of the form SEC-[0-9]+)?",
            {"": "a ticket (of the form SEC-[0-9]+) is required", "SEC-7 ": "a ticket (of the form SEC-[0-9]+) is required"},
            "SEC-7",
        ),
    ],
)  # fmt: skip
def test_a_ticket_is_asked_for_as_the_rules_say_and_a_day_without_a_limit_may_be_any(
    asked: Callable[..., Ended],
    tmp_path: Path,
    rules: dict[str, Any],
    question: str | None,
    refuses: dict[str, Any],
    answer: str,
) -> None:
    here = clone(tmp_path, rules=rules)
    questions = [
        until("2099-01-01", refuses={_day(-1): "that day is past"}),
        Expected(question=REASON, answer="It retires."),
        Expected(question=OWNER, answer="b@contoso.example"),
    ]
    if question is not None:
        questions.append(Expected(question=question, answer=answer, refuses=refuses))
    ended = asked(here, [category(), *questions], PAGE, "--resource", "orders")
    assert ("owner: b@contoso.example" in ended.stdout, "ticket: " in ended.stdout) == (True, bool(answer))
    assert "expiresOn: 2099-01-01\n" in ended.stdout.replace("'", "")


def test_what_the_command_line_says_is_not_asked(asked: Callable[..., Ended], tmp_path: Path) -> None:
    here = clone(tmp_path, rules={"required": ["ticket"]})
    options = ("--until", "2099-01-01", "--owner", "b@contoso.example", "--ticket", "SEC-7", *ANSWERS)
    ended = asked(here, [], PAGE, "--resource", "orders", *options)
    assert "ticket: SEC-7\n" in ended.stdout


def test_who_pastes_the_resource_first_is_asked_for_the_recommendation_next(
    asked: Callable[..., Ended], tmp_path: Path
) -> None:
    options = ("--until", "2099-01-01", "--owner", "b@contoso.example", *ANSWERS)
    ended = asked(clone(tmp_path), [Expected(question=SUBJECT, answer=PAGE)], ORDERS, *options)
    assert "for servers/legacy-sql/databases/orders" in ended.stderr
    assert f"scopes:\n  - {ORDERS}\n" in ended.stdout


@pytest.mark.parametrize(
    ("key", "title"),
    [
        (RETIRED, "Guest accounts with write permissions on Azure resources should be removed (High severity)"),
        (NO_EFFECT, "GitHub repositories should have protection policies for default branch enabled (High severity)"),
    ],
)
def test_what_an_exemption_would_not_change_is_asked_for_twice(
    asked: Callable[..., Ended], tmp_path: Path, key: str, title: str
) -> None:
    offers = ["choose another recommendation", "go on all the same"]
    options = ("--until", "2099-01-01", "--owner", "b@contoso.example", "--resource", "orders", *ANSWERS)
    nothing = Expected(question="An exemption of it would do nothing.", answer=offers[0], offers=offers)
    other = Expected(question=SUBJECT, answer=TDE)
    ended = asked(clone(tmp_path), [nothing, other], "--recommendation", key, *options)
    assert title in ended.stderr.splitlines()
    assert f"recommendation: {TDE} #" in ended.stdout


def test_in_a_choice_it_is_said_what_was_retired_or_cannot_be_exempted(
    asked: Callable[..., Ended], tmp_path: Path
) -> None:
    titles = {
        "Secure transfer to storage accounts should be enabled (High)",
        "Azure DevOps secure files shouldn't grant access to all pipelines (High, cannot be exempted)",
    }
    options = ("--until", "2099-01-01", "--owner", "b@contoso.example", "--resource", "orders", *ANSWERS)
    expected = [
        Expected(question="Which one?", answer=OTHER_WORDS, offers=titles),
        Expected(question=SUBJECT, answer=TDE),
    ]
    asked(clone(tmp_path), expected, "--recommendation", "storage secure", *options)


@pytest.mark.parametrize(("number", "some"), [(50, ""), (1051, ", the first 50 of 1,051")])
def test_of_many_resources_the_first_fifty_are_offered(
    asked: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, some: str
) -> None:
    resources = [arm_id(f"{SERVER}/databases/d{each:04}") for each in range(number)]
    resources[49] = arm_id(ORDERS)
    monkeypatch.setattr(choosing, "unhealthy_resources", lambda *_: choosing.Offer(resources=tuple(resources)))
    labels = [scope_label(resource, {}) for resource in resources[:50]]
    question = Expected(question=f"{UNHEALTHY}{some}", answer=labels[-1:], offers=[*labels, OTHER_ADDRESS])
    options = ("--until", "2099-01-01", "--owner", "b@contoso.example", *ANSWERS)
    ended = asked(clone(tmp_path), [question], PAGE, *options)
    assert f"scopes:\n  - {ORDERS}\n" in ended.stdout
