"""Who approved the pull request that brought a commit, as the service that hosts the repository says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.documents.json_input import JsonInput
from reconciler.repository.hosting import Hosted, Service, api_address, credential, hosted
from reconciler.repository.pull_requests import API_VERSION
from reconciler.repository.rest import HostError, Rest

_APPROVES: Final = frozenset({10, 5})
"""Votes of Azure DevOps: approved, and approved with suggestions. 0 is none, -5 waits for the author, -10 rejects."""

_BATCH: Final = 100
_TYPES: Final = ("lastMergeCommit", "commit")
"""How Azure DevOps finds pull requests by commits: what completing one made of it first, then what one contains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What is said of the pull request that brought a commit."""

    number: str
    author: str
    approvers: tuple[str, ...]


def reviews_of(remote: str, commits: Sequence[str], environment: Mapping[str, str]) -> Mapping[str, Review]:
    """By commit, its pull request with who approved it, on GitHub and in Azure DevOps. Empty where the repository is hosted
    elsewhere or nobody is logged in.

    Raises:
        HostError: the service refuses.
        JsonInputError: it answers what it does not document.
    """
    repository = hosted(remote, environment)
    proof = credential(repository, environment) if repository else None
    if repository is None or proof is None:
        return {}
    rest = Rest(base=api_address(repository, environment), credential=proof)
    if repository.service is Service.GITHUB:
        return dict(_on_github(rest, repository, commits))
    return dict(_in_azure_devops(rest, repository, commits))


# --- GitHub ------------------------------------------------------------------------------------------------------


def _on_github(rest: Rest, repository: Hosted, commits: Sequence[str]) -> Iterator[tuple[str, Review]]:
    for commit in commits:
        try:
            opened = list(rest.get(f"/repos/{repository.path}/commits/{commit}/pulls").items())
        except HostError as error:
            if error.status in {404, 422}:  # GitHub does not know the commit: it was never pushed
                continue
            raise
        if opened:
            number = opened[0].member("number").as_integer()
            states = rest.get(f"/repos/{repository.path}/pulls/{number}/reviews", per_page="100").items()
            # Those whose last word is an approval.
            last: dict[str, str] = {}
            for review in states:
                state = review.member("state").as_text()
                if state in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}:
                    last[_login(review)] = state
            yield (
                commit,
                Review(
                    number=str(number),
                    author=_login(opened[0]),
                    approvers=tuple(login for login, state in last.items() if state == "APPROVED" and login),
                ),
            )


def _login(value: JsonInput) -> str:
    user = value.optional("user")
    return user.member("login").as_text() if user else ""


# --- Azure DevOps ------------------------------------------------------------------------------------------------


def _in_azure_devops(rest: Rest, repository: Hosted, commits: Sequence[str]) -> Iterator[tuple[str, Review]]:
    organisation, project, name = repository.path.split("/")
    path = f"/{organisation}/{project}/_apis/git/repositories/{name}"
    version = {"api-version": API_VERSION}
    for start in range(0, len(commits), _BATCH):
        batch = commits[start : start + _BATCH]
        body = {"queries": [{"type": kind, "items": list(batch)} for kind in _TYPES]}
        results = list(rest.post(f"{path}/pullrequestquery", body, **version).member("results").items())
        for commit in batch:
            completed = [
                pull
                for result in results
                if (pulls := result.optional(commit))
                for pull in pulls.items()
                if pull.member("status").as_text() == "completed"
            ]
            if not completed:
                continue
            number = completed[0].member("pullRequestId").as_integer()
            reviewers = rest.get(f"{path}/pullRequests/{number}/reviewers", **version).member("value").items()
            approvers = (
                _account(reviewer)
                for reviewer in reviewers
                # A group's vote is that of its members, who stand there themselves.
                for group in [reviewer.optional("isContainer")]
                if reviewer.member("vote").as_integer() in _APPROVES and not (group and group.as_boolean())
            )
            creator = completed[0].optional("createdBy")
            author = _account(creator) if creator else ""
            yield commit, Review(number=str(number), author=author, approvers=tuple(approvers))


def _account(person: JsonInput) -> str:
    """The account's name, which for people is an address, else the name that is shown."""
    account = person.optional("uniqueName") or person.member("displayName")
    return account.as_text()
