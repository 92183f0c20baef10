"""How what a stage depends on, and what stands at its outputs, differs from what its
lock entry records: all differences, each as a reason.
"""

from collections.abc import Iterator
from typing import Any

from mltrack.objects.content import Content
from mltrack.pipeline.reason import Cause, Reason
from mltrack.pipeline.stage import Entry, Inputs, Stage


def input_reasons(
    stage: Stage,
    entry: Entry | None,
    inputs: Inputs,
    shell: str,
    pending: frozenset[str] = frozenset(),
) -> list[Reason]:
    """Returns every way in which what the stage depends on differs from what its lock
    entry records; ``pending`` paths count as what nobody knows yet.
    """
    reasons: list[Reason] = [
        Reason(Cause.DEPENDENCY_MISSING, path)
        for path in stage.deps
        if path not in pending and inputs.deps.get(path) is None
    ]
    if entry is None:
        return [Reason(Cause.NEVER_RAN), *reasons]
    reasons += _command_reasons(stage, entry, shell)
    reasons += _dependency_reasons(stage, entry, inputs, pending)
    reasons += _param_reasons(entry.params, inputs.params, pending)
    reasons += _environment_reasons(entry, inputs, pending, stage.env.lock)
    # the cache too: the lock says of each output whether its bytes are kept there
    declared = {out.path: (out.type, out.cache) for out in stage.outs}
    recorded = {
        path: (type_, path not in entry.uncached)
        for path, type_ in entry.out_types.items()
    }
    reasons += [
        Reason(Cause.OUTPUT_ADDED, path)
        for path in declared
        if recorded.get(path) != declared[path]
    ]
    reasons += [
        Reason(Cause.OUTPUT_REMOVED, path)
        for path in entry.outs
        if path not in declared
    ]
    return reasons


def _command_reasons(stage: Stage, entry: Entry, shell: str) -> Iterator[Reason]:
    if entry.cmd != stage.cmd:
        yield Reason(
            Cause.COMMAND_CHANGED, old="\n".join(entry.cmd), new="\n".join(stage.cmd)
        )
    if entry.shell != shell:
        yield Reason(Cause.SHELL_CHANGED, old=entry.shell, new=shell)
    if entry.wdir != stage.wdir:
        yield Reason(Cause.WDIR_CHANGED, old=entry.wdir, new=stage.wdir)


def _dependency_reasons(
    stage: Stage, entry: Entry, inputs: Inputs, pending: frozenset[str]
) -> list[Reason]:
    reasons = []
    for path in dict.fromkeys(stage.deps):
        if path in pending:
            continue
        old, new = entry.deps.get(path), inputs.deps.get(path)
        # told as missing already
        if new is None:
            continue
        if old is None:
            reasons.append(Reason(Cause.DEPENDENCY_ADDED, path, new=new.hex))
        elif not new.same_bytes(old):
            reasons.append(Reason(Cause.DEPENDENCY_CHANGED, path, old.hex, new.hex))
    declared = set(stage.deps)
    return reasons + [
        Reason(Cause.DEPENDENCY_REMOVED, path, old.hex)
        for path, old in entry.deps.items()
        if path not in declared
    ]


def _param_reasons(
    old: dict[str, dict[str, Any]],
    new: dict[str, dict[str, Any]],
    pending: frozenset[str],
) -> list[Reason]:
    before = {
        (file, key): value for file, keys in old.items() for key, value in keys.items()
    }
    after = {
        (file, key): value for file, keys in new.items() for key, value in keys.items()
    }
    reasons = []
    for file, key in sorted(before.keys() | after.keys()):
        if file in pending:
            continue
        name = f"{file}:{key}"
        if (file, key) not in before:
            reasons.append(Reason(Cause.PARAM_ADDED, name, new=after[file, key]))
        elif (file, key) not in after:
            reasons.append(Reason(Cause.PARAM_REMOVED, name, old=before[file, key]))
        elif not same_value(before[file, key], after[file, key]):
            reasons.append(
                Reason(Cause.PARAM_CHANGED, name, before[file, key], after[file, key])
            )
    return reasons


def same_value(a: Any, b: Any) -> bool:
    """Returns whether two values are written alike: 1, 1.0 and true are three different
    values, 0.0 and -0.0 two, and what is not a number is equal to itself.
    """
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_value(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_value, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return repr(a) == repr(b)
    return type(a) is type(b) and bool(a == b)


def _environment_reasons(
    entry: Entry, inputs: Inputs, pending: frozenset[str], lock_path: str
) -> list[Reason]:
    # None is a value: that of a variable which is not set
    absent = object()
    reasons = []
    for name in sorted(entry.env.keys() | inputs.env.keys()):
        old, new = entry.env.get(name, absent), inputs.env.get(name, absent)
        if old != new:
            reasons.append(
                Reason(
                    Cause.ENVIRONMENT_CHANGED,
                    name,
                    None if old is absent else old,
                    None if new is absent else new,
                )
            )
    if entry.lock != inputs.lock and lock_path not in pending:
        reasons.append(
            Reason(
                Cause.ENVIRONMENT_CHANGED, lock_path or "lock", entry.lock, inputs.lock
            )
        )
    if entry.image != inputs.image:
        reasons.append(
            Reason(Cause.ENVIRONMENT_CHANGED, "image", entry.image, inputs.image)
        )
    return reasons


def output_reasons(
    stage: Stage, entry: Entry, present: dict[str, Content | None]
) -> list[Reason]:
    """Returns every way in which the outputs in the workspace differ from the recorded
    ones.
    """
    reasons = []
    for out in stage.outs:
        # asked only where no output was added, so that each is recorded
        recorded, now = entry.outs[out.path], present.get(out.path)
        if now is None:
            reasons.append(Reason(Cause.OUTPUT_MISSING, out.path, recorded.hex))
        elif not recorded.same_bytes(now):
            reasons.append(
                Reason(Cause.OUTPUT_CHANGED, out.path, recorded.hex, now.hex)
            )
    return reasons
