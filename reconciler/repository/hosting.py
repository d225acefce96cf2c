"""Which service hosts a repository, as the address of its remote says, and how to be somebody there."""

from __future__ import annotations

import base64
import enum
import ipaddress
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from reconciler.problems import UsageError
from reconciler.repository.rest import Credential

ENDPOINT: Final = "EXEMPT_PULL_REQUEST_ENDPOINT"
"""Another address of the API, on loopback only: for tests."""

_SSH: Final = re.compile(r"(?:ssh://)?(?:[\w.-]+@)?([\w.-]+)(?::\d+(?=/))?[:/](?!/)(.+)")
_DEVOPS_RESOURCE: Final = "499b84ac-1321-427f-aa17-267ca6975798"
"""Azure DevOps as an audience of tokens, as Microsoft documents it."""

_NAME: Final = re.compile(r"[\w.-]+(?:/[\w.-]+)*")


class Service(enum.Enum):
    """What hosts a repository."""

    GITHUB = "GitHub"
    AZURE_DEVOPS = "Azure DevOps"
    GITLAB = "GitLab"
    OTHER = "another service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """A repository at its host. `path` is OWNER/NAME; at Azure DevOps ORGANISATION/PROJECT/NAME. `web` is its page."""

    service: Service
    host: str
    path: str
    web: str

    @property
    def owner(self) -> str:
        """Who owns it."""
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        """What it is called there."""
        return self.path.rpartition("/")[2]

    @property
    def devops_api(self) -> str:
        """Its path in Azure DevOps' REST interface."""
        project, _, name = self.path.rpartition("/")
        return f"/{project}/_apis/git/repositories/{name}"

    def takes_from(self, source: Hosted) -> bool:
        """Whether a branch of another repository can be proposed here: a fork at the same host; in Azure DevOps a fork stays
        in its organisation.
        """
        same_owner = self.owner.casefold() == source.owner.casefold()
        return source.host == self.host and (self.service is not Service.AZURE_DEVOPS or same_owner)

    def new_pull_request(self, branch: str, base: str, source: Hosted) -> str:
        """The page on which a person opens the pull request of a branch of `source`; empty where it is not known. Of a fork
        it is the fork's own page but on GitHub: there the branch is found, and what it is a fork of can be chosen.
        """
        match self.service:
            case Service.GITHUB:
                head = branch if source == self else f"{source.owner}:{branch}"
                return f"{self.web}/compare/{quote(base)}...{quote(head, safe=':/')}?expand=1"
            case Service.AZURE_DEVOPS:
                names = f"sourceRef={quote(branch, safe='')}&targetRef={quote(base, safe='')}"
                return f"{source.web}/pullrequestcreate?{names}"
            case Service.GITLAB:
                names = "merge_request%5Bsource_branch%5D={}&merge_request%5Btarget_branch%5D={}"
                names = names.format(quote(branch, safe=""), quote(base, safe=""))
                return f"{source.web}/-/merge_requests/new?{names}"
            case Service.OTHER:
                return ""


def hosted(address: str, environment: Mapping[str, str]) -> Hosted | None:
    """What a remote's address names; None for a folder or what has no host. Credentials in it are dropped."""
    if address.startswith(("https://", "http://", "git://")):
        parts = urlsplit(address)
        host, path = (parts.hostname or "").lower(), parts.path
    elif (ssh := _SSH.fullmatch(address)) is not None and not address.startswith(("/", ".", "file:")):
        host, path = ssh[1].lower(), ssh[2]
    else:
        return None
    path = unquote(path).strip("/").removesuffix(".git")
    if not host or not path or not {"", ".", ".."}.isdisjoint(path.split("/")):
        return None
    if host in {"dev.azure.com", "ssh.dev.azure.com", "vs-ssh.visualstudio.com"} or host.endswith(".visualstudio.com"):
        return _azure_devops(host, path)
    if not _NAME.fullmatch(path):
        return None
    web = f"https://{host}/{path}"
    # github.com, a tenant of ghe.com, or the server that the environment names as GitHub.
    servers = {urlsplit(environment.get("GITHUB_SERVER_URL", "")).hostname, environment.get("GH_HOST", "").lower()}
    if host == "github.com" or host.endswith(".ghe.com") or host in servers:
        return Hosted(service=Service.GITHUB, host=host, path=path, web=web) if path.count("/") == 1 else None
    service = Service.GITLAB if "gitlab" in host else Service.OTHER
    return Hosted(service=service, host=host, path=path, web=web)


