"""``mltrack config``"""

from typing import Annotated

import typer

from mltrack import project as projects
from mltrack.cli.invocation import announce, current, say
from mltrack.cli.options import Json, command_app
from mltrack.cli.render import emit_json
from mltrack.verbs import config as verb


def config(
    key: Annotated[
        str,
        typer.Argument(
            metavar="[KEY]",
            help="A key such as core.remote; without one, all settings.",
        ),
    ] = "",
    value: Annotated[
        str | None, typer.Argument(metavar="[VALUE]", help="Sets the key.")
    ] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Removes the key.")] = False,
    local: Annotated[
        bool,
        typer.Option(
            "--local", help="In this clone's own config, which git does not keep."
        ),
    ] = False,
    user: Annotated[
        bool, typer.Option("--user", help="In your own config, for all projects.")
    ] = False,
    origin: Annotated[
        bool, typer.Option("--origin", help="Say where each value comes from.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Shows settings, or sets one in the project's config (.mltrack/config.toml, which
    git keeps).
    """
    if local and user:
        raise typer.BadParameter("--local and --user exclude each other")
    changes = value is not None or unset
    # the user's own config can be changed outside of any project
    project = (
        None
        if user
        else projects.find(current.directory)
        if changes
        else projects.find_if_any(current.directory)
    )
    if changes:
        path = verb.change(
            project,
            key,
            None if unset else value,
            "local" if local else "user" if user else "project",
        )
        announce(f"{'removed' if unset else 'set'} {key} in {path}")
        return
    values = verb.show(project, key)
    if as_json:
        emit_json(
            {
                "settings": {
                    name: {"value": v.value, "level": v.level, "origin": v.origin}
                    for name, v in values.items()
                }
            }
        )
        return
    for name, item in values.items():
        text = _text(item.value)
        # the value of one key alone, for scripts
        say(
            f"{text}"
            if key and not origin
            else f"{name} = {text}" + (f"  ({item.origin})" if origin else "")
        )


def _text(value: object) -> str:
    """A value as it is written on the command line."""
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


app = command_app(
    config,
    "mltrack config --origin",
    "mltrack config core.jobs 8",
    "mltrack config --local cache.dir /big/cache",
)
