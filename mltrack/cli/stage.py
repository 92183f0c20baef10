"""``mltrack stage``"""

import shlex
from typing import Annotated

import typer

from mltrack.cli.invocation import announce, open_session, tell
from mltrack.cli.options import Json, add_command, new_app
from mltrack.cli.render import emit_json, table
from mltrack.cli.repro import repro
from mltrack.cli.run_lines import write_through
from mltrack.errors import UsageError
from mltrack.pipeline.stage import Stage
from mltrack.verbs import infer as verb_infer
from mltrack.verbs import stage as verb

Many = list[str] | None


_Command = Annotated[
    list[str],
    typer.Argument(
        metavar="COMMAND...",
        help="The command: all that follows its first word is part of it.",
    ),
]
_Name = Annotated[str, typer.Option("--name", "-n", help="The stage's name.")]
_Deps = Annotated[
    Many,
    typer.Option("--deps", "-d", metavar="PATH", help="A file or directory it reads."),
]
_Params = Annotated[
    Many,
    typer.Option("--params", "-p", metavar="[FILE:]KEY,...", help="Params it reads."),
]
_Outs = Annotated[
    Many,
    typer.Option("--outs", "-o", metavar="PATH", help="A file or directory it writes."),
]
_OutsNoCache = Annotated[
    Many,
    typer.Option("--outs-no-cache", "-O", metavar="PATH", help="One that git keeps."),
]
_Metrics = Annotated[
    Many,
    typer.Option("--metrics", "-m", metavar="PATH", help="A metrics file it writes."),
]
_MetricsNoCache = Annotated[
    Many,
    typer.Option(
        "--metrics-no-cache", "-M", metavar="PATH", help="One that git keeps."
    ),
]
_Plots = Annotated[
    Many, typer.Option("--plots", metavar="PATH", help="A plots file it writes.")
]
_PlotsNoCache = Annotated[
    Many, typer.Option("--plots-no-cache", metavar="PATH", help="One that git keeps.")
]
_OutsPersist = Annotated[
    Many,
    typer.Option(
        "--outs-persist", metavar="PATH", help="One that stays in place before a run."
    ),
]
_OutsPersistNoCache = Annotated[
    Many,
    typer.Option(
        "--outs-persist-no-cache",
        metavar="PATH",
        help="One that stays in place, and that git keeps.",
    ),
]
_Run = Annotated[
    bool, typer.Option("--run", help="Then run the stage, with what it depends on.")
]
_Wdir = Annotated[
    str, typer.Option("--wdir", "-w", metavar="DIR", help="Where the command runs.")
]
_Desc = Annotated[str, typer.Option("--desc", help="What it is for.")]
_AlwaysChanged = Annotated[
    bool, typer.Option("--always-changed", help="Run it on every repro.")
]
_Infer = Annotated[
    bool,
    typer.Option(
        "--infer",
        help="Run the command once and declare the files that it opens.",
    ),
]
_Force = Annotated[
    bool, typer.Option("--force", "-f", help="Replace a stage of that name.")
]


def add(
    command: _Command,
    name: _Name,
    deps: _Deps = None,
    params: _Params = None,
    outs: _Outs = None,
    outs_no_cache: _OutsNoCache = None,
    metrics: _Metrics = None,
    metrics_no_cache: _MetricsNoCache = None,
    plots: _Plots = None,
    plots_no_cache: _PlotsNoCache = None,
    outs_persist: _OutsPersist = None,
    outs_persist_no_cache: _OutsPersistNoCache = None,
    wdir: _Wdir = "",
    desc: _Desc = "",
    always_changed: _AlwaysChanged = False,
    infer: _Infer = False,
    run: _Run = False,
    force: _Force = False,
) -> None:
    """Declares a stage in mltrack.yaml of the current directory. Nothing is run, unless
    --run or --infer says so.
    """
    if run and infer:
        raise UsageError(
            "--run and --infer exclude each other", hint="--infer runs the command"
        )
    new = verb.NewStage(
        name=name,
        # one word is shell text as it was quoted; of several each stays one word
        cmd=command[0] if len(command) == 1 else shlex.join(command),
        deps=tuple(deps or ()),
        params=_keys(params or []),
        outs=tuple(outs or ()),
        outs_no_cache=tuple(outs_no_cache or ()),
        metrics=tuple(metrics or ()),
        metrics_no_cache=tuple(metrics_no_cache or ()),
        plots=tuple(plots or ()),
        plots_no_cache=tuple(plots_no_cache or ()),
        outs_persist=tuple(outs_persist or ()),
        outs_persist_no_cache=tuple(outs_persist_no_cache or ()),
        wdir=wdir,
        desc=desc,
        always_changed=always_changed,
    )
    session = open_session()
    if infer:
        new = verb_infer.infer(session, new, write_through)
    stage = verb.add(session, new, force=force)
    announce(f"added stage {stage.address} to {stage.pipeline_path}")
    if infer:
        _show_inferred(stage)
    elif run:
        repro([stage.address])
    else:
        tell(f"Next: mltrack repro {stage.address}")


def _keys(params: list[str]) -> tuple[str, ...]:
    """FILE:KEY,KEY is one item, KEY,KEY are several."""
    return tuple(
        item for text in params for item in ([text] if ":" in text else text.split(","))
    )


def _show_inferred(stage: Stage) -> None:
    for word, paths in (
        ("deps", stage.deps),
        ("params", [file.path for file in stage.params]),
        ("outs", [out.path for out in stage.outs]),
    ):
        announce(f"  {word}: {', '.join(paths) or 'none'}")
    tell(
        f"Review it. Next: mltrack commit {stage.address} records this run; "
        "mltrack repro runs it again."
    )


def list_(as_json: Json = False) -> None:
    """Lists the stages, each after those that it depends on."""
    stages = verb.list_stages(open_session().view)
    if as_json:
        emit_json(
            {
                "stages": [
                    {
                        "stage": stage.address,
                        "cmd": list(stage.cmd),
                        "deps": list(stage.deps),
                        "outs": [out.path for out in stage.outs],
                        "wdir": stage.wdir,
                        "desc": stage.desc,
                        "frozen": stage.frozen,
                        "meta": stage.meta,
                    }
                    for stage in stages
                ]
            }
        )
    else:
        table(
            ("stage", "writes", "about"),
            [
                (s.address, ", ".join(out.path for out in s.outs), s.desc or s.cmd[0])
                for s in stages
            ],
        )


app = new_app(
    help="Declares stages in mltrack.yaml, and lists them.", no_args_is_help=True
)
add_command(
    app,
    add,
    "mltrack stage add -n train -d train.py -d data -p lr -o model.pkl -M "
    "metrics.json python train.py",
    "mltrack stage add -n train --run -d train.py -o model.pkl python train.py",
    "mltrack stage add -n train --infer -- python train.py",
    "mltrack stage add -n prep -o clean.csv sort -u raw.csv -o clean.csv",
    # options behind the command's first word belong to the command
    allow_interspersed_args=False,
)
add_command(app, list_, "mltrack stage list", name="list")
