"""What a host answers is not believed: names that nobody asked for, nonsense, results
without their outputs.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.hosts import DETACHED, finished, stages
from tests.support.workspace import Workspace


def result_of(place: Path) -> Path:
    (path,) = (place / "host/jobs").rglob("result.json")
    return path


def test_a_host_names_no_file_that_nobody_asked_for(
    box: Workspace, tmp_path: Path
) -> None:
    stages(box, a='{cmd: "echo a > a", outs: [a]}')
    finished(box)
    result = json.loads(result_of(tmp_path).read_text())
    outputs = result["items"][0]["outputs"]
    outputs[str(tmp_path / "pwned")] = outputs["../../pwned"] = outputs["a"]
    result_of(tmp_path).write_text(json.dumps(result))
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert (
        "which nobody asked for" in said
        and not (tmp_path / "pwned").exists()
        and not box.exists("a")
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda result: result["items"][0].pop("exit_code"),
        lambda result: result["items"][0]["outputs"].update(a=7),
        lambda result: result.update(items="x"),
        lambda result: result.update(gpus=7),
    ],
)
def test_an_answer_that_makes_no_sense_is_one_error(
    change: Callable[[Any], Any], box: Workspace, tmp_path: Path
) -> None:
    stages(box, a='{cmd: "echo a > a", outs: [a]}')
    finished(box)
    result = json.loads(result_of(tmp_path).read_text())
    change(result)
    result_of(tmp_path).write_text(json.dumps(result))
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert "Traceback" not in said and "worker" in said


def test_a_result_without_its_output_is_not_found_again(
    box: Workspace, tmp_path: Path
) -> None:
    stages(box, a=f'{{cmd: "test ! -e {tmp_path}/flag || echo a > a", outs: [a]}}')
    assert "did not write 'a'" in box.mltrack("repro", "--runner", "box", code=8).err
    (tmp_path / "flag").touch()
    box.mltrack("repro", "--runner", "box")
    assert box.read("a") == "a\n"


def test_a_job_directory_full_of_nonsense_does_not_keep_the_host_from_working(
    box: Workspace, tmp_path: Path
) -> None:
    stages(box, a='{cmd: "echo a > a", outs: [a]}')
    box.mltrack("repro", "--runner", "box")
    jobs = tmp_path / "host/jobs"
    (jobs / ("ab" * 16)).write_text("a file")
    (jobs / ("cd" * 16) / "²").mkdir(parents=True)
    (jobs / ("ef" * 16) / "1").mkdir(parents=True)
    (jobs / ("ef" * 16) / "1/result.json").write_text('{"items": [{}]}')
    (tmp_path / "host/housekeeping").unlink()
    stages(box, a='{cmd: "echo b > a", outs: [a]}')
    box.mltrack("repro", "--runner", "box")
    assert box.read("a") == "b\n"
    box.mltrack("job", "list", "--all")


def test_an_output_that_cannot_be_recorded_is_not_found_again(
    box: Workspace, tmp_path: Path
) -> None:
    stages(
        box,
        a=f'{{cmd: "mkdir a; test -e {tmp_path}/flag || ln -s /etc a/l; echo x > a/x", outs: [a]}}',
    )
    assert "cannot be recorded" in box.mltrack("repro", "--runner", "box", code=8).err
    (tmp_path / "flag").touch()
    box.mltrack("repro", "--runner", "box")
    assert box.read("a/x") == "x\n"


def test_a_tampered_job_directory_is_named(box: Workspace, tmp_path: Path) -> None:
    box.write("mltrack.yaml", DETACHED)
    box.mltrack("repro", "--runner", "box", "--detach")
    box.mltrack("job", "attach", "t")
    (result,) = (tmp_path / "host/jobs").rglob("result.json")
    result.write_text(result.read_text().replace('"state":"done"', '"state":"well"'))
    said = box.mltrack("repro", "--runner", "box", code=None)
    assert str(result) in said.err and not box.exists("p")
