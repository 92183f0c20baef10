"""Names of experiments: made ones of two words, and what a person may give.

A name is the last part of a git ref, and is typed where commits are: it must be valid
there, and not look like a commit or an option.
"""

import re
from collections.abc import Callable
from random import Random

from mltrack.errors import UsageError
from mltrack.experiments.words import ADJECTIVES, ANIMALS

# of 40,000 pairs few are taken; when ten are in a row, there are many experiments
PLAIN_TRIES = 10
MAX_CHARACTERS = 100
# a file's name has 255, and git writes NAME.lock first
MAX_BYTES = 250
_FALLBACK = "experiment"
_FORBIDDEN = re.compile(r"[ ~^:?*\[\\/]|\.\.|@\{")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
# HEAD, and what git reads as HEAD
_TAKEN_BY_GIT = ("HEAD", "@")


def made(random: Random, taken: Callable[[str], bool]) -> str:
    """Returns a name that is not taken, such as quiet-heron, with a number after it
    when names become scarce.
    """
    tries = 0
    while True:
        name = f"{random.choice(ADJECTIVES)}-{random.choice(ANIMALS)}"
        if tries >= PLAIN_TRIES:
            # of more and more numbers, so that one is free at last
            name += f"-{random.randrange(2, 10 ** (tries // PLAIN_TRIES))}"
        if not taken(name):
            return name
        tries += 1


def check_name(name: str) -> None:
    """Raises UsageError, with a name that is valid, for one that is none."""
    problem = _problem(name)
    if problem:
        raise UsageError(
            f"{name!r} is not a valid name: {problem}",
            hint=f"a valid name is {valid_form(name)}",
        )


def valid_form(name: str) -> str:
    """Returns the valid name that is most like ``name``."""
    form = "".join(sign if sign.isprintable() else "-" for sign in name)
    # dashes do not pile up where several signs in a row are forbidden
    form = re.sub(rf"(?:{_FORBIDDEN.pattern})+", "-", form)
    form = _shortened(form.lstrip("-.")).rstrip("-.")
    while form.endswith(".lock"):
        form = form.removesuffix(".lock").rstrip("-.")
    if form in _TAKEN_BY_GIT or _COMMIT.fullmatch(form):
        form = f"{_FALLBACK}-{form}".replace("@", "").rstrip("-")
    return form or _FALLBACK


def _shortened(form: str) -> str:
    cut = form[:MAX_CHARACTERS].encode()[:MAX_BYTES]
    return cut.decode(errors="ignore")


def _problem(name: str) -> str:
    if not name:
        return "it is empty"
    if len(name) > MAX_CHARACTERS:
        return f"it has more than {MAX_CHARACTERS} characters"
    # before its bytes are counted: half of a pair has none
    if not name.isprintable():
        return "it holds a character that cannot be shown"
    if len(name.encode()) > MAX_BYTES:
        return f"it has more than {MAX_BYTES} bytes"
    forbidden = _FORBIDDEN.search(name)
    if forbidden:
        return f"git forbids {forbidden[0]!r} in it"
    return _problem_at_an_end(name)


def _problem_at_an_end(name: str) -> str:
    if name[0] in "-.":
        return f"it begins with {name[0]!r}"
    for end in (".lock", "."):
        if name.endswith(end):
            return f"git forbids {end!r} at its end"
    if name in _TAKEN_BY_GIT:
        return "git gives it another meaning"
    return "it looks like a commit" if _COMMIT.fullmatch(name) else ""
