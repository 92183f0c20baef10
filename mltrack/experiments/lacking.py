"""What stages read that no experiment can be given: files that neither git nor mltrack
keeps, and those of submodules.
"""

import os

from mltrack.errors import UsageError
from mltrack.experiments.trial import Trial
from mltrack.git import snapshot
from mltrack.pipeline.paths import overlaps
from mltrack.pipeline.stage import Stage, is_outside


def refuse_lacking(trial: Trial) -> None:
    """Raises UsageError for a stage of an experiment that reads such a file."""
    stand = trial.ground.stand
    submodules = snapshot.submodules_in(stand.tree, stand.session.project.path)
    for address in trial.addresses:
        stage = trial.graph.stages[address]
        # one that is frozen does not run, and its results are known
        if not stage.frozen:
            _refuse(stage, submodules, trial)


def _refuse(stage: Stage, submodules: list[str], trial: Trial) -> None:
    project = trial.ground.stand.session.project
    there = trial.ground.asking.project
    made = [out.path for one in trial.graph.stages.values() for out in one.outs]
    for path in stage.reads:
        if is_outside(path):
            continue
        if any(overlaps(one, path) for one in submodules):
            raise UsageError(
                f"stage {stage.address!r} reads {path!r}, which is a submodule's: "
                "experiments have no files of submodules",
                hint="mltrack repro, or keep those files in this repository",
            )
        is_made = any(overlaps(out, path) for out in made)
        is_known = is_made or bool(trial.learner.absent.overlapping(path))
        if is_known or os.path.lexists(project.absolute(path)):
            continue
        # one that does not exist is named by the plan, as for repro
        if os.path.lexists(there.absolute(path)):
            raise UsageError(
                f"stage {stage.address!r} reads {path!r}, which git ignores and mltrack "
                "does not track, so experiments do not have it",
                hint=f"mltrack add {path}, or take it out of .gitignore",
            )
