"""`exempt init` on a terminal: it asks for what no option says, and proposes what `az` and the clone's remote know."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pipelines.test_init import TOOL
from typist import Typist

TENANT = "11111111-2222-4333-8444-555566667777"
SUBSCRIPTION = "22222222-3333-4444-8555-666677778888"
DOWN, ENTER, CTRL_C = "\x1b[B", "\r", "\x03"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """An empty clone of a repository on GitHub."""
    folder = tmp_path / "exemptions"
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    remote = "https://github.com/fabrikam/exemptions.git"
    subprocess.run(["git", "-C", folder, "remote", "add", "origin", remote], check=True)
    return folder


def logged_in(folder: Path, *, identifier: str = SUBSCRIPTION, code: int = 0) -> Path:
    """A folder with an `az` that knows this account, or exits otherwise."""
    account = {"tenantId": TENANT, "id": identifier, "name": "Shop Production", "isDefault": True}
    folder.mkdir()
    (folder / "az").write_text(
        f"#!/bin/sh\n[ \"$1 $2\" = 'account show' ] || exit 9\necho '{json.dumps(account)}'\nexit {code}\n"
    )
    (folder / "az").chmod(0o755)
    return folder


def started(clone: Path, *words: str, az: Path | None = None) -> Typist:
    path = os.environ["PATH"] if az is None else f"{az}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(clone.parent)}
    return Typist(clone, env, "init", ".", "--tool", TOOL, *words)


def files(clone: Path) -> Iterator[str]:
    return (path.name for path in clone.iterdir() if path.name != ".git")


def test_who_takes_every_proposal_begins_with_the_subscription_of_az(clone: Path, tmp_path: Path) -> None:
    typist = started(clone, az=logged_in(tmp_path / "bin"))
    typist.waits_for(f"Tenant (its GUID; empty: later): {TENANT}")
    typist.types(ENTER)
    typist.waits_for("the subscription Shop Production, to begin with")
    typist.types(ENTER)
    typist.waits_for("Owner, written on each exemption (choose it once): exemptions")
    typist.types(ENTER)
    typist.waits_for("Who must approve (@ORGANISATION/TEAM or @USER): @fabrikam/security-reviewers")
    typist.types(ENTER)
    typist.waits_for("says what to do next")
    assert typist.ends() == 0
    settings = yaml.safe_load((clone / "reconciler.yaml").read_text())
    assert (settings["owner"], settings["tenantId"]) == ("exemptions", TENANT)
    assert settings["scopes"] == [f"/subscriptions/{SUBSCRIPTION}"]
    assert "* @fabrikam/security-reviewers" in " ".join((clone / ".github" / "CODEOWNERS").read_text().split())


@pytest.mark.parametrize("code", [0, 1])
def test_without_a_subscription_or_a_login_everything_is_asked_and_checked(
    clone: Path, tmp_path: Path, code: int
) -> None:
    typist = started(clone, az=logged_in(tmp_path / "bin", identifier=TENANT, code=code))
    typist.waits_for("Tenant (its GUID; empty: later):" + ("" if code else f" {TENANT}"))
    assert (TENANT in typist.screen) is (code == 0), "an az that fails has no login"
    typist.types(("" if code else "\x15") + "contoso" + ENTER)
    typist.waits_for("give the tenant's GUID")
    typist.types("\x15" + TENANT + ENTER)
    typist.waits_for("Managed root")
    assert "subscription" not in typist.screen
    typist.types(DOWN + ENTER)
    typist.waits_for("Its id:")
    typist.types("/subscriptions/shop" + ENTER)
    typist.waits_for("not the id of a management group, subscription,")
    typist.types("\x15/providers/Microsoft.Management/managementGroups/shop" + ENTER)
    typist.waits_for("Owner, written on each exemption")
    typist.types("\x15fabrikam/shop" + ENTER)
    typist.waits_for("Who must approve")
    typist.types("\x15@fabrikam/reviewers" + ENTER)
    typist.waits_for("says what to do next")
    assert typist.ends() == 0
    settings = yaml.safe_load((clone / "reconciler.yaml").read_text())
    assert (settings["owner"], settings["tenantId"]) == ("fabrikam/shop", TENANT)
    assert settings["scopes"] == ["/providers/Microsoft.Management/managementGroups/shop"]


def test_what_an_option_says_is_not_asked(clone: Path) -> None:
    root = f"/subscriptions/{SUBSCRIPTION}"
    options = ["--tenant", TENANT, "--scope", root, "--owner", "fabrikam/shop", "--team", "@fabrikam/reviewers"]
    typist = started(clone, *options)
    typist.waits_for("says what to do next")
    assert typist.ends() == 0


@pytest.mark.parametrize("words", [["--yes"], ["--template", "demo"]])
def test_nothing_is_asked_where_defaults_are_wanted(clone: Path, words: list[str]) -> None:
    typist = started(clone, *words)
    typist.waits_for("says what to do next")
    assert typist.ends() == 0


def test_who_breaks_off_leaves_nothing_behind(clone: Path) -> None:
    typist = started(clone)
    typist.waits_for("Tenant")
    typist.types(CTRL_C)
    typist.waits_for("interrupted")
    assert typist.ends() == 130
    assert list(files(clone)) == []


def test_what_is_refused_whatever_is_answered_is_refused_before_the_questions(clone: Path) -> None:
    (clone / "reconciler.yaml").write_text("owner: fabrikam\n")
    typist = started(clone)
    typist.waits_for("files that would be overwritten: reconciler.yaml")
    assert typist.ends() == 1
    assert "Tenant" not in typist.screen
