"""The same laws through the command line: a repository, `exempt apply`, and other people in the portal, in any order.

After every single write that reaches the emulator its own state is judged by the oracle (law 3). After every run that
exits 0 the promise holds, a second run sends no write (law 1), and what others own is as they left it (law 2).
"""

import contextlib
import io
import os
import tempfile
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import emulated
import hypothesis.strategies as st
import proofs
import yaml
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from laws.oracle import Leaf, Tenant
from laws.profile import EXAMPLES

from reconciler.cli.main import guarded
from reconciler.model import (
    Assignment,
    Category,
    Declaration,
    Exemption,
    Initiative,
    Member,
    ResourceSelector,
    Selector,
    Source,
    Subject,
    SubjectKind,
    arm_id,
)

AUTHORIZATION = "/providers/Microsoft.Authorization"
ROOT = "/providers/Microsoft.Management/managementGroups/contoso"
TEAM = "/providers/Microsoft.Management/managementGroups/team"
SUB = "/subscriptions/00000000-0000-4000-8000-000000000001"
RG = f"{SUB}/resourceGroups/rg-data"
ONE = f"{RG}/providers/Microsoft.Sql/servers/one"
TWO = f"{SUB}/resourceGroups/rg-web/providers/Microsoft.Sql/servers/two"
SCOPES = (ROOT, TEAM, SUB, RG, ONE)
OWNER = "contoso/exemptions"
TENANT = "c0ffee00-0000-4000-8000-000000000001"
POLICIES = ("a", "b", "c")
SETS = {"first": {"refA": "a", "refB": "b", "refC": "c"}, "second": {"one": "a", "two": "a", "other": "b"}}
PLACES = {"root": (ROOT, "first"), "sub": (SUB, "second"), "single": (TEAM, None)}
NAMES = ("alpha", "beta", "gamma")
LEAVES = tuple(
    Leaf(tuple(each.lower() for each in chain), "westeurope", "microsoft.sql/servers")
    for chain in ((ONE, RG, SUB, TEAM, ROOT), (TWO, TWO.split("/providers", maxsplit=1)[0], SUB, TEAM, ROOT))
)


def policy(name):
    return f"{ROOT}{AUTHORIZATION}/policyDefinitions/{name}"


def assignment_id(name):
    return f"{PLACES[name][0]}{AUTHORIZATION}/policyAssignments/{name}"


def definition_of(name):
    held = PLACES[name][1]
    return f"{ROOT}{AUTHORIZATION}/policySetDefinitions/{held}" if held else policy("a")


def tenant_file():
    rule_ = {"if": {"field": "type", "equals": "x"}, "then": {"effect": "audit"}}
    sets = [
        {"id": f"{ROOT}{AUTHORIZATION}/policySetDefinitions/{name}", "properties": {"policyDefinitions": [
            {"policyDefinitionId": policy(what), "policyDefinitionReferenceId": ref} for ref, what in members.items()
        ]}}
        for name, members in SETS.items()
    ]  # fmt: skip
    return {
        "tenantId": TENANT,
        "managementGroups": [{"name": "contoso", "parent": None}, {"name": "team", "parent": "contoso"}],
        "subscriptions": [{"id": SUB.rsplit("/", 1)[-1], "displayName": "One", "managementGroup": "team"}],
        "resources": [ONE, TWO],
        "policyDefinitions": [{"id": policy(name), "properties": {"mode": "All", "policyRule": rule_}} for name in POLICIES],
        "policySetDefinitions": sets,
        "policyAssignments": [
            {"id": assignment_id(name), "properties": {"policyDefinitionId": definition_of(name)}} for name in PLACES
        ],
    }  # fmt: skip


def truth():
    assigned = tuple(
        Assignment(id=arm_id(assignment_id(name)), definition=arm_id(definition_of(name))) for name in PLACES
    )
    sets = {
        arm_id(assignment_id(name)).key: Initiative(
            id=arm_id(definition_of(name)),
            members=tuple(Member(definition=arm_id(policy(p)), reference_id=ref) for ref, p in SETS[held].items()),
        )
        for name, (_, held) in PLACES.items()
        if held
    }
    return Tenant(LEAVES, assigned, sets)


def as_exemption(body):
    """An exemption as the emulator holds it, for the oracle."""
    held = body["properties"]
    selectors = tuple(
        ResourceSelector(group["name"], tuple(
            Selector(kind=part["kind"], values=tuple(part.get("in") or part.get("notIn") or ()), negated="notIn" in part) for part in group["selectors"]
        ))
        for group in held.get("resourceSelectors") or ()
    )  # fmt: skip
    return Exemption(
        id=arm_id(body["id"]), assignment=arm_id(held["policyAssignmentId"]), category=held["exemptionCategory"],
        reference_ids=tuple(held.get("policyDefinitionReferenceIds") or ()), expires_on=held.get("expiresOn") or "", selectors=selectors,
        metadata=held.get("metadata") or {},
    )  # fmt: skip


