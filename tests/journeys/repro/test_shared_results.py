"""Results that travel: run records in bundles, and `repro --pull`, which brings what a
run needs and nothing else.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

HOSTILE = {
    "infinite": ('"exit_code": 0', '"exit_code": 1e999'),
    "huge": ('"exit_code": 0', '"exit_code": 0, "peak_memory": ' + "9" * 4000),
    "huge float": ('"exit_code": 0', '"exit_code": 0, "seconds": 1' + "0" * 400),
    "huge param": ('"cmd":', '"params": {"p.yaml": {"n": ' + "9" * 2467 + '}}, "cmd":'),
    "surrogate": ('"cmd":', '"params": {"p.yaml": {"n": "\\ud800"}}, "cmd":'),
    "deep": (
        '"cmd":',
        '"params": {"p.yaml": {"n": ' + "[" * 900 + "]" * 900 + '}}, "cmd":',
    ),
}


PIPELINE = """\
stages:
  prep:
    cmd: echo prep >> ../count; sort data/raw.txt > prepared
    deps: [data]
    outs: [prepared]
  train:
    cmd: echo train >> ../count; echo ${lr} | cat prepared - > model; echo '{"acc":1}' > metrics.json
    deps: [prepared]
    params: [lr]
    outs: [model]
    metrics: [metrics.json: {cache: false}]
