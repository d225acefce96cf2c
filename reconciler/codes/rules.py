"""Codes of what is wrong with what a file says: its subject, its scopes, other files, the rules of reconciler.yaml."""

from __future__ import annotations

from reconciler.codes.code import ProblemCode, Rule
from reconciler.model import Severity


class RuleCode(ProblemCode):
    """Rules about what files mean."""

    # --- what is exempted ---

    AMBIGUOUS_RECOMMENDATION = Rule(
        code="ambiguous-recommendation",
        meaning="several recommendations have the title",
        cause="only the key says which is meant",
    )
    CATALOGUE_WEAKER = Rule(
        code="catalogue-weaker",
        meaning="catalog.yaml weakens a bundled fact",
        cause="rules go by the stricter of the two, so the file does less than it says",
        severity=Severity.WARNING,
    )
    OBSTACLE_CUSTOM = Rule(
        code="obstacle-custom",
        meaning="the recommendation is a custom one",
        cause="Defender may ignore an exemption of it",
        severity=Severity.WARNING,
    )
    OBSTACLE_DEPRECATED = Rule(
        code="obstacle-deprecated",
        meaning="the policy is deprecated",
        cause="Microsoft may take it away",
        severity=Severity.WARNING,
    )
    OBSTACLE_DEVOPS = Rule(
        code="obstacle-devops",
        meaning="the recommendation is about DevOps resources",
        cause="no exemption exists for them",
    )
    OBSTACLE_MODE = Rule(
        code="obstacle-mode",
        meaning="the policy has a mode that cannot be exempted",
        cause="Azure ignores exemptions of it",
    )
    OBSTACLE_NO_POLICY = Rule(
        code="obstacle-no-policy",
        meaning="nothing public says how the recommendation is exempted",
        cause="it is not known which object would exempt it",
    )
    OBSTACLE_PREVIEW = Rule(
        code="obstacle-preview",
        meaning="the recommendation is in preview",
        cause="it does not count in the secure score",
        severity=Severity.WARNING,
    )
    OBSTACLE_RETIRED = Rule(
        code="obstacle-retired",
        meaning="the recommendation is retired",
        cause="Defender no longer shows it",
        exception="a warning where the base has it already",
    )
    OBSTACLE_SUSPECT_KEY = Rule(
        code="obstacle-suspect-key",
        meaning="the recommendation's key may be wrong",
        cause="no two sources agree about it",
        severity=Severity.WARNING,
    )
    OBSTACLE_UNSUPPORTED = Rule(
        code="obstacle-unsupported",
        meaning="Microsoft lists the recommendation as not supporting exemptions",
        cause="an exemption may have no effect",
        severity=Severity.WARNING,
        exception="an error under rules.strictUnsupported",
    )
    UNKNOWN_CATEGORY = Rule(
        code="unknown-category",
        meaning="the catalogue knows no recommendation of the category",
        cause="nothing would be exempted until one is known",
        severity=Severity.WARNING,
    )
    UNKNOWN_INITIATIVE = Rule(
        code="unknown-initiative",
        meaning="no known built-in initiative has the name",
        cause="it may be newer than the catalogue, or mistyped",
        exception="a warning where it may be newer than the catalogue",
    )
    UNKNOWN_POLICY = Rule(
        code="unknown-policy",
        meaning="no known built-in policy has the name",
        cause="it may be newer than the catalogue, or mistyped",
        exception="a warning where it may be newer than the catalogue",
    )
    UNKNOWN_RECOMMENDATION = Rule(
        code="unknown-recommendation",
        meaning="no recommendation has the key or title",
        cause="nothing could be exempted",
    )
    UNKNOWN_REFERENCE = Rule(
        code="unknown-reference",
        meaning="the initiative has no such reference id",
        cause="it may have it in the version that is assigned",
        severity=Severity.WARNING,
        exception="a note where a policy's name stands in its place",
    )
    UNSUPPORTED_RECOMMENDATION = Rule(
        code="unsupported-recommendation",
        meaning="no public source names the recommendation's key",
        cause="it cannot be addressed",
    )

    # --- where ---

    BESIDE_ASSIGNMENT = Rule(
        code="beside-assignment",
        meaning="the scope lies outside of the assignment that is named",
        cause="Azure refuses an exemption there",
    )
    NOT_A_TARGET = Rule(
        code="not-a-target", meaning="the scope is part of Azure Policy itself", cause="policies evaluate resources"
    )
    OUTSIDE_SCOPES = Rule(
        code="outside-scopes",
        meaning="the scope lies outside of what the repository manages",
        cause="another repository may answer for it",
    )
    REDUNDANT_SCOPE = Rule(
        code="redundant-scope",
        meaning="another scope of the declaration contains this one",
        cause="it adds nothing",
        severity=Severity.WARNING,
    )
    SCOPE_END = Rule(
        code="scope-end",
        meaning="the id ends in a character that may belong to a sentence",
        cause="it is then part of the name",
        severity=Severity.WARNING,
    )
    SCOPE_TYPE = Rule(
        code="scope-type",
        meaning="nothing of this type is evaluated",
        cause="the exemption would change nothing",
        severity=Severity.WARNING,
    )
    STANDARD_CONDITIONS = Rule(
        code="standard-conditions",
        meaning="conditions on findings stand beside a recommendation with policies",
        cause="only standard assignments have them",
    )
    STANDARD_SCOPE = Rule(
        code="standard-scope",
        meaning="the recommendation evaluates no resource of this scope",
        cause="Azure refuses, or the exemption changes nothing",
    )
    STANDARD_SELECTORS = Rule(
        code="standard-selectors",
        meaning="resource selectors stand beside a recommendation without policies",
        cause="standard assignments have none",
    )
    TARGET_NOT_FOUND = Rule(
        code="target-not-found", meaning="Azure finds no such resource", cause="it is mistyped, or was deleted or moved"
    )

    # --- between files ---

    CONFLICT = Rule(
        code="conflict",
        meaning="two declarations want the same policy on a scope, or on one that contains it",
        cause="each policy on a scope belongs to one declaration",
    )
    DUPLICATE_NAME = Rule(
        code="duplicate-name",
        meaning="two declarations have the same name",
        cause="the mark on an exemption holds the name alone",
    )
    EXPIRED = Rule(
        code="expired",
        meaning="the declaration has expired",
        cause="it wants nothing any more",
        severity=Severity.WARNING,
    )

    # --- rules of reconciler.yaml ---

    NO_TENANT = Rule(
        code="no-tenant",
        meaning="tenantId is the placeholder of exempt init",
        cause="commands would refuse every tenant",
    )
    RULE_ADOPT = Rule(code="rule-adopt", meaning="adopting is refused in this folder", cause="rules.folders says so")
    RULE_LIFETIME = Rule(
        code="rule-lifetime",
        meaning="it lasts longer than allowed, or never ends",
        cause="rules.maxLifetimeDays",
        exception="a warning where the base has it already",
    )
    RULE_NEVER = Rule(code="rule-never", meaning="what is exempted never is here", cause="rules.neverExempt")
    RULE_PLACE = Rule(
        code="rule-place", meaning="the scope is not where this folder may exempt", cause="rules.folders says where"
    )
    RULE_REQUIRED = Rule(
        code="rule-required", meaning="a field is missing that this repository requires", cause="rules.required"
    )
    RULE_SCOPE_KIND = Rule(
        code="rule-scope-kind",
        meaning="the scope is of a kind that this folder may not exempt",
        cause="rules.folders says which",
    )
    RULE_TAKE_OVER = Rule(
        code="rule-take-over", meaning="taking over is refused in this folder", cause="rules.folders says so"
    )
    RULE_TICKET = Rule(code="rule-ticket", meaning="the ticket is not of the wanted form", cause="rules.ticketPattern")
    RULE_UNKNOWN = Rule(
        code="rule-unknown",
        meaning="a rule names what the catalogue does not know",
        cause="it would protect nothing, unnoticed",
        exception="a warning where a policy may be newer than the catalogue",
    )
    RULE_WHOLE_ASSIGNMENT = Rule(
        code="rule-whole-assignment",
        meaning="a whole assignment would be exempted",
        cause="rules.allowWholeAssignment",
        exception="a note where only Azure can tell",
    )
    RULE_WHOLE_SCOPE = Rule(
        code="rule-whole-scope",
        meaning="a scope would be exempted as a whole",
        cause="rules.folders says that it may not",
    )
