"""What a project has at which path at one moment: tracked data and parts of it, outputs
of stages, and what git itself keeps.
"""

import fnmatch
import os
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import NamedTuple

from mltrack.formats.pointer import SUFFIX
from mltrack.git import history
from mltrack.objects.content import BY_LETTER, TREE, Content
from mltrack.objects.tree import DIRECTORY, Entry
from mltrack.objects.tree_walk import entry_at, leaves
from mltrack.pipeline.paths import contains
from mltrack.project import DIRECTORY as OWN
from mltrack.verbs.elsewhere import Elsewhere
from mltrack.verbs.session import Session

HERE = "here"
"""In the place of a blob: the file that stands in the workspace."""
_KEPT_LISTINGS = 16
WILD = "*?["
"""What makes a path a pattern."""


class Found(NamedTuple):
    """One thing: a content, or the blob that git has, with git's mode of it; a
    directory of several things is neither.
    """

    path: str
    content: Content | None = None
    blob: str = ""
    mode: str = ""

    @property
    def is_directory(self) -> bool:
        return not self.blob and (self.content is None or self.content.kind == TREE)


class Standing:
    """A project at the revision that a session reads. Of its directories only those
    that are asked about are opened.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        recorded = session.at("")
        self._targets = recorded.view.targets()
        # of a large directory it takes long, and one name after the other is asked for
        self._read_tree = lru_cache(_KEPT_LISTINGS)(recorded.read_tree)

    @cached_property
    def _in_git(self) -> dict[str, Found]:
        session = self.session
        if not isinstance(session, Elsewhere):
            # as it stands: what git knows by name is read from the disk
            return {
                path: Found(path, None, HERE)
                for path in session.view.in_git
                if not path.startswith("../")
                and os.path.isfile(session.project.absolute(path))
            }
        entries = history.entries_at(
            session.base, session.source.path, inner=session.inner
        )
        return {
            path: Found(path, None, blob, mode)
            for path, (mode, blob) in entries.items()
        }

    def at(self, path: str) -> Found | None:
        """What has this path; None for nothing, and for a directory of several things."""
        for name, target in self._targets.items():
            if name == path:
                return Found(path, target.content)
            if contains(name, path) and target.content.kind == TREE:
                entry = entry_at(
                    target.content.hex,
                    os.fsencode(path[len(name) + 1 :]),
                    self._read_tree,
                )
                return Found(path, content_of(entry)) if entry is not None else None
        return self._in_git.get(path)

    def bring_listings(self, paths: Iterable[str]) -> None:
        """Gets the listings that lie on the way to some paths, all of one depth by few
        requests; without it each comes by itself when it is asked for.
        """
        session = self.session
        if not isinstance(session, Elsewhere) or not session.sources.is_any:
            return
        level: dict[str, set[tuple[bytes, ...]]] = {}
        for path in paths:
            for name, target in self._targets.items():
                if (
                    target.content.kind == TREE
                    and path != name
                    and contains(name, path)
                ):
                    inner = os.fsencode(path[len(name) + 1 :]).split(b"/")
                    level.setdefault(target.content.hex, set()).add(tuple(inner))
        while level:
            session.sources.single({*level})
            level = self._next_level(level)

    def _next_level(
        self, level: dict[str, set[tuple[bytes, ...]]]
    ) -> dict[str, set[tuple[bytes, ...]]]:
        """The directories that are meant below others, with the rest of the paths."""
        below: dict[str, set[tuple[bytes, ...]]] = {}
        for hex_digest, rests in level.items():
            deeper = {rest[0]: set[tuple[bytes, ...]]() for rest in rests if rest[1:]}
            for rest in rests:
                if rest[1:]:
                    deeper[rest[0]].add(rest[1:])
            for entry in self._read_tree(hex_digest) if deeper else ():
                if entry.kind == DIRECTORY and entry.name in deeper:
                    below.setdefault(entry.hex, set()).update(deeper[entry.name])
        return below

    def below(self, path: str) -> list[Found]:
        """All that stands below a directory that is no tracked one itself, but for what
        only serves the project.
        """
        return [
            *(
                Found(name, target.content)
                for name, target in self._targets.items()
                if contains(path, name)
            ),
            *(
                found
                for name, found in self._in_git.items()
                if contains(path, name) and not _serves_the_project(name)
            ),
        ]

    def children(self, path: str) -> list[Found] | None:
        """What is in a directory, sorted; None where there is none."""
        one = self.at(path) if path else None
        if one is not None:
            if one.content is None or one.content.kind != TREE:
                return [one]
            return [
                Found(f"{path}/{os.fsdecode(entry.name)}", content_of(entry))
                for entry in self._read_tree(one.content.hex)
            ]
        found: dict[str, Found] = {}
        start = len(path) + 1 if path else 0
        for item in self.below(path):
            name, _, deeper = item.path[start:].partition("/")
            inner = item.path[:start] + name
            found[inner] = Found(inner) if deeper else item
        return [found[name] for name in sorted(found)] or None

    def matching(self, pattern: str) -> Iterator[Found]:
        """The files that a pattern names, and whole tracked paths."""
        for name, target in self._targets.items():
            if matches(name, pattern):
                yield Found(name, target.content)
            elif target.content.kind == TREE and _may_lie_below(name, pattern):
                for inner, entry in leaves(target.content.hex, self._read_tree):
                    path = f"{name}/{os.fsdecode(inner)}"
                    if entry.kind != DIRECTORY and matches(path, pattern):
                        yield Found(path, content_of(entry))
        for name, found in self._in_git.items():
            if matches(name, pattern):
                yield found


def content_of(entry: Entry) -> Content:
    """Returns what a tree's entry names, as a content."""
    return Content(BY_LETTER[entry.kind], entry.hex, entry.size)


def _serves_the_project(path: str) -> bool:
    """Whether nobody means a file who asks for the directory that it is in."""
    name = path.rpartition("/")[2]
    return name.endswith(SUFFIX) or name == ".gitignore" or path.startswith(f"{OWN}/")


@lru_cache(maxsize=1 << 12)
def matches(path: str, pattern: str) -> bool:
    """Returns whether a path fits a pattern, component by component; ``**`` is any
    number of them.
    """
    return _fits(tuple(path.split("/")), tuple(pattern.split("/")))


def _fits(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return _fits(path, pattern[1:]) or bool(path and _fits(path[1:], pattern))
    return (
        bool(path)
        and fnmatch.fnmatchcase(path[0], pattern[0])
        and _fits(path[1:], pattern[1:])
    )


def _may_lie_below(path: str, pattern: str) -> bool:
    """Whether something below a directory may fit a pattern."""
    wanted = pattern.split("/")
    for at, name in enumerate(path.split("/")):
        if at >= len(wanted):
            return False
        if wanted[at] == "**":
            return True
        if not fnmatch.fnmatchcase(name, wanted[at]):
            return False
    return len(wanted) > path.count("/") + 1
