"""Options and arguments that several commands share, and how a command's app is made."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from mltrack.cli import completing

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", "-n", help="Only say what would be done.")
]
Force = Annotated[
    bool,
    typer.Option(
        "--force", "-f", help="Replace unsaved changes; they are kept in the cache."
    ),
]
RemoteName = Annotated[
    str,
    typer.Option(
        "--remote",
        "-r",
        help="The remote to use, instead of the default one.",
        autocompletion=completing.remotes,
    ),
]
Repo = Annotated[
    str,
    typer.Option(
        "--repo",
        metavar="REPO",
        help="Of another project: a path, an address or a name.",
    ),
]
Revisions = Annotated[
    list[str] | None,
    typer.Option(
        "--rev",
        help="What a git revision refers to; may be repeated.",
        autocompletion=completing.revisions,
    ),
]
AllBranches = Annotated[
    bool, typer.Option("--all-branches", help="What the tips of all branches refer to.")
]
AllTags = Annotated[bool, typer.Option("--all-tags", help="What all tags refer to.")]
Jobs = Annotated[
    # 0 leaves it to the settings
    int, typer.Option("--jobs", "-j", min=0, help="How many transfers run at once.")
]
Markdown = Annotated[bool, typer.Option("--md", help="Print a Markdown table.")]
Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TARGET]...",
        help="Tracked paths or stages; all by default.",
        autocompletion=completing.targets,
    ),
]


Stages = Annotated[
    list[str],
    typer.Argument(
        metavar="STAGE...",
        help="Stages, or groups of them.",
        autocompletion=completing.stages,
    ),
]


def new_app(**settings: Any) -> typer.Typer:
    """Returns an app for one verb, with everything off that would decorate or catch
    errors.
    """
    # people type -h; click by itself knows --help only
    settings.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
    return typer.Typer(
        add_completion=False,
        # help without rich, which takes 55 ms to load
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        **settings,
    )


def command_app(function: Callable[..., Any], *examples: str) -> typer.Typer:
    """Returns an app that is the one command ``function``; its docstring and the
    examples are the help.
    """
    app = new_app()
    add_command(app, function, *examples)
    return app


def add_command(
    app: typer.Typer,
    function: Callable[..., Any],
    *examples: str,
    name: str | None = None,
    **settings: Any,
) -> None:
    """Adds a command to an app; ``\\b`` keeps the lines of its examples apart.
    ``settings`` are click's, for its context.
    """
    text = (
        inspect.cleandoc(function.__doc__ or "")
        + "\n\n\b\nExamples:\n"
        + "\n".join(f"  {line}" for line in examples)
    )
    app.command(
        name,
        help=text,
        context_settings={"help_option_names": ["-h", "--help"], **settings},
    )(function)
