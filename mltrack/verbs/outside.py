"""Dependencies outside the project: what stands at a URL, at an absolute path, or at a
place that the settings of this machine name.
"""

import os

from mltrack.errors import PipelineError
from mltrack.objects.content import Content
from mltrack.pipeline.stage import ALIAS, is_elsewhere
from mltrack.store.kinds.url_state import url_content
from mltrack.verbs.session import Session
from mltrack.workspace.outside import Outside


def outside_content(session: Session, path: str, by_stamp: bool) -> Content | None:
    """Returns what stands at a dependency outside the project, None if nothing does;
    ``by_stamp`` is for paths that count by sizes and times. Raises RemoteError and
    PipelineError.
    """
    project = session.project
    if not is_elsewhere(path):
        return url_content(path, project.algorithm)
    outside = Outside(
        project.path, project.index_path, project.algorithm, project.cache
    )
    return outside.content(_place(session, path), path, by_stamp=by_stamp)


def _place(session: Session, path: str) -> str:
    """The absolute path that a dependency names."""
    if not path.startswith(ALIAS):
        return path
    name, _, inner = path.removeprefix(ALIAS).partition("/")
    place = session.project.settings.outside(name)
    if not place:
        raise PipelineError(
            f"nothing on this machine is called {ALIAS}{name}",
            hint=f"mltrack config --local outside.{name} DIRECTORY",
        )
    # a relative one starts at the project, as elsewhere in settings
    top = os.path.join(session.project.path, os.path.expanduser(place))
    return os.path.normpath(os.path.join(top, inner))
