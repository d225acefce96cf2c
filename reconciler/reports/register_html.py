"""The register as one HTML page that needs nothing else: its scripts, styles and data are inside, and nothing else may run.

The page's policy names its own scripts and styles by their hashes, so a text that somebody wrote into a declaration or
into Azure can neither run nor load anything, whatever becomes of the escaping.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.drift.register import Register
from reconciler.planning.score.actual import ScoreReport
from reconciler.reports.escape import html_text
from reconciler.reports.labels import NO_NAMES, Names
from reconciler.reports.register_data import register_data


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAssets:
    """The texts of which a page is made: styles and scripts in the order in which they count."""

    styles: tuple[str, ...]
    scripts: tuple[str, ...]


def register_html(
    register: Register,
    assets: SiteAssets,
    names: Names = NO_NAMES,
    in_force: Mapping[str, str] = MappingProxyType({}),
    score: ScoreReport | None = None,
) -> str:
    """The register as an HTML document. `in_force` says of folded exemption ids what Defender says of them, `score` the
    secure score with exemptions and without.
    """
    title = html_text(f"Exemptions of {register.inventory.owner or register.inventory.tenant_id}")
    data = json.dumps(register_data(register, names, in_force, score), ensure_ascii=False, separators=(",", ":"))
    policy = "; ".join(
        [
            "default-src 'none'",
            "script-src " + " ".join(_hash(script) for script in assets.scripts),
            "style-src " + " ".join(_hash(style) for style in assets.styles),
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f'<meta name="referrer" content="no-referrer">\n<title>{title}</title>\n',
            *(f"<style>{style}</style>\n" for style in assets.styles),
            f'</head>\n<body>\n<header><h1>{title}</h1><p class="quiet" id="about"></p></header>\n',
            '<main id="register" tabindex="-1"></main>\n<dialog id="details" aria-labelledby="details-title"></dialog>\n',
            "<noscript><p>This page shows its data by a script of its own; the same is in register.json.</p></noscript>\n",
            # A data block does not run; "<" would end it.
            f'<script type="application/json" id="data">{data.replace("<", chr(92) + "u003c")}</script>\n',
            *(f"<script>{script}</script>\n" for script in assets.scripts),
            "</body>\n</html>\n",
        ]
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
