"""Opens the pull request of a branch, or finds the one that is open already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.repository.hosting import Hosted, Service, api_address, credential, devops_repository, hosted
from reconciler.repository.proposals import Branch, Workspace
from reconciler.repository.rest import Rest

API_VERSION: Final = "7.1"
"""Of Azure DevOps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a pull request says: its title in one line, and Markdown."""

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """Where the pull request is. Without `is_open` nobody could open it: `address` is the page on which a person does, empty
    where no page is known, and `why` says the reason.
    """

    address: str
    number: str = ""
    is_open: bool = False
    why: str = ""


def open_pull_request(space: Workspace, branch: Branch, text: Text, environment: Mapping[str, str]) -> PullRequest:
    """Opens it by the service's REST interface where a token is at hand. One that is open already says this text where the
    branch holds something new.

    Raises:
        HostError: the service refuses.
    """
    target = hosted(space.address(space.target), environment)
    source = hosted(space.address(space.push_to), environment) or target
    proof = credential(target, environment) if target else None
    if target is None or source is None or proof is None:
        why = _NO_TOKEN.get(
            target.service if target else Service.OTHER, "the remote's host has no interface that is known here"
        )
        return page_for(space, branch.name, why, environment)
    if not target.takes_from(source):
        why = f"{target.service.value} takes no pull request from where the branch was pushed"
        return page_for(space, branch.name, why, environment)
    rest = Rest(base=api_address(target, environment), credential=proof)
    if target.service is Service.GITHUB:
        return _on_github(rest, (source, target), branch, space.base_branch, text)
    return _on_azure_devops(rest, (source, target), branch, space.base_branch, text)


def page_for(space: Workspace, branch: str, why: str, environment: Mapping[str, str]) -> PullRequest:
    """The page on which a person opens the pull request, and why nobody else did."""
    target = hosted(space.address(space.target), environment)
    source = hosted(space.address(space.push_to), environment) or target
    takes = target is not None and source is not None and target.takes_from(source)
    address = target.new_pull_request(branch, space.base_branch, source) if target and source and takes else ""
    return PullRequest(address=address, why=why)


_NO_TOKEN: Final = {
    Service.GITHUB: "there is no token: log in with 'gh auth login', or set GITHUB_TOKEN, to have it opened next time",
    Service.AZURE_DEVOPS: "there is no token: log in with 'az login', or set AZURE_DEVOPS_EXT_PAT, to have it opened next time",
}


def _on_github(rest: Rest, way: tuple[Hosted, Hosted], branch: Branch, base: str, text: Text) -> PullRequest:
    source, target = way
    if target == source:  # a fork without a remote for what it is a fork of
        about = rest.get(f"/repos/{target.path}")
        parent = about.optional("parent")
        if parent is not None:
            path = parent.member("full_name").as_text()
            base = parent.member("default_branch").as_text()
            target = Hosted(service=target.service, host=target.host, path=path, web=f"https://{target.host}/{path}")
    head = f"{source.owner}:{branch.name}"
    opened = list(rest.get(f"/repos/{target.path}/pulls", head=head, state="open", base=base).items())
    answer = opened[0] if opened else None
    if answer is None:
        body = {"title": text.title, "body": text.body, "head": head if target != source else branch.name, "base": base}
        if target != source and target.owner == source.owner:  # the owner alone does not say which
            body["head_repo"] = source.name
        answer = rest.post(f"/repos/{target.path}/pulls", body)
    number = answer.member("number").as_integer()
    if opened and branch.is_new:
        rest.patch(f"/repos/{target.path}/pulls/{number}", {"title": text.title, "body": text.body})
    return PullRequest(address=f"{target.web}/pull/{number}", number=str(number), is_open=True)


def _on_azure_devops(rest: Rest, way: tuple[Hosted, Hosted], branch: Branch, base: str, text: Text) -> PullRequest:
    source, target = way
    version = {"api-version": API_VERSION}
    about = rest.get(source.devops_api, includeParent="true", **version)
    parent = about.optional("parentRepository")
    if target == source and parent is not None:  # a fork without a remote for what it is a fork of
        names = (parent.member("project").member("name"), parent.member("name"))
        target = devops_repository(source.owner, *(name.as_text() for name in names))
        default_branch = rest.get(target.devops_api, **version).member("defaultBranch").as_text()
        base = default_branch.removeprefix("refs/heads/")
    refs: dict[str, Any] = {"sourceRefName": f"refs/heads/{branch.name}", "targetRefName": f"refs/heads/{base}"}
    criteria = {f"searchCriteria.{key}": ref for key, ref in refs.items()} | {"searchCriteria.status": "active"}
    if target != source:
        identifier = about.member("id").as_text()
        refs["forkSource"] = {"name": refs["sourceRefName"], "repository": {"id": identifier}}
        criteria["searchCriteria.sourceRepositoryId"] = identifier
    path = f"{target.devops_api}/pullrequests"
    opened = list(rest.get(path, **criteria, **version).member("value").items())
    answer = opened[0] if opened else None
    words = {"title": text.title, "description": text.body[:4000]}  # the most that it takes
    if answer is None:
        answer = rest.post(path, {**refs, **words}, **version)
    number = answer.member("pullRequestId").as_integer()
    if opened and branch.is_new:
        rest.patch(f"{path}/{number}", words, **version)
    return PullRequest(address=f"{target.web}/pullrequest/{number}", number=str(number), is_open=True)
