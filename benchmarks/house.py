"""``python -m benchmarks.house``: how much of the house a reader, and a command, walks
through.

Lines of functions that commands execute (``sys.settrace``: distinct ones, and the files
they stand in), tokens a line and comments (``tokenize``; comments, docstrings and
layout left out), long functions and files, parameters, imports inside of functions
(``ast``). Prints one table; `docs/internals/house.md` keeps what it said before and
after. ``--long`` names what is too long.
"""

import ast
import io
import json
import os
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ROOT / "mltrack"
LONG_FUNCTION, LONG_FILE, MANY_PARAMETERS = 350, 3_000, 5
_LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
_TRACER = """
import json, os, sys
seen = set()
top = {top!r}
def local(frame, event, argument):
    if event == "line":
        seen.add((frame.f_code.co_filename, frame.f_lineno))
    return local
def trace(frame, event, argument):
    code = frame.f_code
    is_function = code.co_flags & 1  # CO_OPTIMIZED: not the body of a module or a class
    return local if is_function and code.co_filename.startswith(top) else None
sys.argv[1:] = {arguments!r}
from mltrack.cli.main import run
sys.settrace(trace)
code = run(sys.argv[1:])
sys.settrace(None)
with open({out!r}, "w") as file:
    json.dump([len(seen), len({{name for name, _ in seen}}), code], file)
"""
PIPELINE = """stages:
  a: {cmd: cat data/1 > a, deps: [data], outs: [a]}
  b: {cmd: cat a > b, deps: [a], outs: [b]}
"""


class Walk(NamedTuple):
    """What one command executed of the house: distinct lines, and files."""

    what: str
    lines: int
    files: int


class Function(NamedTuple):
    """One function or method: where, how many tokens, how many parameters (``self``
    left out).
    """

    where: str
    tokens: int
    parameters: int


def walks() -> Iterator[Walk]:
    """Runs four commands in a fresh project and counts what each executes."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "project"
        place.mkdir()
        run(["git", "init", "-q", str(place)], place)
        trace(place, "init")
        (place / "data").mkdir()
        for number in range(3):
            (place / "data" / str(number)).write_text(f"{number}\n")
        (place / "mltrack.yaml").write_text(PIPELINE)
        yield Walk("add", *trace(place, "add", "data"))
        for path in (place / "data").iterdir():
            path.unlink()
        yield Walk("checkout", *trace(place, "checkout", "data"))
        yield Walk("repro of two stages", *trace(place, "repro"))
        yield Walk("repro with nothing to do", *trace(place, "repro"))


def trace(place: Path, *arguments: str) -> tuple[int, int]:
    out = place.parent / "traced.json"
    code = _TRACER.format(top=str(HOUSE), arguments=list(arguments), out=str(out))
    run([sys.executable, "-P", "-c", code], place)
    lines, files, ended = json.loads(out.read_text())
    if ended:
        raise SystemExit(f"mltrack {' '.join(arguments)} ended with {ended}")
    return lines, files


def run(command: list[str], place: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(place.parent)}
    subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True)


def modules() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def density(paths: list[Path]) -> tuple[float, float]:
    """Returns tokens per line that holds any, and comments per hundred lines of code."""
    tokens = comments = 0
    lines = 0
    for path in paths:
        text = path.read_text()
        docstrings = docstring_lines(ast.parse(text))
        filled: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and not token.string.startswith(
                ("# noqa", "# type:", "# fmt:")
            ):
                comments += 1
            if token.type not in _LAYOUT and token.start[0] not in docstrings:
                tokens += 1
                filled.add(token.start[0])
        lines += len(filled)
    return tokens / lines, 100 * comments / lines


def docstring_lines(module: ast.Module) -> set[int]:
    """The lines of docstrings, and of the strings that stand behind a name to explain
    it.
    """
    found: set[int] = set()
    for node in ast.walk(module):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            found.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return found


def functions(path: Path) -> Iterator[Function]:
    text = path.read_text()
    module = ast.parse(text)
    docstrings = docstring_lines(module)
    rows = [
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in _LAYOUT and token.start[0] not in docstrings
    ]
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last = node.end_lineno or node.lineno
            inside = sum(1 for row in rows if node.lineno <= row <= last)
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            parameters = [
                argument for argument in given if argument.arg not in ("self", "cls")
            ]
            yield Function(
                f"{path.relative_to(ROOT)}:{node.name}", inside, len(parameters)
            )


def takes_many(function: Function) -> bool:
    """Returns whether a function takes more than it should, outside of ``cli``."""
    # an option of a command is a parameter by nature: its signature is what the command
    # line is made from
    # line is made from; and so it is with what is called from Python, by keyword
    is_command = function.where.startswith(("mltrack/cli/", "mltrack/api/"))
    return function.parameters > MANY_PARAMETERS and not is_command


def imports_in_functions(path: Path) -> Iterator[str]:
    """The places where a function imports a module of the house."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(node):
                names = (
                    [inner.module or ""] if isinstance(inner, ast.ImportFrom) else []
                )
                names += (
                    [alias.name for alias in inner.names]
                    if isinstance(inner, ast.Import)
                    else []
                )
                if isinstance(inner, ast.stmt) and any(
                    name.partition(".")[0] == "mltrack" for name in names
                ):
                    yield f"{path.relative_to(ROOT)}:{inner.lineno}"


