"""Small pipelines, and what mltrack says of their steps."""

import json

from tests.support.workspace import Workspace

CHAIN = """\
stages:
  first:
    cmd: cat in.txt > a.txt && echo ${word} >> a.txt
    deps: [in.txt]
    params: [word]
    outs: [a.txt]
  second:
    cmd: wc -c < a.txt > b.txt
    deps: [a.txt]
    outs: [b.txt]
  third:
    cmd: cat b.txt > c.txt
    deps: [b.txt]
    outs: [c.txt]
"""
PIPELINE = """\
stages:
  gather:
    cmd: (echo ${word}; cat data/*) > gathered.txt
    deps: [data]
    params: [word]
    outs: [gathered.txt]
    sandbox: SANDBOX
  count:
    cmd: wc -c < gathered.txt > counted.txt
    deps: [gathered.txt]
    outs: [counted.txt]
    sandbox: SANDBOX
"""


def begin_pipeline(ws: Workspace, *, link: str = "", sandbox: bool = False) -> None:
    if link:
        ws.mltrack("config", "--local", "cache.link", f"{link},copy")
    ws.write("data/a", "a\n")
    ws.write("params.yaml", "word: first\n")
    ws.write(
        "mltrack.yaml", PIPELINE.replace("SANDBOX", "true" if sandbox else "false")
    )
    ws.mltrack("add", "data")


def verdicts(ws: Workspace, *arguments: str) -> dict[str, str]:
    steps = ws.mltrack("repro", "--dry-run", "--json", *arguments).json["steps"]
    return {step["stage"]: step["verdict"] for step in steps}


def causes(ws: Workspace, stage: str) -> set[tuple[str, str]]:
    reasons = ws.mltrack("why", stage, "--json").json["stages"][0]["reasons"]
    return {(reason["cause"], reason["subject"]) for reason in reasons}


def lock(ws: Workspace) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(ws.read("mltrack.lock"))["stages"]
    return found
