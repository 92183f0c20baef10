"""What there is to say of a host: what it has, and the jobs that it knew when it was
connected to.
"""

from mltrack.runners.host import Host
from mltrack.runners.job import KnownJob, MachineReport

_CLOCK_SECONDS = 60.0
"""A clock that is off by less is not worth a word."""


def report_of(host: Host) -> MachineReport:
    """Returns what a host has, and what keeps it from working; before its thread was
    started.
    """
    if not host.hello:
        return MachineReport(host.name, problems=tuple(host.problems()))
    facts = {**host.hello, **host.capacity()}
    skew = float(facts.pop("skew", 0.0))
    return MachineReport.of(
        host.name, facts, host.slots(), host.problems(), _clock(skew)
    )


def jobs_of(host: Host) -> list[KnownJob]:
    """Returns the jobs that a host knew."""
    return [
        KnownJob(
            row["key"],
            row["label"],
            row["project"],
            host.name,
            row["number"],
            row["state"],
            row["token"],
            tuple(row["gpus"]),
            row["exit_code"],
            row["age"],
            row["is_taken"],
        )
        for row in host.known.values()
    ]


def _clock(skew: float) -> tuple[str, ...]:
    if abs(skew) < _CLOCK_SECONDS:
        return ()
    way = "ahead" if skew > 0 else "behind"
    return (
        f"its clock is {abs(skew):.0f} s {way}: nothing depends on it, but its own "
        "logs",
    )
