"""From a file's bytes to a document, or to all that keeps it from being one."""

from __future__ import annotations

from reconciler.documents.characters import decode, hidden, odd_space
from reconciler.documents.document import Document
from reconciler.documents.strict import LIMITS, Limits, parse
from reconciler.problems import Problem


def read_document(
    data: bytes, file: str, limits: Limits = LIMITS, *, may_be_empty: bool = False
) -> tuple[Document | None, tuple[Problem, ...]]:
    """The document in a file's bytes; `file` is what messages call it. Never raises.

    Without a document, the problems say why; with problems, it is there to look for more. A file that `may_be_empty`
    is a document without fields where it says nothing.
    """
    text = decode(data, file)
    if isinstance(text, Problem):
        return None, (text,)
    if problems := hidden(text, file):
        return None, problems
    document, problems = parse(text, file, limits, may_be_empty=may_be_empty)
    if document is None and (space := odd_space(text, file)) is not None:
        return None, (space,)
    return document, problems
