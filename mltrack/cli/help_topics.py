"""``mltrack help TOPIC``: the pages of the documentation, as they were installed."""

import difflib
import os
from typing import NamedTuple

from mltrack.cli.commands import COMMANDS
from mltrack.errors import UsageError


class Topic(NamedTuple):
    """A page, by its path in the documentation, and what it is about."""

    page: str
    about: str


TOPICS = {
    "install": Topic("guides/install.md", "uv, pipx, conda, containers"),
    "tutorial": Topic("tutorial/first-project.md", "A first project, step by step"),
    "pipeline": Topic("reference/pipeline.md", "What mltrack.yaml may hold"),
    "remotes": Topic("remotes.md", "Where data is pushed to, and how to sign in"),
    "runners": Topic("runners.md", "Where stages run: GPUs, hosts, jobs"),
    "merging": Topic("guides/merging.md", "Two people, one directory of data"),
    "other-projects": Topic(
        "guides/other-projects.md", "One file of a colleague's project, without a clone"
    ),
    "python": Topic("guides/python.md", "Files, values and runs from Python"),
    "logging": Topic("guides/logging.md", "Metrics and plots from a program"),
    "experiments": Topic(
        "guides/experiments.md", "Other params beside the workspace, compared"
    ),
    "sweeps": Topic("guides/sweeps.md", "Many params, one table of results"),
    "notebooks": Topic("guides/notebooks.md", "A notebook as a stage"),
    "environments": Topic("guides/environments.md", "Libraries and containers"),
    "ci": Topic("guides/ci.md", "Check commits on GitHub and GitLab"),
    "disk-space": Topic("guides/disk-space.md", "What takes it, and how to free it"),
    "from-dvc": Topic("guides/from-dvc.md", "Its commands, and what they are here"),
    "trouble": Topic("guides/trouble.md", "What each kind of error means"),
    "settings": Topic(
        "reference/settings.md", "Every setting, remote and runner option"
    ),
    "errors": Topic("reference/errors.md", "Exit codes and kinds of errors"),
    "json": Topic("reference/json.md", "What --json prints, by command"),
    "formats": Topic("reference/formats.md", "The files that mltrack writes"),
}

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# in a wheel the pages lie in the package; in a checkout beside it
_PLACES = (
    os.path.join(_PACKAGE, "help"),
    os.path.join(os.path.dirname(_PACKAGE), "docs"),
)


def overview() -> str:
    """Returns the list of topics."""
    lines = [f"  {name:<12} {topic.about}" for name, topic in TOPICS.items()]
    return "\n".join(["Topics:", *lines, "", "mltrack help TOPIC shows a page."])


def page(name: str) -> str:
    """Returns the text of a topic's page; raises UsageError for what is no topic."""
    topic = TOPICS.get(name)
    if topic is None:
        near = difflib.get_close_matches(name, [*TOPICS, *COMMANDS], n=1)
        raise UsageError(
            f"there is no command or topic {name!r}",
            hint=f"did you mean `mltrack help {near[0]}`?" if near else "mltrack help",
        )
    for place in _PLACES:
        path = os.path.join(place, topic.page)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                return file.read()
    raise UsageError(
        f"the page {topic.page} was not installed", hint="mltrack COMMAND --help"
    )
