"""Plans and applies that a test runs are proven: whatever else the test is about, the independent checker judges them.

    with proofs.proven(arguments, root) as arguments:
        code = guarded(arguments)

adds the options that save what a proof needs, and proves it afterwards in the test's own process.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from reconciler.runs import verify

ADDED = {
    "plan": {"--out": "plan.json", "--snapshot-out": "snapshot.json"},
    "apply": {"--out": "outcomes.json", "--plan-out": "plan.json", "--snapshot-out": "snapshot.json"},
}
"""By command: the options that save what is proven."""


EVERY_COMMAND = False
"""Whether each command that `emulated.exempt` or the console runs is proven; tests/main_job sets it."""


@contextlib.contextmanager
def proven_in_scenarios(arguments: Sequence[str], root: Path) -> Iterator[list[str]]:
    """The same, where every command is to be proven; else the arguments as they are."""
    if not EVERY_COMMAND:
        yield list(arguments)
        return
    with proven(arguments, root) as extended:
        yield extended


@contextlib.contextmanager
def proven(arguments: Sequence[str], root: Path) -> Iterator[list[str]]:
    """The arguments with what a proof needs; afterwards what was planned or written is proven, where it was saved: an
    invalid repository has no plan, and a run that is stopped early writes nothing.
    """
    command, *options = arguments or ("",)
    if command not in ADDED or "--help" in options:
        yield list(arguments)
        return
    with tempfile.TemporaryDirectory(prefix="exempt-proof-") as folder:
        files: dict[str, Path] = {}
        extended = list(arguments)
        for option, name in ADDED[command].items():
            if option == "--snapshot-out" and "--snapshot" in options:
                files[name] = _path(options, "--snapshot", root)
            elif option in options:
                files[name] = _path(options, option, root)
            else:
                files[name] = Path(folder) / name
                extended += [option, str(files[name])]
        for path in files.values():
            if "--snapshot" not in options:
                path.unlink(missing_ok=True)
        yield extended
        approved = root / options[0] if command == "apply" and options and not options[0].startswith("-") else None
        if files["plan.json"].exists() and files["snapshot.json"].exists():
            outcomes = files.get("outcomes.json")
            request = verify.VerifyRequest(
                root=_path(options, "--root", root) if "--root" in options else root,
                plan=files["plan.json"],
                snapshot=files["snapshot.json"],
                outcomes=outcomes if outcomes and outcomes.exists() else None,
                approved=approved,
            )
            violations = verify.run(request).violations
            assert not violations, f"exempt {' '.join(arguments)}: {violations}"


def _path(options: Sequence[str], option: str, root: Path) -> Path:
    """The file that an option names, as a process that is started in `root` finds it."""
    return root / options[options.index(option) + 1]
