"""Where a report will be read, as a pipeline's environment tells: how a line of a file is linked, what can be clicked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from reconciler.reports.context import Names, Pipeline, ReportContext


def report_context(root: Path, environment: Mapping[str, str], names: Names) -> ReportContext:
    """The context of a report about the repository of exemptions at `root`, on GitHub, in Azure DevOps, on GitLab or anywhere."""
    if environment.get("GITHUB_ACTIONS") == "true":
        parts = [environment.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_SHA")]
        folder = _folder(root, environment.get("GITHUB_WORKSPACE", ""))
        server, repository, revision = parts
        url = (
            f"{server}/{quote(repository)}/blob/{quote(revision)}/{quote(folder)}{{file}}#L{{line}}"
            if all(parts)
            else ""
        )
        return ReportContext(names=names, file_url=url, pipeline=Pipeline.GITHUB)
    if environment.get("TF_BUILD", "").lower() == "true":
        address, revision = environment.get("BUILD_REPOSITORY_URI", ""), environment.get("BUILD_SOURCEVERSION", "")
        folder = _folder(root, environment.get("BUILD_SOURCESDIRECTORY", ""))
        is_known = address.startswith("https://") and "@" not in address and "_git" in address
        query = f"?path=/{quote(folder)}{{file}}&version=GC{quote(revision)}&line={{line}}"
        url = f"{address}{query}" if is_known and revision else ""
        return ReportContext(names=names, file_url=url, pipeline=Pipeline.AZURE_DEVOPS)
    if environment.get("GITLAB_CI") == "true":
        address, revision = environment.get("CI_PROJECT_URL", ""), environment.get("CI_COMMIT_SHA", "")
        folder = _folder(root, environment.get("CI_PROJECT_DIR", ""))
        url = f"{address}/-/blob/{quote(revision)}/{quote(folder)}{{file}}#L{{line}}" if address and revision else ""
        return ReportContext(names=names, file_url=url, pipeline=Pipeline.GITLAB)
    return ReportContext(names=names)


def pipeline_run(environment: Mapping[str, str]) -> str:
    """The address of the run that this process is a part of; empty outside of a pipeline that is known here."""
    if environment.get("GITHUB_ACTIONS") == "true":
        parts = [environment.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
        return "{}/{}/actions/runs/{}".format(*parts) if all(parts) else ""
    if environment.get("TF_BUILD", "").lower() == "true":
        parts = [
            environment.get(name, "") for name in ("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECTID", "BUILD_BUILDID")
        ]
        return "{}{}/_build/results?buildId={}".format(*parts) if all(parts) else ""
    return environment.get("CI_PIPELINE_URL", "") if environment.get("GITLAB_CI") == "true" else ""


def _folder(root: Path, workspace: str) -> str:
    """Where the repository of exemptions lies in what the pipeline checked out: empty, or `path/to/it/`."""
    try:
        folder = root.resolve().relative_to(Path(workspace).resolve()).as_posix() if workspace else "."
    except ValueError:
        return ""
    return "" if folder == "." else f"{folder}/"
