"""The project's own rules, checked by machine: start-up, errors, help, sizes, words."""

import importlib
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchmarks import house
from mltrack.cli.commands import COMMANDS
from mltrack.errors import MltrackError
from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from tests.support import owners
from tests.support.workspace import ROOT, Workspace

HEAVY = {
    "rich.progress",
    "git",
    "fsspec",
    "s3fs",
    "gcsfs",
    "networkx",
    "pydantic",
    "asyncio",
    "yaml",
    "tomlkit",
}


def loaded(ws: Workspace, *arguments: str) -> set[str]:
    code = f"import sys, json; sys.argv[1:] = {list(arguments)!r}; from mltrack.cli.main import run; run(sys.argv[1:]); sys.stderr.write('@@' + json.dumps(sorted(sys.modules)))"
    done = ws.run([sys.executable, "-P", "-c", code])
    return set(json.loads(done.err.rpartition("@@")[2]))


def test_status_loads_nothing_heavy(ws: Workspace) -> None:
    ws.write("data/a", "x")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat data/a > o\n    deps: [data]\n    outs: [o]\n",
    )
    ws.mltrack("add", "data")
    ws.mltrack("repro")
    assert not loaded(ws, "status") & HEAVY


def test_a_repro_with_nothing_to_do_loads_no_yaml_parser(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  s:\n    cmd: echo 1 > o\n    outs: [o]\n")
    ws.mltrack("repro")
    assert "yaml" not in loaded(ws, "repro")


def test_help_of_everything_loads_no_command_and_not_even_typer(ws: Workspace) -> None:
    modules = loaded(ws, "--help")
    assert not modules & {"typer", "mltrack.verbs.repro", "mltrack.cli.repro"}


def test_version_is_answered_before_anything_is_loaded(ws: Workspace) -> None:
    code = "import sys; sys.argv[1:] = ['--version']; from mltrack.__main__ import main; main(); sys.stderr.write(' '.join(sys.modules))"
    done = ws.run([sys.executable, "-P", "-c", code])
    assert (
        done.out.startswith("mltrack ")
        and "typer" not in done.err
        and "mltrack.cli" not in done.err
    )


def all_errors() -> set[type[MltrackError]]:
    pending, found = [MltrackError], set()
    while pending:
        kind = pending.pop()
        found.add(kind)
        pending += kind.__subclasses__()
    return found


def test_errors_are_few_documented_and_their_codes_are_those_of_the_table() -> None:
    errors = all_errors()
    assert len(errors) <= 15
    assert len({kind.slug for kind in errors}) == len(errors)
    page = (ROOT / "docs/reference/errors.md").read_text()
    for kind in errors - {MltrackError}:
        assert kind.__doc__ and f"`{kind.slug}`" in page
        assert re.fullmatch(r"[a-z-]+", kind.slug)
        assert kind.exit_code in range(1, 9)


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_command_has_help_with_an_example(verb: str) -> None:
    from typer._click import Context
    from typer.main import get_command

    command = get_command(importlib.import_module(COMMANDS[verb].module).app)
    for one in getattr(command, "commands", {"": command}).values():
        text = one.get_help(Context(one, info_name=verb))
        assert "Examples:" in text and f"mltrack {verb}" in text
        for parameter in one.params:
            assert getattr(parameter, "help", "x") != "", (
                f"{verb}: {parameter.name} is not explained"
            )


def test_the_generated_reference_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_no_function_is_longer_than_the_size_guide_allows() -> None:
    """By tokens, comments, docstrings and layout left out: what benchmarks/house.py
    measures.
    """
    found = [one for path in house.modules() for one in house.functions(path)]
    assert not [
        f"{one.where}: {one.tokens}"
        for one in found
        if one.tokens > house.LONG_FUNCTION
    ]


def test_no_function_outside_of_cli_takes_more_than_the_size_guide_allows() -> None:
    found = [one for path in house.modules() for one in house.functions(path)]
    assert not [
        f"{one.where}: {one.parameters}" for one in found if house.takes_many(one)
    ]


def test_no_module_is_longer_than_the_size_guide_allows() -> None:
    sizes = {str(path): house.tokens_of(path) for path in house.modules()}
    assert not {path: size for path, size in sizes.items() if size > house.LONG_FILE}


def test_packages_have_empty_init_files() -> None:
    assert [
        path for path in (ROOT / "mltrack").glob("*/__init__.py") if path.read_text()
    ] == []


def test_every_module_and_public_function_of_a_verb_says_what_it_promises() -> None:
    for path in (ROOT / "mltrack").rglob("*.py"):
        if path.name not in ("__init__.py",):
            module = importlib.import_module(
                ".".join(path.relative_to(ROOT).with_suffix("").parts)
            )
            assert module.__doc__, path
    for path in (ROOT / "mltrack/verbs").glob("*.py"):
        module = importlib.import_module(f"mltrack.verbs.{path.stem}")
        for name, item in vars(module).items():
            if (
                callable(item)
                and not name.startswith("_")
                and getattr(item, "__module__", "") == module.__name__
                and not isinstance(item, type)
            ):
                assert item.__doc__, f"{path}: {name}"


def test_a_bug_ends_with_70_and_a_report(ws: Workspace) -> None:
    code = "import sys; import mltrack.verbs.status as s; s.status = lambda *a: 1 / 0; from mltrack.cli.main import run; sys.exit(run(['status']))"
    done = ws.run([sys.executable, "-P", "-c", code])
    assert (
        done.code == 70 and "this is a bug" in done.err and "Traceback" not in done.err
    )
    report = re.search(r"details are in (\S+)", done.err)
    assert report and "ZeroDivisionError" in Path(report[1]).read_text()


def test_an_interrupt_ends_with_130(ws: Workspace) -> None:
    code = "import sys, mltrack.verbs.status as s\ndef status(*a): raise KeyboardInterrupt\ns.status = status\nfrom mltrack.cli.main import run; sys.exit(run(['status']))"
    assert ws.run([sys.executable, "-P", "-c", code]).code == 130


def test_quiet_says_less_and_verbose_shows_tracebacks(ws: Workspace) -> None:
    ws.write("data/a", "x")
    assert ws.mltrack("-q", "add", "data").err == ""
    assert "Traceback" in ws.mltrack("-vv", "ls", "nosuch", code=2).err


def test_a_call_from_another_thread_is_noticed(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path), XXH3)
    thread = threading.Thread(target=cache.indexes, name="stranger")
    thread.start()
    thread.join()
    assert owners.strangers == [
        "Cache.indexes was called from stranger",
        "Cache.reload was called from stranger",
    ]
    owners.strangers.clear()
