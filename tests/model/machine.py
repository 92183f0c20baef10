"""One sequence: how it begins, what must be true after every step, and what is asked at
its end.
"""

import json
import shutil

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant

from tests.model.data_rules import LIMIT, MEBIBYTE
from tests.model.ground import ALL, difference
from tests.model.model import Clone, Entry, Holding
from tests.model.pipeline_rules import PipelineRules
from tests.model.shell import look


class Machine(PipelineRules):
    """Data under version control, by several people."""

    @initialize(
        hooks=st.booleans(),
        link=st.sampled_from(["", "", "", "hardlink", "symlink"]),
        small_object=st.sampled_from([MEBIBYTE, MEBIBYTE, LIMIT]),
        pack_objects=st.sampled_from([1 << 16, 3]),
        algorithm=st.sampled_from(["xxh3", "xxh3", "blake3"]),
        is_wide=st.integers(0, 9).map(lambda number: number == 9),
        begun=st.integers(0, 3),
        is_piped=st.booleans(),
    )
    def a_project_begins(
        self,
        hooks: bool,
        link: str,
        small_object: int,
        pack_objects: int,
        algorithm: str,
        is_wide: bool,
        begun: int,
        is_piped: bool,
    ) -> None:
        self.link, self.is_wide = link, is_wide
        self.set_limits(small_object, pack_objects)
        self.shell.git(self.top, "init", "-q", "--bare", "origin.git")
        self.shell.git(self.top, "init", "-q", "one")
        one = Clone("one", hooks, Holding())
        self.clones.append(one)
        self.mltrack(
            one, "init", "--hash", algorithm, *([] if hooks else ["--no-hooks"])
        )
        self.mltrack(one, "remote", "add", "store", "../store")
        self.mltrack(one, "config", "gc.grace_days", "0")
        self.mltrack(one, "config", "gc.delay_hours", "0")
        # two branches that begin to track different paths must not conflict in a file
        # that is not ours to merge
        with (self.path(one) / ".gitattributes").open("a") as file:
            file.write(".gitignore merge=union\n")
        self.equip(one)
        self.git(one, "remote", "add", "origin", "../origin.git")
        for target, names in (
            ("data", ["a", "sub/c"]),
            ("nested/more", ["b"]),
            ("model.bin", [""]),
        )[:begun]:
            for name in names:
                self.write(one, target, name, Entry("f", b"first of " + name.encode()))
            self.add(one, [target])
        if is_piped:
            self.begin_pipeline(one)
        self.commit(one, "start")
        self.git(one, "push", "-q", "-u", "origin", "main")

    @invariant()
    def nothing_else_changed(self) -> None:
        for clone in self.clones:
            self.compare(clone)

    @invariant()
    def status_and_fsck_agree(self) -> None:
        touched, self.touched = self.touched, []
        for clone in touched:
            done = self.mltrack(clone, "status", "--check", codes=None)
            settled = self.is_up_to_date(clone) if clone.is_clean() else False
            expected = (0, 4) if settled is None else (0,) if settled else (4,)
            self.require(
                done.code in expected,
                f"status --check ended with {done.code}, not {expected}:\n{done.said}",
            )
            done = self.mltrack(clone, "fsck", "--json", codes=None)
            fsck = json.loads(done.out)
            self.require(not fsck["problems"], f"fsck: {fsck}")
            self.require(
                done.code == (1 if fsck["absent"] else 0),
                f"fsck ended with {done.code}: {fsck}",
            )
            is_whole = all(
                clone.cache.holds(content) for content in clone.recorded.values()
            )
            self.require(
                not (is_whole and fsck["lacking"]),
                f"fsck misses objects in {clone.name}: {fsck}",
            )
        self.touched = []
        self.is_steady = True

    def teardown(self) -> None:
        try:
            for clone in self.clones if self.is_steady else ():
                if clone.name != "tree":  # its commits are those of its owner
                    self._every_commit_can_be_had(clone)
        finally:
            super().teardown()

    def _every_commit_can_be_had(self, clone: Clone) -> None:
        """Any version of any file that was recorded comes back, from the cache or the
        remote.
        """
        auditor = self.top / "auditor"
        for id_ in self.shell.ask(
            self.path(clone), "rev-list", "--all", "--reflog"
        ).split():
            state = self.world.commits.get(id_)
            # no part of a stash
            is_project = self.shell.ask(
                self.path(clone), "ls-tree", id_, ".mltrack/config.toml"
            )
            if (
                not state
                or not is_project
                or not all(
                    self.can_be_had(clone, content) for content in state.values()
                )
            ):
                continue
            again = auditor.exists()
            words = (
                ["checkout", "-q", "--detach"]
                if again
                else ["worktree", "add", "-q", "--detach", str(auditor)]
            )
            done = self.shell.git(
                auditor if again else self.path(clone), *words, id_, hooks=False
            )
            self.require(done.code == 0, f"git cannot check out {id_}: {done.said}")
            for target in ALL:
                place = auditor / target
                shutil.rmtree(
                    place
                ) if place.is_dir() and not place.is_symlink() else place.unlink(
                    missing_ok=True
                )
            done = self.shell.mltrack(auditor, "pull", hooks=False)
            self.require(
                done.code == 0,
                f"commit {id_[:8]} of {clone.name} cannot be had: {done.said}",
            )
            for target, content in state.items():
                seen = look(auditor / target, self.cache_path(clone))
                self.require(
                    seen == content,
                    f"{target} at {id_[:8]} of {clone.name}: {difference(content, seen)}",
                )
        shutil.rmtree(auditor, ignore_errors=True)
