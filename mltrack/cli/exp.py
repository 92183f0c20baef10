"""``mltrack exp``"""

from mltrack.cli import exp_run
from mltrack.cli.options import add_command, new_app

app = new_app(
    help="Runs the pipeline with other params, beside the workspace, and compares.",
    no_args_is_help=True,
)
add_command(
    app,
    exp_run.run,
    "mltrack exp run -S train.lr=0.1,0.01 -S train.depth=range(2,12,2) -j 4",
    "mltrack exp run --random 20 --seed 1 -S train.lr='loguniform(1e-5,1e-1)'",
    "mltrack exp run --params tries.csv --queue",
)
add_command(
    app, exp_run.start, "mltrack exp start -j 4", "mltrack exp start quiet-heron"
)
add_command(app, exp_run.stop, "mltrack exp stop", "mltrack exp stop quiet-heron")
add_command(app, exp_run.cancel, "mltrack exp cancel quiet-heron")
add_command(app, exp_run.status, "mltrack exp status")
