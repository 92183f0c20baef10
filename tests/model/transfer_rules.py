"""Moving bytes between people, and freeing space."""

import shutil
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.data_rules import Work, targets_and_outputs, which, works
from tests.model.git_rules import GitRules
from tests.model.ground import DIRECTORIES, difference
from tests.model.model import OUTS, Clone, Content, Holding, clashes, is_file, listing
from tests.model.shell import look

HEAD = 16
"""How much of a pack stands before its first object."""


class TransferRules(GitRules):
    """Rules for push, fetch, pull, drop and gc, and for further clones."""

    # sending

    @rule(number=which, work=works)
    def someone_pushes_data(self, number: int, work: Work) -> None:
        self.push(self.after(work, number))

    def push(self, clone: Clone) -> None:
        lacking = [
            c
            for c in clone.recorded.values()
            if not clone.cache.holds(c) and not self.world.store.holds(c)
        ]
        done = self.mltrack(clone, "push", codes=None)
        self.require(
            done.code == 0 or lacking, f"push ended with {done.code}:\n{done.said}"
        )
        if done.code == 0:
            self._is_sent(list(clone.recorded.values()))
            status = self.json(clone, "status", "--remote", "store")
            self.require(
                not status["unpushed"],
                f"push ended with 0, and {status['unpushed']} is not there",
            )
            self._a_stranger_pulls(clone)

    @rule(number=which, work=works)
    def someone_pushes_the_data_of_all_branches(self, number: int, work: Work) -> None:
        clone = self.after(work, number)
        tips = self.shell.ask(
            self.path(clone), "for-each-ref", "--format=%(objectname)", "refs/heads"
        ).split()
        wanted = [
            content for tip in tips for content in self.world.commits[tip].values()
        ]
        lacking = [
            c
            for c in wanted
            if not clone.cache.holds(c) and not self.world.store.holds(c)
        ]
        done = self.mltrack(clone, "push", "--all-branches", codes=None)
        self.require(
            done.code == 0 or lacking,
            f"push --all-branches ended with {done.code}:\n{done.said}",
        )
        if done.code == 0:
            self._is_sent(wanted)

    def _is_sent(self, contents: list[Content]) -> None:
        self.world.has_store = True
        for content in contents:
            self.world.store.take(content)

    def _a_stranger_pulls(self, clone: Clone) -> None:
        """Whoever has the pointers and the remote alone can have everything."""
        stranger = Clone("stranger", False, Holding())
        self.shell.git(self.top, "clone", "-q", clone.name, "stranger", hooks=False)
        for pointer in [*self.path(stranger).rglob("*.mlt")]:
            pointer.unlink()
        lock = self.path(clone) / "mltrack.lock"
        if lock.exists():
            shutil.copy(lock, self.path(stranger) / "mltrack.lock")
        else:
            (self.path(stranger) / "mltrack.lock").unlink(missing_ok=True)
        for target in clone.recorded.keys() - OUTS:
            place = self.path(stranger) / f"{target}.mlt"
            place.parent.mkdir(exist_ok=True)
            shutil.copy(self.path(clone) / f"{target}.mlt", place)
        self.mltrack(stranger, "pull")
        for target, content in clone.recorded.items():
            seen = look(
                self.path(stranger) / target, self.path(stranger) / ".mltrack/cache"
            )
            self.require(
                seen == content,
                f"a stranger's pull of {target}: {difference(content, seen)}",
            )
        self.touched.remove(stranger)
        shutil.rmtree(self.path(stranger))

    @rule(number=which, work=works)
    def someone_pushes_commits(self, number: int, work: Work) -> None:
        """With hooks the data goes first, and the push fails if some of it cannot be
        had.
        """
        self.push_commits(self.after(work, number))

    def push_commits(self, clone: Clone) -> None:
        tip = list(self.world.commits[self.head(clone)].values())
        before = self.shell.ask(self.path(clone), "ls-remote", "origin")
        done = self.git(clone, "push", "-q", "origin", "HEAD", codes=None)
        if (
            done.code == 0
            and clone.hooks
            and self.shell.ask(self.path(clone), "ls-remote", "origin") != before
            and tip
        ):
            # without data the hook has nothing to send, and makes no remote
            self._is_sent(tip)

    # getting

    @precondition(lambda self: self.world.has_store)
    @rule(number=which, work=works)
    def someone_fetches_data(self, number: int, work: Work) -> None:
        clone = self.after(work, number)
        self._fetched(clone, self.mltrack(clone, "fetch", codes=None).code)

    def _fetched(self, clone: Clone, code: int) -> None:
        wanted = list(clone.recorded.values())
        can = all(self.can_be_had(clone, content) for content in wanted)
        for content in wanted:
            clone.cache.maybe |= {entry.data for entry in content.values()}
            if can:
                clone.cache.take(content)
        self.require(
            code == 0 or not can, f"fetch ended with {code}, and everything can be had"
        )

    @precondition(lambda self: self.world.has_store)
    @rule(number=which, work=works)
    def someone_pulls_data(self, number: int, work: Work) -> None:
        clone = self.after(work, number)
        code = self.mltrack(clone, "pull", codes=None).code
        is_whole = all(
            self.can_be_had(clone, content) for content in clone.recorded.values()
        )
        self._fetched(clone, 0)
        self.settle(clone, dict(clone.recorded), code if is_whole else None)

    @precondition(lambda self: self.world.has_store)
    @rule(number=which, path=st.sampled_from(DIRECTORIES[:2]), position=which)
    def someone_pulls_a_single_file(
        self, number: int, path: str, position: int
    ) -> None:
        clone = self.clone(number)
        content = clone.recorded.get(path)
        if (
            not content
            or is_file(content)
            or is_file(clone.files.get(path))
            or not self.can_be_had(clone, content)
        ):
            return
        name = sorted(content)[position % len(content)]
        present, last = clone.files.get(path), clone.last.get(path)
        if present is not None and (
            name in present or clashes(present | {name: content[name]})
        ):
            return  # then it is an ordinary checkout of one file
        if "\n" in name:
            return  # no command takes such a name
        self.mltrack(clone, "pull", f"{path}/{name}")
        clone.files[path] = (present or {}) | {name: content[name]}
        if present is None or last is None or not clone.cache.lists(last):
            last = {}
        clone.last[path] = last | {name: content[name]}
        clone.cache.data.add(content[name].data)
        clone.cache.maybe.add(content[name].data)
        # else listings of its directories may be lacking still
        if not any("/" in other for other in content):
            clone.cache.add_listing(content)
            clone.cache.add_listing(clone.last[path])

    # further people

    @precondition(lambda self: not any(clone.name == "two" for clone in self.clones))
    @rule(hooks=st.booleans(), work=works)
    def another_person_clones(self, hooks: bool, work: Work) -> None:
        first = self.after(work, 0)
        self.push_commits(first)
        self.push(first)
        self._join(Clone("two", hooks, Holding()))

    @precondition(
        lambda self: (
            len(self.clones) < 4
            and not any(clone.name == "guest" for clone in self.clones)
        )
    )
    @rule(hooks=st.booleans())
    def another_person_uses_the_cache_of_the_first(self, hooks: bool) -> None:
        guest = Clone("guest", hooks, self.clones[0].cache)
        self._join(guest)
        self.mltrack(
            guest,
            "config",
            "--local",
            "cache.dir",
            str(self.path(self.clones[0]) / ".mltrack/cache"),
        )

    def _join(self, clone: Clone) -> None:
        self.shell.git(self.top, "clone", "-q", "origin.git", clone.name, hooks=False)
        self.clones.append(clone)
        self.mltrack(clone, "init", *([] if clone.hooks else ["--no-hooks"]))
        self.equip(clone)
        clone.recorded = self.read_pointers(clone)

    # freeing space

    @rule(number=which, work=works)
    def someone_collects_garbage(self, number: int, work: Work) -> None:
        clone = self.after(work, number)
        same = [other for other in self.clones if other.cache is clone.cache]
        may_refuse = any(other.name == "guest" for other in same)
        is_whole = all(
            clone.cache.lists(content)
            for other in same
            for content in other.recorded.values()
        )
        # What a destroyed listing named cannot be told: as long as something refers to
        # it, gc refuses.
        is_whole &= not any(
            listing(content) in clone.cache.lost for content in self.referred(clone)
        )
        done = self.mltrack(clone, "gc", codes=None)
        self.require(
            done.code == 0 or not is_whole or may_refuse,
            f"gc ended with {done.code}:\n{done.said}",
        )
        if done.code == 0:
            clone.cache.keep_only(self.referred(clone))

    @precondition(lambda self: self.world.has_store)
    @rule(number=which, work=works)
    def someone_collects_the_garbage_of_the_remote(
        self, number: int, work: Work
    ) -> None:
        """In two runs: the first forgets what this clone and the commits of others do
        not refer to, the second deletes.
        """
        clone = self.after(work, number)
        self.git(clone, "fetch", "-q", "origin")
        kept = self.referred(clone)
        is_listed = all(
            clone.cache.lists(content) or self.world.store.lists(content)
            for content in kept
        )
        for _ in range(2):
            done = self.mltrack(clone, "gc", "--remote", "store", codes=None)
            self.require(
                done.code == 0 or not is_listed,
                f"gc --remote ended with {done.code}:\n{done.said}",
            )
            if done.code:
                return
            self.world.store.keep_only(kept)
            for content in kept:
                if self.world.store.lists(content):
                    clone.cache.add_listing(content)

    @precondition(lambda self: self.world.has_store)
    @rule(position=which)
    def a_remote_loses_a_file(self, position: int) -> None:
        """A push sends it again; until then nothing surely comes from there."""
        top = self.top / "store"
        places = sorted(
            place
            for part in ("packs", "objects")
            for place in (top / part).rglob("*")
            if place.is_file()
        )
        if places:
            place = places[position % len(places)]
            place.unlink()
            self.shell.script.append(f"rm -f {place.relative_to(self.top)}")
            self.world.store.data.clear()
            self.world.store.listings.clear()

    @rule(number=which, work=works, path=targets_and_outputs)
    def someone_drops_what_a_remote_holds(
        self, number: int, work: Work, path: str
    ) -> None:
        clone = self.after(work, number)
        if path not in clone.recorded:
            return
        self.push(clone)
        content = clone.recorded[path]
        others = {
            e.data
            for other, c in clone.recorded.items()
            if other != path
            for e in c.values()
        }
        going = {entry.data for entry in content.values()} - others
        done = self.mltrack(clone, "drop", path, codes=None)
        refusing = (
            self.link == "symlink"
            or not (going & clone.cache.maybe) <= self.world.store.data
        )
        self.require(
            done.code == 0 or refusing, f"drop ended with {done.code}:\n{done.said}"
        )
        if done.code == 0:
            self.require(
                going & clone.cache.data <= self.world.store.data,
                "drop dropped what no remote holds",
            )
            clone.cache.data -= going

    # a link to a damaged object is a damaged file
    @precondition(lambda self: not self.link)
    @rule(number=which, position=which, offset=st.integers(0, 1 << 20))
    def a_disk_damages_an_object_and_fsck_repairs_it(
        self, number: int, position: int, offset: int
    ) -> None:
        """What the workspace or the remote has comes back; the rest of what was damaged
        is lost, and said to be.
        """
        clone = self.clone(number)
        places = sorted(
            place
            for place in self.cache_path(clone).rglob("*")
            if self._holds_objects(place)
        )
        if not places:
            return
        place = places[position % len(places)]
        data = bytearray(place.read_bytes())
        data[offset % len(data)] ^= 0xFF
        place.chmod(0o644)
        place.write_bytes(data)
        place.chmod(0o444)
        self.shell.script.append(
            f"flip byte {offset % len(data)} of {place.relative_to(self.top)}"
        )
        aside = {
            mark.name.partition(".")[2]
            for mark in self.cache_path(clone).glob("quarantine/*")
        }
        # A byte of an object that was set aside in its pack is nobody's: that may or
        # may not be the one.
        found = self.mltrack(
            clone, "fsck", codes=[7] if place.stem not in aside else [0, 1, 7]
        )
        if found.code != 7:
            return
        saved = {
            e.data
            for target in clone.recorded
            for e in clone.files.get(target, {}).values()
        }
        clone.cache.data &= self.world.store.data | saved
        clone.cache.lose_listings(self.world.store.listings)
        # A repair looks for what is lost among all that stands there, and may save it
        # on the way.
        clone.cache.maybe |= {
            e.data
            for target in clone.recorded
            for e in clone.files.get(target, {}).values()
        }
        repaired = self.mltrack(clone, "fsck", "--repair", codes=[0, 1, 7])
        # What could not be had is set aside: from then on it counts, where something
        # refers to it, as absent.
        expected = [0, 1] if repaired.code == 7 else [repaired.code]
        again = self.mltrack(clone, "fsck", codes=expected)
        self.mltrack(clone, "fsck", "--repair", codes=[again.code])

    def _holds_objects(self, place: Path) -> bool:
        is_object = (
            place.parent.name == "packs" and place.suffix == ".pack"
        ) or "loose" in place.parts
        return is_object and place.is_file() and place.stat().st_size > 0
