"""Every setting, declared once: its type, default, where it may stand, and one
sentence. The docs are made from this.
"""

import difflib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mltrack.errors import ConfigError

if TYPE_CHECKING:
    from mltrack.runners.kind import Option
    from mltrack.store.kinds.kind import Option as RemoteOption

Level = Literal["default", "user", "project", "local", "environment"]


class Setting(NamedTuple):
    """One key. ``private`` ones name places or programs: the committed config may not
    set them. ``secret`` ones are never shown.
    """

    key: str
    type: type
    default: Any
    about: str
    private: bool = False
    choices: tuple[str, ...] = ()
    secret: bool = False


LINK_MODES = ("reflink", "copy", "hardlink", "symlink")
SETTINGS = (
    Setting(
        "core.hash",
        str,
        "xxh3",
        "Digest algorithm; set by `init --hash`, never changed.",
        choices=("xxh3", "blake3"),
    ),
    Setting(
        "core.remote",
        str,
        "",
        "The remote that push, fetch and pull use when none is named.",
    ),
    Setting(
        "core.shell",
        str,
        "/bin/sh",
        "The shell that runs a stage's command with `-c`; part of the run key.",
        private=True,
    ),
    # each holds parts in memory: with four, S3 stays near 200 MiB
    Setting("core.jobs", int, 4, "How many transfers run at once."),
    Setting("repro.jobs", int, 1, "How many stages `repro` runs at once."),
    Setting("repro.runner", str, "local", "The runner of stages that name none."),
    Setting(
        "repro.check",
        str,
        "warn",
        "What to do about files that stages read undeclared; `none` and `warn` hold for "
        "those that they write, too.",
        choices=("none", "warn", "error"),
    ),
    # the hook costs 5 %, strace twelve times the run, where small files are read
    Setting(
        "repro.trace",
        str,
        "python",
        "How undeclared reads are seen: by a hook in Python, or by strace.",
        choices=("python", "strace"),
    ),
    Setting(
        "runs.remote",
        bool,
        default=True,
        about="Whether run records travel with push and fetch.",
    ),
    Setting(
        "cache.dir",
        str,
        "",
        "Where the cache lies, instead of `.mltrack/cache`.",
        private=True,
    ),
    # both give files of one's own: no edit reaches the cache
    Setting(
        "cache.link",
        list,
        ["reflink", "copy"],
        "How files leave the cache, first usable first.",
        choices=LINK_MODES,
    ),
    Setting(
        "cache.runs_days",
        int,
        90,
        "Run records younger than this keep their outputs from `gc`.",
    ),
    Setting(
        "cache.sources_days",
        int,
        30,
        "What is kept of another project's repository is removed when it was not read "
        "for this long: in your own config only.",
        private=True,
    ),
    # days: git prunes what nothing refers to after as many
    Setting(
        "gc.grace_days", int, 14, "Objects younger than this are never deleted by `gc`."
    ),
    # longer than a push takes, which may rely on what was just forgotten
    Setting(
        "gc.delay_hours",
        int,
        24,
        "How long `gc --remote` waits between forgetting objects and deleting them.",
    ),
    Setting(
        "trust.places",
        list,
        [],
        "Places that credentials may be sent to: your own config only, see `remote "
        "trust`.",
        private=True,
    ),
    Setting(
        "hooks.checkout",
        bool,
        default=True,
        about="Whether git's checkout, merge and rebase bring the data along.",
    ),
)
BY_KEY = {setting.key: setting for setting in SETTINGS}
# no dots, at which keys are cut; the name becomes that of a file
_REMOTE_KEY = re.compile(r"remote\.([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.([a-z_]+)\Z")


_REMOTE_SETTINGS = (
    Setting(
        "remote.NAME.url",
        str,
        "",
        "Where the remote is: a directory (a relative one starts at the project), or "
        "a URL.",
    ),
    Setting(
        "remote.NAME.jobs",
        int,
        0,
        "How many of its transfers run at once, instead of core.jobs.",
    ),
    Setting(
        "remote.NAME.tries",
        int,
        0,
        "How often a request is tried that fails in a way that may pass; 5 unless set.",
    ),
    Setting(
        "remote.NAME.timeout",
        int,
        0,
        "After how many seconds without an answer a request counts as lost; 60 unless "
        "set.",
    ),
    # not private, since teams share it: `remote trust` asks instead
    Setting(
        "remote.NAME.endpoint",
        str,
        "",
        "The address of the service, where it is not the vendor's own (s3, gs, az).",
    ),
    Setting(
        "remote.NAME.anonymous",
        bool,
        default=False,
        about="Whether to send no credentials (s3, gs, az, http).",
    ),
    Setting("remote.NAME.user", str, "", "The user to log in as (sftp, http)."),
    Setting(
        "remote.NAME.password",
        str,
        "",
        "The password, where no key can be used (sftp), or where the server asks for "
        "one (http).",
        private=True,
        secret=True,
    ),
)
"""What several kinds of remotes have; what one alone has, it says itself."""
_REPO_KEY = re.compile(r"repo\.([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.url\Z")
REPO = Setting(
    "repo.NAME.url",
    str,
    "",
    "Another project's repository, which `--repo NAME` names then: its path or address.",
)
OUTSIDE = Setting(
    "outside.NAME",
    str,
    "",
    "Where on this machine the dependencies `outside://NAME/…` lie.",
    private=True,
)
_OUTSIDE_KEY = re.compile(r"outside\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_RUNNER_KEY = re.compile(
    r"runner\.([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.([a-z_][a-z0-9_]{0,63})\Z"
)


