"""What a person does with data in one workspace: writing, recording, checking out,
renaming, ending to track.
"""

import shutil
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.ground import (
    ALL,
    DIRECTORIES,
    FOR_GIT,
    MOVED,
    NAMES,
    TARGETS,
    WIDE,
    Ground,
    difference,
)
from tests.model.model import Clone, Content, Entry, is_file

MEBIBYTE = 1 << 20
LIMIT = 64
"""What counts as a large object in sequences with lowered limits."""

small = st.integers(0, 5).map(lambda number: b"content %d" % number)
boundary = st.sampled_from(
    [0, LIMIT - 1, LIMIT, LIMIT + 1, MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1]
)
entries = st.one_of(
    small.map(lambda data: Entry("f", data)),
    small.map(lambda data: Entry("f", data)),
    small.map(lambda data: Entry("x", data)),
    boundary.map(lambda size: Entry("f", b"z" * size)),
    st.just(Entry("l", b"a")),
)
which = st.integers(0, 11)
"""Chooses among things whose number is a divisor of twelve more often than not."""
written = st.sampled_from(["data", "data", "model.bin", "nested/more"])
targets = st.sampled_from(TARGETS)
targets_and_outputs = st.sampled_from(ALL)
works = st.one_of(
    st.none(),
    st.tuples(
        st.sampled_from(["edit", "record", "commit", "commit"]),
        written,
        st.sampled_from(NAMES),
        entries,
    ),
)
"""What someone may have done just before: without it most commands would find nothing
to do.
"""
Work = tuple[str, str, str, Entry] | None


