"""Nothing unapproved is ever written by a healing run: over random histories with merges, dates of anybody's choosing,
partial runs, hands in Azure, forged marks, exemptions made by hand and adopted, ends that pass, with writers and without.

The oracle knows of each commit what it wants, as facts (declaration, subscription, assignment) with a category and an
end, and of production only the commit that the last run with nothing left undone had. It shares no code with planning.
The clock of Azure and of the command line is the story's own.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import emulated
from cli.console import exempt
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from laws.profile import EXAMPLES
from main_job import repositories as repo

from reconciler.cli import common
from reconciler.emulator.state.principals import PIPELINE

SUBSCRIPTIONS = (repo.subscription(1), repo.subscription(2))
SUBJECTS = {
    "transfer": {"recommendation": "Secure transfer to storage accounts should be enabled"},
    "backup": {"policyDefinition": "013e242c-8828-4970-87b3-ab247555486d"},
}
REFERENCES = {
    "transfer": "secureTransferToStorageAccountMonitoring",
    "backup": "azureBackupShouldBeEnabledForVirtualMachinesMonitoringEffect",
}
START = datetime(2027, 3, 1, 12, tzinfo=UTC)
PLAIN = {"scopes": [SUBSCRIPTIONS[0]], "category": "Waiver", "expiresOn": None, "adopt": False}
ENDS = (None, "2027-03-15", "2027-04-15")
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
AT_ONE = SUBSCRIPTIONS[0] + repo.ASSIGNMENTS + "again"
DATES = ("1999-01-01T00:00:00Z", "2026-11-20T00:00:00Z", "2099-12-31T23:59:59Z")

Fact = tuple[str, str, str]
"""A declaration, a subscription and an assignment, folded."""

Wanted = tuple[str, str | None]
"""A category and an end."""

declared = st.fixed_dictionaries(
    {
        "scopes": st.lists(st.sampled_from(SUBSCRIPTIONS), min_size=1, max_size=2, unique=True).map(sorted),
        "category": st.sampled_from(["Waiver", "Mitigated"]),
        "expiresOn": st.sampled_from(ENDS),
        "adopt": st.booleans(),
    }
)
variants = st.none() | declared
names = st.sampled_from(sorted(SUBJECTS))
dates = st.sampled_from(DATES)
steps = st.one_of(
    st.tuples(st.just("edit"), names, variants, dates),
    st.tuples(st.just("branch"), names, variants, dates, st.integers(0, 3)),
    st.tuples(st.just("apply")),
    st.tuples(st.just("apply")),
    st.tuples(
        st.just("part"), st.sampled_from([("--scope", SUBSCRIPTIONS[0]), ("--only", "declared"), ("--only", "adopt")])
    ),
    st.tuples(st.just("hand"), st.integers(0, 3), names, st.sampled_from(SUBSCRIPTIONS)),
    st.tuples(st.just("twin"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("wait")),
    st.tuples(st.just("lose")),
    st.tuples(st.just("delete"), st.integers(0, 5)),
    st.tuples(st.just("change"), st.integers(0, 5)),
    st.tuples(st.just("change"), st.integers(0, 5)),
    st.tuples(st.just("forge"), st.integers(0, 5), names),
    st.tuples(st.just("assign")),
    st.tuples(st.just("heal")),
    st.tuples(st.just("heal")),
)


def opening(name: str, variant: dict[str, Any], is_adopted: bool) -> list[tuple[Any, ...]]:
    """A production run has completed something: what it made, or what somebody had made by hand."""
    by_hand = [("hand", 0, name, variant["scopes"][0])] if is_adopted else []
    return [*by_hand, ("edit", name, variant, DATES[1]), ("apply",)]


stories = st.tuples(
    st.just([]) | st.builds(opening, names, declared, st.booleans()), st.lists(steps, min_size=3, max_size=12)
).map(lambda parts: [*parts[0], *parts[1], ("heal",)])


@dataclass
class Story:
    """One repository, one tenant, and what the oracle knows of both."""

    root: Path
    azure: emulated.Azure
    writers: bool
    states: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    line: list[str] = field(default_factory=list)
    record: str | None = None
    assigned: bool = False

    @property
    def state(self) -> dict[str, dict[str, Any]]:
        return self.states[self.line[-1]]

    # --- git ---

    def commit(self, state: dict[str, dict[str, Any]], when: str) -> str:
        believed = {"writers": [PIPELINE.object_id]} if self.writers else {}
        rows = [{"name": name, **SUBJECTS[name], **variant} for name, variant in state.items()]
        repo.write(
            self.root, [{key: value for key, value in row.items() if value is not None} for row in rows], **believed
        )
        repo.git(self.root, "add", "--all")
        stamps = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        who = ("-c", "user.name=Test", "-c", "user.email=test@contoso.example")
        command = ["git", *who, "commit", "--quiet", "--allow-empty", "--message", "Change"]
        subprocess.run(command, cwd=self.root, check=True, env={**os.environ, **stamps})
        return repo.git(self.root, "rev-parse", "HEAD")

    def landed(self, sha: str, state: dict[str, dict[str, Any]]) -> None:
        self.states[sha] = state
        self.line.append(sha)

    def edit(self, name: str, variant: dict[str, Any] | None, when: str) -> None:
        state = {key: value for key, value in self.state.items() if key != name}
        state |= {name: variant} if variant else {}
        self.landed(self.commit(state, when), state)

    def branch(self, name: str, variant: dict[str, Any] | None, when: str, back: int) -> None:
        """A branch from an earlier commit, with a date of its own, merged: main has this one file as the branch has it."""
        base = self.line[-1 - min(back, len(self.line) - 1)]
        repo.git(self.root, "checkout", "--quiet", "-B", "topic", base)
        theirs = {key: value for key, value in self.states[base].items() if key != name}
        self.commit(theirs | ({name: variant} if variant else {}), when)
        repo.git(self.root, "checkout", "--quiet", "main")
        merged = {key: value for key, value in self.state.items() if key != name}
        merged |= {name: variant} if variant else {}
        repo.git(self.root, "merge", "--quiet", "--no-commit", "--strategy", "ours", "--no-ff", "topic")
        self.landed(self.commit(merged, when), merged)

    # --- production and the portal ---

    @property
    def adopted_file(self) -> Path:
        return self.root.parent / "record.json"

    def exempt(self, *options: str) -> Any:
        """`exempt apply` with the newest record of what was adopted."""
        record = ("--record", str(self.adopted_file)) if self.adopted_file.exists() else ()
        before = dict(self.azure.exemptions)
        ended = exempt(self.azure, "apply", "--yes", "--format", "json", *record, *options, root=self.root)
        forged = [held["message"].lower() for held in ended.json["held"] if held["cause"] == "forged"]
        assert not any(key in message for key in self.recorded() for message in forged), "known, and held as forged"
        for key, body in before.items() if self.writers else ():
            assert "/forged" not in key or self.azure.exemptions.get(key) == body, f"forged, and written: {key}"
        return ended

    def apply(self, options: tuple[str, ...] = ()) -> None:
        ended = self.exempt("--allow-deletes", "99", "--record-out", str(self.adopted_file), *options)
        if "--scope" in options:
            assert not ended.json["completed"]
        elif ended.json["completed"]:
            assert ended.json["revision"] == self.line[-1]
            self.record = self.line[-1]

    def part(self, options: tuple[str, str]) -> None:
        self.apply(options)

    def lose(self) -> None:
        """The record is older than what the pipeline keeps."""
        self.adopted_file.unlink(missing_ok=True)

    def wait(self) -> None:
        self.azure.tenant.clock.advance(timedelta(days=20).total_seconds())

    def chosen(self, number: int) -> dict[str, Any] | None:
        live = [self.azure.exemptions[key] for key in sorted(self.azure.exemptions)]
        return live[number % len(live)] if live else None

    def delete(self, number: int) -> None:
        if body := self.chosen(number):
            emulated.Client(self.azure, emulated.PORTAL).delete(body["id"])

    def change(self, number: int) -> None:
        if body := self.chosen(number):
            other = "Waiver" if body["properties"]["exemptionCategory"] == "Mitigated" else "Mitigated"
            portal = emulated.Client(self.azure, emulated.PORTAL)
            portal.put(body["id"], body["properties"] | {"exemptionCategory": other})

    def forge(self, number: int, name: str) -> None:
        """Our mark, the newest revision and another declaration's name, on an exemption in one resource group."""
        if body := self.chosen(number):
            mark = {**body["properties"].get("metadata", {}), "declaration": name, "revision": self.line[-1]}
            place = f"{SUBSCRIPTIONS[number % 2]}/resourceGroups/rg{repo.EXEMPTIONS}forged{number}"
            emulated.Client(self.azure, emulated.PORTAL).put(place, {**body["properties"], "metadata": mark})

    def hand(self, number: int, name: str, scope: str) -> None:
        """An exemption that bears no mark, such as somebody makes in the portal."""
        listed = {"policyAssignmentId": AT_ROOT["id"], "policyDefinitionReferenceIds": [REFERENCES[name]]}
        body = {**listed, "exemptionCategory": "Waiver"}
        emulated.Client(self.azure, emulated.PORTAL).put(f"{scope}{repo.EXEMPTIONS}hand{number}", body)

    def twin(self, number: int, is_replaced: bool) -> None:
        """The same as one that is there, without its marks, beside it or in its place."""
        if body := self.chosen(number):
            portal = emulated.Client(self.azure, emulated.PORTAL)
            place, _, name = body["id"].rpartition("/")
            if is_replaced:
                portal.delete(body["id"])
            unmarked = {key: value for key, value in body["properties"].items() if key != "metadata"}
            portal.put(f"{place}/{name if is_replaced else f'hand-twin{number}'}", unmarked)

    def assign(self) -> None:
        body = {"policyDefinitionId": repo.BENCHMARK, "displayName": "again"}
        emulated.Client(self.azure, emulated.PORTAL).put(AT_ONE, body)
        self.assigned = True

    # --- the law ---

    def facts(self, sha: str) -> dict[Fact, Wanted]:
        """What a commit wants today in the assignments that there are now."""
        wanted = {}
        today = self.azure.tenant.clock.now().date().isoformat()
        for name, variant in self.states[sha].items():
            end = variant["expiresOn"]
            if end is not None and end < today:
                continue
            for scope in variant["scopes"]:
                wanted[name, scope.lower(), AT_ROOT["id"].lower()] = (variant["category"], end)
                if scope == SUBSCRIPTIONS[0] and self.assigned:
                    wanted[name, scope.lower(), AT_ONE.lower()] = (variant["category"], end)
        return wanted

    def recorded(self) -> set[str]:
        return set(json.loads(self.adopted_file.read_text())["adopted"]) if self.adopted_file.exists() else set()

    def heal(self) -> None:
        before = dict(self.azure.exemptions)
        ended = self.exempt("--approved", self.record or "")
        after = dict(self.azure.exemptions)
        if self.record is None:
            assert after == before
            assert ended.code == 0
            return
        since = self.line[self.line.index(self.record) :]
        wanted = [self.facts(sha) for sha in since]
        for key, body in after.items():
            if before.get(key) != body:
                fact, value = fact_of(body), value_of(body)
                assert all(state.get(fact) == value for state in wanted), f"unapproved: {fact} as {value}"
                if self.writers and key in before and not declared_by(before[key]):
                    is_ours = before[key]["systemData"]["createdBy"] == PIPELINE.object_id
                    assert is_ours or key in self.recorded(), f"adopted, and nothing will prove it: {key}"
        covered = {fact_of(body): value_of(body) for body in after.values()}
        for key in before.keys() - after.keys():
            fact = fact_of(before[key])
            places = [place(body) for body in after.values() if declared_by(body)]
            if fact in covered or (not declared_by(before[key]) and place(before[key]) in places):
                continue
            assert declared_by(before[key]), f"nobody's, and deleted: {key}"
            assert fact not in wanted[0], f"approved, and deleted: {fact}"
            assert fact not in wanted[-1], f"declared, and deleted: {fact}"
        if ended.code == 0:
            for fact, value in wanted[0].items():
                if all(state.get(fact) == value for state in wanted):
                    assert covered.get(fact) == value, f"approved and declared, and not restored: {fact} as {value}"


