"""Codes of what keeps a file from being read: where it lies, how it is written, what its fields are."""

from __future__ import annotations

from reconciler.codes.code import ProblemCode, Rule
from reconciler.model import Severity


class FileCode(ProblemCode):
    """Rules about one file by itself."""

    # --- files and folders ---

    ATTRIBUTES = Rule(
        code="attributes",
        meaning="a file of git attributes stands among the declarations",
        cause="it could hide changes from reviewers or turn the bytes of a file",
    )
    CASE_TWIN = Rule(
        code="case-twin",
        meaning="two files differ in letter case only",
        cause="one of them would win on a file system that ignores case",
    )
    FOREIGN_FILE = Rule(
        code="foreign-file",
        meaning="the file is something else than a declaration",
        cause="other documents have other fields, and saying so helps more than naming each",
    )
    LFS_POINTER = Rule(
        code="lfs-pointer",
        meaning="the file is a pointer of Git LFS",
        cause="the file that it stands for was not fetched",
    )
    MERGE_CONFLICT = Rule(
        code="merge-conflict", meaning="a merge conflict is left unresolved", cause="nobody decided which side counts"
    )
    NAME_STEM = Rule(
        code="name-stem",
        meaning="the name differs from that of the file",
        cause="who reads a report must find the file by the name",
    )
    NO_SETTINGS = Rule(
        code="no-settings",
        meaning="there is no reconciler.yaml at the root",
        cause="owner, tenant and scopes are nowhere else",
    )
    NOT_A_FILE = Rule(
        code="not-a-file",
        meaning="a link, pipe or device stands where a file should",
        cause="reading it could lead out of the repository, or never end",
    )
    NOT_CHECKED_OUT = Rule(
        code="not-checked-out",
        meaning="the commit holds a file that the working tree lacks",
        cause="what is not there would count as removed",
    )
    NOT_FORMATTED = Rule(
        code="not-formatted",
        meaning="the file cannot be formatted without another meaning",
        cause="formatting changes only how a file looks",
    )
    STRAY_FILE = Rule(
        code="stray-file",
        meaning="a declaration lies outside of exemptions/",
        cause="it is not read, which its author may not know",
        severity=Severity.WARNING,
    )
    STRAY_FOLDER = Rule(
        code="stray-folder",
        meaning="a folder is named nearly like exemptions/",
        cause="it is not read, which its author may not know",
        severity=Severity.WARNING,
    )
    SUFFIX = Rule(
        code="suffix",
        meaning="the file ends otherwise than in .yaml",
        cause="it would not be read as a declaration",
        exception="a warning where the file does not look like one",
    )
    TOO_DEEP = Rule(
        code="too-deep",
        meaning="folders are nested too deep",
        cause="a limit keeps a hostile repository from using up the machine",
    )
    TOO_LARGE = Rule(
        code="too-large",
        meaning="a file, or all files together, are too large",
        cause="a limit keeps a hostile repository from using up the machine",
    )
    TOO_MANY_FILES = Rule(
        code="too-many-files",
        meaning="there are too many declarations",
        cause="a limit keeps a hostile repository from using up the machine",
    )
    UNREADABLE = Rule(
        code="unreadable", meaning="the file cannot be read", cause="the file system or its rights refuse"
    )

    # --- text and YAML ---

    ENCODING = Rule(code="encoding", meaning="the file is not UTF-8", cause="readers would differ in what it says")
    HIDDEN_CHARACTER = Rule(
        code="hidden-character",
        meaning="a character does not show, or looks like another",
        cause="a reviewer must see what a file says",
    )
    TAB = Rule(code="tab", meaning="a tab stands in the white space of YAML", cause="YAML does not allow it")
    EMPTY = Rule(
        code="empty", meaning="the file holds nothing", cause="an empty file is a mistake, not an empty declaration"
    )
    NOT_A_MAPPING = Rule(
        code="not-a-mapping",
        meaning="the file holds a list or a single value",
        cause="a declaration is fields with values",
    )
    YAML = Rule(code="yaml", meaning="the file is no YAML", cause="the parser gives up")
    YAML_SYNTAX = Rule(
        code="yaml-syntax", meaning="the file is no YAML at this line", cause="the parser gives up there"
    )
    YAML_ALIAS = Rule(
        code="yaml-alias",
        meaning="an alias refers to another place",
        cause="aliases can make a small file huge and hide what a reviewer should see",
    )
    YAML_ANCHOR = Rule(
        code="yaml-anchor", meaning="an anchor names a value", cause="only aliases use it, and those are not read"
    )
    YAML_DEPTH = Rule(
        code="yaml-depth",
        meaning="values are nested too deep",
        cause="nothing here needs that, and a limit protects the reader",
    )
    YAML_DIRECTIVE = Rule(
        code="yaml-directive", meaning="a YAML directive stands in the file", cause="it changes what the rest means"
    )
    YAML_DOCUMENTS = Rule(
        code="yaml-documents", meaning="a second document begins in the file", cause="a file holds one"
    )
    YAML_DUPLICATE = Rule(
        code="yaml-duplicate", meaning="a key is written twice", cause="libraries differ in which one counts"
    )
    YAML_KEY = Rule(code="yaml-key", meaning="a key is no text", cause="only texts name fields")
    YAML_MERGE = Rule(
        code="yaml-merge", meaning="a merge key brings in another mapping", cause="readers differ in what it means"
    )
    YAML_NUMBER = Rule(
        code="yaml-number", meaning="a number is beyond what JSON can hold", cause="it could not be kept exactly"
    )
    YAML_SIZE = Rule(
        code="yaml-size",
        meaning="there are too many values in one file",
        cause="nothing here needs that, and a limit protects the reader",
    )
    YAML_TAG = Rule(
        code="yaml-tag", meaning="a tag gives a value another type", cause="tags can run code in other readers"
    )

    # --- fields ---

    DUPLICATE = Rule(
        code="duplicate", meaning="a key or id stands twice in catalog.yaml", cause="the second would silently win"
    )
    METADATA_KEY = Rule(
        code="metadata-key",
        meaning="a metadata key is one by which tools know their own exemptions",
        cause="another tool, or this one, would take the exemption for its own",
    )
    MISSING_FIELD = Rule(code="missing-field", meaning="a required field is missing", cause="the schema asks for it")
    MORE = Rule(
        code="more", meaning="further mistakes in the file are not listed", cause="the list would hide the other files"
    )
    SCHEMA = Rule(
        code="schema", meaning="a value does not fit the schema", cause="the schema says what may stand there"
    )
    SUBJECT = Rule(
        code="subject", meaning="nothing, or several fields, say what is exempted", cause="exactly one of them decides"
    )
    UNKNOWN_FIELD = Rule(
        code="unknown-field",
        meaning="there is no such field",
        cause="it would do nothing, which its author does not know",
    )
    PLACEHOLDER = Rule(
        code="placeholder",
        meaning="a value holds a placeholder",
        cause="declarations are no templates, so nothing fills it in",
        severity=Severity.WARNING,
    )
