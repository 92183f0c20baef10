"""Stages side by side, within resources and jobs; what a failure stops, and the events
of it.
"""

import json
import os

from mltrack.project import find
from mltrack.verbs import logs
from mltrack.verbs.session import Session
from tests.support.workspace import Workspace

FAN = "stages:\n" + "".join(
    f"  s{n}:\n    cmd: date +%s%N > o{n}; sleep 1; date +%s%N >> o{n}\n    outs: [o{n}]\n"
    for n in range(8)
)


def spans(ws: Workspace, names: list[str]) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in (ws.read(name).split() for name in names)]


def most_at_once(found: list[tuple[int, int]]) -> int:
    moments = sorted(
        [(start, 1) for start, _ in found] + [(end, -1) for _, end in found]
    )
    now = most = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    return most


def test_independent_stages_run_side_by_side_and_their_output_by_whole_lines(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml", FAN.replace("sleep 1;", "printf 'one '; sleep 1; echo two;")
    )
    done = ws.mltrack("repro", "-j", "8")
    assert most_at_once(spans(ws, [f"o{n}" for n in range(8)])) == 8
    assert all(f"s{n} | one two\n" in done.err for n in range(8))
    ws.mltrack("config", "repro.jobs", "3")
    ws.mltrack("repro", "--force")
    assert most_at_once(spans(ws, [f"o{n}" for n in range(8)])) == 3


def test_stages_that_claim_a_resource_share_it(ws: Workspace) -> None:
    ws.mltrack("config", "runner.local.license", "2")
    ws.mltrack("config", "runner.local.gpus", "3")
    text = "stages:\n" + "".join(
        f"  l{n}:\n    cmd: date +%s%N > l{n}; sleep 0.5; date +%s%N >> l{n}\n    outs: [l{n}]\n    resources: {{license: 1}}\n"
        for n in range(4)
    )
    text += "".join(
        f'  g{n}:\n    cmd: echo "$CUDA_VISIBLE_DEVICES" > g{n}; sleep 0.5\n    outs: [g{n}]\n    resources: {{gpus: 1}}\n'
        for n in range(3)
    )
    text += '  none:\n    cmd: echo "${CUDA_VISIBLE_DEVICES-unset}" > none\n    outs: [none]\n'.replace(
        "${", "\\${"
    )
    ws.write("mltrack.yaml", text)
    ws.mltrack("repro", "-j", "8", CUDA_VISIBLE_DEVICES="4,5,7")
    assert most_at_once(spans(ws, [f"l{n}" for n in range(4)])) == 2
    assert sorted(ws.read(f"g{n}").strip() for n in range(3)) == ["4", "5", "7"]


def test_a_claim_that_can_never_be_met_is_refused_before_anything_runs(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: touch a\n    outs: [a]\n  b:\n    cmd: x\n    resources: {license: 1}\n",
    )
    said = ws.mltrack("repro", code=1).err
    assert (
        "stage 'b' needs 1 of 'license'; this machine has 0" in said
        and "runner.local.license" in said
    )
    assert not ws.exists("a")


def test_after_a_failure_nothing_new_begins_unless_asked_to_keep_going(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  bad:\n    cmd: echo why; exit 3\n    outs: [x]\n  after:\n    cmd: cat x > y\n    deps: [x]\n    outs: [y]\n"
        "  other:\n    cmd: touch z\n    outs: [z]\n  last:\n    cmd: cp z w\n    deps: [z]\n    outs: [w]\n",
    )
    done = ws.mltrack("repro", code=8)
    assert "4 stages: 1 failed, 3 not reached" in done.out and not ws.exists("z")
    done = ws.mltrack("repro", "--keep-going", code=8)
    assert "4 stages: 2 ran, 1 failed, 1 not reached" in done.out and ws.exists("w")
    assert "  | why" in done.err
    assert ws.mltrack("logs", "bad").out == "why\n"


def test_events_say_the_same_typed_causes_as_the_plan(ws: Workspace) -> None:
    ws.write("in", "1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a: {cmd: cat in > a, deps: [in], outs: [a]}\n  b: {cmd: cat a > b, deps: [a], outs: [b]}\n"
        "  f: {cmd: 'echo 1 > f', outs: [f], frozen: true}\n",
    )
    for text in ("1\n", "2\n", "1\n"):
        ws.write("in", text)
        planned = {
            step["stage"]: step["reasons"]
            for step in ws.mltrack("repro", "--dry-run", "--json").json["steps"]
        }
        events = [
            json.loads(line) for line in ws.mltrack("repro", "--json").out.splitlines()
        ]
        told = {
            event["stage"]: event["reasons"] for event in events if "reasons" in event
        }
        assert (
            told["a"] == planned["a"]
            and told["f"] == planned["f"]
            and told["f"][0]["cause"] == "frozen"
        )
        assert {reason["cause"] for reason in told["b"]} <= {
            "never-ran",
            "dependency-changed",
            "output-changed",
        }


def test_a_log_of_any_size_is_read_from_where_the_last_look_ended(
    ws: Workspace,
) -> None:
    log = ws.write("log", "begun\n")
    os.truncate(log, 1 << 30)
    with log.open("ab") as file:
        file.write(b"latest")
    session = Session(find(str(ws.path)))
    one = logs.Log("s", "running", 0.0, path=str(log))
    assert list(logs.pieces(session, one, 1 << 30)) == [b"latest"]
    assert next(logs.pieces(session, one)).startswith(b"begun")
    (ws.path / "log").unlink()
    assert list(logs.pieces(session, one)) == []


def test_running_twice_names_the_stages_that_run_at_once_by_setting(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo hello; echo 1 > a\n    outs: [a]\n"
        "  t:\n    cmd: echo hello; echo 1 > b\n    outs: [b]\n",
    )
    ws.mltrack("config", "repro.jobs", "2")
    said = ws.mltrack("repro", "--twice", "s", "t").said
    assert "s | hello" in said and "t | hello" in said
