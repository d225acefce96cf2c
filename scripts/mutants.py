"""Mutation testing of the pure rooms: every function is changed in many small ways, and the tests must notice each.

    python scripts/mutants.py [reconciler/planning ...] [--tests tests/planning ...] [--only NAME] [--jobs 2]

One process collects the tests and learns which of them run which function. For every mutant a child is forked in which
the function's code object is replaced in place, so that all importers see it, and the tests that run the function are
run until one fails. That costs milliseconds a mutant. Dataclass fields, defaults and decorators are not mutated, nor is
what runs at import. `# equivalent: why` at the end of a line exempts it: the change would make no difference.
"""

from __future__ import annotations
import __future__ as future

import argparse
import ast
import copy
import functools
import gc
import importlib
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, TypeAlias, TypeVar

import pytest

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 20  # seconds for the tests of one mutant; an endless loop counts as noticed
COMPARISONS = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
Node = TypeVar("Node", bound=ast.AST)
Edit: TypeAlias = Callable[[Any], ast.AST]
"""A small change to a copy of a node, of whichever kind it was offered for."""


@dataclass(frozen=True)
class Target:
    """One function of a module, as source and as the object that runs."""

    name: str
    node: ast.FunctionDef
    function: FunctionType


@dataclass(frozen=True)
class Mutant:
    """One changed function. `line` is where, `what` the change."""

    target: Target
    line: int
    what: str
    code: CodeType


# --- making mutants ----------------------------------------------------------------------------------------------


