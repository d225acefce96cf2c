"""Finds the files that travel with the package: schemas, catalogue, demo data.

In the wheel the schemas lie inside the package; in a checkout they lie at the top of the repository, where people and
editors look for them. This module is the one place that knows.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def schema_path(name: str) -> Path:
    """The path of `schemas/<name>.schema.json`, bundled or in the checkout."""
    inside = _PACKAGE / "schemas" / f"{name}.schema.json"
    return inside if inside.is_file() else _PACKAGE.parent / "schemas" / f"{name}.schema.json"


def demo_tenant() -> Path:
    """The tenant file of the demo."""
    return _PACKAGE / "emulator" / "demo" / "tenant.yaml"


def demo_repository() -> Path:
    """The folder with the demo's reconciler.yaml and exemptions/, bundled or the checkout itself."""
    inside = _PACKAGE / "emulator" / "demo" / "repository"
    return inside if inside.is_dir() else _PACKAGE.parent


def templates() -> Path:
    """The folder of templates for new repositories."""
    return _PACKAGE / "templates"


def site(name: str) -> str:
    """The text of a style or script of the pages that reports make."""
    return (_PACKAGE / "site" / name).read_text(encoding="utf-8")


def azure_pipelines() -> Path:
    """The folder of pipelines for Azure DevOps, which new repositories get too."""
    inside = _PACKAGE / "azure-pipelines"
    return inside if inside.is_dir() else _PACKAGE.parent / "azure-pipelines"


def lock() -> Path:
    """What an installation of this version needs, pinned by hash: its dependencies and what builds it."""
    inside = _PACKAGE / "requirements-install.txt"
    return inside if inside.is_file() else _PACKAGE.parent / "requirements-install.txt"


def build_file() -> Path:
    """What the build of a wheel noted of itself; a checkout has none."""
    return _PACKAGE / "build.json"