def imported_by_unit_tests(room: str) -> tuple[int, int]:
    """Returns how many modules of a room some unit test imports, and how many there
    are.
    """
    texts = [path.read_text() for path in (ROOT / "tests/unit").rglob("*.py")]
    names: set[str] = set()
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {
                    node.module,
                    *(f"{node.module}.{alias.name}" for alias in node.names),
                }
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
    present = [
        path for path in (HOUSE / room).rglob("*.py") if path.name != "__init__.py"
    ]
    wanted = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in present
    ]
    return sum(1 for name in wanted if name in names), len(wanted)


def tokens_of(path: Path) -> int:
    text = path.read_text()
    docstrings = docstring_lines(ast.parse(text))
    found = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(
        1
        for token in found
        if token.type not in _LAYOUT and token.start[0] not in docstrings
    )


def rows() -> Iterator[tuple[str, str]]:
    for walk in walks():
        yield f"executed lines / files: {walk.what}", f"{walk.lines:,} / {walk.files}"
    paths = modules()
    tokens, comments = density(paths)
    every = [function for path in paths for function in functions(path)]
    yield "tokens a line", f"{tokens:.1f}"
    yield "comments per 100 lines", f"{comments:.1f}"
    yield (
        f"functions > {LONG_FUNCTION} tokens",
        str(sum(1 for one in every if one.tokens > LONG_FUNCTION)),
    )
    yield "tokens a function, mean", f"{mean(one.tokens for one in every):.0f}"
    yield (
        f"functions > {MANY_PARAMETERS} parameters",
        str(sum(1 for one in every if takes_many(one))),
    )
    yield (
        f"files > {LONG_FILE:,} tokens",
        str(sum(1 for path in paths if tokens_of(path) > LONG_FILE)),
    )
    yield (
        "own imports in functions",
        str(sum(1 for path in paths for _ in imports_in_functions(path))),
    )
    for room in ("engine", "disk", "store", "runners"):
        found, there = imported_by_unit_tests(room)
        yield f"modules of {room} imported by unit tests", f"{found} of {there}"


def main() -> None:
    if "--long" in sys.argv:  # what to shorten next
        found = [one for path in modules() for one in functions(path)]
        for one in sorted(found, key=lambda one: -one.tokens):
            if one.tokens > LONG_FUNCTION or takes_many(one):
                print(
                    f"{one.tokens:5} tokens, {one.parameters} parameters  {one.where}"
                )
        return
    for name, value in rows():
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
