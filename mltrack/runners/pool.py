"""Which of several hosts a job goes to."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mltrack.runners.capacity import CPUS, GPUS, NOT_COUNTED
from mltrack.runners.host import Host
from mltrack.runners.job import Job, State
from mltrack.runners.task import Phase, Task

_ALIVE = (State.QUEUED.value, State.RUNNING.value)
_TASKS = ""
"""Stands for the number of tasks among what they claim."""


def host_for(
    task: Task,
    reached: Iterable[Host],
    tasks: Iterable[Task],
    former: Mapping[str, str],
) -> Host | None:
    """Returns the host that knows a job; else one on which its claims are free, the
    least busy first; else one at which it may wait in line; None where it waits here.

    ``tasks`` are all that the runner has, ``former`` the hosts on which earlier
    attempts failed, by key.
    """
    hosts = [host for host in reached if not host.is_given_up]
    job = task.job
    knowing = [host for host in hosts if _holds(host.known.get(job.key), job)]
    if knowing:
        # one on which it is alive is better than one that has an old result
        return min(knowing, key=lambda host: host.known[job.key]["state"] not in _ALIVE)
    fit = fit_for(job, hosts)
    failed_on = former.get(job.key)
    if len(fit) > 1 and failed_on:  # elsewhere, unless its checkpoint is there
        fit = [
            host for host in fit if (host.name == failed_on) == bool(job.checkpoint)
        ] or fit
    known_tasks = list(tasks)
    loads = {host.name: _load(host, known_tasks) for host in fit}
    free = [host for host in fit if _fits(job, host.capacity(), loads[host.name])]
    if free:
        return min(
            free,
            key=lambda host: (
                loads[host.name].get(GPUS, 0.0),
                loads[host.name].get(_TASKS, 0.0),
            ),
        )
    ahead = _may_wait_at(task, fit, loads)
    return (
        min(ahead, key=lambda host: loads[host.name].get(_TASKS, 0.0))
        if ahead
        else None
    )


def _may_wait_at(
    task: Task, fit: Sequence[Host], loads: Mapping[str, Mapping[str, float]]
) -> Sequence[Host]:
    """Some jobs with GPUs wait at a host, so that no GPU is idle while a message
    travels; as many as it can run.
    """
    if task.may_queue:
        return fit
    if not task.job.resources.get(GPUS):
        return ()
    return [
        host
        for host in fit
        if _fits(task.job, _doubled(host.capacity()), loads[host.name])
    ]


def fit_for(job: Job, hosts: Iterable[Host]) -> list[Host]:
    """Returns the hosts that have what a job claims, busy or not."""
    return [host for host in hosts if _fits(job, host.capacity(), {})]


def is_found(row: dict[str, Any] | None, job: Job) -> bool:
    """Whether a job that a host knows would be found: it is under way, or its result
    was not taken or may be wanted again.
    """
    if row is None:
        return False
    state = row["state"]
    is_result = state in (State.DONE.value, State.FAILED.value) and not row["is_taken"]
    is_reusable = state == State.DONE.value and not job.fresh
    return state in _ALIVE or is_result or is_reusable


def _holds(row: dict[str, Any] | None, job: Job) -> bool:
    """Whether what a host knows of a job's key is a reason to go there: the job would
    be found, or its checkpoint is there.
    """
    return row is not None and (is_found(row, job) or bool(job.checkpoint))


def _load(host: Host, tasks: Iterable[Task]) -> dict[str, float]:
    """What the tasks at a host claim together, and how many they are."""
    load: dict[str, float] = {}
    for task in tasks:
        # the command has ended: outputs on their way claim nothing
        if task.host == host.name and task.phase not in (Phase.OVER, Phase.RECEIVING):
            load[_TASKS] = load.get(_TASKS, 0.0) + 1
            for name, amount in task.job.resources.items():
                load[name] = load.get(name, 0.0) + amount
    return load


def _fits(job: Job, capacity: Mapping[str, float], load: Mapping[str, float]) -> bool:
    return all(
        load.get(name, 0.0) + amount <= capacity.get(name, 0.0)
        for name, amount in job.resources.items()
        if name not in NOT_COUNTED and amount
    )


def _doubled(capacity: Mapping[str, float]) -> dict[str, float]:
    # the rest stays as it is: at a host only GPUs are waited for, nothing guards memory
    return {
        name: 2 * amount if name in (GPUS, CPUS) else amount
        for name, amount in capacity.items()
    }
