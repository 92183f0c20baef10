"""From words to exit code: finds the command, runs it, and turns every error into
words.

The only place that catches errors. Exit codes are those of docs/reference/errors.md.
"""

import importlib
import os
import select
import signal
import sys
from collections.abc import Callable

from mltrack import __version__
from mltrack.cli import invocation
from mltrack.cli.commands import COMMANDS, HIDDEN, overview
from mltrack.cli.global_options import take_globals
from mltrack.cli.system_words import hint_for, words_of
from mltrack.errors import MltrackError, PartlyDoneError, Terminated, UsageError

BUG, INTERRUPTED = 70, 130
PIPE_CLOSED = 128 + signal.SIGPIPE
"""As if the signal had ended us, which is how git ends there."""


def run(arguments: list[str]) -> int:
    """Returns the exit code of one command line."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _answer(arguments)
    except BrokenPipeError as error:
        if not _has_reader_gone():
            return _report(words_of(error), hint_for(error), 1)
        # whoever reads has seen enough: `mltrack ls | head` is no failure
        _silence_output()
        return PIPE_CLOSED


def _answer(arguments: list[str]) -> int:
    """Runs a command line; says what went wrong, and returns the exit code."""
    try:
        return _run(arguments)
    except MltrackError as error:
        return _report(error.message, error.hint, error.exit_code)
    except KeyboardInterrupt:
        # the terminal has just shown ^C, and stands behind it
        sys.stderr.write("\ninterrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        raise  # by a report, too, if nobody reads it
    except OSError as error:
        return _report(words_of(error), hint_for(error), 1)
    except Exception:
        # a bug: the person gets a report to send, and no traceback
        return _report_bug(arguments)


def _run(arguments: list[str]) -> int:
    # a shell that asks for completions gives no words, only its variables
    if "_MLTRACK_COMPLETE" in os.environ:
        return int(importlib.import_module("mltrack.cli.completion").answer())
    rest = take_globals(arguments)
    if not rest or rest[0] in ("-h", "--help", "help"):
        if rest[1:2] and rest[0] == "help":
            return _help(rest[1:])
        sys.stdout.write(overview(__version__))
        sys.stdout.flush()
        # help that was asked for is a result; a command line without a verb is wrong
        return 0 if arguments else 2
    verb, *given = rest
    if "MLTRACK_ABILITIES" in os.environ:
        importlib.import_module("mltrack.disk.abilities").check_names()
    if verb in ("--version", "-V"):
        # behind other options only: alone it is answered before this is loaded
        invocation.say(f"mltrack {__version__}")
        return 0
    if verb in HIDDEN:
        # what git calls reads its words by itself, and loads no typer
        handle: Callable[[list[str]], int] = importlib.import_module(HIDDEN[verb]).run
        return handle(given)
    if verb not in COMMANDS:
        raise UsageError(f"there is no command {verb!r}", hint=_instead_of(verb))
    with invocation.current.opened:
        code = _call(verb, given)
    # here a failed write still becomes an exit code; at the very end it is lost
    sys.stdout.flush()
    return _name_left_out() or code


def _help(words: list[str]) -> int:
    """The help of a command, or the page of a topic."""
    if words[0] in COMMANDS:
        return _run([*words, "--help"])
    from mltrack.cli import help_topics  # noqa: PLC0415 - only for who asks

    invocation.say(help_topics.page(words[0]))
    return 0


def _instead_of(verb: str) -> str:
    """What to type in the place of a command that there is not."""
    import difflib  # noqa: PLC0415 - only on the way to an error

    from mltrack.cli.other_tools import VERBS  # noqa: PLC0415

    if verb in VERBS:
        return f"`dvc {verb}` is here: {VERBS[verb]}"
    close = difflib.get_close_matches(verb, COMMANDS, n=1)
    return f"did you mean `mltrack {close[0]}`?" if close else "mltrack --help"


def _name_left_out() -> int:
    """Names what the command went on without; returns the exit code for that, 0 if that
    is nothing.
    """
    session = invocation.current.session
    left_out = session.left_out.values() if session is not None else ()
    for error in left_out:
        invocation.complain(error.message, error.hint)
    return PartlyDoneError.exit_code if left_out else 0


def _interrupt(number: int, frame: object) -> None:
    """A request to end is an interrupt: what runs here is stopped with all that it
    started, and what is done stays done.
    """
    raise Terminated


def _call(verb: str, arguments: list[str]) -> int:
    app = importlib.import_module(COMMANDS[verb].module).app
    from typer import Abort, Exit  # noqa: PLC0415 - loaded with the app anyway
    from typer._click.exceptions import ClickException, NoArgsIsHelpError  # noqa: PLC0415
    from typer.main import get_command  # noqa: PLC0415

    command = get_command(app)
    try:
        # not `main`: it ends the process without a word where any pipe is closed
        with command.make_context(f"mltrack {verb}", arguments) as context:
            result = command.invoke(context)
    except Exit as error:
        return int(error.exit_code)
    except Abort:
        raise KeyboardInterrupt from None
    except NoArgsIsHelpError as error:
        # a group without a command is answered with its help
        error.show()
        return error.exit_code
    except ClickException as error:
        # of `remote add` its own help says more than that of `remote`
        asked = getattr(error, "ctx", None)
        words = asked.command_path if asked is not None else f"mltrack {verb}"
        raise UsageError(error.format_message(), hint=f"{words} --help") from None
    return result if isinstance(result, int) else 0


def _report(message: str, hint: str, code: int) -> int:
    # results first: where both go into one file, the error comes last
    sys.stdout.flush()
    invocation.complain(message, hint)
    # -vv: whoever mends mltrack wants to see where it happened
    if invocation.current.verbosity >= 2:
        import traceback  # noqa: PLC0415 - only on the way out of an error

        traceback.print_exc()
    return code


def _report_bug(arguments: list[str]) -> int:
    import tempfile  # noqa: PLC0415 - only on the way out of a bug
    import traceback  # noqa: PLC0415

    text = "".join(
        (
            f"mltrack {__version__}, Python {sys.version.split()[0]} on "
            f"{sys.platform}\n",
            f"command: {_verb_of(arguments)}\n\n",
            traceback.format_exc(),
        )
    )
    try:
        descriptor, path = tempfile.mkstemp(prefix="mltrack-bug-", suffix=".txt")
        # names in a traceback may have bytes that are not UTF-8
        with os.fdopen(
            descriptor, "w", encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(text)
        where = f"; the details are in {path}"
    except OSError:
        # without the file there is still the line that says what happened
        where = ""
    last = traceback.format_exc().strip().splitlines()[-1]
    return _report(
        f"this is a bug in mltrack: {last}{where}",
        "please report it with that file",
        BUG,
    )


def _verb_of(arguments: list[str]) -> str:
    """The command's name alone: what was given to it may be a secret, and the report is
    sent to others.
    """
    # the first known word: options before the verb are passed over
    return next(
        (word for word in arguments if word in COMMANDS or word in HIDDEN), "none"
    )


def _has_reader_gone() -> bool:
    """Whether nobody reads what we print any more; else it was another pipe, or a
    connection, that broke.
    """
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    return bool(poll.poll(0))


def _silence_output() -> None:
    """Whoever read our output has gone; the interpreter must not complain about it on
    its way out.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
