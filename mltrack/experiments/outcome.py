"""What an experiment leaves when it is over: the files of its commit, and the values by
which it is compared.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mltrack.engine.commit import machine_platform
from mltrack.engine.events import StageFailed
from mltrack.errors import MltrackError
from mltrack.experiments.record import FAILED, Experiment, Values
from mltrack.experiments.trial import Trial
from mltrack.formats import lock_file, params_file
from mltrack.formats.pipeline_file import top_level
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_walk import entry_at, leaves
from mltrack.pipeline.paths import contains
from mltrack.pipeline.stage import METRIC

Files = dict[str, bytes | None]
# bytes: what is larger, git would keep for good
_LARGE = 10 << 20


def files(one: Experiment, trial: Trial) -> Files:
    """Returns the files in which the commit of an experiment differs from its base, by
    path in the repository: params, locks, and outputs that stages leave to git.
    """
    session = trial.ground.stand.session
    found: Files = dict(trial.rewritten())
    algorithm = session.project.algorithm
    for lock_path, entries in trial.notes.locks.items():
        found[lock_path] = lock_file.write(entries, algorithm).encode()
        for entry in entries.values():
            for out in entry.uncached:
                for path, content in _files_of(out, entry.outs[out], trial):
                    if content.size <= _LARGE:
                        # what the cache lacks is as the base has it
                        with suppress(MltrackError):
                            found[path] = session.project.cache.read(content.hex)
    prefix = f"{one.inner}/" if one.inner else ""
    return {prefix + path: data for path, data in found.items()}


def _files_of(
    out: str, content: Content, trial: Trial
) -> Iterator[tuple[str, Content]]:
    """The files of an output: itself, or those below a directory."""
    if content.kind != TREE:
        yield out, content
        return
    cache = trial.ground.stand.session.project.cache
    with suppress(MltrackError):
        for name, entry in leaves(content.hex, cache.read_tree):
            yield f"{out}/{os.fsdecode(name)}", Content("file", entry.hex, entry.size)


def with_values(one: Experiment, trial: Trial) -> Experiment:
    """Returns an experiment with the params that its stages depend on, the metrics that
    they wrote, and how each came to its result.
    """
    params: Values = {}
    for address in trial.addresses:
        stage = trial.graph.stages[address]
        for file in stage.params:
            # of a file that a stage has yet to write nobody knows
            with suppress(MltrackError):
                values = trial.learner.params.values(file.path, stage)
                picked = params_file.pick(values, file.keys, file.path)
                params.setdefault(file.path, {}).update(_dotted(picked))
    # also what no stage declares, as what a template holds
    for path, given in one.given.items():
        params.setdefault(path, {}).update(_dotted(given))
    return replace(
        one,
        machine=machine_platform(),
        params=params,
        metrics=_metrics(trial),
        stages={
            address: trial.notes.done[address]
            for address in trial.addresses
            if address in trial.notes.done
        },
    )


def _dotted(values: dict[str, Any]) -> dict[str, Any]:
    """Values by dotted key, of which mappings and lists are taken apart."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        # the key is one of the file's already: flattened alone it would be quoted
        is_part = isinstance(value, dict | list) and value
        found.update(params_file.flatten(value, key) if is_part else {key: value})
    return found


def take_logged(trial: Trial, address: str) -> Values:
    """Returns the metrics that a stage had logged when it failed, and removes what it
    left of its outputs.
    """
    session = trial.ground.stand.session
    stage = trial.graph.stages[address]
    found: Values = {}
    for out in stage.outs:
        place = session.project.absolute(out.path)
        if not os.path.lexists(place):
            continue
        if out.type == METRIC and os.path.isfile(place):
            # half written, perhaps
            with suppress(MltrackError):
                data = session.project.read(out.path)
                if data is not None:
                    loaded = params_file.load(data, out.path)
                    found[out.path] = params_file.flatten(loaded)
        session.checkout.clear(out.path)
    return found


def _metrics(trial: Trial) -> Values:
    view = trial.ground.stand.session.view
    paths = {
        out.path
        for address in trial.addresses
        for out in trial.graph.stages[address].outs
        if out.type == METRIC
    }
    # a stage that failed, or was not reached, has what its base says: that of others
    outs = {
        path: content
        for address, done in trial.notes.done.items()
        if done.how != FAILED
        and address in trial.graph.stages
        and (entry := trial.notes.entry(trial.graph.stages[address])) is not None
        for path, content in entry.outs.items()
    }
    with suppress(MltrackError):
        for pipeline in view.pipelines:
            listed = top_level(pipeline, view.read(pipeline) or b"", view.read)
            above = os.path.dirname(pipeline)
            paths.update(
                os.path.normpath(os.path.join(above, name)) for name in listed.metrics
            )
    found: Values = {}
    for path in sorted(paths):
        # one that cannot be read: whoever shows that experiment alone says why
        with suppress(MltrackError):
            for name, data in _read(path, outs, trial):
                found[name] = params_file.flatten(params_file.load(data, name))
    return found


def _read(
    path: str, outs: dict[str, Content], trial: Trial
) -> Iterator[tuple[str, bytes]]:
    """The files at a path, with their bytes: of an output, or of a part of one."""
    cache = trial.ground.stand.session.project.cache
    for out, content in outs.items():
        if out == path:
            for name, one in _files_of(out, content, trial):
                yield name, cache.read(one.hex)
        elif contains(out, path) and content.kind == TREE:
            inner = os.fsencode(path[len(out) + 1 :])
            found = entry_at(content.hex, inner, cache.read_tree)
            if found is not None:
                yield path, cache.read(found.hex)


def reason(failed: StageFailed | None) -> str:
    """Returns why an experiment has no result, on one line."""
    if failed is None:
        return "a stage has no result"
    fault = failed.fault
    words = fault.error or fault.cause.value.replace("-", " ")
    if fault.paths:
        words += f": {', '.join(fault.paths[:3])}"
    if fault.exit_code:
        words += f", exit code {fault.exit_code}"
    last = next((line for line in reversed(failed.last_lines) if line.strip()), "")
    return f"{words}: {last.strip()[:200]}" if last else words
