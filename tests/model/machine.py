"""What people do with data, one rule each, and what must be true after every step."""

import shutil

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.model.ground import DIRECTORIES, FOR_GIT, KNOWN, NAMES, TARGETS, Ground, difference
from tests.model.model import Clone, Content, Entry, Holding, is_file, merge
from tests.model.shell import look

MEBIBYTE = 1 << 20
LIMIT = 2_000 if "a large listing is not pushed" in KNOWN else 64
"""What counts as a large object in sequences with lowered limits."""

small = st.integers(0, 5).map(lambda number: b"content %d" % number)
boundary = st.sampled_from([0, LIMIT - 1, LIMIT, LIMIT + 1, MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1])
entries = st.one_of(
    small.map(lambda data: Entry("f", data)),
    small.map(lambda data: Entry("f", data)),
    small.map(lambda data: Entry("x", data)),
    boundary.map(lambda size: Entry("f", b"z" * size)),
    st.just(Entry("l", b"a")),
)
which = st.integers(0, 11)
"""Chooses among things whose number is a divisor of twelve more often than not."""


class Machine(Ground):
    """Data under version control, by several people."""

    @initialize(
        hooks=st.booleans(),
        link=st.sampled_from(["", "", "", "hardlink", "symlink"]),
        small_object=st.sampled_from([MEBIBYTE, MEBIBYTE, LIMIT]),
        pack_objects=st.sampled_from([1 << 16, 3]),
        algorithm=st.sampled_from(["xxh3", "xxh3", "blake3"]),
    )
    def a_project_begins(self, hooks: bool, link: str, small_object: int, pack_objects: int, algorithm: str) -> None:
        self.link, self.hooks = link, hooks
        self.set_limits(small_object, pack_objects)
        self.shell.git(self.top, "init", "-q", "--bare", "origin.git")
        self.shell.git(self.top, "init", "-q", "one")
        one = Clone("one", hooks, Holding())
        self.clones.append(one)
        self.mltrack(one, "init", "--hash", algorithm, *([] if hooks else ["--no-hooks"]))
        self.mltrack(one, "remote", "add", "store", "../store")
        self.mltrack(one, "config", "gc.grace_days", "0")
        # two branches that begin to track different paths must not conflict in a file that is not ours to merge
        (self.top / "one/.gitattributes").open("a").write(".gitignore merge=union\n")
        self._equip(one)
        self.git(one, "remote", "add", "origin", "../origin.git")
        self._commit(one, "start")
        self.git(one, "push", "-q", "-u", "origin", "main")

    def _equip(self, clone: Clone) -> None:
        if self.link:
            self.mltrack(clone, "config", "--local", "cache.link", f"{self.link},copy")

    def _clone(self, number: int) -> Clone:
        return self.clones[number % len(self.clones)]

    # the person's own hand

    @rule(number=which, path=st.sampled_from(TARGETS[:3]), name=st.sampled_from(NAMES), entry=entries)
    def someone_writes_a_file(self, number: int, path: str, name: str, entry: Entry) -> None:
        clone = self._clone(number)
        self._write(clone, path, name, entry)

    def _write(self, clone: Clone, target: str, name: str, entry: Entry) -> None:
        if target not in DIRECTORIES or is_file(clone.files.get(target)):
            name, entry = "", Entry("f", entry.data)
        content = clone.files.get(target, {})
        self.shell.write(self.path(clone) / target / name, entry)
        clone.files[target] = content | {name: entry}

    @rule(number=which, path=st.sampled_from(TARGETS), position=which)
    def someone_deletes_a_file(self, number: int, path: str, position: int) -> None:
        clone = self._clone(number)
        content = clone.files.get(path)
        if content:
            name = sorted(content)[position % len(content)]
            self.shell.delete(self.path(clone) / path / name, self.path(clone) / path)
            rest = {other: entry for other, entry in content.items() if other != name}
            self.put(clone, path, None if is_file(content) else rest)

    @rule(number=which, path=st.sampled_from(TARGETS))
    def someone_deletes_a_whole_target(self, number: int, path: str) -> None:
        clone = self._clone(number)
        place = self.path(clone) / path
        if path in clone.files:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
            self.shell.script.append(f"rm -r {clone.name}/{path}")
            del clone.files[path]

    # recording

    @rule(number=which, paths=st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3, unique=True))
    def someone_adds_targets(self, number: int, paths: list[str]) -> None:
        self._add(self._clone(number), paths)

    def _add(self, clone: Clone, targets: list[str]) -> None:
        there = [target for target in targets if target in clone.files]
        expected = 0 if len(there) == len(targets) else 3 if there else 2
        self.mltrack(clone, "add", *targets, codes=[expected])
        for target in there:
            content = clone.files[target]
            clone.recorded[target] = clone.last[target] = content
            clone.cache.take(content)
            self.learn_pointer(clone, target, content)

    @rule(number=which, path=st.sampled_from(TARGETS[:3]), name=st.sampled_from(NAMES), entry=entries)
    def someone_writes_adds_and_commits(self, number: int, path: str, name: str, entry: Entry) -> None:
        clone = self._clone(number)
        self._write(clone, path, name, entry)
        self._add(clone, [path])
        self._commit(clone, "change")

    @rule(number=which)
    def someone_commits(self, number: int) -> None:
        self._commit(self._clone(number), "state")

    def _commit(self, clone: Clone, message: str) -> None:
        self.git(clone, "add", "-u")
        self.git(clone, "add", "--", *(name for name in FOR_GIT if (self.path(clone) / name).exists()))
        self.git(clone, "commit", "-q", "--allow-empty", "-m", message)
        self.world.commits[self.head(clone)] = dict(clone.recorded)
        if clone.hooks:
            behind = {
                target: content
                for target, content in clone.recorded.items()
                if clone.last.get(target) not in (None, content)
            }
            self.settle(clone, dict(behind))

    # branches

    def _branches(self, clone: Clone) -> list[str]:
        return self.shell.ask(self.path(clone), "for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    @rule(number=which, name=st.sampled_from(["side", "other"]))
    def someone_makes_a_branch(self, number: int, name: str) -> None:
        clone = self._clone(number)
        if name not in self._branches(clone):
            self.git(clone, "switch", "-q", "-c", name)

    @rule(number=which, branch=which)
    def someone_switches_to_a_branch(self, number: int, branch: int) -> None:
        clone = self._clone(number)
        branches = self._branches(clone)
        before = self.head(clone)
        done = self.git(clone, "switch", "-q", branches[branch % len(branches)], codes=None)
        self._moved(clone, before, done.code)

    def _moved(self, clone: Clone, before: str, code: int) -> None:
        """Takes in what git made of the pointers, and what the hook made of the data."""
        after = self.head(clone)
        self.require(code == 0 or after == before, "git failed, and moved all the same")
        clone.recorded = self.read_pointers(clone)
        if clone.hooks:
            old, new = self.world.commits[before], self.world.commits[after]
            changed = [target for target in TARGETS if old.get(target) != new.get(target)]
            self.settle(clone, {target: clone.recorded.get(target) for target in changed})

    @rule(number=which)
    def someone_resets_to_the_commit_before(self, number: int) -> None:
        clone = self._clone(number)
        if self.shell.ask(self.path(clone), "rev-list", "--count", "HEAD") != "1":
            self.git(clone, "reset", "-q", "--hard", "HEAD~1")
            clone.recorded = self.read_pointers(clone)  # no hook of git is run by a reset

    # checkout

    @rule(number=which, paths=st.lists(st.sampled_from(TARGETS), max_size=2, unique=True))
    def someone_checks_out(self, number: int, paths: list[str]) -> None:
        clone = self._clone(number)
        named = [path for path in paths if path in clone.recorded]
        done = self.mltrack(clone, "checkout", *named, codes=None)
        self.settle(clone, {target: clone.recorded[target] for target in named or clone.recorded}, done.code)

    # moving bytes

    @rule(number=which)
    def someone_pushes_data(self, number: int) -> None:
        clone = self._clone(number)
        lacking = [c for c in clone.recorded.values() if not clone.cache.holds(c) and not self.world.store.holds(c)]
        done = self.mltrack(clone, "push", codes=None)
        self.require(done.code == 0 or lacking, f"push ended with {done.code}:\n{done.said}")
        if done.code == 0:
            self.world.has_store = True
            for content in clone.recorded.values():
                self.world.store.take(content)
            status = self.json(clone, "status", "--remote", "store")
            self.require(not status["unpushed"], f"push ended with 0, and {status['unpushed']} is not there")
            self._a_stranger_pulls(clone)

    def _a_stranger_pulls(self, clone: Clone) -> None:
        """Whoever has the pointers and the remote alone can have everything."""
        stranger = Clone("stranger", False, Holding())
        self.shell.git(self.top, "clone", "-q", clone.name, "stranger", hooks=False)
        for pointer in [*self.path(stranger).rglob("*.mlt")]:
            pointer.unlink()
        for target in clone.recorded:
            place = self.path(stranger) / f"{target}.mlt"
            place.parent.mkdir(exist_ok=True)
            shutil.copy(self.path(clone) / f"{target}.mlt", place)
        self.mltrack(stranger, "pull")
        for target, content in clone.recorded.items():
            seen = look(self.path(stranger) / target, self.path(stranger) / ".mltrack/cache")
            self.require(seen == content, f"a stranger's pull of {target}: {difference(content, seen)}")
        self.touched.remove(stranger)
        shutil.rmtree(self.path(stranger))

    @precondition(lambda self: self.world.has_store)
    @rule(number=which)
    def someone_fetches_data(self, number: int) -> None:
        self._fetch(self._clone(number), "fetch")

    def _fetch(self, clone: Clone, *command: str) -> int:
        wanted = list(clone.recorded.values())
        can = all(clone.cache.holds(c) or self._can_be_had(clone, c) for c in wanted)
        code = self.mltrack(clone, *command, codes=None).code
        for content in wanted:
            clone.cache.maybe |= {entry.data for entry in content.values()}
            if can:
                clone.cache.take(content)
        if command[0] == "fetch":
            self.require((code == 0) == can or not can, f"fetch ended with {code}, and everything can be had")
        return code

    def _can_be_had(self, clone: Clone, content: Content) -> bool:
        store = self.world.store
        return (clone.cache.lists(content) or store.lists(content)) and clone.cache.lacks(content) <= store.data

    @precondition(lambda self: self.world.has_store)
    @rule(number=which)
    def someone_pulls_data(self, number: int) -> None:
        clone = self._clone(number)
        code = self._fetch(clone, "pull")
        self.settle(clone, dict(clone.recorded), code)

    # several people

    @precondition(lambda self: len(self.clones) < 3)
    @rule(hooks=st.booleans())
    def another_person_clones(self, hooks: bool) -> None:
        name = "two" if len(self.clones) == 1 else "three"
        self.shell.git(self.top, "clone", "-q", "origin.git", name, hooks=False)
        clone = Clone(name, hooks, Holding())
        self.clones.append(clone)
        self.mltrack(clone, "init", *([] if hooks else ["--no-hooks"]))
        self._equip(clone)
        clone.recorded = self.read_pointers(clone)

    @rule(number=which)
    def someone_pushes_commits(self, number: int) -> None:
        """With hooks the data goes first, and the push fails if some of it cannot be had."""
        clone = self._clone(number)
        tip = self.world.commits[self.head(clone)]
        done = self.git(clone, "push", "-q", "origin", "HEAD", codes=None)
        if done.code == 0 and clone.hooks and "Everything" not in done.said:
            self.world.has_store = True
            for content in tip.values():
                self.world.store.take(content)

    @rule(number=which, branch=which)
    def someone_pulls_commits(self, number: int, branch: int) -> None:
        clone = self._clone(number)
        self.git(clone, "fetch", "-q", "origin")
        theirs = self.shell.ask(
            self.path(clone), "for-each-ref", "--format=%(refname:short)", "refs/remotes/origin"
        ).split()
        theirs = [name for name in theirs if name.count("/") == 1 and not name.endswith("/HEAD")]
        self._merge(clone, theirs[branch % len(theirs)])

    @rule(number=which, branch=which)
    def someone_merges_a_branch(self, number: int, branch: int) -> None:
        clone = self._clone(number)
        branches = self._branches(clone)
        self._merge(clone, branches[branch % len(branches)])

    def _merge(self, clone: Clone, other: str) -> None:
        before, theirs = self.head(clone), self.shell.ask(self.path(clone), "rev-parse", other)
        commits = self.world.commits
        bases = self.shell.ask(self.path(clone), "merge-base", "--all", before, theirs).split()
        if len(bases) != 1 or clone.recorded != commits[before]:
            return  # criss-cross merges, and merges over what is not committed, are git's own matter
        expected = merge(commits[bases[0]], commits[before], commits[theirs])
        done = self.git(clone, "merge", "-q", "--no-edit", other, codes=None)
        if done.code:
            listed = [clone.cache.lists(c) for id_ in (bases[0], before, theirs) for c in commits[id_].values()]
            self.require(expected is None or not all(listed), f"git merge fails without a conflict:\n{done.said}")
            self.git(clone, "merge", "--abort")
            self.require(self.read_pointers(clone) == clone.recorded, "merge --abort left other pointers")
            return
        self.require(expected is not None, "git merge took two changes of the same file")
        assert expected is not None
        after = self.head(clone)
        for target, content in expected.items():
            self.learn_pointer(clone, target, content)
            if content not in (commits[before].get(target), commits[theirs].get(target)):
                clone.cache.add_listing(content)
        commits[after] = expected
        self._moved(clone, before, 0)

    # freeing space

    @rule(number=which)
    def someone_collects_garbage(self, number: int) -> None:
        clone = self._clone(number)
        same = [other for other in self.clones if other.cache is clone.cache]
        is_whole = all(clone.cache.lists(content) for other in same for content in other.recorded.values())
        done = self.mltrack(clone, "gc", codes=None)
        self.require(done.code == 0 or not is_whole, f"gc ended with {done.code}:\n{done.said}")
        if done.code == 0:
            clone.cache.keep_only(self.referred(clone))

    # what is true after every step

    @invariant()
    def nothing_else_changed(self) -> None:
        for clone in self.clones:
            self.compare(clone)

    @invariant()
    def status_and_fsck_agree(self) -> None:
        touched, self.touched = self.touched, []
        for clone in touched:
            done = self.mltrack(clone, "status", "--check", codes=None)
            expected = 0 if clone.is_clean() else 4
            self.require(done.code == expected, f"status --check ended with {done.code}, not {expected}:\n{done.said}")
            fsck = self.json(clone, "fsck", codes=None)
            self.require(not fsck["problems"], f"fsck: {fsck}")
            absent = not all(clone.cache.holds(content) for content in clone.recorded.values())
            self.require(absent or not fsck["absent"], f"fsck misses {fsck['absent']} objects in {clone.name}")
        self.touched = []
        self.is_steady = True

    def teardown(self) -> None:
        try:
            for clone in self.clones if self.is_steady else ():
                self._every_commit_can_be_had(clone)
        finally:
            super().teardown()

    def _every_commit_can_be_had(self, clone: Clone) -> None:
        """Any version of any file that was recorded comes back, from the cache or the remote."""
        for id_ in self.shell.ask(self.path(clone), "rev-list", "--all", "--reflog").split():
            state = self.world.commits.get(id_)
            if not state or not all(clone.cache.holds(c) or self._can_be_had(clone, c) for c in state.values()):
                continue
            auditor = self.top / "auditor"
            command = (
                ["checkout", "-q", "--detach"]
                if auditor.exists()
                else ["worktree", "add", "-q", "--detach", "../auditor"]
            )
            place = auditor if auditor.exists() else self.path(clone)
            self.require(self.shell.git(place, *command, id_, hooks=False).code == 0, "git cannot check out a commit")
            for target in TARGETS:
                shutil.rmtree(auditor / target, ignore_errors=True)
                (auditor / target).unlink(missing_ok=True)
            done = self.shell.mltrack(auditor, "pull", hooks=False)
            self.require(done.code == 0, f"commit {id_[:8]} of {clone.name} cannot be had: {done.said}")
            for target, content in state.items():
                seen = look(auditor / target, self.cache_path(clone))
                self.require(seen == content, f"{target} at {id_[:8]} of {clone.name}: {difference(content, seen)}")
        shutil.rmtree(self.top / "auditor", ignore_errors=True)
