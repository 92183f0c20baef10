"""Run records for tests: results of a command, by what it was and what came out."""

from mltrack.formats.run_record import RunRecord
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.pipeline.run_key import entry_parts, run_key
from mltrack.pipeline.stage import Entry


def result(command: str, out: str = "", *, started: float = 0.0) -> RunRecord:
    """A result under the run key that its entry has."""
    outs = {"o": Content(FILE, XXH3.hex_of(out.encode()), len(out))}
    types = dict.fromkeys(outs, "out")
    entry = Entry((command,), "/bin/sh", "", {}, {}, {}, None, None, outs, types)
    return RunRecord(run_key(entry_parts(entry), XXH3), "stage", entry, started=started)