def mutations(node: ast.AST) -> Iterator[tuple[str, Edit]]:  # noqa: C901, PLR0912 - a table
    """The small changes that can be made to one node; each function changes a copy of it."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in COMPARISONS:
            compared = COMPARISONS[type(operator)]
            yield f"{type(operator).__name__} -> {compared.__name__}", lambda n: _set(n, ops=[compared()])
        case ast.BoolOp():
            joined = ast.Or if isinstance(node.op, ast.And) else ast.And
            yield f"{type(node.op).__name__} -> {joined.__name__}", lambda n: _set(n, op=joined())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield "drop unary", lambda n: n.operand
        case ast.BinOp() if type(node.op) in OPERATORS:
            computed = OPERATORS[type(node.op)]
            yield f"{type(node.op).__name__} -> {computed.__name__}", lambda n: _set(n, op=computed())
        case ast.AugAssign():
            yield "assign instead", lambda n: ast.Assign([n.target], n.value)
        case ast.Assign() | ast.AnnAssign() if node.value is not None and not _is_none(node.value):
            yield "assign None", lambda n: _set(n, value=ast.Constant(None))
        case ast.Return() | ast.Yield() if node.value is not None and not _is_falsy(node.value):
            yield "None instead", lambda n: _set(n, value=ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield "drop call", lambda _: ast.Pass()
        case ast.Constant(value=bool(value)):
            yield f"not {value}", lambda n: ast.Constant(not n.value)
        case ast.Constant(value=int(number)):
            yield f"{number} + 1", lambda n: ast.Constant(n.value + 1)
        case ast.Constant(value=str(text)):
            yield f"other text than {text[:20]!r}", lambda n: ast.Constant(f"XX{n.value}XX")
        case ast.Break():
            yield "continue", lambda _: ast.Continue()
        case ast.Continue():
            yield "break", lambda _: ast.Break()
    yield from _tests(node)
    yield from _arguments(node)


def _tests(node: ast.AST) -> Iterator[tuple[str, Edit]]:
    """Negated conditions, where no operator of their own is changed anyway."""
    if isinstance(node, ast.If | ast.IfExp | ast.While) and not isinstance(node.test, ast.Compare | ast.UnaryOp):
        yield "negate condition", lambda n: _set(n, test=ast.UnaryOp(ast.Not(), n.test))
    if isinstance(node, ast.comprehension) and node.ifs and not isinstance(node.ifs[0], ast.Compare | ast.UnaryOp):
        yield "negate filter", lambda n: _set(n, ifs=[ast.UnaryOp(ast.Not(), n.ifs[0]), *n.ifs[1:]])
    if isinstance(node, ast.match_case) and node.guard is not None:
        yield "negate guard", lambda n: _set(n, guard=ast.UnaryOp(ast.Not(), n.guard))


def _arguments(node: ast.AST) -> Iterator[tuple[str, Edit]]:
    """None for each argument of a call."""
    if not isinstance(node, ast.Call):
        return
    for at, argument in enumerate(node.args):
        if not isinstance(argument, ast.Starred | ast.Constant):
            yield f"argument {at} None", functools.partial(_none_argument, at=at)
    for at, keyword in enumerate(node.keywords):
        if keyword.arg and not isinstance(keyword.value, ast.Constant):
            yield f"argument {keyword.arg} None", functools.partial(_none_keyword, at=at)


def _none_argument(node: ast.Call, at: int) -> ast.AST:
    return _set(node, args=[ast.Constant(None) if number == at else each for number, each in enumerate(node.args)])


def _none_keyword(node: ast.Call, at: int) -> ast.AST:
    changed = [
        ast.keyword(each.arg, ast.Constant(None)) if number == at else each for number, each in enumerate(node.keywords)
    ]
    return _set(node, keywords=changed)


def _set(node: Node, **fields: object) -> Node:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _is_falsy(node: ast.AST) -> bool:
    """None, or False, for which None would be no difference (and True is another mutant)."""
    return isinstance(node, ast.Constant) and node.value in {None, False}


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def mutants(target: Target, exempt: set[int]) -> Iterator[Mutant]:
    """Every mutant of one function, but for lines that say why a change would make no difference."""
    docstring = target.node.body[0] if ast.get_docstring(target.node, clean=False) is not None else None
    skipped = {id(each) for each in ast.walk(docstring)} if docstring is not None else set()
    for annotation in (*_annotations(target.node), *target.node.decorator_list, target.node.args):
        skipped |= {id(each) for each in ast.walk(annotation)}
    for place, node in enumerate(ast.walk(target.node)):
        line = getattr(node, "lineno", target.node.lineno)
        if node is target.node or id(node) in skipped or line in exempt:
            continue
        for what, change in mutations(node):
            yield Mutant(target, line, what, compiled(changed(target.node, place, change), target))


def _annotations(node: ast.AST) -> Iterator[ast.AST]:
    for each in ast.walk(node):
        for found in (getattr(each, "annotation", None), getattr(each, "returns", None)):
            if found is not None:
                yield found


def changed(node: ast.FunctionDef, place: int, change: Edit) -> ast.FunctionDef:
    """A copy of the function in which the node at that place of the walk is changed."""
    whole = copy.deepcopy(node)
    nodes = list(ast.walk(whole))
    old = nodes[place]
    new = change(copy.copy(old))
    for parent in nodes:
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list):
                setattr(parent, name, [new if each is old else each for each in value])
    return whole


def compiled(node: ast.FunctionDef, target: Target) -> CodeType:
    """The code object of the changed function."""
    bare = _set(copy.copy(node), decorator_list=[], returns=None)
    module = ast.fix_missing_locations(ast.Module([bare], []))
    whole = compile(
        module, target.function.__code__.co_filename, "exec", future.annotations.compiler_flag, dont_inherit=True
    )
    return next(each for each in whole.co_consts if isinstance(each, CodeType) and each.co_name == node.name)


def targets(path: Path) -> list[Target]:
    """The functions and methods of one module."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    module = importlib.import_module(name)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: list[Target] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found += _target(f"{name}.{node.name}", node, getattr(module, node.name))
        elif isinstance(node, ast.ClassDef):
            holder = vars(getattr(module, node.name))
            for each in node.body:
                if isinstance(each, ast.FunctionDef):
                    found += _target(f"{name}.{node.name}.{each.name}", each, holder[each.name])
    return found


def _target(name: str, node: ast.FunctionDef, value: object) -> list[Target]:
    for unwrap in ("fget", "__func__", "func", "__wrapped__"):
        value = getattr(value, unwrap, None) or value
    return [Target(name, node, value)] if isinstance(value, FunctionType) else []


# --- trying them -------------------------------------------------------------------------------------------------


def _noting(seen: set[CodeType]) -> Callable[[FrameType, str, Any], None]:
    """A profiler that notes which code is called."""

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            seen.add(frame.f_code)

    return note


