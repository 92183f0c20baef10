"""Writes docs/internals/screens: what a person sees, as text, at two widths of a
terminal. Each session is typed into a terminal and read off it; nothing is made up.

usage: python docs/screens.py [SESSION...]    (needs tmux, and what `make demo` needs)
"""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.services.servers import KEY, SECRET, RcloneS3
from tests.support.workspace import ROOT, hermetic_environment

PLACE = ROOT / "docs/internals/screens"
WIDTHS = (80, 120)
NOTE = "Made by docs/screens.py from a real session"
SECONDS = 300
"""How long one command may take."""


class Terminal:
    """A shell in a terminal of ``columns`` columns, in an empty directory ``top``."""

    def __init__(self, top: Path, columns: int) -> None:
        self.top = top
        self.columns = columns
        self._prompts = top / ".prompts"
        self._socket = str(top / ".tmux")
        self._prompts.write_text("")
        self._frames: list[str] = []
        variables = {
            **hermetic_environment(top / ".home"),
            "TERM": "screen-256color",
            "LANG": "C.UTF-8",
            # a prompt is how a command's end is seen from outside
            "PROMPT_COMMAND": f"echo >> {shlex.quote(str(self._prompts))}",
        }
        given = [
            part for name in variables for part in ("-e", f"{name}={variables[name]}")
        ]
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-s", "it"),
            *("-x", str(columns), "-y", "40", "-c", str(top), *given),
            "bash --norc --noprofile",
            ";",
            *("set", "-g", "status", "off", ";", "set", "-g", "history-limit", "9000"),
        )
        self._wait(1)
        self.type("PS1='$ '")
        self.forget()

    def type(self, command: str, until: str = "") -> None:
        """Types a command and waits for its end; before that, the screen is kept once
        ``until`` is seen on it.
        """
        ended = self._count() + 1
        self._tmux("send-keys", "-t", "it", "-l", command)
        self._tmux("send-keys", "-t", "it", "Enter")
        if until:
            deadline = time.monotonic() + SECONDS
            while not re.search(until, shown := self._screen(), re.MULTILINE):
                if time.monotonic() > deadline or self._count() >= ended:
                    raise RuntimeError(f"never seen {until!r} of {command!r}:\n{shown}")
                time.sleep(0.05)
            start = shown.rfind(f"$ {command[: self.columns - 2]}")
            self._frames.append(f"While it runs:\n\n{shown[max(start, 0) :]}\n\n")
        self._wait(ended)

    def forget(self) -> None:
        """Leaves out what was typed so far."""
        self.type("clear")
        self._tmux("clear-history", "-t", "it")

    def seen(self, *options: str) -> str:
        """Returns the session so far, as ``capture-pane`` gives it."""
        return self._screen("-S", "-", *options).rstrip().removesuffix("$").rstrip()

    def session(self) -> str:
        """Returns what was seen: the frames that were kept, then the whole."""
        parts = [*self._frames, "The session:\n\n", self.seen(), "\n"]
        return stable("".join(parts), self.top)

    def end(self) -> None:
        """Ends the shell and what it has started."""
        self._tmux("kill-server", check=False)

    def _screen(self, *options: str) -> str:
        return self._tmux("capture-pane", "-p", "-t", "it", *options).rstrip()

    def _count(self) -> int:
        return len(self._prompts.read_text())

    def _wait(self, prompts: int) -> None:
        deadline = time.monotonic() + SECONDS
        while self._count() < prompts:
            if time.monotonic() > deadline:
                raise RuntimeError(f"no end:\n{self._screen()}")
            time.sleep(0.05)

    def _tmux(self, *words: str, check: bool = True) -> str:
        command = ["tmux", "-S", self._socket, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=check)
        return done.stdout


