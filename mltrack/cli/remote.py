"""``mltrack remote``"""

import getpass
import sys
from typing import Annotated

import typer

from mltrack import project as projects
from mltrack.cli import completing
from mltrack.cli.invocation import announce, current, tell
from mltrack.cli.options import Json, add_command, new_app
from mltrack.cli.render import emit_json, table
from mltrack.errors import UsageError
from mltrack.verbs import remote as verb

Name = Annotated[str, typer.Argument(metavar="NAME", autocompletion=completing.remotes)]
Local = Annotated[
    bool,
    typer.Option(
        "--local", help="In this clone's own config, which git does not keep."
    ),
]


def add(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="DIRECTORY|URL")],
    default: Annotated[
        bool, typer.Option("--default", "-d", help="Make it the default remote.")
    ] = False,
    local: Local = False,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace a remote of that name.")
    ] = False,
) -> None:
    """Names a place for the data. The first one becomes the default. Nothing is written
    there before a push.
    """
    options = verb.AddOptions(default=default, local=local, force=force)
    info = verb.add(projects.find(current.directory), name, url, options)
    announce(
        f"remote {info.name}: {info.url}" + (" (default)" if info.is_default else "")
    )
    # where it is named, not at each push
    if not verb.is_tested(info.url):
        tell(
            "remotes of this kind go through fsspec and were never tested with mltrack"
        )


def list_(as_json: Json = False) -> None:
    """Lists the remotes; the default one is marked with '*'."""
    found = verb.list_remotes(projects.find(current.directory))
    if as_json:
        emit_json(
            {
                "remotes": [
                    {"name": item.name, "url": item.url, "default": item.is_default}
                    for item in found
                ]
            }
        )
    else:
        table(
            ("", "name", "url", "from"),
            [
                ("*" if item.is_default else "", item.name, item.url, item.origin)
                for item in found
            ],
        )


def remove(name: Name) -> None:
    """Forgets a remote. The data there is not touched."""
    verb.remove(projects.find(current.directory), name)
    announce(f"forgot remote {name}; its data was not touched")


def default(name: Name, local: Local = False) -> None:
    """Makes a remote the one that push, fetch and pull use."""
    verb.set_default(projects.find(current.directory), name, local=local)
    announce(f"default remote: {name}")


def modify(
    name: Name,
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY", help="Such as endpoint, profile, jobs; see the reference."
        ),
    ],
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="[VALUE]",
            help="The new value; - reads it from standard input or asks.",
        ),
    ] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Remove the option.")] = False,
    local: Local = False,
) -> None:
    """Sets an option of a remote. Secrets go into this clone's own config, which git
    does not keep.
    """
    if (value is None) != unset:
        raise UsageError(
            "give a value, or --unset", hint=f"mltrack remote modify {name} {key} VALUE"
        )
    if value == "-":
        value = _asked(key)
    path = verb.modify(projects.find(current.directory), name, key, value, local=local)
    announce(f"{'removed' if unset else 'set'} {key} of remote {name} in {path}")


def _asked(key: str) -> str:
    """A value that is typed unseen, or the first line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{key}: ")
    return sys.stdin.readline().rstrip("\n")


def trust(name: Name) -> None:
    """Confirms that credentials may be sent to where a remote leads. Your own config
    remembers it, for all projects.
    """
    place = verb.trust(projects.find(current.directory), name)
    announce(
        f"trusted: {place}"
        if place
        else f"{name} is a directory: nothing is sent anywhere"
    )


def rename(old: Name, new: Annotated[str, typer.Argument(metavar="NEW")]) -> None:
    """Gives a remote another name. The data there is not touched."""
    verb.rename(projects.find(current.directory), old, new)
    announce(f"renamed remote {old} to {new}")


app = new_app(
    help="Names the places that hold the data for others.", no_args_is_help=True
)
add_command(
    app,
    add,
    "mltrack remote add store /mnt/share/project",
    "mltrack remote add store s3://bucket/project",
    "mltrack remote add store sftp://gpu1/data/store",
)
add_command(
    app,
    modify,
    "mltrack remote modify store endpoint http://nas:9000",
    "mltrack remote modify store secret_key …",
)
add_command(app, trust, "mltrack remote trust store")
add_command(app, rename, "mltrack remote rename store old-store")
add_command(app, list_, "mltrack remote list", name="list")
add_command(app, remove, "mltrack remote remove store")
add_command(app, default, "mltrack remote default store")
