"""The table of commands: verb to module and one line. ``main`` imports only the module
that was asked for.
"""

from typing import NamedTuple


class Command(NamedTuple):
    """Where a verb's command line lives, what it is for, and under which heading
    ``--help`` shows it.
    """

    module: str
    about: str
    family: str


def _module(name: str) -> str:
    return f"mltrack.cli.{name}"


# in the order of --help: a family stands together
COMMANDS: dict[str, Command] = {
    "init": Command(
        _module("init"),
        "Create a project here, or install hooks in a clone of one",
        "start",
    ),
    "doctor": Command(
        _module("doctor"),
        "Check the project and this machine, and suggest fixes",
        "start",
    ),
    "config": Command(
        _module("config"), "Show or change settings, and where each comes from", "start"
    ),
    "completion": Command(
        _module("completion"), "Print the script for completion in your shell", "start"
    ),
    "add": Command(
        _module("add"), "Track files and directories, or record their new state", "data"
    ),
    "remove": Command(_module("remove"), "Stop tracking; the data stays", "data"),
    "move": Command(_module("move"), "Rename tracked data", "data"),
    "status": Command(
        _module("status"), "Show what changed, and what repro would do", "data"
    ),
    "diff": Command(
        _module("diff"), "Show which files differ between two revisions", "data"
    ),
    "ls": Command(_module("ls"), "List what is tracked", "data"),
    "log": Command(_module("log"), "List the versions of data, by commit", "data"),
    "cat": Command(_module("cat"), "Print a file, also of another revision", "data"),
    "get": Command(_module("get"), "Copy files out of another project", "data"),
    "import": Command(
        _module("import_data"), "Track data of another project, and its source", "data"
    ),
    "update": Command(
        _module("update"), "Bring imports to what their sources have now", "data"
    ),
    "checkout": Command(
        _module("checkout"), "Update data to match pointers and locks", "data"
    ),
    "edit": Command(
        _module("edit"), "Make files writable that are links to the cache", "data"
    ),
    "commit": Command(
        _module("commit"), "Record a stage's present state as if it had run", "data"
    ),
    "resolve": Command(
        _module("resolve"), "Settle merge conflicts in pointers and locks", "data"
    ),
    "du": Command(
        _module("du"),
        "Show how much data there is, and how much the cache takes",
        "data",
    ),
    "check-ignore": Command(
        _module("check_ignore"),
        "Say which paths are left out, and by which line",
        "data",
    ),
    "undo": Command(_module("undo"), "Put back what --force replaced", "data"),
    "remote": Command(_module("remote"), "Manage remotes", "moving bytes"),
    "push": Command(_module("push"), "Send data to a remote", "moving bytes"),
    "fetch": Command(
        _module("fetch"), "Bring data from a remote into the cache", "moving bytes"
    ),
    "pull": Command(_module("pull"), "Fetch, then check out", "moving bytes"),
    "drop": Command(
        _module("drop"), "Remove from the cache what a remote holds", "moving bytes"
    ),
    "fsck": Command(
        _module("fsck"),
        "Read every object and compare it with its digest; repair",
        "moving bytes",
    ),
    "gc": Command(
        _module("gc"),
        "Delete unreferenced objects, here or on a remote",
        "moving bytes",
    ),
    "cache": Command(_module("cache"), "Share the cache with a group", "moving bytes"),
    "stage": Command(_module("stage"), "Declare stages, list them", "pipelines"),
    "repro": Command(
        _module("repro"),
        "Bring stages up to date, running only what must run",
        "pipelines",
    ),
    "why": Command(
        _module("why"),
        "Explain what would happen to a stage, with all reasons",
        "pipelines",
    ),
    "logs": Command(
        _module("logs"), "Show what a stage's commands printed", "pipelines"
    ),
    "freeze": Command(
        _module("freeze"),
        "Keep stages from running even if their inputs change",
        "pipelines",
    ),
    "unfreeze": Command(
        _module("unfreeze"), "Let frozen stages run again", "pipelines"
    ),
    "dag": Command(
        _module("dag"), "Draw the stages and what they depend on", "pipelines"
    ),
    "exp": Command(
        _module("exp"), "Try other params beside the workspace, compare", "runs"
    ),
    "runner": Command(_module("runner"), "Manage runners", "runs"),
    "job": Command(_module("job"), "List, follow and cancel jobs on hosts", "runs"),
    "params": Command(_module("params"), "Compare params between revisions", "results"),
    "plots": Command(
        _module("plots"), "Draw series and images, over revisions", "results"
    ),
    "metrics": Command(
        _module("metrics"), "Show metrics, compare them between revisions", "results"
    ),
}

HIDDEN: dict[str, str] = {
    "hook": _module("hook"),
    "merge-driver": _module("merge_driver"),
}
"""Called by git only; they read their arguments themselves."""

TAKES_COMMAND_LINE: dict[str, str] = {"stage": "add"}
"""The commands that are given a command line, by their verb: from its first word on all
is part of it, also what looks like an option of ours.
"""


def overview(version: str) -> str:
    """Returns the text of ``mltrack --help``."""
    lines = [
        f"mltrack {version}: data, pipelines and results beside git",
        "",
        "Usage: mltrack [-C DIR] [-q | -v] COMMAND [ARGS]...",
    ]
    family = ""
    for verb, command in COMMANDS.items():
        if command.family != family:
            family = command.family
            lines += ["", f"{family}:"]
        lines.append(f"  {verb:<12} {command.about}")
    lines += [
        "",
        "  -C DIR      work as if started in DIR        --version   print the version",
        "  -q, -v      say less, say more; -vv shows tracebacks",
        "  --no-progress, --color=always|never    as they say",
        "",
        "`mltrack COMMAND --help` explains a command, with an example; a page has",
        "`mltrack help TOPIC`: install, tutorial, pipeline, remotes, runners, merging,",
        "other-projects, python, logging, experiments, sweeps, notebooks, environments,",
        "ci, disk-space, from-dvc, trouble, settings, errors, json, formats.",
    ]
    return "\n".join(lines) + "\n"