"""


@pytest.fixture
def shared(ws: Workspace) -> Workspace:
    """A project that ran and was pushed, all but its lock: only the run cache knows the
    results.
    """
    ws.write("data/raw.txt", "b\na\n")
    ws.write("params.yaml", "lr: 1\n")
    ws.write("mltrack.yaml", PIPELINE)
    ws.mltrack("add", "data")
    ws.mltrack("remote", "add", "store", str(ws.path.parent / "store"))
    ws.mltrack("repro")
    return ws


def runs(ws: Workspace) -> list[str]:
    place = ws.path.parent / "count"
    return place.read_text().split() if place.exists() else []


def test_a_colleague_restores_instead_of_running(
    shared: Workspace, tmp_path: Path
) -> None:
    (shared.path / "mltrack.lock").rename(shared.path.parent / "lock")
    shared.commit()
    (shared.path.parent / "lock").rename(shared.path / "mltrack.lock")
    assert "and 2 run records to store" in shared.mltrack("push").out
    other = shared.clone(tmp_path / "away" / "clone")
    (other.path / "metrics.json").unlink()
    assert "2 stages: 2 restored" in other.mltrack("repro", "--pull").out
    assert (
        runs(other) == []
        and other.read("model") == "a\nb\n1\n"
        and other.read("metrics.json") == '{"acc":1}\n'
    )
    assert (
        other.mltrack("logs", "train", "--json").json["logs"][0]["state"] == "current"
    )
    assert "2 unchanged" in other.mltrack("repro", "--pull").out


def bundles(ws: Workspace) -> list[Path]:
    return list((ws.path.parent / "store/runs").iterdir())


def test_records_come_with_fetch_and_go_in_one_file(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.commit()
    shared.mltrack("push")
    assert len(bundles(shared)) == 1
    assert (
        "Everything is there already" in shared.mltrack("push").out
        and len(bundles(shared)) == 1
    )
    other = shared.clone(tmp_path / "away" / "clone")
    other.mltrack("pull")
    (other.path / "mltrack.lock").unlink()
    assert "2 restored" in other.mltrack("repro").out


def test_a_fresh_clone_with_nothing_to_run_downloads_nothing(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.commit()
    shared.mltrack("push")
    other = shared.clone(tmp_path / "away" / "clone")
    assert "2 stages: 2 unchanged" in other.mltrack("repro", "--pull").out
    assert (
        not other.exists("data")
        and not other.exists("prepared")
        and not other.exists("model")
    )
    assert not list((other.path / ".mltrack/cache/packs").glob("*.pack"))


def test_pull_brings_just_the_inputs_of_what_runs(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.commit()
    shared.mltrack("push")
    other = shared.clone(tmp_path / "away" / "clone")
    other.write("params.yaml", "lr: 2\n")
    done = other.mltrack("repro", "--pull")
    assert "train: brought prepared" in done.err and "1 ran, 1 unchanged" in done.out
    assert (
        runs(other) == ["train"]
        and other.read("model") == "a\nb\n2\n"
        and not other.exists("data")
    )


def test_older_results_travel_when_asked_for(shared: Workspace, tmp_path: Path) -> None:
    shared.write("params.yaml", "lr: 2\n")
    shared.mltrack("repro")
    shared.commit()
    assert "and 2 run records" in shared.mltrack("push").out
    assert "and 1 run record " in shared.mltrack("push", "--run-cache").out
    other = shared.clone(tmp_path / "away" / "clone")
    other.mltrack("fetch", "--run-cache")
    shutil.rmtree(shared.path.parent / "store")
    other.mltrack("checkout")
    other.write("params.yaml", "lr: 1\n")
    assert (
        "1 restored, 1 unchanged" in other.mltrack("repro").out
        and other.read("model") == "a\nb\n1\n"
    )


def test_sharing_can_be_turned_off(shared: Workspace) -> None:
    shared.mltrack("config", "runs.remote", "false")
    shared.mltrack("push")
    assert not (shared.path.parent / "store/runs").exists()


def test_many_files_of_records_become_one(shared: Workspace, tmp_path: Path) -> None:
    for number in range(36):
        shared.write("params.yaml", f"lr: {number + 10}\n")
        shared.mltrack("repro")
        shared.mltrack("push")
    assert len(bundles(shared)) < 10
    shared.commit()
    other = shared.clone(tmp_path / "away" / "clone")
    other.mltrack("fetch")
    other.write("params.yaml", "lr: 12\n")
    assert "1 restored" in other.mltrack("repro", "--pull").out


@pytest.mark.parametrize("damage", ["flip", "cut", "lie", "outside"])
def test_records_that_were_tampered_with_are_passed_over(
    damage: str, shared: Workspace, tmp_path: Path
) -> None:
    """A record that is damaged, that claims other inputs than its key, or that names
    outputs that nobody declared.
    """
    from mltrack.formats import record_bundle
    from mltrack.objects.digest import XXH3

    shared.commit()
    shared.mltrack("push")
    other = shared.clone(tmp_path / "away" / "clone")
    other.mltrack("pull")
    (other.path / "mltrack.lock").unlink()
    shutil.rmtree(other.path / ".mltrack/cache/runs")
    shutil.rmtree(other.path / ".mltrack/index")
    bundle = bundles(shared)[0]
    data = bundle.read_bytes()
    bundle.unlink()
    if damage == "flip":
        bundle.write_bytes(data.replace(b'"size": 4', b'"size": 5'))
    elif damage == "cut":
        bundle.write_bytes(data[:-20])
    else:
        lines: dict[tuple[str, str], bytes] = {}
        for row in record_bundle.read_table(data[: data.index(b"\n") + 1], XXH3, "x"):
            record = json.loads(data[row.offset : row.offset + row.length])
            if damage == "lie":
                record["entry"]["cmd"] = ["echo other"]
            else:
                record["entry"]["outs"]["../../escaped"] = next(
                    iter(record["entry"]["outs"].values())
                )
            lines[row.key, row.outs] = (json.dumps(record) + "\n").encode()
        forged = record_bundle.write_lines(lines)
        (bundle.parent / f"{XXH3.hex_of(forged)}.jsonl").write_bytes(forged)
    assert "2 ran" in other.mltrack("repro", "--pull").out
    assert not (other.path.parent.parent / "escaped").exists()


def test_the_run_cache_merges_its_own_files_and_loses_none(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: echo x >> ../count; cp i o\n    deps: [i]\n    outs: [o]\n",
    )
    for number in range(70):
        ws.write("i", str(number))
        ws.mltrack("repro")
    assert len(list((ws.path / ".mltrack/cache/runs").glob("*.jsonl"))) < 40
    for number in (0, 33, 69):
        ws.write("i", str(number))
        assert "1 ran" not in ws.mltrack("repro").out
    assert len((ws.path.parent / "count").read_text().split()) == 70


def test_each_record_says_how_a_result_came_to_be(shared: Workspace) -> None:
    shared.commit()
    shared.mltrack("repro", "--force", "prep")
    bundle = max(
        (shared.path / ".mltrack/cache/runs").glob("*.jsonl"),
        key=lambda path: path.stat().st_mtime,
    )
    record = json.loads(bundle.read_text().splitlines()[1])
    head = shared.git("rev-parse", "HEAD").out.strip()
    assert (
        record["stage"] == "prep"
        and record["commit"] == head
        and record["exit_code"] == 0
    )
    assert (
        record["peak_memory"] > 1 << 20
        and record["seconds"] > 0
        and record["runner"] == "local"
    )
    assert record["by"] == "run" and "platform" in record and "log" in record


def test_an_output_may_have_a_remote_of_its_own(ws: Workspace, tmp_path: Path) -> None:
    for name in ("store", "vault"):
        ws.mltrack("remote", "add", name, str(ws.path.parent / name))
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: echo a > a; echo b > b\n    outs:\n    - a\n    - b: {remote: vault}\n",
    )
    ws.mltrack("repro")
    ws.commit()
    assert "to store, vault" in ws.mltrack("push").out
    assert [
        len(list((ws.path.parent / name / "packs").iterdir()))
        for name in ("store", "vault")
    ] == [1, 1]
    other = ws.clone(tmp_path / "away" / "clone")
    other.mltrack("pull")
    assert other.read("a") == "a\n" and other.read("b") == "b\n"


def test_pull_understands_dependencies_on_parts_of_tracked_directories(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.write(
        "mltrack.yaml", PIPELINE.replace("deps: [data]", "deps: [data/raw.txt]")
    )
    shared.mltrack("repro")
    shared.commit()
    shared.mltrack("push")
    other = shared.clone(tmp_path / "away" / "clone")
    assert "2 unchanged" in other.mltrack("repro", "--pull").out and not other.exists(
        "data"
    )
    other.write(
        "mltrack.yaml",
        other.read("mltrack.yaml").replace("echo prep >>", "echo again >>"),
    )
    other.mltrack("repro", "--pull")
    assert runs(other) == ["again"] and other.read("prepared") == "a\nb\n"


def test_a_directory_that_is_here_in_part_is_completed_not_taken_for_an_edit(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write("d/a", "1")
    ws.write("d/b", "2")
    ws.mltrack("add", "d")
    ws.mltrack("remote", "add", "store", str(ws.path.parent / "store"))
    ws.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: ls d > l\n    deps: [d]\n    outs: [l]\n",
    )
    ws.commit()
    ws.mltrack("push")
    other = ws.clone(tmp_path / "away" / "clone")
    other.mltrack("pull", "d/a")
    said = other.mltrack("repro", "--dry-run")
    assert "mltrack add d" not in said.err
    other.mltrack("repro", "--pull")
    assert other.read("l") == "a\nb\n"
    (other.path / "d/a").unlink()
    assert "d differs from its pointer" in other.mltrack("repro", "--pull").err, (
        "now it is an edit"
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_record_is_passed_over(ws: Workspace, name: str) -> None:
    from mltrack.formats import record_bundle
    from mltrack.objects.digest import XXH3

    ws.write("mltrack.yaml", "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n")
    ws.mltrack("repro")
    bundle = next((ws.path / ".mltrack/cache/runs").glob("*.jsonl"))
    data = bundle.read_bytes()
    bundle.unlink()
    lines: dict[tuple[str, str], bytes] = {}
    for row in record_bundle.read_table(data[: data.index(b"\n") + 1], XXH3, "x"):
        text = data[row.offset : row.offset + row.length].decode()
        old, new = HOSTILE[name]
        assert old in text
        if "seconds" in new or "peak" in new:
            text = text.replace('"peak_memory":', '"x":').replace('"seconds":', '"y":')
        lines[row.key, row.outs] = (
            text.replace('"params": {}, ', "").replace(old, new, 1).encode()
        )
    forged = record_bundle.write_lines(lines)
    (bundle.parent / f"{XXH3.hex_of(forged)}.jsonl").write_bytes(forged)
    ws.mltrack("gc")
    assert "1 ran" in ws.mltrack("repro", "--force").out
    (ws.path / "o").unlink()
    (ws.path / "mltrack.lock").unlink()
    ws.mltrack("repro")
