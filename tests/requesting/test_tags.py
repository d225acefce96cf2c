"""Resources that tags choose: what another declaration has is left out, what somebody named is not, and a renewal agrees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import emulated
import hosting_service
import pytest
import yaml
from clones import Clone, clone
from requesting.test_request_command import (
    ANSWERS,
    ORDERS,
    PAGE,
    SECRET,
    SERVER,
    STOCK,
    TDE,
    cloud,
    declared,
    github,
    here,
    run,
)
from typist import Typist

__all__ = ["cloud", "github", "here"]

TDE_POLICY, AUDITING = "17k78e20-9358-41c9-923c-fb736d382a12", "a6fb4358-5bf4-4ad7-ba82-2cd2f41ce5e9"
BY_TAG = ("request", PAGE, "--tag", "purpose=legacy", "--name", "legacy", *ANSWERS)
BRANCH, PATH = "exempt/legacy", "exemptions/legacy.yaml"


def one(*scopes: str, **fields: Any) -> dict[str, Any]:
    """A declaration of the same recommendation that is there already."""
    return {**declared("one", "data@contoso.example", "2099-01-01"), "scopes": list(scopes), **fields}


def merge(here: Clone, edit: Callable[[str], str] = str) -> None:
    """Merges what was requested, edited."""
    text = here.file(BRANCH, PATH) + "\n"
    (here.root / "exemptions").mkdir(exist_ok=True)
    (here.root / PATH).write_text(edit(text))
    here.git("add", "--all")
    here.git("commit", "--quiet", "--message", "merged")
    here.git("push", "--quiet", "origin", "HEAD:main")


def test_a_tag_chooses_todays_resources_and_renew_proposes_the_difference(
    cloud: emulated.Azure, github: hosting_service.Service, here: Clone
) -> None:
    run(cloud, github, here, "request", PAGE, "--tag", "purpose=legacy", "--name", "legacy", *ANSWERS)
    written = yaml.safe_load(here.file("exempt/legacy", "exemptions/legacy.yaml"))
    assert written["scopes"] == [ORDERS, STOCK]
    assert written["selectedBy"] == {"purpose": "legacy"}
    merge(here, lambda text: text.replace(f"  - {STOCK}\n", "").replace("scopes:", "scopes: # ours"))
    run(cloud, github, here, "renew", "--selected")
    (branch,) = [name for name in here.branches() if name.startswith("exempt/reselect-")]
    edited = here.file(branch, "exemptions/legacy.yaml")
    assert yaml.safe_load(edited)["scopes"] == [ORDERS, STOCK]
    assert "scopes: # ours" in edited


@pytest.mark.parametrize(("scope", "remaining"), [(ORDERS, [STOCK]), (SERVER, [])])
def test_what_a_tag_chooses_and_another_declaration_has_is_left_out(
    cloud: emulated.Azure, github: hosting_service.Service, tmp_path: Path, scope: str, remaining: list[str]
) -> None:
    there = {**declared("one", "data@contoso.example", "2099-01-01"), "scopes": [scope]}
    here = clone(tmp_path, declarations=[there])
    words = ("request", PAGE, "--tag", "purpose=legacy", "--name", "legacy", *ANSWERS)
    ended = run(cloud, github, here, *words, check=0 if remaining else 1)
    if remaining:
        assert f"left out, since declaration 'one' exempts it already: {scope}" in ended.stderr
        assert yaml.safe_load(here.file("exempt/legacy", "exemptions/legacy.yaml"))["scopes"] == remaining
    else:
        assert "everything that bears the tag is declared already, by 'one'" in ended.stderr


def test_what_another_declaration_has_for_some_resources_alone_is_not_left_out(
    cloud: emulated.Azure, github: hosting_service.Service, tmp_path: Path
) -> None:
    """Whether both may stand is for the check for conflicts to say."""
    selects = [{"name": "east", "selectors": [{"kind": "resourceLocation", "in": ["eastus"]}]}]
    there = {**declared("one", "data@contoso.example", "2099-01-01"), "scopes": [ORDERS], "resourceSelectors": selects}
    here = clone(tmp_path, declarations=[there])
    ended = run(cloud, github, here, "request", PAGE, "--tag", "purpose=legacy", "--name", "legacy", *ANSWERS)
    assert "exempts it already" not in ended.stderr
    assert yaml.safe_load(here.file("exempt/legacy", "exemptions/legacy.yaml"))["scopes"] == [ORDERS, STOCK]


# --- named beside the tag -----------------------------------------------------------------------------------------


def test_what_the_tag_alone_chooses_is_left_out_beside_what_somebody_named(
    cloud: emulated.Azure, github: hosting_service.Service, tmp_path: Path
) -> None:
    here = clone(tmp_path, declarations=[one(STOCK)])
    ended = run(cloud, github, here, *BY_TAG, "--resource", ORDERS)
    assert f"left out, since declaration 'one' exempts it already: {STOCK}" in ended.stderr
    written = yaml.safe_load(here.file(BRANCH, PATH))
    assert written["scopes"] == [ORDERS]
    assert written["selectedBy"] == {"purpose": "legacy"}  # what was named bears the tag too
    assert STOCK not in github.pulls[0]["body"]


def test_what_somebody_named_is_refused_where_another_declaration_has_it(
    cloud: emulated.Azure, github: hosting_service.Service, tmp_path: Path
) -> None:
    here = clone(tmp_path, declarations=[one(STOCK)])
    ended = run(cloud, github, here, *BY_TAG, "--resource", STOCK, check=1)
    assert "a policy on a scope and all it contains belongs to one declaration" in ended.stderr
    assert "left out" not in ended.stderr
    assert here.branches() == ["main"]


def test_a_named_resource_of_another_type_stays_and_the_tag_cannot_choose_it_anew(
    cloud: emulated.Azure, github: hosting_service.Service, here: Clone
) -> None:
    """The recommendation is about databases: a server that bears the tag would be passed over, one that was named is not."""
    ended = run(cloud, github, here, *BY_TAG, "--resource", SERVER, "--dry-run")
    written = yaml.safe_load(ended.stdout)
    assert written["scopes"] == [SERVER, ORDERS, STOCK]
    assert "selectedBy" not in written
    assert "selectedBy is not written: some resources were named beside the tag" in ended.stderr
    assert "ask for them in a declaration of their own" in ended.stderr


@pytest.mark.parametrize("policies", [[TDE_POLICY, AUDITING], [TDE_POLICY]], ids=["some", "all"])
def test_who_has_some_of_the_policies_alone_leaves_it_to_the_check_for_conflicts(
    cloud: emulated.Azure, github: hosting_service.Service, tmp_path: Path, policies: list[str]
) -> None:
    there = one(ORDERS, policyDefinition=TDE_POLICY)
    del there["recommendation"]
    here = clone(tmp_path, declarations=[there])
    overlay = {"recommendations": [{"key": TDE, "policies": policies}]}
    (here.root / "catalog.yaml").write_text(yaml.safe_dump(overlay))
    here.git("add", "--all")
    here.git("commit", "--quiet", "--message", "catalogue")
    here.git("push", "--quiet", "origin", "HEAD:main")
    if policies == [TDE_POLICY]:
        ended = run(cloud, github, here, *BY_TAG)
        assert f"left out, since declaration 'one' exempts it already: {ORDERS}" in ended.stderr
        assert yaml.safe_load(here.file(BRANCH, PATH))["scopes"] == [STOCK]
    else:
        ended = run(cloud, github, here, *BY_TAG, check=1)
        assert "left out" not in ended.stderr
        assert "'one' (exemptions/one.yaml:" in ended.stderr


# --- a conversation -----------------------------------------------------------------------------------------------


def test_a_conversation_leaves_out_the_same_and_says_so(
    cloud: emulated.Azure, github: hosting_service.Service, tmp_path: Path
) -> None:
    here = clone(tmp_path, declarations=[one(STOCK)])
    env = emulated.environment(
        cloud,
        EXEMPT_PULL_REQUEST_ENDPOINT=github.endpoint,
        GITHUB_TOKEN=SECRET,
    )
    earlier = len(cloud.requests)
    typist = Typist(here.root, env, *BY_TAG, "--until", "2099-01-01", "--owner", "a@contoso.example")
    typist.waits_for("left out, since declaration 'one' exempts it already")
    typist.waits_for("Open the pull request?")
    typist.types("y")
    assert typist.ends() == 0
    assert yaml.safe_load(here.file(BRANCH, PATH))["scopes"] == [ORDERS]
    queries = [entry.body.decode() for entry in cloud.requests[earlier:] if "resourcegraph" in entry.target.lower()]
    assert sum("tags['purpose']" in query for query in queries) == 1


def test_a_tag_that_nothing_bears_is_said_and_asked_for_otherwise(
    cloud: emulated.Azure, github: hosting_service.Service, here: Clone
) -> None:
    env = emulated.environment(cloud)
    ended = run(cloud, github, here, "request", PAGE, "--tag", "purpose=lgacy", *ANSWERS, check=1)
    assert "no resource bears purpose=lgacy" in ended.stderr
    words = ("request", PAGE, "--tag", "purpose=lgacy", "--until", "2027-01-01", "--dry-run", *ANSWERS)
    typist = Typist(here.root, env, *words, "--owner", "a@contoso.example")
    typist.waits_for("no resource bears purpose=lgacy")
    typist.waits_for("Defender calls these unhealthy")
    typist.types(" \r")
    typist.waits_for("this would be exemptions/orders-transparent-data-encryption-sql.yaml")
    assert typist.ends() == 0


# --- chosen anew --------------------------------------------------------------------------------------------------


OTHERS_HAVE = "others have all that its tags choose: orders ('one' exempts it), stock ('one' exempts it); retire it"


def reselected(here: Clone) -> list[str]:
    return [name for name in here.branches() if name.startswith("exempt/reselect-")]


def test_a_renewal_proposes_nothing_that_another_declaration_has(
    cloud: emulated.Azure, github: hosting_service.Service, tmp_path: Path
) -> None:
    here = clone(tmp_path, declarations=[one(STOCK)])
    run(cloud, github, here, *BY_TAG)
    merge(here)
    ended = run(cloud, github, here, "renew", "--selected")
    assert ended.stderr.splitlines()[-1] == "legacy: its tags choose the same, but for stock ('one' exempts it)"
    assert reselected(here) == []


def test_a_renewal_says_what_it_leaves_out_beside_what_it_proposes(
    cloud: emulated.Azure, github: hosting_service.Service, tmp_path: Path
) -> None:
    here = clone(tmp_path, declarations=[one(STOCK)])
    run(cloud, github, here, *BY_TAG)
    gone = f"{SERVER}/databases/gone"
    merge(here, lambda text: text.replace(ORDERS, gone))
    ended = run(cloud, github, here, "renew", "--selected")
    assert "legacy: without gone -> with orders, but for stock ('one' exempts it)" in ended.stderr
    (branch,) = reselected(here)
    assert yaml.safe_load(here.file(branch, PATH))["scopes"] == [ORDERS]
    assert "but for stock" in github.pulls[-1]["body"]


def test_where_others_have_all_that_the_tags_choose_a_renewal_empties_nothing(
    cloud: emulated.Azure, github: hosting_service.Service, tmp_path: Path
) -> None:
    there = one(f"{SERVER}/databases/gone", name="two", selectedBy={"purpose": "legacy"}, expiresOn="2099-01-01")
    here = clone(tmp_path, declarations=[one(STOCK, ORDERS), there])
    ended = run(cloud, github, here, "renew", "two", "--selected")
    assert ended.stderr == f"two: {OTHERS_HAVE}\n"
    assert here.branches() == ["main"]


def test_of_two_that_a_tag_would_give_the_same_one_gets_it(
    cloud: emulated.Azure, github: hosting_service.Service, tmp_path: Path
) -> None:
    owners = {"owner": "data@contoso.example", "selectedBy": {"purpose": "legacy"}}
    files = [
        {**declared(name, "data@contoso.example", "2099-01-01"), "scopes": [scope], **owners}
        for name, scope in (("one", ORDERS), ("two", f"{SERVER}/databases/gone"))
    ]
    here = clone(tmp_path, declarations=files)
    ended = run(cloud, github, here, "renew", "--selected")
    assert "one: the same -> with stock" in ended.stderr
    assert f"two: {OTHERS_HAVE}" in ended.stderr
