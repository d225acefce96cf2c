"""Whose an exemption is, as its metadata says, and the marks that we write ourselves.

ours: `managedBy: exempt` with our owner or a former one and, where `writers` are set, made or last written by one of
them, or adopted as a production run's record says. forged: the same mark without any of these. foreign: another owner's
mark, EPAC's `pacOwnerId`, or a `deployedBy`, also beside our own mark. unowned: no mark (portal, scripts, Terraform).
"""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.model import JSON, ArmId, Declaration, Settings

if TYPE_CHECKING:  # declarations are read with this module, before Azure is
    from reconciler.model import Exemption, Snapshot

MANAGER: Final = "exempt"
OWN_KEYS: Final = (
    "managedBy",
    "owner",
    "declaration",
    "target",
    "ticket",
    "requestedBy",
    "revision",
    "run",
    "declared",
)
FOREIGN_KEYS: Final = ("pacOwnerId", "deployedBy", "epacMetadata")
PEOPLE_KEYS: Final = {"requestedBy": "originalRequestedBy", "owner": "originalOwner", "ticket": "originalTicket"}
"""Our keys that others write too, about people and decisions, to where an adoption keeps what stood there."""

_RESERVED: Final = frozenset(key.casefold() for key in (*OWN_KEYS, *FOREIGN_KEYS, *PEOPLE_KEYS.values()))
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zs"})


def is_reserved(key: str) -> bool:
    """Whether a metadata key is one of ours, or of another tool's, to whoever compares without regard to letter case,
    width and other forms of the same letters, or to what nobody sees.
    """
    letters = "".join(
        letter for letter in unicodedata.normalize("NFKC", key) if unicodedata.category(letter) not in _UNSEEN
    )
    return letters.casefold() in _RESERVED


class Ownership(enum.Enum):
    """Who may change an exemption."""

    OURS = "ours"
    FORGED = "forged"
    FOREIGN = "foreign"
    UNOWNED = "unowned"


def ownership(exemption: Exemption, settings: Settings) -> Ownership:
    """Whose it is."""
    if any(exemption.metadata.get(key) for key in FOREIGN_KEYS[:2]):
        return Ownership.FOREIGN  # also beside our own mark: what we write never has both
    if bears_our_mark(exemption, settings):
        return Ownership.OURS if _is_believed(exemption, settings) else Ownership.FORGED
    return Ownership.FOREIGN if exemption.metadata.get("managedBy") == MANAGER else Ownership.UNOWNED


def bears_our_mark(exemption: Exemption, settings: Settings) -> bool:
    """Whether its metadata names us as its owner, whoever wrote that."""
    owner = exemption.metadata.get("owner")
    is_managed = exemption.metadata.get("managedBy") == MANAGER
    return is_managed and (owner == settings.owner or owner in settings.former_owners)


def _is_believed(exemption: Exemption, settings: Settings) -> bool:
    """Whether our mark is one of ours: nobody but Azure writes who made an object and who wrote it last.

    What one of our writers made and somebody changed is known, so it is ours to put right. Of what we adopted and somebody
    changed Azure shows only strangers: the record of the run that adopted it makes it known.
    """
    if not settings.writers or exemption.adopted or made_by_writer(exemption, settings.writers):
        return True
    return exemption.system is not None and exemption.system.last_modified_by.lower() in settings.writers


def owners(exemption: Exemption) -> tuple[str, ...]:
    """The names under which a foreign owner can be addressed by `takeOver`, the most telling first."""
    keys = (*FOREIGN_KEYS[:2], "owner") if exemption.metadata.get("managedBy") == MANAGER else FOREIGN_KEYS[:2]
    return tuple(str(exemption.metadata[key]) for key in keys if exemption.metadata.get(key))


def describe_owner(exemption: Exemption) -> str:
    """A foreign owner as a sentence names it; a mark may name nobody, by accident or malice."""
    names = owners(exemption)
    return repr(names[0]) if names else "an owner that its mark does not name"


def declaration_of(exemption: Exemption) -> str:
    """The name of the declaration that the mark names, or empty."""
    return str(exemption.metadata.get("declaration") or "")


