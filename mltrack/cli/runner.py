"""``mltrack runner``"""

from dataclasses import asdict
from typing import Annotated

import typer

from mltrack import project as projects
from mltrack.cli import completing
from mltrack.cli.invocation import announce, current, say
from mltrack.cli.options import Json, add_command, new_app
from mltrack.cli.render import age_text, emit_json, plural, size_text, table
from mltrack.errors import RemoteError
from mltrack.runners.job import MachineReport
from mltrack.runners.worker.slots import Slot
from mltrack.verbs import runner as verb
from mltrack.verbs.places import list_runners

Name = Annotated[str, typer.Argument(metavar="NAME", autocompletion=completing.runners)]
# what a host says of itself; the rest of its facts are resources
_OWN = frozenset(
    {
        "cpus",
        "memory",
        "gpus",
        "free",
        "python",
        "host",
        "abi",
        "machine",
        "system",
        "place",
        "hashes",
        "now",
    }
)


def add(
    name: Name,
    hosts: Annotated[
        list[str],
        typer.Argument(
            metavar="HOST...", help="As ssh knows them; several are a pool."
        ),
    ],
    local: Annotated[
        bool,
        typer.Option(
            "--local", help="In this clone's own config, which git does not keep."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace a runner of that name.")
    ] = False,
) -> None:
    """Names hosts that are reached by ssh as a place where stages run. Nothing is done
    there before it is used.
    """
    info = verb.add(
        projects.find(current.directory), name, tuple(hosts), local=local, force=force
    )
    announce(
        f"runner {info.name}: {', '.join(info.hosts)}; `mltrack runner check "
        f"{info.name}` says what is there"
    )


def list_(as_json: Json = False) -> None:
    """Lists the runners; the default one is marked with '*'."""
    found = list_runners(projects.find(current.directory))
    if as_json:
        emit_json({"runners": [asdict(item) for item in found]})
        return
    rows = [
        ("*" if item.is_default else "", item.name, item.kind, ", ".join(item.hosts))
        for item in found
    ]
    table(("", "name", "type", "hosts"), rows)


def remove(name: Name) -> None:
    """Forgets a runner. Its hosts are not touched, and jobs there go on."""
    verb.remove(projects.find(current.directory), name)
    announce(f"forgot runner {name}; what is on its hosts was not touched")


def trust(name: Name) -> None:
    """Confirms the hosts of a runner, which then may be looked at. Your own config
    remembers them.
    """
    announce(
        "trusted: "
        f"{verb.trust(projects.find(current.directory), name) or 'this machine'}"
    )


def check(name: Name = "local", as_json: Json = False) -> None:
    """Says what a runner has, who holds its GPUs, what is missing and how to get it."""
    reports = verb.check(projects.find(current.directory), name)
    if as_json:
        emit_json({"hosts": [_json(report) for report in reports]})
    else:
        for report in reports:
            _show(report)
    # whoever answered has facts, whatever is missing there
    broken = [report for report in reports if not report.facts]
    if broken:
        hint = "correct that, or leave the host away: mltrack runner add --force NAME HOST..."
        raise RemoteError(
            f"cannot be reached: {', '.join(report.name for report in broken)}",
            hint=hint,
        )


def _show(report: MachineReport) -> None:
    say(report.name)
    facts = report.facts
    if facts:
        say(
            f"  {facts['cpus']:g} {'cpu' if facts['cpus'] == 1 else 'cpus'}, "
            f"{size_text(facts['memory'])} memory, {plural(len(report.slots), 'GPU')}"
        )
        # this machine says no more than its resources
        if "python" in facts:
            say(
                f"  Python {facts['python']}, {facts['system']} {facts['machine']}; "
                f"{size_text(facts['free'])} free in {facts['place']}"
            )
        for resource, amount in sorted(facts.items()):
            if resource not in _OWN:
                say(f"  {resource}: {amount:g}")
    for slot in report.slots:
        say(f"  GPU {slot.gpu.name}: {_slot_words(slot)}")
    for problem in report.problems:
        # of a host that was not reached nothing is missing: that is the problem
        say(f"  missing: {problem}" if facts else f"  {problem}")
    for note in report.notes:
        say(f"  note: {note}")


def _slot_words(slot: Slot) -> str:
    memory = (
        f" ({slot.gpu.model}, {size_text(slot.gpu.free)} of "
        f"{size_text(slot.gpu.total)} free)"
        if slot.gpu.total
        else ""
    )
    if slot.is_foreign:
        return f"used by another program{memory}"
    if slot.holder is None:
        return f"free{memory}"
    holder = slot.holder
    since = (
        f" for {age_text(max(0.0, float(holder.get('age', 0))))}"
        if holder.get("age")
        else ""
    )
    # another user wrote the note: it may say anything, or nothing
    user, pid, label = (holder.get(name, "?") for name in ("user", "pid", "label"))
    return f"held by {user}, process {pid}: {label}{since}{memory}"


def _json(report: MachineReport) -> dict[str, object]:
    slots = [
        {**slot.gpu._asdict(), "holder": slot.holder, "is_foreign": slot.is_foreign}
        for slot in report.slots
    ]
    return {
        "name": report.name,
        "facts": report.facts,
        "gpus": slots,
        "problems": report.problems,
        "notes": report.notes,
    }


app = new_app(
    help="Names the places where stages run, and looks at them.", no_args_is_help=True
)
add_command(
    app,
    add,
    "mltrack runner add rack gpu1 gpu2",
    "mltrack runner add box me@192.168.1.20",
)
add_command(app, list_, "mltrack runner list", name="list")
add_command(app, remove, "mltrack runner remove rack")
add_command(app, trust, "mltrack runner trust rack")
add_command(app, check, "mltrack runner check local", "mltrack runner check rack")
