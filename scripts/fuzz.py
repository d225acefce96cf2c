"""Coverage-guided fuzzing of the loader and the formatter: any bytes are a declaration or problems, never an exception.

    make fuzz [FUZZ_SECONDS=300]

atheris is no dependency of the project: it is installed into an environment of its own. Beside "no exception", each
input must keep the promises that the tests state: both YAML parsers read the same, the fast path agrees with the judge,
formatting is idempotent, and reports hold no control characters.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["reconciler.declarations", "reconciler.documents", "yaml"]):
    from reconciler.declarations import load_bytes
    from reconciler.declarations.formatting import formatted
    from reconciler.documents.characters import decode, hidden
    from reconciler.documents.schema import errors, judge
    from reconciler.documents.strict import parse
    from reconciler.reports.problems import problems_github, problems_json, problems_text

EXAMPLES = Path(__file__).parents[1] / "tests" / "examples"
WORDS = [
    "name: ", "recommendation: ", "policyDefinition: ", "scopes:\n  - ", "category: Waiver\n", "expiresOn: 2027-01-31\n", "owner: ",
    "justification: ", "metadata:\n  ", "resourceSelectors:\n  - ", "/subscriptions/6f0e1111-2222-4333-8444-555566667777", "---\n",
    "&a ", "*a ", "<<: ", "!!str ", "? ", "|\n  ", ">-\n  ", "{a: ", "[a, ", "# note\n", "\\u202e", "'", '"', "\r\n", "%YAML 1.1\n",
]  # fmt: skip


def one_input(data: bytes) -> None:
    """What must hold for every input."""
    declaration, problems = load_bytes(data, "exemptions/x.yaml")
    assert declaration is not None or problems
    for text in (problems_text(problems), problems_json(problems), problems_github(problems)):
        assert all(character == "\n" or character.isprintable() for character in text)
    readable = decode(data, "x")
    if isinstance(readable, str) and not hidden(readable, "x"):
        structure(readable)


def structure(text: str) -> None:
    """The promises about what is readable."""
    fast, mistakes = parse(text, "x")
    slow, slow_mistakes = parse(text, "x", accelerated=False)
    if fast is None or mistakes:
        return
    if slow is not None and not slow_mistakes:  # PyYAML's own parser may refuse more
        assert repr(fast.data) == repr(slow.data), "the parsers disagree"
    assert bool(errors("exemption", fast.data)) == bool(judge("exemption", fast.data)), "the fast path disagrees"
    style = formatted(text, fast)
    if style is not None:
        again, _ = parse(style, "x")
        assert again is not None
        assert formatted(style, again) == style, "formatting is not idempotent"


def main() -> None:
    """Runs libFuzzer with the examples as its first corpus and a dictionary of what declarations are made of."""
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(sorted(EXAMPLES.rglob("*.yaml"))):
            (Path(folder) / str(number)).write_bytes(path.read_bytes())
        words = Path(folder, "dictionary")
        escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in WORDS)
        words.write_text("".join(f'"{word}"\n' for word in escaped))
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for path in Path(folder).glob("[0-9]*"):
            path.rename(corpus / path.name)
        atheris.Setup([*sys.argv, f"-dict={words}", "-max_len=4096", "-timeout=10", str(corpus)], one_input)
        atheris.Fuzz()


main()
