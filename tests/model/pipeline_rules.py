"""A small pipeline over the tracked data: outputs are what its inputs make of them,
whoever runs it and from where.
"""

import os
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.data_rules import Work, entries, which, works
from tests.model.model import OUTS, Clone, Content, Entry, Lock, is_file
from tests.model.transfer_rules import TransferRules

PIPELINE = """\
stages:
  gather:
    cmd: (echo ${word}; find -L data -type f -print0 | LC_ALL=C sort -z | xargs -0r cat) > gathered.txt
    deps: [data]
    params: [word]
    outs: [gathered.txt]
  count:
    cmd: wc -c < gathered.txt > counted.txt
    deps: [gathered.txt]
    outs: [counted.txt]
"""
words = st.sampled_from(["first", "second", "third"])


class Gathered(NamedTuple):
    """What the first stage reads; of the second it is the first one's output."""

    word: str
    data: Content | None


class PipelineRules(TransferRules):
    """Rules for a project with two stages."""

    def begin_pipeline(self, clone: Clone) -> None:
        self.is_piped = True
        (self.path(clone) / "mltrack.yaml").write_text(PIPELINE)
        self.shell.script.append(
            f"cat > {clone.name}/mltrack.yaml <<'END'\n{PIPELINE}END"
        )
        self._write_word(clone, "first")

    def _write_word(self, clone: Clone, word: str) -> None:
        (self.path(clone) / "params.yaml").write_text(f"word: {word}\n")
        self.shell.script.append(f"echo 'word: {word}' > {clone.name}/params.yaml")

    @precondition(lambda self: self.is_piped)
    @rule(number=which, word=words)
    def someone_changes_a_param(self, number: int, word: str) -> None:
        self._write_word(self.clone(number), word)

    @precondition(lambda self: self.is_piped)
    @rule(number=which, work=works, word=st.one_of(st.just(""), words))
    def someone_runs_the_pipeline(self, number: int, work: Work, word: str) -> None:
        self.run_pipeline(self.after(work, number), word)

    def run_pipeline(self, clone: Clone, word: str = "") -> None:
        data = clone.files.get("data")
        if data is None or is_file(data) or "data" not in clone.recorded:
            return  # what git ignores and nothing tracks is no dependency
        done = self.mltrack(
            clone, "repro", *(["--set", f"word={word}"] if word else []), codes=None
        )
        if done.code:
            is_older = clone.last.get("data") == data != clone.recorded["data"]
            self.require(is_older, f"repro ended with {done.code}:\n{done.said}")
            return
        former, clone.lock = (
            clone.lock,
            self.results(clone, Gathered(word or self.word(clone), data)),
        )
        for out, (_, content) in clone.lock.items():
            is_unchanged = (
                former.get(out) == clone.lock[out] and clone.files.get(out) == content
            )
            if not is_unchanged:  # else what was dropped stays so
                clone.cache.take(content)
            clone.files[out] = clone.recorded[out] = clone.last[out] = content
        text = (self.path(clone) / "mltrack.lock").read_text()
        known = self.world.locks.setdefault(text, clone.lock)
        self.require(known == clone.lock, "one lock stands for two results")
        if not word:
            plan = self.json(clone, "repro", "--dry-run")
            self.require(
                all(step["verdict"] == "skip" for step in plan["steps"]),
                f"a second repro would run: {plan}",
            )

    def results(self, clone: Clone, read: Gathered) -> Lock:
        """What stands there after a run: what the commands write, or what somebody
        recorded by hand for the same.
        """
        lock: Lock = {}
        for out, make in ((OUTS[0], gathered_from), (OUTS[1], counted_from)):
            known = read if out == OUTS[0] else lock[OUTS[0]][1]
            seen = self.seen(clone, out)
            by_hand = [
                content
                for item, inputs, content in self.world.by_hand
                if (item, inputs) == (out, known)
            ]
            lock[out] = (
                known,
                seen if seen is not None and seen in by_hand else make(known),
            )
        return lock

    @precondition(lambda self: self.is_piped)
    @rule(number=which, work=works, written=st.one_of(st.none(), entries))
    def someone_records_stages_by_hand(
        self, number: int, work: Work, written: Entry | None
    ) -> None:
        """What was never brought here of a dependency is part of what the stage read."""
        clone = self.after(work, number)
        if any(out not in clone.files for out in OUTS):
            self.run_pipeline(clone)
        if written is not None and OUTS[0] in clone.files:
            self.scribble(clone, OUTS[0], written)
        data, outs = clone.files.get("data"), [clone.files.get(out) for out in OUTS]
        if data is None or is_file(data) or "data" not in clone.recorded:
            return
        is_listed = clone.cache.lists(clone.recorded["data"])
        done = self.mltrack(clone, "commit", codes=None)
        if done.code:
            self.require(
                None in outs or not is_listed,
                f"commit of stages ended with {done.code}:\n{done.said}",
            )
            return
        self.require(None not in outs, "commit recorded an output that does not exist")
        gathered, counted = ((content or {}) for content in outs)
        read = data | clone.never_here("data")
        clone.lock = {
            OUTS[0]: (Gathered(self.word(clone), read), gathered),
            OUTS[1]: (gathered, counted),
        }
        self.world.by_hand += [
            (out, inputs, content) for out, (inputs, content) in clone.lock.items()
        ]
        for out, content in zip(OUTS, (gathered, counted), strict=True):
            clone.recorded[out] = clone.last[out] = content
            clone.cache.take(content)
        text = (self.path(clone) / "mltrack.lock").read_text()
        known = self.world.locks.setdefault(text, clone.lock)
        self.require(known == clone.lock, "one lock stands for two results")

    @precondition(lambda self: self.is_piped)
    @rule(number=which, out=st.sampled_from(OUTS), entry=entries)
    def someone_scribbles_on_an_output(
        self, number: int, out: str, entry: Entry
    ) -> None:
        clone = self.clone(number)
        if out in clone.files:
            self.scribble(clone, out, entry)

    def scribble(self, clone: Clone, out: str, entry: Entry) -> None:
        plain = Entry("f", entry.data)
        self.shell.write(self.path(clone) / out, plain)
        clone.files[out] = {"": plain}

    def is_up_to_date(self, clone: Clone) -> bool | None:
        """Whether every stage was last run with what stands there now; None where that
        is not for the model to say.
        """
        if not self.is_piped:
            return True
        if "data" in clone.files and "data" not in clone.recorded:
            return None
        now = {
            OUTS[0]: Gathered(self.word(clone), clone.files.get("data")),
            OUTS[1]: clone.files.get(OUTS[0]),
        }
        return all(
            out in clone.lock and clone.lock[out] == (now[out], clone.files.get(out))
            for out in OUTS
        )


def gathered_from(read: Gathered) -> Content:
    data = read.data or {}
    names = sorted(data, key=os.fsencode)
    return {
        "": Entry(
            "f",
            read.word.encode() + b"\n" + b"".join(data[name].data for name in names),
        )
    }


def counted_from(gathered: Content) -> Content:
    return {"": Entry("f", b"%d\n" % len(gathered[""].data))}
