"""``mltrack exp``"""

from mltrack.cli import exp_keep, exp_run, exp_show
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
add_command(app, exp_run.resume, "mltrack exp resume quiet-heron")
add_command(app, exp_run.stop, "mltrack exp stop", "mltrack exp stop quiet-heron")
add_command(app, exp_run.cancel, "mltrack exp cancel quiet-heron")
add_command(app, exp_run.status, "mltrack exp status")
add_command(
    app,
    exp_show.show,
    "mltrack exp show --sort -metrics.acc --only-changed",
    "mltrack exp show --where 'metrics.acc > 0.9 and params.lr < 0.01' --csv",
)
add_command(app, exp_show.rank, "mltrack exp rank --by metrics.acc --max")
add_command(app, exp_show.diff, "mltrack exp diff quiet-heron brave-otter")
add_command(app, exp_keep.apply, "mltrack exp apply quiet-heron")
add_command(app, exp_keep.branch, "mltrack exp branch quiet-heron try-deeper")
add_command(app, exp_keep.rename, "mltrack exp rename quiet-heron baseline")
add_command(app, exp_keep.note, "mltrack exp note quiet-heron 'deeper, slower'")
add_command(app, exp_keep.tag, "mltrack exp tag quiet-heron good")
add_command(app, exp_keep.remove, "mltrack exp remove quiet-heron")
add_command(app, exp_keep.save, "mltrack exp save -n baseline")
add_command(app, exp_keep.logs, "mltrack exp logs quiet-heron train")
add_command(app, exp_keep.push, "mltrack exp push quiet-heron")
add_command(app, exp_keep.fetch, "mltrack exp fetch")
add_command(app, exp_keep.pull, "mltrack exp pull quiet-heron")
