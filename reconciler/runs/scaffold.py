"""The files of a new repository of exemptions, from templates: settings, schemas, pipelines, editor and first steps."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from reconciler import package_data
from reconciler.catalog.catalogue import load as load_catalogue
from reconciler.documents.scalar_text import quoted
from reconciler.model import ArmId
from reconciler.problems import UsageError
from reconciler.repository.tool import Tool, running_tool
from reconciler.requesting.issue_form import issue_form

NO_TENANT: Final = "00000000-0000-0000-0000-000000000000"
MANIFEST: Final = ".exempt-init.json"
"""What `init` wrote, so that `init --upgrade` knows what people changed since."""

ISSUE_FORM: Final = ".github/ISSUE_TEMPLATE/exemption.yml"

_PIN: Final = re.compile(r"(?P<address>[\w.-]+/[\w.-]+|https://[\w.:-]+/[\w./-]+?)(?:\.git)?@(?P<commit>[0-9a-f]{40})")
_GITHUB: Final = "https://github.com/"
_SCHEMAS: Final = ("exemption", "reconciler", "catalog")
_DEMO_WRITTEN_ON: Final = date(2026, 11, 20)
_EXPIRY: Final = re.compile(r"expiresOn: (\d{4}-\d\d-\d\d)")
_IF: Final = re.compile(
    r"^ *#@if (?P<case>parts|whole)\n(?P<then>.*?)(?:^ *#@else\n(?P<otherwise>.*?))?^ *#@end if\n",
    re.DOTALL | re.MULTILINE,
)
_EACH: Final = re.compile(r"^ *#@each part\n(.*?)^ *#@end each\n", re.DOTALL | re.MULTILINE)


class Pipelines(enum.StrEnum):
    """The system that runs plan, apply and drift."""

    GITHUB = "github"
    AZURE_DEVOPS = "azure-devops"
    GITLAB = "gitlab"
    NONE = "none"

    @property
    def has_code_owners(self) -> bool:
        """Whether a file in the repository says who must approve."""
        return self in {Pipelines.GITHUB, Pipelines.GITLAB}

    @classmethod
    def at(cls, remote: str) -> Pipelines | None:
        """The one of the host that a remote names; None where it names none of them."""
        host = re.sub(r"^(?:\w+://)?(?:[^/@]*@)?", "", remote).split("/", 1)[0].split(":", 1)[0].lower()
        match host.split("."):
            case ["github", "com"]:
                return cls.GITHUB
            case ["dev", "azure", "com"] | ["ssh", "dev", "azure", "com"] | [_, "visualstudio", "com"]:
                return cls.AZURE_DEVOPS
            case ["gitlab", *_]:
                return cls.GITLAB
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Which tool the repository uses: the https address of its repository and a commit, or a released `version` alone."""

    version: str
    address: str = ""
    commit: str = ""

    @property
    def requirement(self) -> str:
        """As pip takes it."""
        return f"exempt @ git+{self.address}@{self.commit}" if self.commit else f"exempt=={self.version}"

    @property
    def action(self) -> str:
        """As a workflow on GitHub uses it."""
        return f"{self.address.removeprefix(_GITHUB)}@{self.commit}"

    @property
    def schemas(self) -> str:
        """Where the schemas of that commit can be read by anybody; empty where no such address is known."""
        place = self.address.removeprefix(_GITHUB)
        return f"https://raw.githubusercontent.com/{place}/{self.commit}/schemas/" if place != self.address else ""


