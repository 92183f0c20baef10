"""The options that every command has, taken from wherever they stand among its words;
but not from a command line that is given to a command.
"""

import importlib
import os
from collections.abc import Container
from typing import Any

from mltrack.cli import invocation, style
from mltrack.cli.commands import COMMANDS, HIDDEN, TAKES_COMMAND_LINE
from mltrack.errors import UsageError


def take_globals(arguments: list[str]) -> list[str]:
    """Takes ``-C DIR``, ``-q``, ``-v``, ``--no-progress`` and ``--color`` from
    wherever they are, up to ``--`` or the command line that a command is given;
    returns the rest.
    """
    rest: list[str] = []
    state = invocation.current
    state.directory, state.verbosity, state.session = ".", 0, None
    state.has_progress, state.colour = True, style.AUTO
    ahead = list(reversed(arguments))
    valued: Container[str] | None = None
    while ahead:
        word = ahead.pop()
        # git's own words, such as paths, may look like our options
        ends = word == "--" or (rest and rest[0] in HIDDEN)
        # from its first word on, a command line is what the person typed
        if ends or (valued is not None and not word.startswith("-")):
            return [*rest, word, *reversed(ahead)]
        if _take(word, ahead):
            continue
        rest.append(word)
        if valued is not None and ahead and _wants_value(word, valued):
            rest.append(ahead.pop())
        if len(rest) == 2 and TAKES_COMMAND_LINE.get(rest[0]) == rest[1]:
            valued = _options_with_values(*rest)
    return rest


def _take(word: str, ahead: list[str]) -> bool:
    """Notes a word that is one of these options, with the value behind it; returns
    whether it is.
    """
    state = invocation.current
    if word == "-C":
        if not ahead:
            raise UsageError("-C needs a directory")
        # as with git, a second -C starts from the first
        state.directory = os.path.join(state.directory, ahead.pop())
    elif word in ("-q", "--quiet"):
        state.verbosity = -1
    elif word == "--no-progress":
        state.has_progress = False
    elif word.startswith("--color="):
        state.colour = _colour(word.removeprefix("--color="))
    elif word == "--color":
        # as git takes it
        state.colour = style.ALWAYS
    elif word == "--no-color":
        state.colour = style.NEVER
    elif word in ("-v", "--verbose", "-vv"):
        state.verbosity += 2 if word == "-vv" else 1
    else:
        return False
    return True


def _options_with_values(verb: str, name: str) -> Container[str]:
    """The options of a command whose value may be the next word."""
    from typer.main import get_command  # noqa: PLC0415 - loaded with the command anyway

    group: Any = get_command(importlib.import_module(COMMANDS[verb].module).app)
    return {
        option
        for parameter in group.commands[name].params
        if parameter.param_type_name == "option" and not parameter.is_flag
        for option in parameter.opts
    }


def _wants_value(word: str, valued: Container[str]) -> bool:
    """Whether the word behind an option is its value."""
    if word.startswith("--"):
        return word in valued
    # several letters in one word: behind the first that has a value stands that value
    letters = [f"-{letter}" in valued for letter in word[1:]]
    return True in letters and letters.index(True) == len(letters) - 1


def _colour(when: str) -> str:
    if when not in style.WHEN:
        raise UsageError(
            f"--color is not {when!r}", hint=f"one of {', '.join(style.WHEN)}"
        )
    return when
