"""What people do with git: data follows by the hooks, or by the next checkout where
there are none.
"""

import shutil

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.data_rules import DataRules, Work, which, works
from tests.model.ground import ALL, TARGETS, difference
from tests.model.model import OUTS, Clone, Lock, State, merge, merge_locks


class GitRules(DataRules):
    """Rules for branches, merges, stashes and worktrees."""

    def _branches(self, clone: Clone) -> list[str]:
        return self.shell.ask(
            self.path(clone), "for-each-ref", "--format=%(refname:short)", "refs/heads"
        ).split()

    @rule(number=which, work=works, name=st.sampled_from(["side", "other"]))
    def someone_makes_a_branch(self, number: int, work: Work, name: str) -> None:
        clone = self.after(work, number)
        if name not in self._branches(clone):
            self.git(clone, "switch", "-q", "-c", name)

    @rule(number=which, work=works, branch=which)
    def someone_switches_to_a_branch(
        self, number: int, work: Work, branch: int
    ) -> None:
        clone = self.after(work, number)
        branches = self._branches(clone)
        before = self.head(clone)
        done = self.git(
            clone, "switch", "-q", branches[branch % len(branches)], codes=None
        )
        self.moved(clone, before, done.code)

    def moved(self, clone: Clone, before: str, code: int) -> None:
        """Takes in what git made of the pointers, and what the hook made of the data."""
        after = self.head(clone)
        self.require(code == 0 or after == before, "git failed, and moved all the same")
        clone.recorded = self.read_pointers(clone)
        if clone.hooks:
            old, new = self.world.commits[before], self.world.commits[after]
            changed = [target for target in ALL if old.get(target) != new.get(target)]
            self.settle(
                clone, {target: clone.recorded.get(target) for target in changed}
            )

    @rule(number=which, work=works)
    def someone_resets_to_the_commit_before(self, number: int, work: Work) -> None:
        clone = self.after(work, number)
        if self.shell.ask(self.path(clone), "rev-list", "--count", "HEAD") != "1":
            self.git(clone, "reset", "-q", "--hard", "HEAD~1")
            # no hook of git is run by a reset
            clone.recorded = self.read_pointers(clone)

    @rule(number=which, work=works)
    def someone_reverts_the_last_commit(self, number: int, work: Work) -> None:
        clone = self.after(work, number)
        parents = self.shell.ask(
            self.path(clone), "rev-list", "--parents", "--max-count=1", "HEAD"
        ).split()[1:]
        commits = self.world.commits
        if (
            len(parents) == 1
            and self._is_committed(clone)
            and commits[parents[0]] != clone.recorded
        ):
            self.git(clone, "revert", "--no-edit", "HEAD")
            clone.recorded = self.read_pointers(clone)
            self.note_commit(clone)
            self.require(
                clone.recorded == commits[parents[0]],
                "a revert leaves other pointers than those of the commit before",
            )
            self.caught_up(clone)

    def _is_committed(self, clone: Clone) -> bool:
        is_known = clone.recorded == self.world.commits[self.head(clone)]
        return is_known and not self.shell.ask(
            self.path(clone), "status", "--porcelain", "--untracked-files=no"
        )

    # stashes

    @rule(number=which, work=works, whole=st.booleans())
    def someone_stashes_what_is_not_committed(
        self, number: int, work: Work, whole: bool
    ) -> None:
        clone = self.after(work, number)
        before = self._stashes(clone)
        self.git(
            clone, "stash", "push", "-q", *(["--include-untracked"] if whole else [])
        )
        if whole:
            self.swept(clone)
        clone.recorded = self.read_pointers(clone)  # no hook of git is run by a stash
        for id_ in self._stashes(clone)[: len(self._stashes(clone)) - len(before)]:
            for part in self.shell.ask(
                self.path(clone), "rev-parse", id_, f"{id_}^@"
            ).split():
                # the index and the untracked files are parents of it
                self.note_commit_of_git(clone, part)

    @rule(number=which, work=works)
    def someone_pops_a_stash(self, number: int, work: Work) -> None:
        clone = self.after(work, number)
        stashes = self._stashes(clone)
        if (
            not stashes
            or not self._is_committed(clone)
            or (self.is_piped and not clone.hooks)
        ):
            return
        base, head = (
            self.shell.ask(self.path(clone), "rev-parse", f"{stashes[0]}^"),
            self.head(clone),
        )
        is_whole = (
            len(
                self.shell.ask(self.path(clone), "rev-parse", f"{stashes[0]}^@").split()
            )
            == 3
        )
        commits = self.world.commits
        expected = self.merge_commits(clone, base, head, stashes[0])
        done = self.git(clone, "stash", "pop", "-q", codes=None)
        if is_whole:
            self.brought_back(clone)
        if done.code:
            merges = (
                not is_whole
                and ".gitignore" not in done.said  # that file is git's to merge
                and clone.hooks
                and self._lists_all(
                    clone, commits[base], commits[head], commits[stashes[0]]
                )
            )
            self.require(
                expected is None or not merges,
                f"git stash pop fails without a conflict:\n{done.said}",
            )
            self.git(clone, "reset", "-q", "--hard")
            clone.recorded = self.read_pointers(clone)
            return
        self._merged(clone, expected, [commits[head], commits[stashes[0]]])
        clone.recorded = self.read_pointers(clone)

    def _stashes(self, clone: Clone) -> list[str]:
        return self.shell.ask(self.path(clone), "stash", "list", "--format=%H").split()

    # what git sweeps away

    @rule(number=which, work=works)
    def someone_lets_git_delete_what_it_does_not_know(
        self, number: int, work: Work
    ) -> None:
        clone = self.after(work, number)
        self.git(clone, "clean", "-q", "-f", "-d")
        self.swept(clone)
        clone.recorded = self.read_pointers(clone)

    def swept(self, clone: Clone) -> None:
        """git took what it neither tracks nor ignores: never data whose pointer and
        ignore line are here and committed. The line alone may be gone, into a stash.
        """
        known = self.world.commits[self.head(clone)]
        for target in ALL:
            present, seen = clone.files.get(target), self.seen(clone, target)
            if present != seen:
                is_tracked = target in known and target in clone.recorded
                is_hidden = self.shell.ask(
                    self.path(clone), "check-ignore", "--no-index", target
                )
                self.require(
                    not (is_tracked and is_hidden),
                    f"git took {target}, which is tracked",
                )
                self.require(
                    seen is None or seen.items() <= present.items(),
                    f"git wrote {target}",
                )
                self.put(clone, target, seen)

    def brought_back(self, clone: Clone) -> None:
        """git put back, from a stash, what was no target at that time."""
        for target in ALL:
            present, seen = clone.files.get(target), self.seen(clone, target)
            if seen is not None and seen != present:
                self.require(
                    (present or {}).items() <= seen.items(), f"git changed {target}"
                )
                clone.files[target] = seen

    # rebases

    @rule(number=which, work=works, branch=which)
    def someone_rebases_on_a_branch(self, number: int, work: Work, branch: int) -> None:
        """Data that was as recorded is as recorded afterwards."""
        clone = self.after(work, number)
        branches = self._branches(clone)
        other = branches[branch % len(branches)]
        before, onto = (
            self.head(clone),
            self.shell.ask(self.path(clone), "rev-parse", other),
        )
        moving = self.shell.ask(
            self.path(clone), "rev-list", "--reverse", "--parents", f"{onto}..{before}"
        ).splitlines()
        if (
            not self._is_committed(clone)
            or (self.is_piped and not clone.hooks)
            or any(len(line.split()) != 2 for line in moving)
        ):
            return
        commits, locks = self.world.commits, self.world.commit_locks
        parents = [line.split()[1] for line in moving]
        originals = [line.split()[0] for line in moving]
        states: list[tuple[State, Lock]] = [(self._tracked(onto), locks[onto])]
        for parent, original in zip(parents, originals, strict=True):
            state = merge(self._tracked(parent), states[-1][0], self._tracked(original))
            if state is None:
                break
            states.append(
                (state, merge_locks(locks[parent], states[-1][1], locks[original]))
            )
        is_smooth = len(states) == len(moving) + 1
        involved = [commits[id_] for id_ in (onto, before, *parents, *originals)]
        held = all(
            clone.cache.holds(content)
            for state in involved
            for content in state.values()
        )
        is_clean = all(
            clone.files.get(target) == commits[before].get(target) for target in ALL
        )
        if clone.hooks and not (held and is_clean):
            return
        done = self.git(
            clone, "rebase", "--empty=keep", "--reapply-cherry-picks", other, codes=None
        )
        if done.code:
            self.require(
                self.is_piped or not (is_smooth and clone.hooks),
                f"git rebase fails:\n{done.said}",
            )
            self.git(clone, "rebase", "--abort", codes=None)
            self.require(
                self.read_pointers(clone) == clone.recorded,
                "rebase --abort left other pointers",
            )
            if clone.hooks:  # none is run by it
                self.mltrack(clone, "checkout")
        else:
            self.require(is_smooth, "git rebase took two changes of the same file")
            made = self.shell.ask(
                self.path(clone), "rev-list", "--reverse", f"{onto}..HEAD"
            ).split()
            self.require(
                len(made) in (len(moving), 0),
                f"git rebase made {len(made)} commits of {len(moving)}",
            )
            for number, (id_, (state, lock)) in enumerate(
                zip(made, states[1:], strict=False)
            ):
                sides = [states[number][0], self._tracked(originals[number])]
                self._learn_commit(clone, id_, state, lock, sides)
        clone.recorded = self.read_pointers(clone)
        for target in ALL if clone.hooks else ():
            self.put(clone, target, clone.recorded.get(target))
            clone.last[target] = clone.recorded.get(target)
        self.compare(clone)

    def _tracked(self, commit: str) -> State:
        return {
            target: c
            for target, c in self.world.commits[commit].items()
            if target not in OUTS
        }

    def _learn_commit(
        self, clone: Clone, commit: str, state: State, lock: Lock, sides: list[State]
    ) -> None:
        """A commit that git made by merging records what the model makes of the same."""
        for target, content in state.items():
            text = self._text_at(clone, commit, f"{target}.mlt")
            known = self.world.texts.setdefault(text, content)
            self.require(
                known == content, f"{commit}:{target}.mlt: {difference(content, known)}"
            )
            # only what the merge driver made is surely there
            if all(content != side.get(target) for side in sides):
                clone.cache.add_listing(content)
        text = (
            self.shell.ask(self.path(clone), "show", f"{commit}:mltrack.lock")
            if lock
            else ""
        )
        known_lock = self.world.locks.setdefault(text + "\n" if text else "", lock)
        self.require(known_lock == lock, f"{commit}: another lock")
        self.world.commits[commit] = state | {
            out: content for out, (_, content) in lock.items()
        }
        self.world.commit_locks[commit] = lock

    # merges

    @rule(
        number=which,
        work=works,
        branch=which,
        way=st.sampled_from(["abort", "ours", "theirs"]),
    )
    def someone_pulls_commits(
        self, number: int, work: Work, branch: int, way: str
    ) -> None:
        clone = self.after(work, number)
        self.git(clone, "fetch", "-q", "origin")
        listed = self.shell.ask(
            self.path(clone),
            "for-each-ref",
            "--format=%(refname:lstrip=3)",
            "refs/remotes/origin",
        )
        theirs = [name for name in listed.split() if name != "HEAD"]
        self._merge(clone, "origin/" + theirs[branch % len(theirs)], way)

    @rule(
        number=which,
        work=works,
        branch=which,
        way=st.sampled_from(["abort", "ours", "theirs"]),
    )
    def someone_merges_a_branch(
        self, number: int, work: Work, branch: int, way: str
    ) -> None:
        clone = self.after(work, number)
        branches = self._branches(clone)
        self._merge(clone, branches[branch % len(branches)], way)

    def _merge(self, clone: Clone, other: str, way: str) -> None:
        """Merges a branch; where both sides changed the same, gives up or takes one
        side, as ``way`` says.
        """
        before, theirs = (
            self.head(clone),
            self.shell.ask(self.path(clone), "rev-parse", other),
        )
        commits = self.world.commits
        bases = self.shell.ask(
            self.path(clone), "merge-base", "--all", before, theirs
        ).split()
        if len(bases) != 1 or not self._is_committed(clone):
            # criss-cross merges, and merges over what is not committed, are git's own
            # matter
            return
        if not clone.hooks and self.is_piped:
            return  # without its driver git merges locks line by line
        sides = commits[bases[0]], commits[before], commits[theirs]
        expected = self.merge_commits(clone, bases[0], before, theirs)
        done = self.git(clone, "merge", "-q", "--no-edit", other, codes=None)
        if done.code == 0:
            self.require(
                expected is not None, "git merge took two changes of the same file"
            )
            self._merged(clone, expected, [commits[before], commits[theirs]])
            clone.recorded = self.read_pointers(clone)
            self.note_commit(clone)
            self.moved(clone, before, 0)
            return
        listed = self._lists_all(clone, *sides)
        # without hooks there are no merge drivers either
        self.require(
            expected is None or not (listed and clone.hooks),
            f"git merge fails without a conflict:\n{done.said}",
        )
        taken = (
            self.merge_commits(clone, bases[0], before, theirs, way)
            if way != "abort" and listed
            else None
        )
        if taken is None:
            self.git(clone, "merge", "--abort")
            self.require(
                self.read_pointers(clone) == clone.recorded,
                "merge --abort left other pointers",
            )
            return
        # what could not be brought along because of changes of the person's own is
        # named, as by a hook
        self.mltrack(clone, "resolve", f"--{way}")
        self._merged(clone, taken, [commits[before], commits[theirs]])
        resolved = self.read_pointers(clone)
        self.require(
            resolved == taken[0], "resolve left other pointers than both sides make"
        )
        in_conflict = [
            target for target in TARGETS if self._was_in_conflict(clone, target, sides)
        ]
        clone.recorded = resolved
        self.settle(
            clone,
            {target: resolved[target] for target in in_conflict if target in resolved},
        )
        self.git(clone, "commit", "-q", "--no-edit")
        self.note_commit(clone)
        self.caught_up(clone)

    def _was_in_conflict(
        self, clone: Clone, target: str, sides: tuple[State, State, State]
    ) -> bool:
        """Whether a pointer was left to ``resolve``: without hooks there is no merge
        driver, and git merges it as text.
        """
        base, ours, theirs = [
            {target: side[target]} if target in side else {} for side in sides
        ]
        return (
            merge(base, ours, theirs) is None
            if clone.hooks
            else base != ours != theirs != base
        )

    def _lists_all(self, clone: Clone, *states: State) -> bool:
        """Whether the cache surely has every listing that a merge needs."""
        return all(
            clone.cache.lists(content) for state in states for content in state.values()
        )

    def _merged(
        self, clone: Clone, merged: tuple[State, Lock] | None, sides: list[State]
    ) -> None:
        """Learns the pointers and the lock that a merge wrote, and that new listings
        are in the cache.
        """
        state, lock = merged or ({}, {})
        known = self.world.locks.setdefault(self._lock_text(clone), lock)
        self.require(
            known == lock,
            f"the merged lock is not stage by stage of both: {known} {lock}",
        )
        for target, content in state.items():
            self.learn_pointer(clone, target, content)
            if all(content != side.get(target) for side in sides):
                clone.cache.add_listing(content)

    # a second worktree, which shares the cache

    @precondition(
        lambda self: (
            len(self.clones) < 4
            and not any(clone.name == "tree" for clone in self.clones)
        )
    )
    @rule()
    def someone_makes_a_worktree(self) -> None:
        owner = self.clones[0]
        tree = Clone("tree", owner.hooks, owner.cache)
        if "tree" not in self._branches(owner):
            self.git(owner, "branch", "tree")
        done = self.git(owner, "worktree", "add", "-q", "../tree", "tree", codes=None)
        if done.code:
            return  # checked out elsewhere
        self.clones.append(tree)
        tree.recorded = self.read_pointers(tree)
        if tree.hooks:
            self.settle(tree, dict(tree.recorded))

    @precondition(lambda self: any(clone.name == "tree" for clone in self.clones))
    @rule(collect=st.booleans())
    def someone_deletes_the_worktree(self, collect: bool) -> None:
        tree = next(clone for clone in self.clones if clone.name == "tree")
        owner = self.clones[0]
        tree.recorded = {}
        kept = self.referred(owner)
        shutil.rmtree(self.path(tree))
        self.shell.script.append("rm -r tree")
        self.clones.remove(tree)
        self.touched = [clone for clone in self.touched if clone is not tree]
        if collect and self.mltrack(owner, "gc", codes=[0, 1]).code == 0:
            owner.cache.keep_only(kept)  # git still knows its branch and its index
        self.git(owner, "worktree", "prune")
