"""Builds what is published, and tries it as a stranger would: both archives are well
formed, the wheel that comes out of the sdist is the one that comes out of the tree, and
installed into a clean environment it has every file and answers. Then the commands of
docs/guides/install.md are typed, each way in a home directory of its own.

usage: python .ci/package.py DIRECTORY    (which is emptied first)
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> str:
    """Returns what a command printed; its output is shown if it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nfailed: {' '.join(str(word) for word in command)}")
    return done.stdout


def contents(wheel: Path) -> dict[str, bytes]:
    """Returns the files of a wheel by name. RECORD lists their digests once more, in an
    order of its own.
    """
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.endswith("/RECORD")
        }


def build(top: Path) -> tuple[Path, Path]:
    """Returns the sdist and the wheel; both ways to a wheel give the same files."""
    run("uv", "build", "--quiet", "--out-dir", top / "dist")
    run("uv", "build", "--quiet", "--wheel", "--out-dir", top / "from-tree")
    (sdist,) = (top / "dist").glob("*.tar.gz")
    (wheel,) = (top / "dist").glob("*.whl")
    (other,) = (top / "from-tree").glob("*.whl")
    ours, theirs = contents(wheel), contents(other)
    differing = sorted(
        name
        for name in ours.keys() | theirs.keys()
        if ours.get(name) != theirs.get(name)
    )
    if differing:
        sys.exit(f"the sdist leads to another wheel: {', '.join(differing)}")
    wanted = set(run("git", "ls-files", "mltrack").splitlines())
    (page,) = (name for name in ours if name.endswith("/share/man/man1/mltrack.1"))
    pages = sorted((ROOT / "build/man").glob("*.1"))
    wanted |= {f"{os.path.dirname(page)}/{each.name}" for each in pages}
    missing = wanted - ours.keys()
    if missing:
        sys.exit(f"not in the wheel: {', '.join(sorted(missing))}")
    return sdist, wheel


def try_out(wheel: Path, top: Path) -> None:
    """Installs the wheel where nothing else is, and asks it what a new user would."""
    home = top / "home"
    project = top / "project"
    project.mkdir(parents=True)
    home.mkdir()
    environment = top / "environment"
    run("uv", "venv", "--quiet", "--python", sys.executable, environment)
    python = environment / "bin/python"
    run("uv", "pip", "install", "--quiet", "--python", python, wheel)
    clean = {
        "HOME": str(home),
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    # the tree must not be what answers
    os.environ.pop("PYTHONPATH", None)

    def mltrack(*arguments: str) -> str:
        return run(environment / "bin/mltrack", *arguments, cwd=project, **clean)

    version = mltrack("--version").strip()
    run("git", "init", "--quiet", cwd=project, **clean)
    mltrack("init")
    (project / "data").write_text("some data\n")
    mltrack("add", "data")
    mltrack("doctor")
    topics = run(
        python,
        "-c",
        "from mltrack.cli.help_topics import TOPICS; print(*TOPICS)",
        cwd=project,
    ).split()
    for topic in topics:
        if not mltrack("help", topic).startswith(("# ", "---")):
            sys.exit(f"mltrack help {topic} shows no page")
    print(f"{version}: {wheel.name} works, {len(topics)} pages of help are in it")


def follow_the_page(sdist: Path, top: Path) -> None:
    """Types what the page on installing says, where a clone has just been made."""
    page = (ROOT / "docs/guides/install.md").read_text()
    for title, text in re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", page, re.MULTILINE):
        blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
        typed = re.findall(r"^\$ (.*)$", "".join(blocks), re.MULTILINE)
        if not typed:
            continue
        home = top / "by" / title.replace(" ", "-")
        home.mkdir(parents=True)
        with tarfile.open(sdist) as archive:
            archive.extractall(home, filter="data")
        (clone,) = home.iterdir()
        cache = Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache/uv")
        said = run(
            *("sh", "-euc", "\n".join(typed)),
            cwd=clone,
            HOME=str(home),
            UV_CACHE_DIR=str(cache),
            PATH=f"{home / '.local/bin'}:{os.environ['PATH']}",
        )
        version = said.strip().splitlines()
        if not any(line.startswith("mltrack ") for line in version):
            sys.exit(f"{title}: {said}")
        print(f"{title}: {len(typed)} commands work")


def main() -> None:
    top = Path(sys.argv[1]).resolve()
    shutil.rmtree(top, ignore_errors=True)
    sdist, wheel = build(top)
    run("twine", "check", "--strict", sdist, wheel)
    try_out(wheel, top)
    follow_the_page(sdist, top)


if __name__ == "__main__":
    main()