def declared_by(body: dict[str, Any]) -> str:
    return body["properties"].get("metadata", {}).get("declaration", "")


def place(body: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    """The scope, the assignment and what it lists."""
    scope = body["id"].lower().partition(repo.EXEMPTIONS.lower())[0]
    listed = body["properties"].get("policyDefinitionReferenceIds", ())
    return scope, body["properties"]["policyAssignmentId"].lower(), tuple(sorted(text.lower() for text in listed))


def fact_of(body: dict[str, Any]) -> Fact:
    return declared_by(body), *place(body)[:2]


def value_of(body: dict[str, Any]) -> Wanted:
    end = body["properties"].get("expiresOn")
    assert end is None or end.endswith("T23:59:59Z"), end
    return body["properties"]["exemptionCategory"], end and end[:10]


@settings(max_examples=max(6, EXAMPLES // 40), deadline=None, suppress_health_check=list(HealthCheck))
@example([*opening("transfer", PLAIN, True), ("change", 0), ("heal",)], True)
@example([*opening("transfer", PLAIN, True), ("change", 0), ("lose",), ("heal",)], True)
@example([*opening("transfer", PLAIN, False), ("twin", 0, True), ("heal",)], True)
@example(
    [
        *opening("transfer", PLAIN, False),
        ("edit", "transfer", None, DATES[1]),
        ("branch", "transfer", PLAIN, DATES[0], 1),
        ("delete", 0),
        ("heal",),
    ],
    False,
)
@example([*opening("transfer", {**PLAIN, "expiresOn": ENDS[1]}, True), ("wait",), ("heal",)], True)
@given(stories, st.booleans())
def test_nothing_unapproved_is_ever_healed(story: list[tuple[Any, ...]], writers: bool) -> None:
    groups = [f"{scope}/resourceGroups/rg" for scope in SUBSCRIPTIONS]
    with (
        tempfile.TemporaryDirectory() as folder,
        emulated.running(repo.tenant(AT_ROOT, resources=groups)) as azure,
        mock.patch.object(common, "now", azure.tenant.clock.now),
    ):
        azure.tenant.clock.move_to(START)
        root = repo.write(Path(folder, "repository"), [])
        repo.commit(root)
        told = Story(root, azure, writers)
        told.landed(told.commit({}, DATES[0]), {})
        for name, *arguments in story:
            getattr(told, name)(*arguments)