def pin_of(text: str | None, pipelines: Pipelines) -> Pin:
    """The pin that `--tool` names, or that of the running tool.

    Raises:
        UsageError: it has another form, or the pipelines cannot use a tool from there.
    """
    tool = running_tool()
    if text is not None:
        match = _PIN.fullmatch(text)
        if not match:
            raise UsageError(
                f"--tool: {text!r} is not ORGANISATION/REPOSITORY@COMMIT or https://HOST/PATH@COMMIT",
                "give all 40 digits of the commit",
            )
        address = match["address"] if match["address"].startswith("https://") else _GITHUB + match["address"]
        tool = Tool(version=tool.version, repository=address, commit=match["commit"])
    if tool.repository and tool.commit:
        if pipelines is Pipelines.GITHUB and not tool.repository.startswith(_GITHUB):
            raise UsageError(
                f"workflows on GitHub can use a tool on GitHub only, and this one is at {tool.repository}",
                "mirror it on GitHub and add --tool ORGANISATION/REPOSITORY@COMMIT, or choose other --pipelines",
            )
        return Pin(version=tool.version, address=tool.repository, commit=tool.commit)
    if pipelines is Pipelines.NONE:
        return Pin(version=tool.version)
    raise UsageError(
        "nothing says from which commit of which repository this tool comes, so pipelines cannot pin it",
        "add --tool ORGANISATION/REPOSITORY@COMMIT, or start with --pipelines none",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the managed scopes that has a runner and identities of its own."""

    name: str
    scope: ArmId


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold:
    """What the templates leave open. With `parts` the pipelines read and write each by itself. With `demo_on`, today, the repository holds the demo's declarations, with their dates
    as far ahead as when they were written, and its tenant file.
    """

    owner: str
    tenant: str
    scopes: tuple[ArmId, ...]
    team: str
    pipelines: Pipelines
    pin: Pin
    parts: tuple[Part, ...] = ()
    demo_on: date | None = None

    def files(self) -> Mapping[str, str]:
        """Every file by its path in the new repository, sorted."""
        contents: dict[str, str] = {}
        if self.pipelines is Pipelines.AZURE_DEVOPS:
            # Those that this tool's own repository has as well; a template of the same name replaces one.
            pipelines = package_data.azure_pipelines().glob("*.yml")
            contents |= {f"azure-pipelines/{path.name}": path.read_text(encoding="utf-8") for path in pipelines}
        contents |= self._from_templates()
        for name in _SCHEMAS:
            text = package_data.schema_path(name).read_text(encoding="utf-8")
            own, public = (f'"$id": {json.dumps(f"{place}{name}.schema.json")}' for place in ("", self.pin.schemas))
            contents[f"schemas/{name}.schema.json"] = text.replace(own, public, 1)
        contents["requirements.txt"] = package_data.lock().read_text(encoding="utf-8")
        if self.pipelines is Pipelines.GITHUB:
            contents[ISSUE_FORM] = issue_form(load_catalogue().recommendation_categories)
        if self.demo_on:
            root = package_data.demo_repository()
            ahead = self.demo_on - _DEMO_WRITTEN_ON
            declarations = {
                path.relative_to(root).as_posix(): _EXPIRY.sub(
                    lambda expiry: f"expiresOn: {date.fromisoformat(expiry[1]) + ahead}",
                    path.read_text(encoding="utf-8"),
                )
                for path in sorted((root / "exemptions").rglob("*.yaml"))
            }
            contents |= {
                **declarations,
                "reconciler.yaml": (root / "reconciler.yaml").read_text(encoding="utf-8"),
                "tenant.yaml": package_data.demo_tenant().read_text(encoding="utf-8"),
            }
        return dict(sorted(contents.items()))

    def _from_templates(self) -> Iterator[tuple[str, str]]:
        values = {
            "OWNER": self.owner,
            "TENANT": self.tenant,
            "SCOPES": "\n".join(f"  - {quoted(scope.text)}" for scope in self.scopes),
            "TEAM": self.team.removeprefix("@"),
            "ACTION": self.pin.action,
            "REQUIREMENT": self.pin.requirement,
            "URL": self.pin.address,
            "COMMIT": self.pin.commit,
            "TOOL": f"[exempt]({self.pin.address}) at commit `{self.pin.commit}`"
            if self.pin.commit
            else f"exempt {self.pin.version}",
        }
        folder = package_data.templates() / "repository"
        values["SETUP"] = (folder / self.pipelines / "SETUP.md").read_text(encoding="utf-8").strip()
        layers = ["common", self.pipelines.value, *([f"{self.pipelines}-parts"] if self.parts else ())]
        for layer in layers:
            for path in (folder / layer).rglob("*"):
                if path.is_file() and path.name != "SETUP.md":
                    text = _filled(path.read_text(encoding="utf-8"), values)
                    yield path.relative_to(folder / layer).as_posix(), in_parts(text, self.parts)


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name in sorted(values, key=lambda name: name != "SETUP"):  # which has names to fill in itself
        text = text.replace(f"@@{name}@@", values[name])
    return text


def in_parts(text: str, parts: Sequence[Part]) -> str:
    """The text with the lines that its marks choose: `#@if parts` or `#@if whole`, `#@else`, `#@end if`, and what stands
    between `#@each part` and `#@end each` once for each part.
    """

    def chosen(block: re.Match[str]) -> str:
        return (block["then"] if (block["case"] == "parts") == bool(parts) else block["otherwise"]) or ""

    def repeated(block: re.Match[str]) -> str:
        values = [
            {"PART": part.name, "PART_SCOPE": part.scope.text, "PART_VARIABLE": part.name.upper()} for part in parts
        ]
        return "".join(_filled(block[1], names) for names in values)

    return _EACH.sub(repeated, _IF.sub(chosen, text))