def _azure_devops(host: str, path: str) -> Hosted | None:
    parts = [part for part in path.split("/") if part not in {"_git", "v3", "DefaultCollection"}]
    if host.endswith(".visualstudio.com") and not host.startswith("vs-ssh"):
        parts.insert(0, host.partition(".")[0])
    if len(parts) == 2:  # the repository that is called as its project
        parts.append(parts[1])
    if len(parts) != 3:
        return None
    return devops_repository(*parts)


def devops_repository(organisation: str, project: str, name: str) -> Hosted:
    """A repository of Azure DevOps, by its names as people write them."""
    organisation, project, name = (quote(part, safe="") for part in (organisation, project, name))
    web = f"https://dev.azure.com/{organisation}/{project}/_git/{name}"
    return Hosted(service=Service.AZURE_DEVOPS, host="dev.azure.com", path=f"{organisation}/{project}/{name}", web=web)


def api_address(repository: Hosted, environment: Mapping[str, str]) -> str:
    """The address of the service's API, from the remote's host alone.

    Raises:
        UsageError: the variable for tests names a host that is not this machine.
    """
    if override := environment.get(ENDPOINT):
        host = urlsplit(override).hostname or ""
        try:
            is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            is_loopback = False
        if not is_loopback:
            raise UsageError(f"{ENDPOINT} names {host!r}, but only a loopback address is allowed", "unset it")
        return override.rstrip("/")
    if repository.service is Service.AZURE_DEVOPS:
        return "https://dev.azure.com"
    if repository.host == "github.com":
        return "https://api.github.com"
    return (
        f"https://api.{repository.host}"
        if repository.host.endswith(".ghe.com")
        else f"https://{repository.host}/api/v3"
    )


def credential(repository: Hosted, environment: Mapping[str, str]) -> Credential | None:
    """Who asks: what the environment holds for this service, else what its command line is logged in as; None: nobody."""
    if repository.service is Service.GITHUB:
        server = urlsplit(environment.get("GITHUB_SERVER_URL", "https://github.com")).hostname
        for name in ("GITHUB_TOKEN", "GH_TOKEN"):  # they are of the server that the environment names, and of no other
            if environment.get(name) and repository.host in {server, environment.get("GH_HOST", "").lower()}:
                return Credential(header=f"Bearer {environment[name]}", origin=name)
        token = _printed(["gh", "auth", "token", "--hostname", repository.host], environment)
        return Credential(header=f"Bearer {token}", origin="gh auth token") if token else None
    if repository.service is Service.AZURE_DEVOPS:
        if pat := environment.get("AZURE_DEVOPS_EXT_PAT"):
            basic = base64.b64encode(f":{pat}".encode()).decode()
            return Credential(header=f"Basic {basic}", origin="AZURE_DEVOPS_EXT_PAT")
        if bearer := environment.get("SYSTEM_ACCESSTOKEN"):
            return Credential(header=f"Bearer {bearer}", origin="SYSTEM_ACCESSTOKEN")
        words = [
            "az",
            "account",
            "get-access-token",
            "--resource",
            _DEVOPS_RESOURCE,
            "--query",
            "accessToken",
            "--output",
            "tsv",
        ]
        token = _printed(words, environment)
        return Credential(header=f"Bearer {token}", origin="az account get-access-token") if token else None
    return None


def _printed(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """What a command prints; empty where it is not there or refuses."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own gh or az
            words,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    text = done.stdout.strip()
    return text if done.returncode == 0 and text.isascii() and text.isprintable() and " " not in text else ""
