"""Reads a request's path as ARM does: any casing, doubled slashes, a scope and what stands on it."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model import ArmId

TENANT = ArmId("", "")
"""The scope of tenant-level objects, such as built-in definitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a path means: `scope`, then the part behind its last `/providers/`.

    `namespace` and `types` are folded; `names` are as written and as many as `types`, or one fewer where the path is a
    collection. A path without `/providers/` has no namespace and its folded segments as `types`.
    """

    text: str
    scope: ArmId
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    written_namespace: str = ""
    written_types: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The folded resource type: `microsoft.authorization/policyexemptions`."""
        return "/".join((self.namespace, *self.types))

    @property
    def written_kind(self) -> str:
        """The resource type as written."""
        return "/".join((self.written_namespace, *self.written_types)) if self.written_namespace else ""

    @property
    def is_collection(self) -> bool:
        """Whether the path names all objects of the type rather than one."""
        return len(self.names) < len(self.types)

    @property
    def name(self) -> str:
        """The last name, as written."""
        return self.names[-1]

    @property
    def id(self) -> ArmId:
        """The id of the object that the path names."""
        return ArmId(self.text.lower(), self.text)


def parse_path(path: str) -> Target:
    """The meaning of a percent-decoded path. Nothing is refused; routing decides what exists."""
    segments = [segment for segment in path.split("/") if segment]
    text = "/" + "/".join(segments)
    folded = [segment.lower() for segment in segments]
    # Where the last `providers` stands that opens a namespace, and is not itself a name.
    openings = (
        position
        for position in reversed(range(len(folded)))
        if folded[position] == "providers" and (position + 1 == len(folded) or "." in folded[position + 1])
    )
    cut = next(openings, None)
    if cut is None:
        return Target(text=text, scope=TENANT, namespace="", types=tuple(folded), names=tuple(segments))
    scope_text = "/" + "/".join(segments[:cut]) if cut else ""
    tail = segments[cut + 2 :]
    return Target(
        text=text,
        scope=ArmId(scope_text.lower(), scope_text),
        namespace=folded[cut + 1] if cut + 1 < len(folded) else "",
        types=tuple(segment.lower() for segment in tail[::2]),
        names=tuple(tail[1::2]),
        written_namespace=segments[cut + 1] if cut + 1 < len(segments) else "",
        written_types=tuple(tail[::2]),
    )