class Trial:
    """The pytest plugin that runs the tests once, then every mutant against the tests that reach it."""

    def __init__(self, found: Sequence[Target], exempt: dict[str, set[int]], jobs: int) -> None:
        self.found, self.exempt, self.jobs = found, exempt, jobs
        self.reached: dict[CodeType, dict[str, None]] = defaultdict(dict)
        self.took: dict[str, float] = {}
        self.failed = False
        self.results: list[tuple[Mutant, str]] = []
        self.memories: list[Any] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        self._learn(items)
        if self.failed:
            raise pytest.UsageError("the tests fail before anything is mutated")
        self._try_all(items)
        return True

    def _learn(self, items: dict[str, pytest.Item]) -> None:
        codes = {target.function.__code__ for target in self.found}
        for name, item in items.items():
            seen: set[CodeType] = set()
            began = time.perf_counter()
            sys.setprofile(_noting(seen))
            try:
                _run(item)
            finally:
                sys.setprofile(None)
            self.took[name] = time.perf_counter() - began
            for code in seen & codes:
                self.reached[code][name] = None

    def _try_all(self, items: dict[str, pytest.Item]) -> None:
        self.memories = [each for each in gc.get_objects() if type(each).__name__ == "_lru_cache_wrapper"]
        running: dict[int, Mutant] = {}
        for target in self.found:
            names = sorted(self.reached.get(target.function.__code__, ()), key=lambda name: self.took[name])
            for mutant in mutants(target, self.exempt[target.function.__code__.co_filename]):
                if not names:
                    self.results.append((mutant, "no test"))
                    continue
                while len(running) >= self.jobs:
                    self._collect(running)
                running[self._fork(mutant, [items[name] for name in names])] = mutant
        while running:
            self._collect(running)

    def _fork(self, mutant: Mutant, items: Sequence[pytest.Item]) -> int:
        sys.stdout.flush()
        child = os.fork()
        if child:
            return child
        signal.alarm(TIMEOUT)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        mutant.target.function.__code__ = mutant.code
        for memory in self.memories:  # what the right code has answered says nothing about the changed one
            memory.cache_clear()
        try:
            for item in items:
                _run(item)
                if self.failed:
                    break
        except BaseException:  # noqa: BLE001 - whatever it is, somebody noticed
            self.failed = True
        os._exit(1 if self.failed else 0)

    def _collect(self, running: dict[int, Mutant]) -> None:
        child, status = os.wait()
        verdict = "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"
        self.results.append((running.pop(child), verdict))
        if len(self.results) % 100 == 0:
            survivors = sum(verdict != "killed" for _, verdict in self.results)
            sys.stderr.write(f"{len(self.results)} mutants tried, {survivors} survive\n")


def _run(item: pytest.Item) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


# --- telling -----------------------------------------------------------------------------------------------------


def exempted(path: Path) -> set[int]:
    """The lines that say why changing them would make no difference."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if "# equivalent: " in line}


def main() -> int:
    """Collects, tries, tells; 1 where too many survive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", default=[Path("reconciler/planning")], type=Path)
    parser.add_argument("--tests", nargs="+", default=["tests/planning"])
    parser.add_argument("--only", default="", help="functions whose full name contains this")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--required", type=float, default=90.0, help="percentage that must be killed")
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    files = [file for path in args.paths for file in ([path] if path.suffix else sorted(path.glob("*.py")))]
    found = [target for file in files for target in targets(file.resolve()) if args.only in target.name]
    exempt = {str(file.resolve()): exempted(file) for file in files}
    trial = Trial(found, defaultdict(set, exempt), args.jobs)
    rewritten = "ignore::pytest.PytestAssertRewriteWarning"  # the package is loaded before pytest could rewrite it
    options = [
        "-W",
        rewritten,
        "-o",
        "addopts=",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:terminal",
        *args.tests,
    ]
    if pytest.main(options, plugins=[trial]) not in (0, 5) or not trial.results:
        return 1
    return report(trial.results, args.required)


def report(results: Sequence[tuple[Mutant, str]], required: float) -> int:
    """The survivors by place, the share by module, and whether that is enough."""
    by_module: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant, verdict in sorted(results, key=lambda each: (each[0].target.name, each[0].line)):
        by_module[mutant.target.function.__module__][verdict] += 1
        if verdict != "killed":
            print(f"{verdict:<9} {mutant.target.name}:{mutant.line}  {mutant.what}")
    total: Counter[str] = Counter()
    for module, counts in sorted(by_module.items()):
        total += counts
        print(f"{counts['killed'] * 100 / counts.total():6.1f} %  {counts.total():5}  {module}")
    share = total["killed"] * 100 / total.total()
    print(f"{share:6.1f} % of {total.total()} mutants killed; {required} % required")
    return 0 if share >= required else 1


if __name__ == "__main__":
    sys.exit(main())
