"""``mltrack init``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import announce, current, tell
from mltrack.cli.options import command_app
from mltrack.verbs import init as verb


def init(
    hash_name: Annotated[
        str | None, typer.Option("--hash", help="Digest algorithm: xxh3 (fast) or blake3 (strong).")
    ] = None,
    no_hooks: Annotated[bool, typer.Option("--no-hooks", help="Install neither git hooks nor merge drivers.")] = False,
) -> None:
    """Makes the current directory, inside a git repository, an mltrack project.

    In a clone of a project it installs git hooks and merge drivers and changes no file of the project.
    """
    result = verb.init(current.directory, hash_name=hash_name, with_hooks=not no_hooks)
    if result.created:
        announce(f"Made {result.path} an mltrack project.")
        tell("For git: git add .mltrack .gitattributes && git commit -m 'Start mltrack'")
        tell("Next:    mltrack add DATA")
    else:
        announce(
            f"{result.path} is an mltrack project already."
            + (" Hooks and merge drivers are installed." if result.hooks else "")
        )
    for path, line in result.left:
        tell(f"{path} is not mltrack's and was left as it is; to have data follow git, add this line to it:\n  {line}")


app = command_app(init, "git init && mltrack init", "mltrack init --hash blake3")
