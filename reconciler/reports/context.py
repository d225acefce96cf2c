"""What a report needs beside its value: how things are called, where files can be looked at, what a reader can click."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from reconciler.model import Source

Names = Mapping[str, str]
NO_NAMES: Final[Names] = {}


class Pipeline(enum.StrEnum):
    """Where a report is read: it says what to click there."""

    NONE = ""
    GITHUB = "GitHub"
    AZURE_DEVOPS = "Azure DevOps"
    GITLAB = "GitLab"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContext:
    """`names` maps the folded id of a management group, subscription or assignment to its display name. `file_url` is
    the address of a file with `{file}` and `{line}` in it, empty where files have none. `exit_code` is what the process
    will exit with; `folder` where the files lie below the working folder, which is where a pipeline checks out: empty, or
    `path/to/it/`. `verbose` asks for every exemption beside the decisions.
    """

    names: Names = field(default_factory=dict)
    file_url: str = ""
    pipeline: Pipeline = Pipeline.NONE
    exit_code: int = 0
    folder: str = ""
    verbose: bool = False

    def link(self, source: Source) -> str:
        """The address of a line of a file, safe in Markdown; empty without one."""
        if not self.file_url:
            return ""
        file = quote(source.file, errors="surrogatepass")
        return self.file_url.replace("{file}", file).replace("{line}", str(max(source.line, 1)))


NO_CONTEXT: Final = ReportContext()