class Watch(deque):
    """The emulator's request log, which judges its state after every write."""

    def __init__(self, judge):
        super().__init__()
        self.judge = judge

    def append(self, logged):
        super().append(logged)
        if logged.method in {"PUT", "DELETE"}:
            self.judge(logged)


portal_selectors = st.sampled_from([None, None, None, "westeurope", "eastus"])
FOREIGN = ({"pacOwnerId": "epac"}, {"managedBy": "exempt", "owner": "fabrikam", "declaration": "x"})


class Repository(RuleBasedStateMachine):
    """One repository and one tenant; every rule is what somebody may do."""

    def __init__(self):
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.azure = self.stack.enter_context(emulated.running(tenant_file()))
        self.root = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.stack.enter_context(mock.patch.dict(os.environ, self.azure.env))
        self.stack.enter_context(mock.patch.dict(os.environ, {"NO_PROXY": "127.0.0.1"}))
        self.truth = truth()
        self.portal = emulated.Client(self.azure, emulated.PORTAL)
        self.pipeline = emulated.Client(self.azure)
        self.declared: dict[str, dict] = {}
        self.precious = set()
        self.bare: list[str] = []
        self.number = 0
        self.azure._gateway.log = Watch(self.judge)

    def teardown(self):
        self.stack.close()

    # --- what happens ---

    @initialize(more=st.booleans())
    def begin(self, more):
        self.declared["alpha"] = {"policyDefinition": policy("a"), "scopes": [SUB if more else RG]}

    @rule(
        name=st.sampled_from(NAMES), what=st.sampled_from(POLICIES),
        scopes=st.lists(st.sampled_from(SCOPES), min_size=1, max_size=2, unique=True), more=st.fixed_dictionaries({}, optional={
            "adopt": st.just(True), "takeOver": st.sampled_from(["epac", "fabrikam"]), "enabled": st.just(False),
            "expiresOn": st.sampled_from(["2099-01-01", "2020-01-01"]), "justification": st.sampled_from(["this", "that"]),
            "resourceSelectors": st.just([{"name": "s", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}]),
        }),
    )  # fmt: skip
    def edit(self, name, what, scopes, more):
        self.declared[name] = {"policyDefinition": policy(what), "scopes": scopes, **more}

    @rule(name=st.sampled_from(NAMES))
    def retire(self, name):
        self.declared.pop(name, None)

    @precondition(lambda self: len(self.declared) > 0)
    @rule(data=st.data(), to=st.sampled_from(NAMES))
    def rename(self, data, to):
        name = data.draw(st.sampled_from(sorted(self.declared)))
        if to not in self.declared:
            self.declared[to] = self.declared.pop(name)

    @rule(
        data=st.data(), name=st.sampled_from(list(PLACES)), by_user=st.booleans(), where=portal_selectors,
        marks=st.sampled_from([{}, {}, {}, *FOREIGN]), over=st.sampled_from([False, False, False, True]),
    )  # fmt: skip
    def others_make_one(self, data, name, by_user, where, marks, over):
        place, held = PLACES[name]
        below = SCOPES[SCOPES.index(place) :]
        wanted = [each for found in self.declared.values() for each in found["scopes"] if each in below]
        scope = data.draw(st.sampled_from([*below, *wanted, *wanted, *wanted]))
        chosen = data.draw(st.lists(st.sampled_from(list(SETS[held])), max_size=3, unique=True)) if held else []
        found = {"policyAssignmentId": assignment_id(name), "exemptionCategory": "Waiver", "metadata": marks}
        if chosen:
            found["policyDefinitionReferenceIds"] = chosen
        if where:
            found["resourceSelectors"] = [{"name": "p", "selectors": [{"kind": "resourceLocation", "in": [where]}]}]
        if over:
            found["expiresOn"] = "2021-01-01T00:00:00Z"
        self.number += 1
        who = self.portal if by_user else self.pipeline
        answer = who.put(f"{scope}{AUTHORIZATION}/policyExemptions/p{self.number}", found)
        assert answer.status in {200, 201}, answer.body

    @precondition(lambda self: len(self.azure.exemptions) > 0)
    @rule(data=st.data(), how=st.sampled_from(["delete", "strip", "widen", "text", "select"]))
    def others_meddle(self, data, how):
        key = data.draw(st.sampled_from(sorted(self.azure.exemptions)))
        held = dict(self.azure.exemptions[key]["properties"])
        match how:
            case "delete":
                self.portal.delete(key)
                return
            case "strip":
                held.pop("metadata", None)
            case "widen":
                refs = held.get("policyDefinitionReferenceIds")
                name = held["policyAssignmentId"].rsplit("/", 1)[-1]
                if refs and PLACES[name][1]:
                    held["policyDefinitionReferenceIds"] = sorted({*refs, *list(SETS[PLACES[name][1]])[:2]})
            case "text":
                held["description"] = "edited in the portal"
            case "select":
                held["resourceSelectors"] = [
                    {"name": "p", "selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}
                ]
        answer = self.portal.put(key, held)
        assert answer.status in {200, 201}, answer.body

    @rule()
    def apply(self):
        self.write()
        before = self.objects()
        declared = self.active()
        self.precious = self.exempt() & self.wanted(declared)
        code, told = self.run_exempt("apply", "--yes", "--allow-deletes", "99")
        self.precious = set()
        assert not self.bare, self.bare
        assert code in {0, 1}, told
        self.check_nothing_foreign(before)
        if code == 0:
            self.check_promise(declared, told)
        requests = len(self.azure.requests)
        again, _ = self.run_exempt("apply", "--yes", "--allow-deletes", "99")
        sent = [(one.method, one.target) for one in self.azure.requests[requests:] if one.method in {"PUT", "DELETE"}]
        assert not sent, f"a second apply wrote {sent}"
        assert again == code

    # --- what must hold ---

    @invariant()
    def nothing_was_bare(self):
        assert not self.bare, self.bare

    def judge(self, logged):
        missing = self.precious - self.exempt()
        if missing:
            self.bare.append(f"after {logged.method} {logged.target}: {sorted(missing)}")

    def exempt(self):
        return self.truth.exempt([as_exemption(each) for each in self.azure.exemptions.values()], _now())

    def wanted(self, declared):
        return self.truth.wanted(declared, _now(), whole=False)

    def objects(self):
        """Everything that exempts, by folded id."""
        return self.azure.exemptions

    def check_nothing_foreign(self, before):
        after = self.objects()
        taken = {each.get("takeOver") for each in self.declared.values()}
        for key, body in before.items():
            marks = body["properties"].get("metadata") or {}
            owner = marks.get("pacOwnerId") or (marks.get("owner") if marks.get("owner") != OWNER else None)
            if owner and owner not in taken:
                assert after.get(key) == body, f"{key} of {owner} was touched"

    def check_promise(self, declared, told):
        """Each declared fact is exempt, and by exactly one exemption of ours for its declaration."""
        live = [as_exemption(each) for each in self.azure.exemptions.values()]
        for each in declared:
            mine = [
                one
                for one in live
                if one.metadata.get("owner") == OWNER and one.metadata.get("declaration") == each.name
            ]
            for fact in self.wanted([each]):
                assert sum(fact in self.truth.exempt([one], _now()) for one in mine) == 1, (each.name, fact, told)

    # --- how ---

    def active(self):
        return [
            Declaration(
                name=name, subject=Subject(kind=SubjectKind.POLICY, value=found["policyDefinition"]), scopes=tuple(arm_id(each) for each in found["scopes"]),
                category=Category.WAIVER, justification="", owner="", source=Source(""), enabled=found.get("enabled", True),
                expires_on=_day(found["expiresOn"]) if "expiresOn" in found else None,
                selectors=tuple(
                    ResourceSelector(g["name"], tuple(Selector(kind=p["kind"], values=tuple(p["in"])) for p in g["selectors"]))
                    for g in found.get("resourceSelectors", ())
                ),
            )
            for name, found in sorted(self.declared.items())
        ]  # fmt: skip

    def write(self):
        folder = self.root / "exemptions"
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.yaml"):
            old.unlink()
        content = {"owner": OWNER, "tenantId": TENANT, "scopes": [ROOT]}
        (self.root / "reconciler.yaml").write_text(yaml.safe_dump(content))
        for name, found in self.declared.items():
            whole = {
                "name": name,
                "category": "Waiver",
                "justification": "because",
                "owner": "team@contoso.example",
                **found,
            }
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(whole, sort_keys=False))

    def run_exempt(self, *arguments):
        told = io.StringIO()
        with (
            proofs.proven(arguments, self.root) as extended,
            contextlib.redirect_stdout(told),
            contextlib.redirect_stderr(told),
        ):
            code = guarded([*extended, "--root", str(self.root)])
        return int(code), told.getvalue()


def _now():
    return datetime.now(UTC)


def _day(text):
    return datetime.fromisoformat(text + "T23:59:59").replace(tzinfo=UTC)


TestRepository = Repository.TestCase
TestRepository.settings = settings(
    max_examples=max(4, EXAMPLES // 20),
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
