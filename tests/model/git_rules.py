"""What people do with git: data follows by the hooks, or by the next checkout where there are none."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.data_rules import DataRules, Work, which, works
from tests.model.ground import ALL, TARGETS
from tests.model.model import Clone, Lock, State


class GitRules(DataRules):
    """Rules for branches, merges, stashes and worktrees."""

    def _branches(self, clone: Clone) -> list[str]:
        return self.shell.ask(self.path(clone), "for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    @rule(number=which, work=works, name=st.sampled_from(["side", "other"]))
    def someone_makes_a_branch(self, number: int, work: Work, name: str) -> None:
        clone = self.after(work, number)
        if name not in self._branches(clone):
            self.git(clone, "switch", "-q", "-c", name)

    @rule(number=which, work=works, branch=which)
    def someone_switches_to_a_branch(self, number: int, work: Work, branch: int) -> None:
        clone = self.after(work, number)
        branches = self._branches(clone)
        before = self.head(clone)
        done = self.git(clone, "switch", "-q", branches[branch % len(branches)], codes=None)
        self.moved(clone, before, done.code)

    def moved(self, clone: Clone, before: str, code: int) -> None:
        """Takes in what git made of the pointers, and what the hook made of the data."""
        after = self.head(clone)
        self.require(code == 0 or after == before, "git failed, and moved all the same")
        clone.recorded = self.read_pointers(clone)
        if clone.hooks:
            old, new = self.world.commits[before], self.world.commits[after]
            changed = [target for target in ALL if old.get(target) != new.get(target)]
            self.settle(clone, {target: clone.recorded.get(target) for target in changed})

    @rule(number=which, work=works)
    def someone_resets_to_the_commit_before(self, number: int, work: Work) -> None:
        clone = self.after(work, number)
        if self.shell.ask(self.path(clone), "rev-list", "--count", "HEAD") != "1":
            self.git(clone, "reset", "-q", "--hard", "HEAD~1")
            clone.recorded = self.read_pointers(clone)  # no hook of git is run by a reset

    @rule(number=which, work=works)
    def someone_reverts_the_last_commit(self, number: int, work: Work) -> None:
        clone = self.after(work, number)
        parents = self.shell.ask(self.path(clone), "rev-list", "--parents", "--max-count=1", "HEAD").split()[1:]
        commits = self.world.commits
        if len(parents) == 1 and self._is_committed(clone) and commits[parents[0]] != clone.recorded:
            self.git(clone, "revert", "--no-edit", "HEAD")
            clone.recorded = self.read_pointers(clone)
            self.note_commit(clone)
            self.require(
                clone.recorded == commits[parents[0]], "a revert leaves other pointers than those of the commit before"
            )
            self.caught_up(clone)

    def _is_committed(self, clone: Clone) -> bool:
        is_known = clone.recorded == self.world.commits[self.head(clone)]
        return is_known and not self.shell.ask(self.path(clone), "status", "--porcelain", "--untracked-files=no")

    # stashes

    @rule(number=which, work=works)
    def someone_stashes_what_is_not_committed(self, number: int, work: Work) -> None:
        clone = self.after(work, number)
        before = self._stashes(clone)
        self.git(clone, "stash", "push", "-q")
        clone.recorded = self.read_pointers(clone)  # no hook of git is run by a stash
        for id_ in self._stashes(clone)[: len(self._stashes(clone)) - len(before)]:
            self.note_commit_of_git(clone, id_)

    @rule(number=which, work=works)
    def someone_pops_a_stash(self, number: int, work: Work) -> None:
        clone = self.after(work, number)
        stashes = self._stashes(clone)
        if not stashes or not self._is_committed(clone) or (self.is_piped and not clone.hooks):
            return
        base, head = self.shell.ask(self.path(clone), "rev-parse", f"{stashes[0]}^"), self.head(clone)
        commits = self.world.commits
        expected = self.merge_commits(clone, base, head, stashes[0])
        done = self.git(clone, "stash", "pop", "-q", codes=None)
        if done.code:
            merges = clone.hooks and self._lists_all(clone, commits[base], commits[head], commits[stashes[0]])
            self.require(expected is None or not merges, f"git stash pop fails without a conflict:\n{done.said}")
            self.git(clone, "reset", "-q", "--hard")
            clone.recorded = self.read_pointers(clone)
            return
        self._merged(clone, expected, [commits[head], commits[stashes[0]]])
        clone.recorded = self.read_pointers(clone)

    def _stashes(self, clone: Clone) -> list[str]:
        return self.shell.ask(self.path(clone), "stash", "list", "--format=%H").split()

    # merges

    @rule(number=which, work=works, branch=which, way=st.sampled_from(["abort", "ours", "theirs"]))
    def someone_pulls_commits(self, number: int, work: Work, branch: int, way: str) -> None:
        clone = self.after(work, number)
        self.git(clone, "fetch", "-q", "origin")
        listed = self.shell.ask(self.path(clone), "for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin")
        theirs = [name for name in listed.split() if name != "HEAD"]
        self._merge(clone, "origin/" + theirs[branch % len(theirs)], way)

    @rule(number=which, work=works, branch=which, way=st.sampled_from(["abort", "ours", "theirs"]))
    def someone_merges_a_branch(self, number: int, work: Work, branch: int, way: str) -> None:
        clone = self.after(work, number)
        branches = self._branches(clone)
        self._merge(clone, branches[branch % len(branches)], way)

    def _merge(self, clone: Clone, other: str, way: str) -> None:
        """Merges a branch; where both sides changed the same, gives up or takes one side, as ``way`` says."""
        before, theirs = self.head(clone), self.shell.ask(self.path(clone), "rev-parse", other)
        commits = self.world.commits
        bases = self.shell.ask(self.path(clone), "merge-base", "--all", before, theirs).split()
        if len(bases) != 1 or not self._is_committed(clone):
            return  # criss-cross merges, and merges over what is not committed, are git's own matter
        if not clone.hooks and self.is_piped:
            return  # without its driver git merges locks line by line
        sides = commits[bases[0]], commits[before], commits[theirs]
        expected = self.merge_commits(clone, bases[0], before, theirs)
        done = self.git(clone, "merge", "-q", "--no-edit", other, codes=None)
        if done.code == 0:
            self.require(expected is not None, "git merge took two changes of the same file")
            self._merged(clone, expected, [commits[before], commits[theirs]])
            clone.recorded = self.read_pointers(clone)
            self.note_commit(clone)
            self.moved(clone, before, 0)
            return
        listed = self._lists_all(clone, *sides)
        # without hooks there are no merge drivers either
        self.require(
            expected is None or not (listed and clone.hooks), f"git merge fails without a conflict:\n{done.said}"
        )
        taken = self.merge_commits(clone, bases[0], before, theirs, way) if way != "abort" and listed else None
        if taken is None:
            self.git(clone, "merge", "--abort")
            self.require(self.read_pointers(clone) == clone.recorded, "merge --abort left other pointers")
            return
        # what could not be brought along because of changes of the person's own is named, as by a hook
        self.mltrack(clone, "resolve", f"--{way}")
        self._merged(clone, taken, [commits[before], commits[theirs]])
        resolved = self.read_pointers(clone)
        self.require(resolved == taken[0], "resolve left other pointers than both sides make")
        in_conflict = [t for t in TARGETS if len({id(s.get(t)) for s in sides}) == 3]
        clone.recorded = resolved
        self.settle(clone, {target: resolved[target] for target in in_conflict if target in resolved})
        self.git(clone, "commit", "-q", "--no-edit")
        self.note_commit(clone)
        self.caught_up(clone)

    def _lists_all(self, clone: Clone, *states: State) -> bool:
        """Whether the cache surely has every listing that a merge needs."""
        return all(clone.cache.lists(content) for state in states for content in state.values())

    def _merged(self, clone: Clone, merged: tuple[State, Lock] | None, sides: list[State]) -> None:
        """Learns the pointers and the lock that a merge wrote, and that new listings are in the cache."""
        state, lock = merged or ({}, {})
        known = self.world.locks.setdefault(self._lock_text(clone), lock)
        self.require(known == lock, f"the merged lock is not stage by stage of both: {known} {lock}")
        for target, content in state.items():
            self.learn_pointer(clone, target, content)
            if all(content != side.get(target) for side in sides):
                clone.cache.add_listing(content)

    # a second worktree, which shares the cache

    @precondition(lambda self: len(self.clones) < 4 and not any(clone.name == "tree" for clone in self.clones))
    @rule()
    def someone_makes_a_worktree(self) -> None:
        owner = self.clones[0]
        tree = Clone("tree", owner.hooks, owner.cache)
        self.git(owner, "worktree", "add", "-q", "-b", "tree", "../tree")
        self.clones.append(tree)
        tree.recorded = self.read_pointers(tree)
        if tree.hooks:
            self.settle(tree, dict(tree.recorded))
