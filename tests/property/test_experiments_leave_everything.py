"""Whatever is asked of experiments, in whatever order: HEAD, the index, the stash,
branches and the workspace are as they were; what was done stays as it was done.
"""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.experiments import SCRIPT, shown, states, training, untouched
from tests.support.workspace import Workspace, hermetic_environment

NAMES = ("a", "b", "c", "a-1", "nobody")
LR = ("0.1", "0.2", "0.1,0.2", "nine", "0.9")

name = st.sampled_from(NAMES)
commands = st.one_of(
    st.tuples(
        st.just("run"),
        st.just("-n"),
        name,
        st.sampled_from([f"-Slr={lr}" for lr in LR]),
        st.sampled_from(["--queue", "--dry-run", "-j2", "--no-run-cache"]),
    ),
    st.tuples(st.just("run"), st.just("--from"), name, st.just("-Sdepth=7")),
    st.tuples(st.just("start")),
    st.tuples(st.just("start"), name),
    st.tuples(st.just("stop")),
    st.tuples(st.just("cancel"), name),
    st.tuples(st.just("status")),
    st.tuples(st.just("show")),
    st.tuples(st.just("diff"), name, name),
    st.tuples(st.just("rename"), name, name),
    st.tuples(
        st.just("note"),
        name,
        st.text(max_size=5).filter(lambda t: "\0" not in t and not t.startswith("-")),
    ),
    st.tuples(st.just("tag"), name, st.sampled_from(["good", "bad"])),
    st.tuples(st.just("remove"), name),
    st.tuples(st.just("save"), st.just("-n"), name),
    st.tuples(st.just("logs"), name),
)
changes = st.sampled_from(["nothing", "input", "code", "new", "staged", "removed"])


def change(ws: Workspace, what: str) -> None:
    """The person goes on working, between two commands."""
    match what:
        case "input":
            ws.write(
                "in.txt",
                ws.read("in.txt") + "more\n" if ws.exists("in.txt") else "new\n",
            )
        case "code":
            ws.write("code/train.sh", SCRIPT + "[ $1 != nine ]\n")
        case "new":
            ws.write("notes.txt", "new\n")
        case "staged":
            ws.write("staged.txt", "staged\n")
            ws.git("add", "staged.txt")
        case "removed":
            (ws.path / "notes.txt").unlink(missing_ok=True)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(st.tuples(changes, commands), min_size=2, max_size=7))
def test_no_sequence_of_commands_touches_the_workspace(
    sequence: list[tuple[str, tuple[str, ...]]],
) -> None:
    home = Path(tempfile.mkdtemp())
    try:
        ws = Workspace(home / "project", hermetic_environment(home / "home"))
        ws.path.mkdir()
        ws.git("init", "--quiet")
        ws.mltrack("init")
        training(ws)
        ws.write("in.txt", "stashed\n")
        ws.git("stash", "--quiet")
        for what, command in sequence:
            change(ws, what)
            before = {one: row["commit"] for one, row in shown(ws).items()}
            with untouched(ws):
                done = ws.mltrack("exp", *command, code=None)
            assert done.code in (0, 1, 2, 8), (command, done.said)
            after = {one: row["commit"] for one, row in shown(ws).items()}
            if command[0] not in ("remove", "rename", "note", "tag", "cancel"):
                kept = {one: commit for one, commit in before.items() if commit}
                assert kept.items() <= after.items(), command
            if command[0] == "start" and len(command) == 1:
                assert set(states(ws).values()) <= {"done", "failed"}, done.said
    finally:
        shutil.rmtree(home)
