"""Environment variables that are named are part of the result, and their values stand
in no file.
"""

import os

from tests.support.workspace import Workspace


def test_an_environment_variable_that_is_named_is_part_of_the_result(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo $SEED > o\n    env: {vars: [SEED]}\n    outs: [o]\n",
    )
    ws.mltrack("repro", SEED="1")
    assert "1 unchanged" in ws.mltrack("repro", SEED="1").out
    assert ("environment-changed", "SEED") in {
        (reason["cause"], reason["subject"])
        for reason in ws.mltrack("why", "s", "--json", SEED="2").json["stages"][0][
            "reasons"
        ]
    }
    assert "1 ran" in ws.mltrack("repro", SEED="2").out and ws.read("o") == "2\n"
    assert "1 ran" in ws.mltrack("repro").out
    assert '"SEED": null' in ws.read("mltrack.lock")


def test_values_of_variables_stand_in_no_file(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    env: {vars: [PLACE]}\n    outs: [o]\n",
    )
    ws.mltrack("repro", PLACE="canary-51f3")
    for directory, _, files in os.walk(ws.path):
        for name in files:
            with open(os.path.join(directory, name), "rb") as file:
                assert b"canary-51f3" not in file.read()


def test_a_variable_that_looks_like_a_secret_is_refused(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch o\n    env: {vars: [API_KEY]}\n    outs: [o]\n",
    )
    assert "API_KEY" in ws.mltrack("repro", code=1).err


def test_doctor_names_stages_whose_environment_is_not_pinned(ws: Workspace) -> None:
    ws.write("uv.lock", "x")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: x\n    env: {lock: uv.lock}\n  b:\n    cmd: x\n",
    )
    assert "not pinned for: b;" in ws.mltrack("doctor").out