class DataRules(Ground):
    """Rules for one workspace."""

    def after(self, work: Work, number: int) -> Clone:
        """Returns someone's clone, after some work of theirs."""
        clone = self.clone(number)
        if work is not None:
            how_far, target, name, entry = work
            self.write(clone, target, name, entry)
            if how_far != "edit":
                self.add(clone, [target])
            if how_far == "commit":
                self.commit(clone, "change")
        return clone

    # the person's own hand

    @rule(number=which, path=written, name=st.sampled_from(NAMES), entry=entries)
    def someone_writes_a_file(
        self, number: int, path: str, name: str, entry: Entry
    ) -> None:
        self.write(self.clone(number), path, name, entry)

    def write(self, clone: Clone, target: str, name: str, entry: Entry) -> None:
        if self.is_piped and entry.kind == "l":
            # what a stage makes of links is another model's matter
            entry = Entry("f", entry.data)
        if target not in DIRECTORIES or is_file(clone.files.get(target)):
            name, entry = "", Entry("f", entry.data)
        content = clone.files.get(target, {})
        in_the_way = {
            other
            for other in content
            if other.startswith(name + "/") or name.startswith(other + "/")
        }
        for other in in_the_way if name else ():
            self.shell.delete(
                self.path(clone) / target / other, self.path(clone) / target
            )
            content = {path: kept for path, kept in content.items() if path != other}
        self.shell.write(self.path(clone) / target / name, entry)
        clone.files[target] = content | {name: entry}

    @rule(
        number=which,
        path=written,
        position=which,
        how=st.sampled_from(["append", "same size", "same size and time"]),
    )
    def someone_edits_a_file_in_place(
        self, number: int, path: str, position: int, how: str
    ) -> None:
        clone = self.clone(number)
        content = clone.files.get(path, {})
        names = [name for name, entry in sorted(content.items()) if entry.kind != "l"]
        if not names:
            return
        name = names[position % len(names)]
        if "\n" in name:
            return  # no command takes names with control characters
        place = self.path(clone) / path / name
        recorded = clone.recorded.get(path, {})
        if _is_link(place) and name in recorded and clone.cache.lists(recorded):
            self.mltrack(clone, "edit", f"{path}/{name}".rstrip("/"))
        if _is_link(place):
            return  # one that mltrack does not know: an editor would replace it
        data = content[name].data
        edited = (
            data + b"!"
            if how == "append" or not data
            else bytes([data[0] ^ 1]) + data[1:]
        )
        self.shell.edit(place, edited, keep_time=how == "same size and time")
        clone.files[path] = content | {name: Entry(content[name].kind, edited)}

    @rule(number=which, path=targets_and_outputs, position=which)
    def someone_deletes_a_file(self, number: int, path: str, position: int) -> None:
        clone = self.clone(number)
        content = clone.files.get(path)
        if content:
            name = sorted(content)[position % len(content)]
            self.shell.delete(self.path(clone) / path / name, self.path(clone) / path)
            rest = {other: entry for other, entry in content.items() if other != name}
            self.put(clone, path, None if is_file(content) else rest)

    @rule(number=which, path=targets_and_outputs)
    def someone_deletes_a_whole_target(self, number: int, path: str) -> None:
        clone = self.clone(number)
        place = self.path(clone) / path
        if path in clone.files:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
            self.shell.script.append(f"rm -r {clone.name}/{path}")
            del clone.files[path]

    @precondition(lambda self: self.is_wide)
    @rule(number=which)
    def someone_makes_a_wide_directory(self, number: int) -> None:
        clone = self.clone(number)
        if "wide" not in clone.files:
            (self.path(clone) / "wide").mkdir()
            for name, entry in WIDE.items():
                (self.path(clone) / "wide" / name).write_bytes(entry.data)
            self.shell.script.append(
                f"for n in $(seq 4700): 220 bytes of name below {clone.name}/wide"
            )
            clone.files["wide"] = WIDE

    # recording

    @rule(number=which, paths=st.lists(targets, min_size=1, max_size=3, unique=True))
    def someone_adds_targets(self, number: int, paths: list[str]) -> None:
        self.add(self.clone(number), paths)

    @rule(number=which)
    def someone_adds_all_that_stands_there(self, number: int) -> None:
        clone = self.clone(number)
        there = [path for path in TARGETS if path in clone.files]
        if there:
            self.add(clone, there)

    def add(self, clone: Clone, paths: list[str]) -> None:
        there = [path for path in paths if path in clone.files]
        lasts = [(path, clone.last.get(path)) for path in there]
        if any(last is not None and not clone.cache.lists(last) for _, last in lasts):
            # it may have forgotten what was here last, and then takes nothing for
            # deleted
            return
        unknown = [
            path
            for path in there
            if path in clone.recorded and not clone.cache.lists(clone.recorded[path])
        ]
        expected = 0 if len(there) == len(paths) else 3 if there else 2
        done = self.mltrack(
            clone, "add", *paths, codes=[expected, 1, 2, 3] if unknown else [expected]
        )
        for path in unknown:  # whether it could be recorded is seen by its pointer
            text = (self.path(clone) / f"{path}.mlt").read_text()
            if self.world.texts.get(text) == clone.recorded[path] != clone.files[path]:
                there.remove(path)
            else:
                self.require(
                    done.code == expected, f"add failed, and changed {path}.mlt"
                )
        for path in there:
            content = clone.files[path] | clone.never_here(path)
            clone.last[path] = clone.files[path]
            clone.recorded[path] = content
            clone.cache.take(clone.files[path])
            clone.cache.add_listing(content)
            self.learn_pointer(clone, path, content)

    @rule(number=which, path=written, name=st.sampled_from(NAMES), entry=entries)
    def someone_writes_adds_and_commits(
        self, number: int, path: str, name: str, entry: Entry
    ) -> None:
        clone = self.clone(number)
        self.write(clone, path, name, entry)
        self.add(clone, [path])
        self.commit(clone, "change")

    @rule(number=which, work=works, amend=st.sampled_from([False, False, True]))
    def someone_commits(self, number: int, work: Work, amend: bool) -> None:
        clone = self.after(work, number)
        # by which a project is known
        is_first = (
            self.shell.ask(self.path(clone), "rev-list", "--count", "HEAD") == "1"
        )
        self.commit(clone, "state", *(["--amend"] if amend and not is_first else []))

    def commit(self, clone: Clone, message: str, *options: str) -> None:
        self.git(clone, "add", "-u")
        self.git(
            clone,
            "add",
            "--",
            *(name for name in FOR_GIT if (self.path(clone) / name).exists()),
        )
        self.git(clone, "commit", "-q", "--allow-empty", "-m", message, *options)
        self.note_commit(clone)
        self.caught_up(clone)

    # checkout

    @rule(
        number=which,
        work=works,
        paths=st.lists(targets_and_outputs, max_size=2, unique=True),
    )
    def someone_checks_out(self, number: int, work: Work, paths: list[str]) -> None:
        clone = self.after(work, number)
        named = [path for path in paths if path in clone.recorded]
        done = self.mltrack(clone, "checkout", *named, codes=None)
        self.settle(
            clone,
            {path: clone.recorded[path] for path in named or clone.recorded},
            done.code,
        )

    @rule(number=which, work=works, path=targets_and_outputs, undo=st.booleans())
    def someone_forces_a_checkout_and_may_take_it_back(
        self, number: int, work: Work, path: str, undo: bool
    ) -> None:
        clone = self.after(work, number)
        wanted, before = clone.recorded.get(path), clone.files.get(path)
        if wanted is None or not clone.cache.holds(wanted):
            return
        last = clone.last.get(path)
        self.mltrack(clone, "checkout", "--force", path)
        clone.files[path] = clone.last[path] = wanted
        changed = {} if before is None or last is None else before
        mine = {
            name: entry
            for name, entry in changed.items()
            if entry not in ((last or {}).get(name), wanted.get(name))
        }
        if not undo or not mine or is_file(before) != is_file(wanted):
            return
        self.mltrack(clone, "undo", path)
        seen = self.seen(clone, path) or {}
        for name in wanted.keys() | seen.keys() | mine.keys():
            permitted = (
                [mine[name]] if name in mine else [wanted.get(name), changed.get(name)]
            )
            if seen.get(name) not in permitted:
                self.fail(f"undo of {path}: {difference(wanted | mine, seen)}")
        clone.files[path] = seen
        for entry in seen.values():
            clone.cache.maybe.add(entry.data)

    # other names, and the end

    @rule(number=which, work=works, data=st.booleans(), path=targets)
    def someone_stops_tracking(
        self, number: int, work: Work, data: bool, path: str
    ) -> None:
        clone = self.after(work, number)
        if path not in clone.recorded:
            return
        present = clone.files.get(path)
        done = self.mltrack(
            clone, "remove", *(["--data"] if data else []), path, codes=None
        )
        if data and done.code:
            self.require(
                present is not None and not clone.cache.holds(present),
                f"remove --data: {done.said}",
            )
            return
        self.require(done.code == 0, f"remove ended with {done.code}: {done.said}")
        if data and present is not None:
            self.require(
                {entry.data for entry in present.values()} <= clone.cache.maybe,
                "remove --data lost bytes",
            )
            clone.files.pop(path)
        del clone.recorded[path]
        clone.last[path] = None

    @rule(number=which, work=works, path=st.sampled_from(["data", "model.bin", MOVED]))
    def someone_moves_a_target(self, number: int, work: Work, path: str) -> None:
        clone = self.after(work, number)
        new = (
            MOVED
            if path != MOVED
            else "data"
            if not is_file(clone.recorded.get(path))
            else "model.bin"
        )
        if path not in clone.recorded or new in clone.files or new in clone.recorded:
            return
        self.mltrack(clone, "move", path, new)
        content: Content = clone.recorded.pop(path)
        clone.recorded[new] = content
        self.put(clone, new, clone.files.pop(path, None))
        clone.last[new], clone.last[path] = clone.last.get(path), None
        self.learn_pointer(clone, new, content)


def _is_link(place: Path) -> bool:
    """Whether a file is the cache's object itself; the mode tells that to root, too."""
    return place.is_symlink() or not place.stat().st_mode & 0o200