def runner_settings(name: str = "") -> list[Setting]:
    """Returns what may be set for a runner: the options of all kinds, and resources;
    with a ``name`` that one alone.
    """
    from mltrack.runners import kinds  # noqa: PLC0415 - where something is set for a runner only

    return [
        _of_runner(option, kinds.names() if option is kinds.TYPE else ())
        for option in ([kinds.option(name)] if name else kinds.options())
    ]


def _of_runner(option: "Option", choices: Iterable[str]) -> Setting:
    return Setting(
        f"runner.NAME.{option.name}",
        option.type,
        option.type(),
        option.about,
        option.private,
        tuple(choices),
    )


_COMMON = {
    setting.key.removeprefix("remote.NAME."): setting for setting in _REMOTE_SETTINGS
}


def remote_settings() -> dict[str, Setting]:
    """Returns by name what may be set for a remote: what all have, and what one kind
    alone has.
    """
    from mltrack.store.kinds import known  # noqa: PLC0415 - where something particular is set for a remote only

    own = [
        (option, kind.schemes[0]) for kind in known.kinds() for option in kind.options
    ]
    return _COMMON | {option.name: _of_remote(option, scheme) for option, scheme in own}


def _of_remote(option: "RemoteOption", scheme: str) -> Setting:
    about = f"{option.about.removesuffix('.')} ({scheme})."
    key, default = f"remote.NAME.{option.name}", option.type()
    return Setting(
        key, option.type, default, about, option.private, option.choices, option.secret
    )


def find(key: str) -> Setting:
    """Returns the setting of a key; raises ConfigError with the nearest one if there is
    none.
    """
    if key in BY_KEY:
        return BY_KEY[key]
    if _REPO_KEY.match(key):
        return REPO
    if _OUTSIDE_KEY.match(key):
        return OUTSIDE
    runner = _RUNNER_KEY.match(key)
    if runner is not None:
        return runner_settings(runner[2])[0]
    match = _REMOTE_KEY.match(key)
    # before those of single kinds: for these no kind is loaded
    if match is not None and match[2] in _COMMON:
        return _COMMON[match[2]]
    of_remotes = remote_settings()
    if match is not None and match[2] in of_remotes:
        return of_remotes[match[2]]
    known = [*BY_KEY, *(setting.key for setting in of_remotes.values())]
    close = difflib.get_close_matches(key, known, n=1)
    raise ConfigError(
        f"unknown setting {key!r}",
        hint=f"did you mean {close[0]!r}?" if close else "mltrack config",
    )


def check(key: str, value: Any, where: str) -> Any:
    """Returns ``value`` if it may stand at ``key``; raises ConfigError naming
    ``where``.
    """
    setting, at = find(key), _said(where, key)
    # not isinstance, to which True is a number
    if type(value) is not setting.type:
        raise ConfigError(f"{at}{key} must be {_named(setting)}, not {value!r}")
    if isinstance(value, int) and value < 0:
        raise ConfigError(f"{at}{key} must not be negative")
    for item in value if isinstance(value, list) else [value]:
        if isinstance(value, list) and not isinstance(item, str):
            raise ConfigError(f"{at}{key} must be a list of texts, not {value!r}")
        if setting.choices and item not in setting.choices:
            raise ConfigError(
                f"{at}{key} must be of {', '.join(setting.choices)}, not {item!r}"
            )
        # it may become a word of a command line, and is printed on terminals
        if isinstance(item, str) and (
            any(ord(char) < 32 for char in item) or item.startswith("-")
        ):
            raise ConfigError(f"{at}{key} holds control characters or starts with '-'")
    return value


def parse(key: str, text: str, where: str) -> Any:
    """Returns the value that a person or the environment wrote as text."""
    setting, at = find(key), _said(where, key)
    if setting.type is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise ConfigError(f"{at}{key} must be true or false, not {text!r}")
        return text.lower() in ("true", "1")
    if setting.type is int:
        # not isdigit, to which `²` is one; and no number of thousands of digits
        if not re.fullmatch("[0-9]{1,18}", text):
            raise ConfigError(f"{at}{key} must be a whole number, not {text!r}")
        return int(text)
    value = [item.strip() for item in text.split(",")] if setting.type is list else text
    return check(key, value, where)


def _said(where: str, key: str) -> str:
    """A value that was typed stands in no file: its key says enough."""
    return "" if where == key else f"{where}: "


def _named(setting: Setting) -> str:
    return {str: "text", int: "a whole number", bool: "true or false", list: "a list"}[
        setting.type
    ]
