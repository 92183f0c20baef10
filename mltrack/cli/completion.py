"""``mltrack completion``, and what the shell asks when a person presses TAB."""

import importlib
import os
from typing import Annotated, Literal

import typer
from typer.core import TyperGroup
from typer.main import get_command

from mltrack.cli.commands import COMMANDS
from mltrack.cli.invocation import say
from mltrack.cli.options import command_app

VARIABLE = "_MLTRACK_COMPLETE"


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"],
        typer.Argument(metavar="SHELL", help="bash, zsh or fish."),
    ] = "bash",
) -> None:
    """Prints the script that makes your shell complete mltrack's commands and options."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # noqa: PLC0415

    say(get_completion_script(prog_name="mltrack", complete_var=VARIABLE, shell=shell))


def whole() -> TyperGroup:
    """Returns all commands as one group: for completion and for the reference, which
    need every option.
    """
    commands = {
        verb: get_command(importlib.import_module(command.module).app)
        for verb, command in COMMANDS.items()
    }
    # typer named it after its function
    for verb, command in commands.items():
        command.name = verb
    return TyperGroup(name="mltrack", commands=commands)


def answer() -> int:
    """Answers a shell that asks for completions, by the environment it set."""
    from typer.completion import completion_init  # type: ignore[attr-defined]  # noqa: PLC0415

    completion_init()
    os.environ.setdefault("_TYPER_COMPLETE_ARGS", "")
    whole().main([], prog_name="mltrack", complete_var=VARIABLE, standalone_mode=False)
    return 0


app = command_app(
    completion,
    "mltrack completion bash >> ~/.bashrc",
    "mltrack completion fish > ~/.config/fish/completions/mltrack.fish",
)
