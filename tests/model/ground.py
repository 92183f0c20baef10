"""What every rule stands on: clones in a temporary directory, and the comparison of
them with the model.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from hypothesis.stateful import RuleBasedStateMachine

from mltrack.engine import commit as committing
from mltrack.runners import moving
from mltrack.store import pack
from mltrack.workspace import ingest, materialize
from tests.model.model import (
    OUTS,
    Clone,
    Content,
    Entry,
    Lock,
    State,
    World,
    merge,
    merge_locks,
)
from tests.model.shell import Shell, look
from tests.support.workspace import Done

SCRIPT = os.environ.get("MLTRACK_SCRIPT", "")
"""Read here: no test sees such variables."""
DOCUMENTED = {0, 1, 2, 3, 4, 5, 6, 7, 8}
MOVED = "#moved [1]* 'here'"
TARGETS = ("data", "model.bin", "nested/more", MOVED, "wide")
ALL = TARGETS + OUTS
DIRECTORIES = ("data", "nested/more", "wide")
ODD = (
    "-dash",
    ".hidden",
    "two words",
    'it\'s "so"',
    "#[a]*!",
    "line\nend",
    os.fsdecode(b"latin-\xe4"),
    "sub/ ~ ",
)
KINDS = ("a/b", "sub", "sub/c/e", "sub/deep")
"""Where one of these stands, one of the others cannot: a file becomes a directory, and
back.
"""
NAMES = ("a", "b", "sub/c", "sub/deep/d") * 4 + KINDS + ODD
FOR_GIT = [
    *(f"{target}.mlt" for target in TARGETS),
    *(
        ".gitignore",
        "nested/.gitignore",
        ".gitattributes",
        ".mltrack/config.toml",
        ".mltrack/.gitignore",
    ),
    *("mltrack.yaml", "mltrack.lock", "params.yaml"),
]
"""The data itself is never given to git, not even on a branch whose ignore file does
not name it.
"""

WIDE = {
    f"{number:04}{'w' * 216}": Entry("f", b"%d" % (number % 7))
    for number in range(4_700)
}
"""A flat directory whose listing exceeds 1 MiB, made cheap by long names."""


class Ground(RuleBasedStateMachine):
    """The world of one sequence, and how it is compared with the model."""

    def __init__(self) -> None:
        super().__init__()
        shm = Path("/dev/shm")
        self.top = Path(
            os.path.realpath(
                tempfile.mkdtemp(prefix="model-", dir=shm if shm.is_dir() else None)
            )
        )
        self.shell = Shell(self.top)
        self.world = World()
        self.clones: list[Clone] = []
        self.touched: list[Clone] = []
        self.link, self.is_wide, self.is_piped = "", False, False
        self.is_steady = False
        """Whether the step before ended well: only then is there something to audit at
        the end.
        """
        self.limits = (
            {
                module: module.SMALL_OBJECT
                for module in (pack, ingest, materialize, committing, moving)
            },
            pack.TARGET_OBJECTS,
        )

    def set_limits(self, small_object: int, pack_objects: int) -> None:
        """Lowers what makes an object large and a pack full, so that both are met with
        little data.
        """
        for module in self.limits[0]:
            module.SMALL_OBJECT = small_object  # type: ignore[attr-defined]
        pack.TARGET_OBJECTS = pack_objects

    def teardown(self) -> None:
        for module, value in self.limits[0].items():
            module.SMALL_OBJECT = value  # type: ignore[attr-defined]
        pack.TARGET_OBJECTS = self.limits[1]
        shutil.rmtree(self.top, ignore_errors=True)

    # commands

    def clone(self, number: int) -> Clone:
        return self.clones[number % len(self.clones)]

    def equip(self, clone: Clone) -> None:
        if self.link:
            self.mltrack(clone, "config", "--local", "cache.link", f"{self.link},copy")

    def path(self, clone: Clone) -> Path:
        return self.top / clone.name

    def mltrack(
        self, clone: Clone, *arguments: str, codes: Iterable[int] | None = (0,)
    ) -> Done:
        self._touch(clone)
        done = self.shell.mltrack(self.path(clone), *arguments, hooks=clone.hooks)
        if (
            done.code not in DOCUMENTED
            or "Traceback (most recent call last)" in done.said
        ):
            self.fail(
                f"mltrack {' '.join(arguments)}: exit code {done.code}\n{done.said}"
            )
        if codes is not None and done.code not in codes:
            self.fail(
                f"mltrack {' '.join(arguments)}: exit code {done.code}, not of {list(codes)}\n{done.said}"
            )
        return done

    def git(
        self, clone: Clone, *arguments: str, codes: Iterable[int] | None = (0,)
    ) -> Done:
        self._touch(clone)
        done = self.shell.git(self.path(clone), *arguments, hooks=clone.hooks)
        if codes is not None and done.code not in codes:
            self.fail(
                f"git {' '.join(arguments)}: exit code {done.code}, not of {list(codes)}\n{done.said}"
            )
        if (
            "Traceback (most recent call last)" in done.said
            or "this is a bug" in done.said
        ):
            self.fail(f"git {' '.join(arguments)}: {done.said}")
        return done

    def json(
        self, clone: Clone, *arguments: str, codes: Iterable[int] | None = (0,)
    ) -> Any:
        return json.loads(self.mltrack(clone, *arguments, "--json", codes=codes).out)

    def head(self, clone: Clone) -> str:
        return self.shell.ask(self.path(clone), "rev-parse", "HEAD")

    def _touch(self, clone: Clone) -> None:
        self.is_steady = False
        if clone not in self.touched:
            self.touched.append(clone)

    def fail(self, what: str) -> NoReturn:
        lines = "\n".join(self.shell.script)
        if SCRIPT:
            with open(SCRIPT, "a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(f"{lines}\n# {' '.join(what.split())}\n\n")
        raise AssertionError(
            ascii(what)
            + f"\n\nWhat was typed:\n{lines}".encode(errors="backslashreplace").decode()
        )

    def require(self, condition: object, what: str) -> None:
        if not condition:
            self.fail(what)

    # the disk against the model

    def cache_path(self, clone: Clone) -> Path:
        owner = next(other for other in self.clones if other.cache is clone.cache)
        return self.path(owner) / ".mltrack/cache"

    def seen(self, clone: Clone, target: str) -> Content | None:
        return look(self.path(clone) / target, self.cache_path(clone))

    def compare(self, clone: Clone) -> None:
        """Nothing in the workspace is other than the model says."""
        for target in ALL:
            seen, expected = self.seen(clone, target), clone.files.get(target)
            if seen != expected:
                self.fail(
                    f"{clone.name}/{target} is not as it must be: {difference(expected, seen)}"
                )

    def settle(
        self, clone: Clone, wanted: dict[str, Content | None], code: int | None = None
    ) -> None:
        """Takes in what a checkout made of targets, if it is one of the outcomes that
        are permitted.
        """
        refused = []
        for target, content in wanted.items():
            seen = self.seen(clone, target)
            permitted = clone.checkout(target, content, self.world.store, seen)
            fitting = [outcome for outcome in permitted if outcome.files == seen]
            if not fitting:
                shown = "; ".join(
                    difference(outcome.files, seen) for outcome in permitted
                )
                self.fail(f"{clone.name}/{target}: not what a checkout may do: {shown}")
            outcome = fitting[0]
            # of two that look the same, the one that the exit code tells
            if code is not None:
                outcome = max(fitting, key=lambda item: item.is_done == (code == 0))
            self.put(clone, target, outcome.files)
            clone.last[target] = outcome.last
            if not outcome.is_done:
                refused.append(target)
        if code is not None and bool(refused) != bool(code):
            self.fail(f"checkout ended with {code}, and refused {refused}")

    def put(self, clone: Clone, target: str, files: Content | None) -> None:
        if files is None:
            clone.files.pop(target, None)
        else:
            clone.files[target] = files

    def caught_up(self, clone: Clone) -> None:
        """After a commit the hook looks after targets that are recorded otherwise than
        they were last brought here.
        """
        if clone.hooks:
            lasts = {target: clone.last.get(target) for target in clone.recorded}
            self.settle(
                clone,
                {
                    target: clone.recorded[target]
                    for target, last in lasts.items()
                    if last is not None and last != clone.recorded[target]
                },
            )

    def can_be_had(self, clone: Clone, content: Content) -> bool:
        store = self.world.store
        return (
            clone.cache.lists(content) or store.lists(content)
        ) and clone.cache.lacks(content) <= store.data

    # what git says the pointers are

    def read_pointers(self, clone: Clone) -> State:
        """What pointers and lock in the workspace record. Only texts that the model
        knows may stand there.
        """
        found: State = {}
        for target in TARGETS:
            place = self.path(clone) / f"{target}.mlt"
            if place.exists():
                text = place.read_text()
                if text not in self.world.texts:
                    self.fail(
                        f"{clone.name}/{target}.mlt says what nobody recorded:\n{text}"
                    )
                found[target] = self.world.texts[text]
        lock = self._lock_text(clone)
        if lock not in self.world.locks:
            self.fail(f"{clone.name}/mltrack.lock says what nobody ran:\n{lock}")
        clone.lock = self.world.locks[lock]
        return found | {out: content for out, (_, content) in clone.lock.items()}

    def _lock_text(self, clone: Clone) -> str:
        place = self.path(clone) / "mltrack.lock"
        return place.read_text() if place.exists() else ""

    def word(self, clone: Clone) -> str:
        return (self.path(clone) / "params.yaml").read_text().split()[1]

    def note_commit(self, clone: Clone) -> None:
        """The commit that was just made records what the workspace does."""
        head = self.head(clone)
        self.world.commits[head], self.world.commit_locks[head] = (
            dict(clone.recorded),
            clone.lock,
        )

    def note_commit_of_git(self, clone: Clone, commit: str) -> None:
        """A commit that git made by itself, of texts that are known, records what they
        say.
        """
        names = self.shell.ask(
            self.path(clone), "ls-tree", "-r", "-z", "--name-only", commit
        ).split("\0")
        texts = {
            name: self._text_at(clone, commit, name)
            for name in names
            if name.endswith((".mlt", "mltrack.lock"))
        }
        lock = self.world.locks[texts.pop("mltrack.lock", "")]
        state = {
            name.removesuffix(".mlt"): self.world.texts[text]
            for name, text in texts.items()
        }
        self.world.commits[commit] = state | {
            out: content for out, (_, content) in lock.items()
        }
        self.world.commit_locks[commit] = lock

    def _text_at(self, clone: Clone, commit: str, name: str) -> str:
        return self.shell.ask(self.path(clone), "show", f"{commit}:{name}") + "\n"

    def merge_commits(
        self, clone: Clone, base: str, ours: str, theirs: str, side: str = ""
    ) -> tuple[State, Lock] | None:
        """What a merge of commits records; None where both changed the same, of the
        data or of a param.
        """
        commits, ids = self.world.commits, (base, ours, theirs)
        if self.is_piped:
            before, mine, other = (
                self._text_at(clone, id_, "params.yaml") for id_ in ids
            )
            if len({before, mine, other}) == 3:
                return None
        pure = [
            {target: c for target, c in commits[id_].items() if target not in OUTS}
            for id_ in ids
        ]
        state = merge(*pure, side=side)
        lock = merge_locks(*(self.world.commit_locks[id_] for id_ in ids))
        return (
            None
            if state is None
            else (state | {out: content for out, (_, content) in lock.items()}, lock)
        )

    def learn_pointer(self, clone: Clone, target: str, content: Content) -> None:
        """The pointer as it stands records this content, wherever git brings it."""
        if target in OUTS:
            return
        text = (self.path(clone) / f"{target}.mlt").read_text()
        known = self.world.texts.setdefault(text, content)
        self.require(
            known == content,
            f"{target}.mlt is the same for two contents: {difference(known, content)}",
        )

    def referred(self, clone: Clone) -> list[Content]:
        """Everything that refs, reflogs, stashes, indexes and pointers of a clone and
        its worktrees refer to.
        """
        found = []
        for other in self.clones:
            if other.cache is clone.cache:
                ids = self.shell.ask(
                    self.path(other), "rev-list", "--all", "--reflog"
                ).split()
                found += [
                    content
                    for id_ in ids
                    for content in self.world.commits.get(id_, {}).values()
                ]
                found += other.recorded.values()
                staged = self.shell.ask(
                    self.path(other), "ls-files", "-z", "--", "*.mlt"
                ).split("\0")
                texts = [
                    self.shell.ask(self.path(other), "show", f":{name}") + "\n"
                    for name in staged
                    if name
                ]
                found += [
                    self.world.texts[text] for text in texts if text in self.world.texts
                ]
        return found


def difference(expected: Content | None, seen: Content | None) -> str:
    """The paths in which two contents differ, with the beginnings of both."""
    if expected is None or seen is None:
        return f"expected {_short(expected)}, seen {_short(seen)}"
    paths = sorted(
        path
        for path in expected.keys() | seen.keys()
        if expected.get(path) != seen.get(path)
    )
    shown = [
        f"{path[:40] or 'it'}: expected {_brief(expected.get(path))}, seen {_brief(seen.get(path))}"
        for path in paths[:5]
    ]
    return f"{len(paths)} of {len(expected)}: " + ", ".join(shown)


def _short(content: Content | None) -> str:
    return (
        "nothing" if content is None else f"{len(content)} files {sorted(content)[:5]}"
    )


def _brief(entry: Entry | None) -> str:
    return (
        "nothing"
        if entry is None
        else f"{entry.kind} {entry.data[:20]!r}+{len(entry.data)}"
    )