def target_of(exemption: Exemption) -> str:
    """The folded declared scope that the mark names, or empty."""
    return str(exemption.metadata.get("target") or "").lower()


def revision_of(exemption: Exemption) -> str:
    """The revision at which it was last written, or empty."""
    return str(exemption.metadata.get("revision") or "")


def with_revision(exemption: Exemption, revision: str | None) -> Exemption:
    """The same exemption, stamped with another revision, or with none."""
    remaining = {key: value for key, value in exemption.metadata.items() if key != "revision"}
    return replace(exemption, metadata={**remaining, "revision": revision} if revision else remaining)


def run_of(exemption: Exemption) -> str:
    """The address of the pipeline's run that last wrote it, or empty."""
    return str(exemption.metadata.get("run") or "")


def with_run(exemption: Exemption, run: str) -> Exemption:
    """The same exemption, stamped with the run that is about to write it."""
    return replace(exemption, metadata={**exemption.metadata, "run": run})


def made_by_writer(exemption: Exemption, writers: Collection[str]) -> bool:
    """Whether one of our writers (folded ids) made it, as Azure says: that stays so whoever changes it."""
    return exemption.system is not None and exemption.system.created_by.lower() in writers


def with_adopted(snapshot: Snapshot, adopted: Collection[str]) -> Snapshot:
    """The snapshot in which what a record names (folded ids) counts as adopted by us."""
    if not adopted:
        return snapshot
    exemptions = (
        replace(exemption, adopted=True) if exemption.id.key in adopted else exemption
        for exemption in snapshot.exemptions
    )
    return replace(snapshot, exemptions=tuple(exemptions))


def is_mark_ours(exemption: Exemption, writers: Collection[str]) -> bool:
    """Whether one of our writers (folded ids) wrote the mark of something that is ours: whoever writes an object last writes its
    mark as well. Where no writers are named every mark is believed.
    """
    system = exemption.system
    last = system.last_writer.lower() if system else ""
    return not writers or last in writers


def made_by_user(exemption: Exemption) -> bool:
    """Whether a person made it (in the portal or a shell); not known means no."""
    return exemption.system is not None and exemption.system.created_by_type.lower() == "user"


def notes_of_others(existing: Exemption, settings: Settings) -> dict[str, JSON]:
    """What somebody else wrote under keys that become ours, each under a key of its own: `originalRequestedBy`.

    Of another owner's mark only who asked is kept: its owner and ticket are that mark. What an earlier adoption kept
    stays: who asked first is not replaced by what the adoption itself wrote, should somebody edit the object since.
    """
    if ownership(existing, settings) is Ownership.OURS:
        return {}
    is_marked = existing.metadata.get("managedBy") == MANAGER
    keys = {"requestedBy": PEOPLE_KEYS["requestedBy"]} if is_marked else PEOPLE_KEYS
    return {
        original: existing.metadata[key]
        for key, original in keys.items()
        if existing.metadata.get(key) and not existing.metadata.get(original)
    }


def metadata(  # noqa: PLR0913 - what a mark says
    *,
    declaration: Declaration,
    requester: str,
    target: ArmId,
    owner: str,
    revision: str | None,
    existing: Mapping[str, JSON],
) -> dict[str, JSON]:
    """What an exemption's metadata becomes: the user's own, what others noted on the existing one, and our marks.
    `requester` is who asked.

    `declared` lists the user's own keys, so that one taken out of the declaration also goes from Azure while a note
    that somebody else left stays. A new write without git keeps no revision.
    """
    dropped: set[str] = {*OWN_KEYS, *FOREIGN_KEYS} if existing else set()
    declared = existing.get("declared") if existing.get("managedBy") == MANAGER else None
    if isinstance(declared, list):
        dropped.update(str(key) for key in declared if key not in PEOPLE_KEYS.values())
    merged = {key: value for key, value in existing.items() if key not in dropped}
    merged.update(declaration.metadata)
    merged.update(managedBy=MANAGER, owner=owner, declaration=declaration.name, target=target.text)
    merged["requestedBy"] = requester
    if declaration.ticket:
        merged["ticket"] = declaration.ticket
    if revision:
        merged["revision"] = revision
    if declaration.metadata:
        merged["declared"] = sorted(declaration.metadata)
    return merged
