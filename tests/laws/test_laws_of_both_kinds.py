"""The same laws where Defender's standard assignments exempt too: one repository declares both kinds, in any order.

A fact of the second kind is a resource and an assessment. What makes it exempt is judged here from the objects that the
embedded Azure holds, by nothing of ours.
"""

import uuid
from datetime import UTC, datetime

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import initialize, precondition, rule
from laws import test_laws_on_the_embedded_azure as one_kind
from laws.test_laws_on_the_embedded_azure import LEAVES, NAMES, OWNER, SCOPES, SUB

from reconciler.arm.standard_properties import marked_description, parted_description
from reconciler.model import Category, Declaration, Source, Subject, SubjectKind, arm_id

ALONE = ("48fad5ca-f530-41bb-9454-c6002bd1085c", "24b8d8dd-4e2e-4cdf-9fb0-b480401a54e0")
"""Rules of SQL vulnerability assessment, which no policy stands behind."""

PATH = "/providers/Microsoft.Security/standardAssignments"
FOREIGN = {"owner": "fabrikam", "declaration": "x", "target": SUB}


class BothKinds(one_kind.Repository):
    """The machine of the first kind with declarations, other people and facts of the second."""

    # --- what happens ---

    @initialize(
        scope=st.sampled_from(SCOPES), others=st.lists(st.booleans(), max_size=2),
        more=st.sampled_from([{}, {"adopt": True}, {"adopt": True}, {"takeOver": "fabrikam"}]),
    )  # fmt: skip
    def begin_with_both(self, scope, others, more):
        """The second declaration meets what others made where it wants something: else that would hardly ever be drawn."""
        self.declared["gamma"] = {"recommendation": ALONE[0], "scopes": [scope], **more}
        for is_foreign in others:
            self.others_make_a_standard_one(ALONE[0], scope, is_foreign, (), over=False)

    @rule(
        name=st.sampled_from(NAMES), key=st.sampled_from(ALONE),
        scopes=st.lists(st.sampled_from(SCOPES), min_size=1, max_size=2, unique=True), more=st.fixed_dictionaries({}, optional={
            "adopt": st.just(True), "takeOver": st.just("fabrikam"), "enabled": st.just(False),
            "expiresOn": st.sampled_from(["2099-01-01", "2020-01-01"]), "justification": st.sampled_from(["this", "that"]),
            "category": st.just("Mitigated"),
        }),
    )  # fmt: skip
    def edit_alone(self, name, key, scopes, more):
        self.declared[name] = {"recommendation": key, "scopes": scopes, **more}

    @rule(
        key=st.sampled_from(ALONE), scope=st.sampled_from(SCOPES), is_foreign=st.booleans(),
        excluded=st.sampled_from([(), (), (SCOPES[-1],)]), over=st.sampled_from([False, False, True]),
    )  # fmt: skip
    def others_make_a_standard_one(self, key, scope, is_foreign, excluded, over):
        description = marked_description("Ours.", FOREIGN) if is_foreign else "By hand."
        properties = {
            "displayName": "by others",
            "description": description,
            "effect": "Exempt",
            "exemptionData": {"exemptionCategory": "waiver", "assignedAssessment": {"assessmentKey": key}},
        }
        if excluded:
            properties["excludedScopes"] = list(excluded)
        if over:
            properties["expiresOn"] = "2021-01-01T00:00:00Z"
        self.number += 1
        answer = self.portal.put(f"{scope}{PATH}/{uuid.UUID(int=self.number)}", properties)
        assert answer.status in {200, 201}, answer.body

    @precondition(lambda self: len(self.standards()) > 0)
    @rule(data=st.data(), how=st.sampled_from(["delete", "strip", "text", "narrow", "expire"]))
    def others_meddle_with_a_standard_one(self, data, how):
        identifier = data.draw(st.sampled_from(sorted(self.standards())))
        if how == "delete":
            self.portal.delete(identifier)
            return
        held = {name: value for name, value in self.standards()[identifier].items() if name != "metadata"}
        changed = {
            "strip": {"description": "Stripped."},
            "text": {"displayName": "edited in the portal"},
            "narrow": {"excludedScopes": [SCOPES[-1]]},
            "expire": {"expiresOn": "2031-01-01T00:00:00Z"},
        }
        answer = self.portal.put(identifier, {**held, **changed[how]})
        assert answer.status in {200, 201}, answer.body

    @rule()
    def apply_too(self):
        """Steps are chosen evenly: without this many stories would be told without a run."""
        self.apply()

    @precondition(lambda self: self.number > 0)
    @rule()
    def apply_beside_others(self):
        self.apply()

    # --- what must hold ---

    def standards(self):
        return {key: dict(item.properties) for key, item in self.azure.tenant.standard_assignments.by_id.items()}

    def objects(self):
        return {**super().objects(), **{key: _as_marked(value) for key, value in self.standards().items()}}

    def exempt(self):
        return super().exempt() | {fact for key, value in self.standards().items() for fact in _facts(key, value)}

    def wanted(self, declared):
        alone = [each for each in declared if each.subject.kind is SubjectKind.RECOMMENDATION]
        return super().wanted([each for each in declared if each not in alone]) | {
            (leaf.chain[0], each.subject.value)
            for each in alone
            if each.enabled and (each.expires_on is None or each.expires_on > datetime.now(UTC))
            for scope in each.scopes
            for leaf in LEAVES
            if scope.key in leaf.chain
        }

    def check_promise(self, declared, told):
        alone = [each for each in declared if each.subject.kind is SubjectKind.RECOMMENDATION]
        super().check_promise([each for each in declared if each not in alone], told)
        for each in alone:
            mine = [
                (key, value)
                for key, value in self.standards().items()
                if _mark(value).get("owner") == OWNER and _mark(value).get("declaration") == each.name
            ]
            for fact in self.wanted([each]):
                assert sum(fact in _facts(*item) for item in mine) == 1, (each.name, fact, told)

    # --- how ---

    def active(self):
        every = dict(self.declared)
        alone = {name: values for name, values in every.items() if "recommendation" in values}
        self.declared = {name: values for name, values in every.items() if name not in alone}
        try:
            by_policy = super().active()
        finally:
            self.declared = every
        return [
            *by_policy,
            *(
                Declaration(
                    name=name,
                    subject=Subject(kind=SubjectKind.RECOMMENDATION, value=values["recommendation"]),
                    scopes=tuple(arm_id(scope) for scope in values["scopes"]),
                    category=Category.WAIVER,
                    justification="",
                    owner="",
                    source=Source(""),
                    enabled=values.get("enabled", True),
                    expires_on=one_kind._day(values["expiresOn"]) if "expiresOn" in values else None,
                )
                for name, values in sorted(alone.items())
            ),
        ]


def _mark(value):
    return parted_description(value.get("description") or "")[1]


def _as_marked(value):
    """In the form that the law of what is foreign reads."""
    mark = _mark(value)
    return {"properties": {**value, "metadata": {"owner": mark.get("owner"), "declaration": mark.get("declaration")}}}


def _facts(key, value):
    """The resources that one of them exempts from its assessment now."""
    end = value.get("expiresOn")
    if value["effect"].lower() != "exempt" or (end and datetime.fromisoformat(end) <= datetime.now(UTC)):
        return set()
    scope = key.split(PATH.lower(), maxsplit=1)[0]
    excluded = {text.lower() for text in value.get("excludedScopes") or ()}
    assessment = value["exemptionData"]["assignedAssessment"]["assessmentKey"]
    return {(leaf.chain[0], assessment) for leaf in LEAVES if scope in leaf.chain and excluded.isdisjoint(leaf.chain)}


TestBothKinds = BothKinds.TestCase
TestBothKinds.settings = settings(
    max_examples=max(25, one_kind.EXAMPLES // 20),
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
