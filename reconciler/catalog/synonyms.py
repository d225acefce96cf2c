"""What people type and what titles say: abbreviations and everyday words, read both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.catalog.spelling import stem

_ABBREVIATIONS: Final = {
    "2fa": ("mfa", "multi factor authentication", "multifactor authentication"),
    "aad": ("entra", "azure active directory"),
    "ad": ("active directory", "entra"),
    "acr": ("container registry",),
    "aks": ("kubernetes",),
    "akv": ("key vault",),
    "antimalware": ("endpoint protection",),
    "antivirus": ("endpoint protection",),
    "apim": ("api management",),
    "asb": ("azure security benchmark", "microsoft cloud security benchmark"),
    "atp": ("advanced threat protection",),
    "byok": ("cmk", "customer managed key"),
    "cmk": ("customer managed key",),
    "cve": ("vulnerability",),
    "cosmosdb": ("cosmos db",),
    "edr": ("endpoint detection", "endpoint protection"),
    "entra": ("azure active directory",),
    "expiry": ("expiration",),
    "fim": ("file integrity monitoring",),
    "internet": ("public network", "unrestricted network"),
    "jit": ("just in time",),
    "k8s": ("kubernetes",),
    "malware": ("endpoint protection",),
    "logging": ("logs", "diagnostic logs", "resource logs"),
    "mcsb": ("microsoft cloud security benchmark",),
    "mdc": ("defender for cloud",),
    "mde": ("defender for endpoint",),
    "mfa": ("multi factor authentication", "multifactor authentication"),
    "nsg": ("network security group",),
    "patch": ("system updates",),
    "patches": ("system updates",),
    "postgres": ("postgresql",),
    "rbac": ("role based access control",),
    "rdp": ("management ports",),
    "sas": ("shared access", "shared key"),
    "ssh": ("management ports",),
    "ssl": ("tls", "https"),
    "tde": ("transparent data encryption",),
    "user": ("account", "identity"),
    "users": ("accounts", "identities"),
    "va": ("vulnerability assessment",),
    "vm": ("virtual machine",),
    "vms": ("virtual machines",),
    "vmss": ("virtual machine scale set",),
    "vnet": ("virtual network",),
    "waf": ("web application firewall",),
}


def other_words(word: str, words: list[str]) -> Iterator[tuple[str, ...]]:
    """Other ways to say a word: what an abbreviation stands for, and the abbreviation of a phrase it is part of."""
    for phrase in _ABBREVIATIONS.get(word, ()):
        yield tuple(phrase.split())
    stems = {stem(text_word) for text_word in words}
    for abbreviation, phrases in _ABBREVIATIONS.items():
        for phrase in phrases:
            parts = {stem(part) for part in phrase.split()}
            if stem(word) in parts and parts <= stems:
                yield (abbreviation,)
