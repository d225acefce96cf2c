"""Nothing unapproved is ever written by a healing run: over random histories with merges, dates of anybody's choosing,
partial runs, hands in Azure and forged marks.

The oracle knows of each commit what it wants, as facts (declaration, subscription, assignment) with a category, and of
production only the commit that the last run with nothing left undone had. It shares no code with planning.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import emulated
from cli.console import exempt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from laws.profile import EXAMPLES
from main_job import repositories as repo

SUBSCRIPTIONS = (repo.subscription(1), repo.subscription(2))
SUBJECTS = {
    "transfer": {"recommendation": "Secure transfer to storage accounts should be enabled"},
    "backup": {"policyDefinition": "013e242c-8828-4970-87b3-ab247555486d"},
}
AT_ROOT = repo.assignment(repo.ROOT, "mcsb", repo.BENCHMARK)
AT_ONE = SUBSCRIPTIONS[0] + repo.ASSIGNMENTS + "again"
DATES = ("1999-01-01T00:00:00Z", "2026-11-20T00:00:00Z", "2099-12-31T23:59:59Z")

Fact = tuple[str, str, str]
"""A declaration, a subscription and an assignment, folded."""

variants = st.none() | st.fixed_dictionaries(
    {
        "scopes": st.lists(st.sampled_from(SUBSCRIPTIONS), min_size=1, max_size=2, unique=True).map(sorted),
        "category": st.sampled_from(["Waiver", "Mitigated"]),
    }
)
names = st.sampled_from(sorted(SUBJECTS))
dates = st.sampled_from(DATES)
steps = st.one_of(
    st.tuples(st.just("edit"), names, variants, dates),
    st.tuples(st.just("branch"), names, variants, dates, st.integers(0, 3)),
    st.tuples(st.just("apply")),
    st.tuples(st.just("apply")),
    st.tuples(st.just("part"), st.sampled_from([("--scope", SUBSCRIPTIONS[0]), ("--only", "declared")])),
    st.tuples(st.just("delete"), st.integers(0, 5)),
    st.tuples(st.just("change"), st.integers(0, 5)),
    st.tuples(st.just("forge"), st.integers(0, 5), names),
    st.tuples(st.just("assign")),
    st.tuples(st.just("heal")),
    st.tuples(st.just("heal")),
)


@dataclass
class Story:
    """One repository, one tenant, and what the oracle knows of both."""

    root: Path
    azure: emulated.Azure
    states: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    line: list[str] = field(default_factory=list)
    record: str | None = None
    assigned: bool = False

    @property
    def state(self) -> dict[str, dict[str, Any]]:
        return self.states[self.line[-1]]

    # --- git ---

    def commit(self, state: dict[str, dict[str, Any]], when: str) -> str:
        repo.write(self.root, [{"name": name, **SUBJECTS[name], **variant} for name, variant in state.items()])
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

    def apply(self) -> None:
        ended = exempt(self.azure, "apply", "--yes", "--allow-deletes", "99", "--format", "json", root=self.root)
        if ended.json["completed"]:
            assert ended.json["revision"] == self.line[-1]
            self.record = self.line[-1]

    def part(self, options: tuple[str, str]) -> None:
        ended = exempt(
            self.azure, "apply", "--yes", "--allow-deletes", "99", "--format", "json", *options, root=self.root
        )
        if options[0] == "--scope":
            assert not ended.json["completed"]
        elif ended.json["completed"]:  # everything happened to have that reason
            self.record = self.line[-1]

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

    def assign(self) -> None:
        body = {"policyDefinitionId": repo.BENCHMARK, "displayName": "again"}
        emulated.Client(self.azure, emulated.PORTAL).put(AT_ONE, body)
        self.assigned = True

    # --- the law ---

    def facts(self, sha: str) -> dict[Fact, str]:
        """What a commit wants in the assignments that there are now, with the category."""
        wanted = {}
        for name, variant in self.states[sha].items():
            for scope in variant["scopes"]:
                wanted[name, scope.lower(), AT_ROOT["id"].lower()] = variant["category"]
                if scope == SUBSCRIPTIONS[0] and self.assigned:
                    wanted[name, scope.lower(), AT_ONE.lower()] = variant["category"]
        return wanted

    def heal(self) -> None:
        before = dict(self.azure.exemptions)
        ended = exempt(self.azure, "apply", "--yes", "--approved", self.record or "", root=self.root)
        after = dict(self.azure.exemptions)
        if self.record is None:
            assert after == before
            assert ended.code == 0
            return
        since = self.line[self.line.index(self.record) :]
        wanted = [self.facts(sha) for sha in since]
        for key, body in after.items():
            if before.get(key) != body:
                fact = fact_of(body)
                category = body["properties"]["exemptionCategory"]
                assert all(state.get(fact) == category for state in wanted), f"unapproved: {fact} as {category}"
        covered = {fact_of(body) for body in after.values()}
        for key in before.keys() - after.keys():
            fact = fact_of(before[key])
            if fact in covered:
                continue
            assert fact not in wanted[0], f"approved, and deleted: {fact}"
            assert fact not in wanted[-1], f"declared, and deleted: {fact}"


def fact_of(body: dict[str, Any]) -> Fact:
    scope = body["id"].lower().partition(repo.EXEMPTIONS.lower())[0]
    return body["properties"]["metadata"]["declaration"], scope, body["properties"]["policyAssignmentId"].lower()


@settings(max_examples=max(6, EXAMPLES // 40), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=3, max_size=12))
def test_nothing_unapproved_is_ever_healed(story: list[tuple[Any, ...]]) -> None:
    groups = [f"{scope}/resourceGroups/rg" for scope in SUBSCRIPTIONS]
    with tempfile.TemporaryDirectory() as folder, emulated.running(repo.tenant(AT_ROOT, resources=groups)) as azure:
        root = repo.write(Path(folder, "repository"), [])
        first = repo.commit(root)
        told = Story(root, azure)
        told.landed(first, {})
        for name, *arguments in (*story, ("heal",)):
            getattr(told, name)(*arguments)
