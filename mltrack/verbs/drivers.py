"""The merge driver of outputs that git keeps, in this clone: two results of a stage are
not merged line by line.
"""

import os

from mltrack.git import attributes
from mltrack.git.hooks import OUTPUT_DRIVER
from mltrack.verbs.session import Session


def drive_outputs(session: Session) -> None:
    """Gives the outputs that stages leave to git their merge driver, unless they have
    it.
    """
    repository = session.project.repository
    paths = [
        os.path.normpath(os.path.join(session.project.inner, path))
        for path in session.view.left_to_git()
    ]
    if paths:
        attributes.drive(repository.common_dir, paths, OUTPUT_DRIVER)
