"""``job``: what was handed over to hosts and has not been taken yet: where it is, what
it prints, and its end.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from mltrack.config import places
from mltrack.errors import RemoteError, UsageError
from mltrack.project import Project
from mltrack.runners.job import KnownJob, State
from mltrack.runners.names import LOCAL
from mltrack.runners.runner import Runner
from mltrack.runners.tickets import Tickets
from mltrack.verbs.places import ProjectRunners, list_runners

# seconds; a command has ten to end by itself, then it is killed
_CANCEL_SECONDS = 30.0
_LOOK_SECONDS = 0.05
_NO_LOG = -1
"""An offset behind any log: only the state is asked for."""
# seconds for which a host may hold back its answer; news come at once, but for the
# values that a job logs, which are asked for between two answers
_WATCH_SECONDS = 1.0
# digits: few enough to type, enough to tell jobs apart
_KEY_SHOWN = 12
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One job on a host. ``state`` is 'unknown' where the host cannot be asked; ``age``
    is in seconds since it was handed over, by one clock.
    """

    key: str
    label: str
    runner: str
    host: str
    number: int
    state: str
    gpus: tuple[str, ...]
    exit_code: int | None
    age: float
    is_taken: bool = False
    problem: str = ""
    token: str = ""

    def known(self) -> KnownJob:
        """Returns it as its runner knows it."""
        return KnownJob(
            self.key, self.label, "", self.host, self.number, self.state, self.token
        )

    @property
    def id(self) -> str:
        """The first digits of the run key: a name that a person can type."""
        return self.key.removeprefix("none-")[:_KEY_SHOWN]


class Jobs:
    """The jobs on all runners of a project; connects to their hosts. Use it as a
    context manager.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._runners: dict[str, Runner] = {}
        self._tickets = Tickets(project.jobs_path)

    def __enter__(self) -> "Jobs":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for runner in self._runners.values():
            runner.close()

    def all(self, *, of_all_projects: bool = False) -> list[JobInfo]:
        """Returns the jobs of this project whose results nobody has taken, the latest
        first; of all projects with those that were taken too. Of hosts that cannot be
        reached those that this clone handed over.
        """
        found: list[JobInfo] = []
        for runner in self._open():
            found += self._of_runner(runner, of_all_projects=of_all_projects)
        # hosts may share a directory
        once = {
            job.token or f"{job.runner} {job.host} {job.key}": job
            for job in reversed(found)
        }
        return sorted(once.values(), key=lambda job: job.age)

    def find(self, name: str) -> JobInfo:
        """Returns the job that a person means: by the beginning of its key, or by its
        stage; raises UsageError for none, or more than one.
        """
        found = self.find_all(name)
        own = {noted.attempt for noted in self._tickets.all()}
        # this clone's before those of others
        found = [job for job in found if job.token in own] or found
        if len(found) > 1:
            shown = ", ".join(
                f"{job.id} ({job.label}, {job.state})" for job in found[:5]
            )
            raise UsageError(
                f"{name!r} are {len(found)} jobs: {shown}",
                hint=f"name one by its id: {found[0].id}",
            )
        return found[0]

    def find_all(self, name: str) -> list[JobInfo]:
        """Returns the jobs of a stage, of a group of stages, or whose id begins so;
        raises UsageError for none.
        """
        jobs = self.all()
        found = [job for job in jobs if job.label == name] or [
            job for job in jobs if job.label.partition("@")[0] == name
        ]
        found = found or [job for job in jobs if job.key.startswith(name)]
        if not found:
            raise UsageError(f"there is no job {name!r}", hint="mltrack job list")
        return found

    def follow(self, job: JobInfo, *, to_the_end: bool) -> Iterator[tuple[bytes, str]]:
        """Yields pieces of a job's log with its state then; of what is there, or on and
        on until it has ended. Raises RemoteError where the host cannot be reached.
        """
        runner, known = self._runners[job.runner], job.known()
        offset, seconds = 0, 0.0
        while True:
            state, data = runner.follow(known, offset, seconds)
            offset += len(data)
            if data or to_the_end:
                yield data, state
            if not data and (not to_the_end or State(state).is_over):
                return
            # the first answer is what is there; only then there is something to await
            seconds = _WATCH_SECONDS if to_the_end else 0.0

    def values(self, job: JobInfo) -> dict[str, float]:
        """Returns the last values that a job has logged, while it runs."""
        return self._runners[job.runner].values(job.known())

    def cancel(self, job: JobInfo) -> str:
        """Ends a job with all that it started, and returns the state that it ended in.
        One on a host that cannot be reached is given up: this clone forgets it, and
        says 'unknown'.
        """
        state = job.state
        if state != UNKNOWN:
            runner, known = self._runners[job.runner], job.known()
            runner.end(known)
            deadline = time.monotonic() + _CANCEL_SECONDS
            while not State(state).is_over:
                if time.monotonic() > deadline:
                    raise RemoteError(
                        f"{job.label} on {job.host} does not end",
                        hint="mltrack job list",
                    )
                state, _ = runner.follow(known, _NO_LOG, _LOOK_SECONDS)
            runner.drop(known)
        # last: a job that does not end keeps its ticket
        for noted in self._tickets.of(job.key):
            self._tickets.forget(noted.key, noted.attempt)
        return state

    def _open(self) -> list[Runner]:
        if not self._runners:
            settings, runners = self._project.settings, ProjectRunners(self._project)
            for info in list_runners(self._project):
                is_here = info.name == LOCAL and not info.hosts
                if is_here and not runners.is_surviving(info.name, ""):
                    continue  # nothing was ever handed over to this machine
                if places.is_trusted_runner(settings, info.name):
                    self._runners[info.name] = runners.open_surviving(info.name)
        return list(self._runners.values())

    def _of_runner(self, runner: Runner, *, of_all_projects: bool) -> Iterator[JobInfo]:
        for host, problem in runner.silent().items():
            for noted in self._tickets.all():
                if noted.runner == runner.name and noted.host == host:
                    yield JobInfo(
                        noted.key,
                        noted.label,
                        noted.runner,
                        noted.host,
                        noted.number,
                        UNKNOWN,
                        (),
                        None,
                        time.time() - noted.submitted,
                        problem=problem,
                        token=noted.attempt,
                    )
        for job in runner.jobs():
            if of_all_projects or (
                job.project == self._project.job_name and not job.is_taken
            ):
                yield JobInfo(
                    job.key,
                    job.label,
                    runner.name,
                    job.host,
                    job.number,
                    job.state,
                    job.gpus,
                    job.exit_code,
                    job.age,
                    job.is_taken,
                    token=job.token,
                )
