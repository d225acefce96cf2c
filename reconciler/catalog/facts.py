"""What is known about recommendations, policies and initiatives: the values of the catalogue.

A recommendation is what people see in Defender for Cloud; policies are what Azure evaluates behind it; an initiative
names each of its policies by a reference id. Facts say what can be exempted, never what should be.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from reconciler.model import ArmId, Member, assessment_id

POLICY_PREFIX: Final = "/providers/Microsoft.Authorization/policyDefinitions/"
INITIATIVE_PREFIX: Final = "/providers/Microsoft.Authorization/policySetDefinitions/"
BENCHMARK: Final = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
"""The name of the Microsoft cloud security benchmark, the initiative that Defender shows recommendations by."""


class Environment(enum.StrEnum):
    """Where the resources of a recommendation live; empty where no source says."""

    AZURE = "Azure"
    AWS = "AWS"
    GCP = "GCP"
    DEVOPS = "DevOps"
    UNKNOWN = ""


class Evidence(enum.StrEnum):
    """How the policies behind a recommendation are known, from the firmest on."""

    POLICY = "azure-policy"
    LIVE = "live"
    RECORDED = "recorded"
    DOCUMENTED = "docs"
    DOCUMENTED_BY_NAME = "docs-by-name"
    SAME_TITLE = "name-match"
    NONE = ""


class Obstacle(enum.StrEnum):
    """Why an exemption may not do what one expects. The first three leave nothing that could be exempted."""

    NO_POLICY = "no-policy"
    DEVOPS = "devops"
    MODE = "mode"
    RETIRED = "retired"
    UNSUPPORTED = "unsupported"
    CUSTOM = "custom"
    SUSPECT_KEY = "suspect-key"
    DEPRECATED = "deprecated"
    PREVIEW = "preview"

    @property
    def blocks(self) -> bool:
        """Whether no exemption is possible at all; otherwise it is a warning."""
        return self in _BLOCKING


_BLOCKING: Final = frozenset({Obstacle.NO_POLICY, Obstacle.DEVOPS, Obstacle.MODE})

EXPLANATIONS: Final = {
    Obstacle.NO_POLICY: "no public source names the policy behind it or says that there is none, which decides how it is exempted",
    Obstacle.DEVOPS: "DevOps recommendations cannot be exempted",
    Obstacle.MODE: "Azure Policy accepts no exemption for a policy of this mode",
    Obstacle.RETIRED: "Microsoft has retired it, so an exemption of it changes nothing that Defender shows",
    Obstacle.UNSUPPORTED: "Microsoft lists it as not supporting exemptions; Azure accepts one, but it may have no effect",
    Obstacle.CUSTOM: "it is a custom recommendation, which Defender does not show as exempt",
    Obstacle.SUSPECT_KEY: "its key equals a policy's name, so the public source may be mistaken",
    Obstacle.DEPRECATED: "Microsoft has deprecated it",
    Obstacle.PREVIEW: "it is in preview and might not support exemptions",
}
"""One clause for each obstacle, for messages: lower case, no full stop."""


class RetirementReason(enum.StrEnum):
    """Why Defender no longer shows a recommendation: its findings became recommendations of their own, another one took
    its place, or nothing did.
    """

    GROUPED = "grouped"
    REPLACED = "replaced"
    DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """That Microsoft has retired a recommendation, and what serves instead.

    `date` is the day (`2026-07-31`), empty where no public source says. `successors` are the keys of the recommendations
    that took its place. `category` is the recommendation category (one of `Catalogue.recommendation_categories`) that
    all of its successors belong to. Both are empty where no public source names one. Azure goes on evaluating the
    policies behind it, so an exemption of them stays valid, but changes nothing that Defender shows.
    """

    reason: RetirementReason
    date: str = ""
    category: str = ""
    successors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A Defender assessment. `key` is the assessment's name in lower case, empty where no public source names it.

    `policies` are all the definitions behind it, `read_by` those whose rule only reads the assessment, so that exempting
    them does nothing to it; `severity` is High, Medium, Low or empty; `resource_types` in lower case;
    `resource_categories` as Defender's metadata has them (Compute, Data, …); `former_titles` are what earlier editions
    called it. `alone` says that no policy stands behind it, since Defender evaluates it by itself; `category` is the
    recommendation category that it belongs to, as far as known. `recorded` is the day of the recording that alone names the key, empty where documentation or a policy
    does. `overlaid` says that catalog.yaml changed or added it.
    """

    key: str
    title: str
    severity: str = ""
    environment: Environment = Environment.UNKNOWN
    policies: tuple[ArmId, ...] = ()
    resource_types: tuple[str, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    evidence: Evidence = Evidence.NONE
    former_titles: tuple[str, ...] = ()
    read_by: tuple[ArmId, ...] = ()
    resource_categories: tuple[str, ...] = ()
    recorded: str = ""
    retirement: Retirement | None = None
    alone: bool = False
    category: str = ""
    overlaid: bool = False

    @property
    def exemptable(self) -> bool:
        """Whether an exemption of it is possible at all; obstacles may remain that warn."""
        return not any(obstacle.blocks for obstacle in self.obstacles)

    @property
    def evaluators(self) -> tuple[ArmId, ...]:
        """What an exemption of it is from: its policies, or where it stands alone its own assessment."""
        if self.alone and self.key and not self.policies:
            return (assessment_id(self.key),)
        return self.policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy definition. `mode` is empty where the definition leaves it out; `default_effect` as written there.

    `assessment` is the key of the recommendation that the policy's own rule stands for, or empty.
    """

    id: ArmId
    title: str
    version: str = ""
    mode: str = ""
    default_effect: str = ""
    resource_types: tuple[str, ...] = ()
    assessment: str = ""
    obstacles: tuple[Obstacle, ...] = ()
    overlaid: bool = False

    @property
    def exemptable(self) -> bool:
        """Whether Azure accepts an exemption for it at all."""
        return not any(obstacle.blocks for obstacle in self.obstacles)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltInInitiative:
    """A policy set as published: one version with all its members, sorted by definition and reference id."""

    id: ArmId
    title: str
    version: str
    members: tuple[Member, ...]
    category: str = ""
    deprecated: bool = False
    preview: bool = False
    overlaid: bool = False

    def reference_ids(self, policy: ArmId) -> tuple[str, ...]:
        """All reference ids under which this initiative holds the policy; one real initiative has ten."""
        return tuple(member.reference_id for member in self.members if member.definition == policy)


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer of a search: how well it fits (higher is better; comparable within one search only) and what it is; an
    initiative is given by its folded id, so that its members are read only when shown.
    """

    score: float
    item: Recommendation | Policy | str


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiativeContent:
    """The members that an initiative has in some of its versions, newest version first; sorted as the initiative's."""

    versions: tuple[str, ...]
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Which public source a part of the facts comes from."""

    part: str
    repository: str
    commit: str
    date: str
    release: str = ""


def policy_id(text: str) -> ArmId:
    """The full id of a policy definition given in full or as the bare name of a built-in. Names are opaque."""
    return _full_id(text, POLICY_PREFIX)


def initiative_id(text: str) -> ArmId:
    """The full id of an initiative given in full or as the bare name of a built-in. Names are opaque."""
    return _full_id(text, INITIATIVE_PREFIX)


def _full_id(text: str, prefix: str) -> ArmId:
    full = text if text.startswith("/") else prefix + text
    return ArmId(full.lower(), full)
