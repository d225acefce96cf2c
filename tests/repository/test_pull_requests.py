"""A change on a branch of its own: what git and the hosting service see, and what the user's own clone keeps."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import hosting_service
import pytest
from clones import GITHUB, Clone, clone
from main_job.repositories import commit as commit_all
from main_job.repositories import git

from reconciler.problems import ReconcilerError, UsageError
from reconciler.repository.hosting import Service, credential, hosted
from reconciler.repository.proposals import Branch, commit, workspace
from reconciler.repository.pull_requests import PullRequest, Text, open_pull_request
from reconciler.repository.rest import HostError

DEVOPS = "https://contoso@dev.azure.com/contoso/Cloud%20Security/_git/exemptions"
FILE = "exemptions/new.yaml"
TEXT = Text(title="Exempt: new", body="Because.")
SECRET = "secret-token-of-a-test"


@pytest.fixture
def here(tmp_path: Path) -> Clone:
    return clone(tmp_path)


@pytest.fixture
def service() -> Iterator[hosting_service.Service]:
    with hosting_service.running() as running:
        yield running


def environment(service: hosting_service.Service, **more: str) -> dict[str, str]:
    return {"EXEMPT_PULL_REQUEST_ENDPOINT": service.endpoint, "PATH": "/nonexistent", **more}


def propose(here: Clone, text: str = "new: 1\n", branch: str = "exempt/new", root: Path | None = None) -> Branch:
    with workspace(root or here.root, lambda _: None) as space:
        return commit(space, {FILE: text}, branch, message="Exempt: new")


def test_a_branch_is_pushed_and_the_clone_stays_as_it_was(here: Clone) -> None:
    (here.root / "exemptions").mkdir()
    (here.root / "exemptions" / "half.yaml").write_text("half: done\n")
    (here.root / "reconciler.yaml").write_text("broken: [\n")
    here.git("add", "exemptions/half.yaml")
    before = here.state()
    made = propose(here)
    assert here.state() == before
    assert here.pushed("exempt/new") == made.commit
    assert here.git("show", "--name-only", "--format=%an %ae %s", made.commit).split("\n") == [
        "Ana Test ana@contoso.example Exempt: new",
        "",
        FILE,
    ]
    assert here.git("rev-parse", f"{made.commit}^") == here.pushed("main")


def test_it_starts_from_the_newest_of_the_remote(here: Clone, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(here.remote), "other")
    (tmp_path / "other" / "news.md").write_text("news\n")
    newest = commit_all(tmp_path / "other", "News")
    git(tmp_path / "other", "push", "--quiet")
    made = propose(here)
    assert here.git("rev-parse", f"{made.commit}^") == newest


@pytest.mark.parametrize("way", ["detached", "linked", "shallow", "unborn branch", "below"])
def test_it_works_from_any_clone(here: Clone, tmp_path: Path, way: str) -> None:
    root, folder = here.root, here.root
    match way:
        case "detached":
            here.git("checkout", "--quiet", "--detach")
        case "linked":
            root = folder = tmp_path / "linked"
            here.git("worktree", "add", "--quiet", str(root), "-b", "mine")
        case "shallow":
            git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{here.remote}", "shallow")
            root = folder = tmp_path / "shallow"
            for name in ("user.name", "user.email"):
                git(root, "config", name, here.git("config", name))
        case "unborn branch":
            here.git("checkout", "--quiet", "-b", "mine")
        case "below":
            folder = root / "exemptions"
            folder.mkdir(exist_ok=True)
            (folder / "keep").write_text("")
    with workspace(root, lambda _: None) as space:
        made = commit(space, {FILE: "new: 1\n"}, "exempt/new", message="Exempt: new")
    assert here.pushed("exempt/new") == made.commit


@pytest.mark.parametrize("way", ["dangling", "detached"])
def test_a_remote_whose_head_names_no_branch_is_told_and_what_is_proposed_works(here: Clone, way: str) -> None:
    start = here.pushed("main")
    if way == "dangling":
        git(here.remote, "symbolic-ref", "HEAD", "refs/heads/gone")
    else:
        git(here.remote, "update-ref", "--no-deref", "HEAD", start)
    here.git("remote", "set-head", "origin", "--delete")
    warnings: list[str] = []
    with workspace(here.root, warnings.append) as space:
        assert (space.base, space.base_branch) == (start, "main")
    assert warnings == ["HEAD of the remote origin names no branch of it, so this starts from its only one, main"]
    for name in ("alpha", "beta/one"):
        git(here.remote, "branch", name, "main")
    with pytest.raises(UsageError) as refused, workspace(here.root, warnings.append):
        pass
    assert refused.value.message == (
        "HEAD of the remote origin names no branch of it, so which one a change starts from is not known; "
        "it has alpha, beta/one, main"
    )
    *_, command = refused.value.remedy.partition("this clone: ")
    assert command == "git fetch origin && git remote set-head origin main"
    for words in command.split(" && "):
        here.git(*words.split()[1:])
    for name in ("alpha", "beta/one", "main"):
        here.git("remote", "set-head", "origin", name)
        with workspace(here.root, warnings.append) as space:
            assert (space.base, space.base_branch) == (start, name)
    assert len(warnings) == 1


def test_a_remote_without_a_branch_is_told_and_what_is_proposed_works(here: Clone) -> None:
    git(here.remote, "update-ref", "-d", "refs/heads/main")
    with pytest.raises(UsageError, match="the remote origin has no branch yet") as refused:
        propose(here)
    assert refused.value.remedy == "push one first: git push origin HEAD:main"
    here.git("push", "--quiet", "origin", "HEAD:main")
    assert propose(here).commit == here.pushed("exempt/new")


def test_a_second_run_goes_on_where_the_first_was_cut_off(here: Clone) -> None:
    hook = here.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho the branch is protected >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ReconcilerError, match="protected") as refused:
        propose(here)
    assert "git push origin exempt/new" in refused.value.remedy
    waiting = here.git("rev-parse", "exempt/new")
    hook.unlink()
    made = propose(here)
    assert (made.commit, made.is_new, made.remote) == (waiting, False, "origin")
    again = propose(here)
    assert (again.commit, again.is_new) == (waiting, False)


def test_a_branch_with_something_else_is_said(here: Clone) -> None:
    propose(here)
    with pytest.raises(ReconcilerError, match="something else in it") as refused:
        propose(here, "new: 2\n")
    command = refused.value.remedy.split("`")[1]
    subprocess.run(command.split(), cwd=here.root, check=True, capture_output=True)
    here.git("branch", "-D", "exempt/new")
    propose(here, "new: 2\n")


def test_hooks_have_their_say(here: Clone) -> None:
    hook = here.root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\ngrep -q 'new: 2' exemptions/new.yaml || { echo 'only twos here' >&2; exit 1; }\n")
    hook.chmod(0o755)
    with pytest.raises(ReconcilerError, match="only twos here"):
        propose(here)
    assert propose(here, "new: 2\n").remote == "origin"


def test_signing_is_honoured(here: Clone, tmp_path: Path) -> None:
    program = tmp_path / "sign"
    program.write_text("#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\necho signed-by-a-test\n")
    program.chmod(0o755)
    here.git("config", "commit.gpgSign", "true")
    here.git("config", "gpg.program", str(program))
    made = propose(here)
    assert "signed-by-a-test" in here.git("cat-file", "commit", made.commit)


def test_without_a_remote_the_branch_stays_here(here: Clone) -> None:
    here.git("remote", "remove", "origin")
    made = propose(here)
    assert made.remote == ""
    assert here.git("rev-parse", "exempt/new") == made.commit


def test_without_the_network_it_starts_from_what_was_fetched(here: Clone, tmp_path: Path) -> None:
    here.remote.rename(tmp_path / "away.git")
    warnings: list[str] = []
    with workspace(here.root, warnings.append) as space, pytest.raises(ReconcilerError, match="does not take"):
        commit(space, {FILE: "new: 1\n"}, "exempt/new", message="Exempt: new")
    assert "last fetched" in warnings[0]
    (tmp_path / "away.git").rename(here.remote)
    assert not propose(here).is_new


def test_without_git_there_is_a_clear_word(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no git repository"), workspace(tmp_path, lambda _: None):
        pass


def test_several_remotes_without_origin_are_asked_about(here: Clone) -> None:
    here.git("remote", "rename", "origin", "one")
    here.git("remote", "add", "two", str(here.remote))
    with (
        pytest.raises(UsageError, match="none of them is called origin") as asked,
        workspace(here.root, lambda _: None),
    ):
        pass
    subprocess.run(asked.value.remedy.partition(": ")[2].split(), cwd=here.root, check=True)
    assert propose(here).remote == "one"


# --- pull requests -----------------------------------------------------------------------------------------------


def opened(here: Clone, env: dict[str, str]) -> PullRequest:
    with workspace(here.root, lambda _: None) as space:
        made = commit(space, {FILE: "new: 1\n"}, "exempt/new", message="Exempt: new")
        return open_pull_request(space, made, TEXT, env)


def test_github_opens_one_and_finds_it_again(here: Clone, service: hosting_service.Service) -> None:
    env = environment(service, GITHUB_TOKEN=SECRET)
    first = opened(here, env)
    assert first == PullRequest(address="https://github.com/contoso/exemptions/pull/1", number="1", is_open=True)
    (pull,) = service.pulls
    assert pull == {"number": 1, "title": TEXT.title, "body": TEXT.body, "head": "exempt/new", "base": "main"}
    assert {call.authorization for call in service.calls} == {f"Bearer {SECRET}"}
    assert opened(here, env) == first
    assert len(service.pulls) == 1


def test_azure_devops_opens_one_and_finds_it_again(tmp_path: Path, service: hosting_service.Service) -> None:
    here = clone(tmp_path, DEVOPS)
    env = environment(service, AZURE_DEVOPS_EXT_PAT=SECRET)
    first = opened(here, env)
    assert first.address == "https://dev.azure.com/contoso/Cloud%20Security/_git/exemptions/pullrequest/1"
    (pull,) = service.pulls
    assert (pull["sourceRefName"], pull["targetRefName"]) == ("refs/heads/exempt/new", "refs/heads/main")
    assert opened(here, env) == first
    assert service.calls[0].authorization.startswith("Basic ")
    assert len(service.pulls) == 1


@pytest.mark.parametrize(
    ("address", "token"), [(GITHUB, "GITHUB_TOKEN"), (DEVOPS, "AZURE_DEVOPS_EXT_PAT")], ids=["github", "azure devops"]
)
def test_a_branch_with_a_new_commit_gives_its_pull_request_new_words(
    tmp_path: Path, service: hosting_service.Service, address: str, token: str
) -> None:
    here = clone(tmp_path, address)
    env = environment(service, **{token: SECRET})
    first = opened(here, env)
    with workspace(here.root, lambda _: None) as space:
        made = commit(space, {FILE: "new: 2\n"}, "exempt/new", message="Exempt: newer", replaces=True)
        again = open_pull_request(space, made, Text(title="Exempt: newer", body="Because, still."), env)
    assert again == first
    (pull,) = service.pulls
    assert pull["title"] == "Exempt: newer"
    assert "Because, still." in {pull.get("body"), pull.get("description")}
    assert here.file("exempt/new", FILE) == "new: 2"


def test_a_forks_pull_request_goes_to_its_parent(here: Clone, service: hosting_service.Service) -> None:
    service.parent = "security/exemptions"
    made = opened(here, environment(service, GITHUB_TOKEN=SECRET))
    assert made.address == "https://github.com/security/exemptions/pull/1"
    assert service.pulls[0]["head"] == "contoso:exempt/new"


def test_a_fork_with_upstream_starts_there(here: Clone, service: hosting_service.Service) -> None:
    upstream = "https://github.com/security/exemptions"
    add_upstream(here, upstream)
    made = opened(here, environment(service, GITHUB_TOKEN=SECRET))
    assert made.address == f"{upstream}/pull/1"
    assert service.pulls[0]["head"] == "contoso:exempt/new"
    assert "head_repo" not in service.pulls[0]


FORK_OF = "https://dev.azure.com/contoso/Security/_git/exemptions"
FORK_SOURCE = {"name": "refs/heads/exempt/new", "repository": {"id": "id of Cloud Security/exemptions"}}


def add_upstream(here: Clone, address: str) -> None:
    """A remote `upstream` of this address, a bare repository beside the other one."""
    copy = here.remote.parent / "upstream.git"
    git(here.remote.parent, "clone", "--quiet", "--bare", str(here.remote), str(copy))
    here.git("remote", "add", "upstream", address)
    here.git("config", f"url.{copy}.insteadOf", address)


@pytest.mark.parametrize("has_upstream", [True, False])
def test_a_fork_in_azure_devops_says_where_the_branch_is(
    tmp_path: Path, service: hosting_service.Service, has_upstream: bool
) -> None:
    here = clone(tmp_path, DEVOPS)
    service.parent = "Security/exemptions"
    if has_upstream:
        add_upstream(here, FORK_OF)
    env = environment(service, AZURE_DEVOPS_EXT_PAT=SECRET)
    made = opened(here, env)
    assert (made.address, made.is_open) == (f"{FORK_OF}/pullrequest/1", True)
    (pull,) = service.pulls
    assert pull["forkSource"] == FORK_SOURCE
    assert (pull["sourceRefName"], pull["targetRefName"]) == ("refs/heads/exempt/new", "refs/heads/main")
    assert opened(here, env) == made
    assert len(service.pulls) == 1


def test_what_is_no_fork_sends_no_fork_source(tmp_path: Path, service: hosting_service.Service) -> None:
    opened(clone(tmp_path, DEVOPS), environment(service, AZURE_DEVOPS_EXT_PAT=SECRET))
    assert "forkSource" not in service.pulls[0]


def test_a_fork_of_the_same_owner_is_named(here: Clone, service: hosting_service.Service) -> None:
    add_upstream(here, "https://github.com/contoso/exemptions-of-all")
    made = opened(here, environment(service, GITHUB_TOKEN=SECRET))
    assert made.address == "https://github.com/contoso/exemptions-of-all/pull/1"
    assert (service.pulls[0]["head"], service.pulls[0]["head_repo"]) == ("contoso:exempt/new", "exemptions")


@pytest.mark.parametrize(
    ("address", "upstream", "page"),
    [
        (
            DEVOPS,
            FORK_OF,
            "https://dev.azure.com/contoso/Cloud%20Security/_git/exemptions/pullrequestcreate?sourceRef=exempt%2Fnew&targetRef=main",
        ),
        (
            "https://gitlab.contoso.example/ana/exemptions.git",
            "https://gitlab.contoso.example/sec/exemptions.git",
            "https://gitlab.contoso.example/ana/exemptions/-/merge_requests/new?merge_request%5Bsource_branch%5D=exempt%2Fnew&merge_request%5Btarget_branch%5D=main",
        ),
        (
            GITHUB,
            "https://github.com/security/exemptions",
            "https://github.com/security/exemptions/compare/main...contoso:exempt/new?expand=1",
        ),
    ],
    ids=["azure devops", "gitlab", "github"],
)
def test_the_page_that_is_named_for_a_fork_knows_its_branch(
    tmp_path: Path, address: str, upstream: str, page: str
) -> None:
    here = clone(tmp_path, address)
    add_upstream(here, upstream)
    assert opened(here, {"PATH": "/nonexistent"}).address == page


@pytest.mark.parametrize("upstream", [GITHUB, "https://dev.azure.com/fabrikam/Security/_git/exemptions"])
def test_a_branch_elsewhere_than_in_a_fork_is_proposed_by_nobody(
    tmp_path: Path, service: hosting_service.Service, upstream: str
) -> None:
    here = clone(tmp_path, DEVOPS)
    add_upstream(here, upstream)
    made = opened(here, environment(service, AZURE_DEVOPS_EXT_PAT=SECRET, GITHUB_TOKEN=SECRET))
    assert (made.address, made.is_open) == ("", False)
    assert "takes no pull request from where the branch was pushed" in made.why
    assert not service.calls


@pytest.mark.parametrize(
    ("address", "page"),
    [
        (GITHUB, "https://github.com/contoso/exemptions/compare/main...exempt/new?expand=1"),
        (
            DEVOPS,
            "https://dev.azure.com/contoso/Cloud%20Security/_git/exemptions/pullrequestcreate?sourceRef=exempt%2Fnew&targetRef=main",
        ),
        (
            "https://gitlab.contoso.example/sec/exemptions.git",
            "https://gitlab.contoso.example/sec/exemptions/-/merge_requests/new?merge_request%5Bsource_branch%5D=exempt%2Fnew&merge_request%5Btarget_branch%5D=main",
        ),
        ("https://git.contoso.example/exemptions.git", ""),
    ],
)
def test_without_a_token_the_page_is_named(tmp_path: Path, address: str, page: str) -> None:
    made = opened(clone(tmp_path, address), {"PATH": "/nonexistent"})
    assert (made.address, made.is_open) == (page, False)
    assert made.why


def test_a_redirect_is_a_fault(here: Clone, service: hosting_service.Service) -> None:
    with hosting_service.running() as elsewhere:
        service.redirects_to = elsewhere.endpoint + "/repos/x/y"
        with pytest.raises(HostError, match="redirects") as fault:
            opened(here, environment(service, GITHUB_TOKEN=SECRET))
        assert not elsewhere.calls
    assert SECRET not in str(fault.value) + fault.value.remedy


def test_a_refusal_is_told_without_the_token(here: Clone, service: hosting_service.Service) -> None:
    service.refuses = 403
    with pytest.raises(HostError, match="not accessible") as fault:
        opened(here, environment(service, GITHUB_TOKEN=SECRET))
    assert "GITHUB_TOKEN" in fault.value.remedy
    assert SECRET not in str(fault.value) + fault.value.remedy


def test_only_loopback_may_stand_in(here: Clone) -> None:
    with pytest.raises(UsageError, match="loopback"):
        opened(here, {"EXEMPT_PULL_REQUEST_ENDPOINT": "https://evil.example", "GITHUB_TOKEN": SECRET, "PATH": "/x"})


@pytest.mark.parametrize(
    ("address", "service", "path"),
    [
        ("git@github.com:contoso/exemptions.git", Service.GITHUB, "contoso/exemptions"),
        ("ssh://git@github.com:22/contoso/exemptions", Service.GITHUB, "contoso/exemptions"),
        ("https://user:pw@github.com/contoso/exemptions", Service.GITHUB, "contoso/exemptions"),
        ("git@ssh.dev.azure.com:v3/contoso/Sec/exemptions", Service.AZURE_DEVOPS, "contoso/Sec/exemptions"),
        ("https://contoso.visualstudio.com/Sec/_git/exemptions", Service.AZURE_DEVOPS, "contoso/Sec/exemptions"),
        ("https://dev.azure.com/contoso/_git/Sec", Service.AZURE_DEVOPS, "contoso/Sec/Sec"),
        ("https://github.com.evil.example/contoso/exemptions", Service.OTHER, "contoso/exemptions"),
    ],
)
def test_a_remote_says_its_service(address: str, service: Service, path: str) -> None:
    found = hosted(address, {})
    assert found is not None
    assert (found.service, found.path) == (service, path)
    assert "pw" not in found.web


@pytest.mark.parametrize("address", ["/srv/git/x.git", "file:///srv/x.git", "../x", "https://github.com/../x", ""])
def test_what_has_no_host_is_no_service(address: str) -> None:
    assert hosted(address, {}) is None


def test_a_token_goes_only_to_the_server_that_it_is_of() -> None:
    server = {"GITHUB_SERVER_URL": "https://github.contoso.example", "GITHUB_TOKEN": SECRET, "PATH": "/nonexistent"}
    public = hosted(GITHUB, server)
    own = hosted("https://github.contoso.example/a/b", server)
    assert public is not None
    assert own is not None
    assert credential(public, server) is None
    assert credential(own, server) is not None
    assert SECRET not in repr(credential(own, server))
