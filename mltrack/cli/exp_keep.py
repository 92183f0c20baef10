"""``mltrack exp apply|branch|rename|note|tag|remove|save|logs|push|fetch|pull``"""

from typing import Annotated

import typer

from mltrack.cli.checkout import show as show_checkout
from mltrack.cli.exp_lines import experiment_json
from mltrack.cli.exp_run import SomeNames
from mltrack.cli.invocation import announce, open_session, say_bytes, tell
from mltrack.cli.options import Force, Json, RemoteName
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import emit_json, listed, plural, size_text
from mltrack.errors import PartlyDoneError
from mltrack.experiments import keeping, sharing
from mltrack.experiments.logs import logs as stage_logs
from mltrack.experiments.record import State
from mltrack.experiments.shelf import Shelf
from mltrack.verbs.unavailable import raise_unavailable

Name = Annotated[str, typer.Argument(metavar="EXP", help="An experiment, by name.")]
_Chosen = Annotated[
    list[str] | None,
    typer.Argument(metavar="[EXP]...", help="Experiments; all by default."),
]
_GitRemote = Annotated[
    str,
    typer.Option(
        "--git-remote", metavar="NAME", help="git's remote for the refs; origin."
    ),
]


_NO_REMOTE = (
    "warning: no data was {}, since the project has no remote; hint: mltrack remote add"
)


def apply(name: Name, force: Force = False, as_json: Json = False) -> None:
    """Makes the workspace have the files of an experiment: code, params, locks, data and
    outputs. HEAD and the index stay; `mltrack undo` reverts it.
    """
    session = open_session()
    shelf = Shelf(session.project)
    found = keeping.apply(session, shelf, name, force=force)
    if as_json:
        emit_json(
            {
                "name": name,
                "files": list(found.files),
                "targets": [item.path for item in found.data.done],
            }
        )
    else:
        for path in found.files:
            announce(f"took {path}")
        if found.new:
            tell(f"{listed(found.new)}: new here; `mltrack undo` leaves new files")
        show_checkout(found.data)
        announce(f"The workspace has {name}.")
        tell("Next: git add -A && git commit")


def branch(
    name: Name,
    wanted: Annotated[
        str, typer.Argument(metavar="BRANCH", help="The name of the new branch.")
    ],
) -> None:
    """Makes a branch of an experiment. What is checked out stays."""
    project = open_session().project
    commit = keeping.branch(project, Shelf(project), name, wanted)
    announce(f"{wanted} is {name} ({commit[:10]})")
    tell(f"Next: git switch {wanted}")


def rename(
    old: Name,
    new: Annotated[str, typer.Argument(metavar="NAME", help="Its new name.")],
) -> None:
    """Gives an experiment another name."""
    project = open_session().project
    keeping.rename(project, Shelf(project), old, new)
    announce(f"{old} is called {new} now")


def note(
    name: Name,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A line about it.")],
) -> None:
    """Writes a line about an experiment, in the place of the one that it has."""
    project = open_session().project
    keeping.describe(project, Shelf(project), name, note=text, tags=())
    announce(f"{name}: {text}")


def tag(
    name: Name,
    tags: Annotated[
        list[str],
        typer.Argument(metavar="TAG...", help="Words to find it by; -TAG removes one."),
    ],
) -> None:
    """Adds tags to an experiment."""
    project = open_session().project
    one = keeping.describe(project, Shelf(project), name, note=None, tags=tags)
    announce(f"{name}: {', '.join(one.tags) or 'no tags'}")


def remove(chosen: SomeNames) -> None:
    """Removes experiments. What only they refer to goes with the next `mltrack gc`."""
    project = open_session().project
    for one in keeping.remove(project, Shelf(project), chosen):
        back = (
            f"; git update-ref refs/mltrack/exps/{one.name} {one.commit[:10]} brings "
            "it back"
            if one.state is State.DONE
            else ""
        )
        announce(f"removed {one.name}{back}")


def save(
    name: Annotated[
        str, typer.Option("--name", "-n", help="Its name; one is made else.")
    ] = "",
    about: Annotated[str, typer.Option("--note", help="A line about it.")] = "",
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="A word to find it by.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Makes an experiment of the workspace as it is now. Nothing is run."""
    session = open_session()
    shelf = Shelf(session.project)
    if name:
        shelf.check_name(name)
    wanted = name or shelf.new_names(1)[0]
    for path in keeping.unrecorded_outputs(session):
        tell(f"warning: {path} is not what its stage last wrote, and is left out")
    for stage in keeping.outdated_stages(session):
        tell(f"warning: {stage} is not up to date: its result is of other inputs")
    one = keeping.save(session, shelf, wanted, about, tags or [])
    if as_json:
        emit_json({"experiments": [experiment_json(one)]})
    else:
        announce(f"saved the workspace as {one.name}")


def logs(
    name: Name,
    stage: Annotated[
        str, typer.Argument(metavar="[STAGE]", help="Only this stage's.")
    ] = "",
) -> None:
    """Shows what the stages of an experiment printed, also of one that failed."""
    session = open_session()
    for log in stage_logs(session, Shelf(session.project), name, stage):
        tell(f"{log.stage}:" + (f" {log.note}" if log.note else ""))
        say_bytes(log.data)


def push(
    chosen: _Chosen = None,
    remote: RemoteName = "",
    git_remote: _GitRemote = "",
    as_json: Json = False,
) -> None:
    """Sends experiments: what they name to mltrack's remote, and their refs by git."""
    with ProgressLine() as line:
        found, moved = sharing.push(
            open_session(), chosen or [], git_remote, remote, line.event
        )
    if moved is None:
        tell(_NO_REMOTE.format("sent"))
    if moved is not None and moved.moved.objects and not as_json:
        size = size_text(moved.moved.bytes)
        count = plural(moved.moved.objects, "object")
        announce(f"pushed {count} ({size}) to {moved.remote}")
    _show_exchanged(found, "pushed", as_json=as_json)


def fetch(
    chosen: _Chosen = None, git_remote: _GitRemote = "", as_json: Json = False
) -> None:
    """Brings the refs of experiments by git: enough to show and compare them."""
    found = sharing.fetch(open_session(), chosen or [], git_remote)
    _show_exchanged(found, "fetched", as_json=as_json)


def pull(
    chosen: _Chosen = None,
    remote: RemoteName = "",
    git_remote: _GitRemote = "",
    as_json: Json = False,
) -> None:
    """Brings experiments with all that they name."""
    with ProgressLine() as line:
        found, moved = sharing.pull(
            open_session(), chosen or [], git_remote, remote, line.event
        )
    if moved is None:
        tell(_NO_REMOTE.format("brought"))
    elif moved.fetched.moved.objects and not as_json:
        size = size_text(moved.fetched.moved.bytes)
        announce(f"fetched {plural(moved.fetched.moved.objects, 'object')} ({size})")
    _show_exchanged(found, "pulled", as_json=as_json)
    if moved is not None:
        raise_unavailable(moved.unavailable)


def _show_exchanged(found: sharing.Exchanged, word: str, *, as_json: bool) -> None:
    if as_json:
        emit_json({name: list(value) for name, value in found._asdict().items()})
    else:
        for name in found.names:
            announce(f"{word} {name}")
        if not found.names and not found.different:
            announce("Everything is there already.")
    if found.different:
        raise PartlyDoneError(
            f"{', '.join(found.different)}: there is another experiment of this name "
            "on the other side",
            hint="mltrack exp rename NAME OTHER",
        )
