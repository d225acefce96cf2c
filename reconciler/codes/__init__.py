"""The registry of problems: what is the same for all mistakes that one rule finds in a repository.

A code is declared once, here, with all that anybody says of it: a problem of an unknown code, and a code without a meaning
or a cause, do not type-check. `scripts/generate.py` writes the enums of `schemas/` and the table of `docs/problems.md`.
"""

from reconciler.codes.code import ProblemCode, Rule
from reconciler.codes.files import FileCode
from reconciler.codes.rules import RuleCode

__all__ = ["FileCode", "ProblemCode", "Rule", "RuleCode"]
