"""Jobs that this clone handed over, and whose results nobody has taken: what its own
notes say, no host is asked.
"""

from mltrack.project import Project
from mltrack.runners.names import LOCAL
from mltrack.runners.tickets import Tickets


def noted_place(project: Project, key: str) -> tuple[str, str]:
    """Returns runner and host of a job of this key; of a runner that is still set up.
    ('', '') for none.
    """
    for noted in Tickets(project.jobs_path).of(key):
        # a runner that was removed can be asked for nothing
        if noted.runner == LOCAL or project.settings.runner(noted.runner):
            return noted.runner, noted.host
    return "", ""
