"""From a file's bytes to a document, or to all that keeps it from being one."""

from __future__ import annotations

import functools
import re
from typing import Final

from reconciler.codes import FileCode
from reconciler.documents.builder import Limits
from reconciler.documents.characters import decode, hidden, odd_space
from reconciler.documents.document import Document, Place
from reconciler.documents.plain_lines import plain_fields
from reconciler.documents.strict import LIMITS, parse
from reconciler.model import Source
from reconciler.problems import Problem

_LFS_POINTER: Final = "version https://git-lfs.github.com/spec/"
_CONFLICT: Final = re.compile(r"^<{7} .*^>{7} ", re.MULTILINE | re.DOTALL)


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
    is_printable = text.replace("\n", "").isprintable()  # as nearly always: then nothing hidden is in it
    if not is_printable and (problems := hidden(text, file)):
        return None, problems
    # What git leaves where a file should be, said by its name: as YAML it would be told as something else.
    if text.startswith(_LFS_POINTER):
        pointer = Problem(
            source=Source(file, 1),
            code=FileCode.LFS_POINTER,
            message="this is a pointer of Git LFS, not the file that it stands for",
            remedy="keep the file itself in git: run `git lfs pull`, then `git lfs untrack` its pattern and commit",
        )
        return None, (pointer,)
    if "<<<<<<< " in text and (markers := _CONFLICT.search(text)) is not None:
        conflict = Problem(
            source=Source(file, text.count("\n", 0, markers.start()) + 1),
            code=FileCode.MERGE_CONFLICT,
            message="a merge conflict is left unresolved here",
            remedy="keep what is right, and delete the lines that begin with <<<<<<<, ======= and >>>>>>>",
        )
        return None, (conflict,)
    if is_printable and (plain := plain_fields(text)) is not None:
        fields, line = plain
        find_top = functools.partial(_top, text, file)
        return Document(file=file, data=fields, start=(line, 1), find_top=find_top, sound=True, is_one_line=True), ()
    document, problems = parse(text, file, limits, may_be_empty=may_be_empty)
    if document is None and (space := odd_space(text, file)) is not None:
        return None, (space,)
    return document, problems


def _top(text: str, file: str) -> Place:
    """Where everything stands in a file of plain lines."""
    document, _ = parse(text, file)
    assert document is not None
    return document.top
