"""The files that the page on installing shows are those of examples/containers, and are
well formed. Nothing here starts a container or asks an index: `.ci/package.py` runs the
page's commands.
"""

import json
import re
import shlex
import subprocess

import pytest

from mltrack.formats import yaml
from tests.support.workspace import ROOT, Workspace

FILES = ROOT / "examples/containers"
PAGE = (ROOT / "docs/guides/install.md").read_text()


@pytest.mark.parametrize(
    "language, name",
    [
        ("dockerfile", "Dockerfile"),
        ("yaml", "environment.yml"),
        ("json", ".devcontainer/devcontainer.json"),
    ],
)
def test_the_page_shows_the_files_as_they_are(language: str, name: str) -> None:
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert block == (FILES / name).read_text()


def instructions(text: str) -> list[tuple[str, str]]:
    """Returns the instructions of a Dockerfile, comments left out and lines joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    joined = lines.replace("\\\n", "").splitlines()
    return [
        (word, rest)
        for word, _, rest in (line.partition(" ") for line in joined if line)
    ]


def test_the_image_is_made_by_instructions_and_commands_that_exist(
    ws: Workspace,
) -> None:
    steps = instructions((FILES / "Dockerfile").read_text())
    assert [word for word, _ in steps] == [
        "FROM",
        "RUN",
        "COPY",
        "RUN",
        "RUN",
        "WORKDIR",
        "CMD",
    ]
    for word, rest in steps:
        if word == "RUN":
            subprocess.run(["sh", "-n", "-c", rest], check=True)
    _, command = steps[-1]
    program, *arguments = json.loads(command)
    assert program == "mltrack"
    ws.mltrack(*arguments)


def test_the_environment_of_conda_takes_the_wheel_of_this_version() -> None:
    from mltrack import __version__

    made = yaml.load((FILES / "environment.yml").read_text(), "environment.yml")
    (by_pip,) = made["dependencies"][-1]["pip"]
    assert by_pip == f"./mltrack_cli-{__version__}-py3-none-any.whl"


def test_a_devcontainer_installs_hooks_and_brings_the_data(shared: Workspace) -> None:
    settings = json.loads((FILES / ".devcontainer/devcontainer.json").read_text())
    place = FILES / ".devcontainer" / settings["build"]["dockerfile"]
    assert place.resolve() == FILES / "Dockerfile"
    shared.write("data", "x")
    shared.mltrack("add", "data")
    shared.commit()
    shared.mltrack("push")
    clone = shared.path.parent / "clone"
    shared.git("clone", "--quiet", str(shared.path), str(clone))
    for command in settings["postCreateCommand"].split(" && "):
        program, *arguments = shlex.split(command)
        assert program == "mltrack"
        shared.mltrack(*arguments, cwd=clone)
    assert (clone / "data").read_text() == "x"
    assert (clone / ".git/hooks/post-checkout").exists()
