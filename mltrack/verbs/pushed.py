"""What goes with a `git push`, by the remote that each is to be sent to."""

import os
from contextlib import suppress

from mltrack.engine.view import View, revision_view
from mltrack.errors import FormatError, GitError, PipelineError
from mltrack.formats import lock_file, pointer
from mltrack.formats.pointer import SUFFIX
from mltrack.git import history as git_history
from mltrack.objects.content import URL, Content
from mltrack.pipeline.paths import contains
from mltrack.pipeline.stage import LOCK_NAME, PIPELINE_NAME
from mltrack.project import Project

DEFAULT = ""
"""Stands for the default remote, whichever it is."""


def pushed_contents(project: Project, tip: str, known: str) -> dict[str, set[Content]]:
    """Returns what a pushed commit refers to, and what the commits after ``known``
    brought that go with it.
    """
    view = revision_view(tip, project.path, project.algorithm)
    places = _declared(view)
    found: dict[str, set[Content]] = {}
    for target in view.targets().values():
        if target.push:
            place = places.get(target.path, DEFAULT)
            found.setdefault(place, set()).add(target.content)
    pointed, outs = _contents_between(project, view, tip, known)
    found.setdefault(DEFAULT, set()).update(pointed)
    if outs.keys() - places.keys():
        # of stages that are gone: what one kept from the default remote stays so
        places = {**_declared_before(project, tip, known), **places}
    for path, contents in outs.items():
        found.setdefault(places.get(path, DEFAULT), set()).update(contents)
    return found


def _declared(view: View) -> dict[str, str]:
    """Where each output is to be sent, as its stage says."""
    with suppress(FormatError, PipelineError):  # told where stages are asked for
        return {
            out.path: out.remote or DEFAULT
            for stage in view.graph.stages.values()
            for out in stage.outs
        }
    return {}


def _declared_before(project: Project, tip: str, known: str) -> dict[str, str]:
    """The same as the commits said that are pushed, and those that they build on; the
    last one counts.
    """
    found: dict[str, str] = {}
    for commit in git_history.commits_changing(
        tip, known, project.path, (PIPELINE_NAME,)
    ):
        with suppress(FormatError, GitError):
            view = revision_view(commit, project.path, project.algorithm)
            found = {**_declared(view), **found}
    return found


def _contents_between(
    project: Project, view: View, local: str, remote: str
) -> tuple[set[Content], dict[str, set[Content]]]:
    """What the commits that are being pushed brought: of pointers, and of outputs by
    path; but for projects below this one, by the ``view`` of the last of them: their
    hooks send theirs.
    """
    nested = [os.path.normpath(os.path.join(project.inner, one)) for one in view.nested]
    pointed: set[Content] = set()
    outs: dict[str, set[Content]] = {}
    for path, data in git_history.new_files(
        local, remote, project.path, (SUFFIX, LOCK_NAME)
    ):
        # git names them by their places in the repository
        if any(contains(one, path) for one in nested):
            continue
        with suppress(FormatError):
            if path.endswith(SUFFIX):
                name = os.path.basename(path)
                content = pointer.parse(data, project.algorithm, name).content
                # of an import that was only noted there are no bytes
                if content.kind != URL:
                    pointed.add(content)
                continue
            for entry in lock_file.parse(data, project.algorithm, path).values():
                for out in entry.outs.keys() - entry.uncached - entry.unpushed:
                    outs.setdefault(out, set()).add(entry.outs[out])
    return pointed, outs