def stable(text: str, top: Path) -> str:
    """Returns a text without what differs from run to run: paths, moments, digests,
    and seconds; as many characters as before, so that columns stay.
    """

    def fixed(match: re.Match[str]) -> str:
        return re.sub(r"\d", "0", match[0])

    text = text.replace(str(ROOT), "/src/mltrack").replace(str(top), "/home/me")
    text = text.replace(str(Path(sys.executable).parent), "/home/me/.venv/bin")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9000", text)
    text = re.sub(r"\d+(\.\d+)? s\b", fixed, text)
    text = re.sub(r"\b\d?\d:\d\d\b", fixed, text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", fixed, text)
    return re.sub(r"\b[0-9a-f]{7}(?=\] )", "0000000", text)


def demo(it: Terminal) -> None:
    """The whole job on real data: `make demo`."""
    it.type(f"{ROOT}/examples/digits/demo.sh {it.top}/demo")


def add(it: Terminal) -> None:
    """Two gigabytes are added: the progress line, then the result."""
    it.type("git init -q project && cd project && mltrack init -q")
    it.type("head -c 2000000000 /dev/urandom > images.bin")
    it.type("mltrack add images.bin", until=r"[3-7]\d%")
    it.type("mltrack status")


def push(it: Terminal) -> None:
    """Half a gigabyte is pushed to S3, and one file of it comes back in a clone."""
    service = RcloneS3(it.top / ".s3").start()
    try:
        it.type(f"export AWS_ACCESS_KEY_ID={KEY} AWS_SECRET_ACCESS_KEY={SECRET}")
        it.type("git init -q project && cd project && mltrack init -q")
        it.type("mkdir data && head -c 500000000 /dev/urandom > data/large.bin")
        it.type("for i in $(seq 200); do echo $i > data/$i.txt; done")
        it.type("mltrack add data")
        it.type("mltrack remote add store s3://bucket/project")
        endpoint = service.settings()["endpoint"]
        it.type(f"mltrack remote modify store endpoint {endpoint}")
        it.type("mltrack push --dry-run")
        it.type("mltrack push", until=r"[3-7]\d%")
        it.type("git add --all && git commit -q -m Data")
        it.type("git clone -q . ../clone && cd ../clone")
        it.type("mltrack pull data/7.txt")
        it.type("mltrack status --remote store")
    finally:
        service.stop()


def merge(it: Terminal) -> None:
    """Two branches change one directory: once in different files, once in the same."""
    it.type("git init -q project && cd project && mltrack init -q")
    it.type("mkdir images && for i in 1 2 3; do echo $i > images/$i.txt; done")
    it.type("mltrack add -q images && git add -A && git commit -q -m start")
    it.type("git checkout -q -b theirs && echo theirs > images/2.txt")
    it.type("mltrack add -q images && git commit -qam theirs")
    it.type("git checkout -q main && echo ours > images/2.txt && echo 4 > images/4.txt")
    it.type("mltrack add -q images && git commit -qam ours")
    it.type("git merge theirs")
    it.type("git status --short")
    it.type("mltrack status")
    it.type("mltrack resolve images")
    it.type("mltrack resolve --theirs images")
    it.type("git commit -qam 'merged' && mltrack status && cat images/2.txt")


EPOCHS = """cat > mltrack.yaml <<'END'
stages:
  train:
    matrix: {model: [cnn, xgb, mlp], seed: [1, 2]}
    cmd:
      - for i in 1 2 3 4; do echo "epoch $i of 4"; sleep 1; done
      - echo 1 > ${key}.model
    outs: ["${key}.model"]
  report:
    cmd: cat *.model > report.txt
    deps: [{stage: train}]
    outs: [report.txt]
END"""


def repro(it: Terminal) -> None:
    """Seven stages, four at once: the live table, then what is left of it."""
    it.type("git init -q project && cd project && mltrack init -q")
    (it.top / "project/mltrack.yaml").write_text(
        EPOCHS.partition("\n")[2].rpartition("END")[0]
    )
    it.type("cat mltrack.yaml")
    it.type("mltrack repro -j 4", until=r"epoch 2 of 4")
    it.type("mltrack repro -j 4")
    it.type("mltrack metrics show")


SESSIONS: dict[str, Callable[[Terminal], None]] = {
    "demo": demo,
    "add": add,
    "push": push,
    "merge": merge,
    "repro": repro,
}


def record(name: str, columns: int) -> None:
    """Runs one session and writes what was seen."""
    # short: the path of a socket has at most 107 bytes
    top = Path(tempfile.mkdtemp(prefix="scr"))
    try:
        terminal = Terminal(top, columns)
        try:
            SESSIONS[name](terminal)
            text = terminal.session()
        finally:
            terminal.end()
        about = " ".join((SESSIONS[name].__doc__ or "").split())
        head = f"{about}\n{NOTE}, {columns} columns.\n\n"
        (PLACE / f"{name}-{columns}.txt").write_text(head + text)
    finally:
        shutil.rmtree(top, ignore_errors=True)


def index() -> str:
    """The page that leads to the sessions."""
    rows = "".join(
        f"| {(session.__doc__ or '').strip()} | [{name}-80.txt]({name}-80.txt) | [{name}-120.txt]({name}-120.txt) |\n"
        for name, session in SESSIONS.items()
    )
    return (
        "# Screens\n\nWhat a person sees, read off a terminal of 80 and of 120 columns by `python docs/screens.py`. "
        "Seconds,\nmoments and paths are replaced. Review these files when a message or the "
        "progress line changes.\n\n| session | 80 columns | 120 columns |\n|---|---|---|\n"
        + rows
    )


def main() -> None:
    PLACE.mkdir(exist_ok=True)
    (PLACE / "index.md").write_text(index())
    for name in sys.argv[1:] or SESSIONS:
        for columns in WIDTHS:
            record(name, columns)
            print(f"{name}, {columns} columns")


if __name__ == "__main__":
    main()
