"""``mltrack init``"""

import dataclasses
import sys
from typing import Annotated

import typer

from mltrack.cli.invocation import announce, current, tell
from mltrack.cli.options import command_app
from mltrack.verbs import init as verb


def init(
    hash_name: Annotated[
        str | None,
        typer.Option(
            "--hash", help="Digest algorithm: xxh3 (fast) or blake3 (strong)."
        ),
    ] = None,
    no_hooks: Annotated[
        bool,
        typer.Option("--no-hooks", help="Install neither git hooks nor merge drivers."),
    ] = False,
    shared_hooks: Annotated[
        bool,
        typer.Option(
            "--shared-hooks",
            help="Use core.hooksPath even if it is outside the repository.",
        ),
    ] = False,
    subdir: Annotated[
        bool,
        typer.Option("--subdir", help="Create a separate project below another one."),
    ] = False,
) -> None:
    """Makes the current directory, inside a git repository, an mltrack project.

    In a clone of a project it installs git hooks and merge drivers and changes no file
    of the project.
    """
    where = (
        verb.Hooks.NOWHERE
        if no_hooks
        else verb.Hooks.EVERYWHERE
        if shared_hooks
        else verb.Hooks.HERE
    )
    result = verb.init(
        current.directory, hash_name=hash_name, where=where, below=subdir
    )
    # asked only once it is known that hooks would go there
    if result.shared_hooks and _agrees(result.shared_hooks):
        # a project that is there already gets its hooks, and nothing else
        installed = verb.init(
            current.directory, where=verb.Hooks.EVERYWHERE, below=subdir
        )
        result = dataclasses.replace(
            result, hooks=installed.hooks, left=installed.left, shared_hooks=""
        )
    if result.created:
        announce(f"Made {result.path} an mltrack project.")
        tell(
            "For git: git add .mltrack .gitattributes && git commit -m 'Start mltrack'"
        )
        tell("Next:    mltrack add DATA")
    else:
        announce(
            f"{result.path} is an mltrack project already."
            + (" Hooks and merge drivers are installed." if result.hooks else "")
        )
    if result.is_ignored:
        # even to whoever wants it quiet: without the config no clone is a project
        tell(
            "warning: git ignores .mltrack/config.toml: no clone will be an mltrack "
            "project",
            level=-1,
        )
        tell(
            "hint: take the line that ignores it out of .gitignore; `git check-ignore "
            "-v .mltrack/config.toml`",
            level=-1,
        )
    if result.seen:
        tell(
            "warning: .git/info/exclude is a link, or no file of a sane size, and not "
            "mltrack's to write: on a branch without the project `git clean` would "
            "delete the cache",
            level=-1,
        )
        tell(f"hint: add these lines to it:\n{result.seen}", level=-1)
    if result.shared_hooks:
        tell(
            f"No hooks were installed: git looks for them in {result.shared_hooks}, "
            "for all of your repositories. "
            "Data follows git once you say where:\n"
            "  mltrack init --shared-hooks                     there: they do nothing "
            "outside mltrack projects\n"
            "  git config core.hooksPath .git/hooks            in this repository, "
            "then `mltrack init`"
        )
    for place, line in result.left:
        tell(
            f"{place} is not mltrack's to write; to have data follow git, add this "
            f"line to it:\n  {line}"
        )


def _agrees(directory: str) -> bool:
    """Asks whether hooks may go where all repositories of the person have theirs;
    without a terminal that is a no.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or current.verbosity < 0:
        return False
    tell(f"Git looks for hooks in {directory}, for all of your repositories.")
    # no by default: it is where all of the person's repositories have theirs
    return typer.confirm(
        "Install mltrack's there? Outside mltrack projects they do nothing.",
        default=False,
        err=True,
    )


app = command_app(init, "git init && mltrack init", "mltrack init --hash blake3")
