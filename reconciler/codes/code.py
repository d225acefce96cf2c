"""What a code of a problem says of every mistake that one rule finds."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Self

from reconciler.model import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`code` is the stable name in reports; `meaning` says what is wrong, `cause` why that is refused or worth a word;
    `severity` is that of every such problem unless its `exception` holds.
    """

    code: str
    meaning: str
    cause: str
    severity: Severity = Severity.ERROR
    exception: str = ""


class ProblemCode(enum.StrEnum):
    """The stable name of a rule, in reports and configurations of other tools; see `FileCode` and `RuleCode`."""

    rule: Rule

    def __new__(cls, rule: Rule) -> Self:
        code = str.__new__(cls, rule.code)
        code._value_ = rule.code
        code.rule = rule
        return code
