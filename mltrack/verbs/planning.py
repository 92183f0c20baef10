"""Making a plan from the workspace: shared by ``status``, ``why`` and ``repro``."""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache as memoized
from functools import partial
from typing import NamedTuple

from mltrack.engine.inputs import Learner, Sources
from mltrack.engine.lock_state import LockState
from mltrack.engine.params import Overrides, Params
from mltrack.engine.pipelines import check_outputs
from mltrack.objects.content import Content
from mltrack.pipeline import plan as plans
from mltrack.pipeline.graph import Graph, with_edges
from mltrack.pipeline.paths import PathMap
from mltrack.pipeline.plan import Facts, Options, Plan, Record
from mltrack.pipeline.stage import Stage, is_outside
from mltrack.verbs.outside import outside_content
from mltrack.verbs.session import Session
from mltrack.workspace.scan import Snapshot


def learner(
    session: Session,
    overrides: Overrides | None = None,
    bring: Callable[[Content], None] = lambda content: None,
) -> Learner:
    """Returns what answers the plan's questions about the workspace; ``overrides``
    stand in for params.

    ``bring`` gets a file, or the listing of a directory, that is neither here nor in
    the cache.
    """
    view = session.view
    assert isinstance(view.lock_state, LockState) and view.remembered is not None
    sources = Sources(
        os.environ,
        view.graph.aliases,
        partial(outside_content, session),
        bring,
    )
    made = Learner(
        session.observer,
        view.lock_state,
        session.project.cache,
        Params(session.project.read, view.remembered, overrides or {}),
        sources,
    )
    for row in session.left:
        # left on a host: it counts as being what was recorded
        if not os.path.lexists(session.project.absolute(row.path)):
            made.absent[row.path] = row.content
    return made


def facts(
    session: Session, elsewhere: Callable[[Content], bool] | None = None
) -> Facts:
    """Returns what the plan may ask about past results; each content is looked for
    once. ``elsewhere`` says of what the cache lacks whether it can be fetched.
    """
    project = session.project

    @memoized
    def is_cached(content: Content) -> bool:
        here = project.cache.holds(content) or session.left.has(content)
        return here or (elsewhere is not None and elsewhere(content))

    def is_left(content: Content) -> bool:
        return session.left.has(content) and not project.cache.holds(content)

    def find_records(key: str) -> list[Record]:
        """A record that a digest does not protect in all: losing one costs a run."""
        return [
            Record(record.entry.outs, record.key)
            for record in project.run_cache.find(key)
            if not any(map(project.cache.contradicts, record.entry.outs.values()))
        ]

    return Facts(
        find_records,
        is_cached,
        project.algorithm,
        project.settings.text("core.shell"),
        is_left,
    )


class Grounds(NamedTuple):
    """What stages are decided on: what answers about them, what about past results, and
    how a person asked for it.
    """

    learner: Learner
    facts: Facts
    options: Options = Options()


def make_plan(
    session: Session,
    addresses: list[str],
    grounds: Grounds | None = None,
    graph: Graph | None = None,
) -> Plan:
    """Returns the plan for these stages, after checking that no output is tracked
    otherwise.
    """
    graph = graph or session.view.graph
    check_outputs(
        list(graph.stages.values()),
        list(session.view.pointers),
        session.view.pipelines,
        session.view.in_git,
    )
    grounds = grounds or Grounds(learner(session), facts(session))
    graph = linked_graph(session, graph, addresses, grounds.learner)
    learn = grounds.learner.learn
    return plans.make(graph, addresses, learn, grounds.facts, grounds.options)


def linked_graph(
    session: Session, graph: Graph, addresses: list[str], known: Learner
) -> Graph:
    """Returns the graph with the edges that only a look at the disk finds: a link in a
    directory that one stage depends on leads to what another one writes.
    """
    stages = [graph.stages[address] for address in addresses]
    session.observer.prepare(path for stage in stages for path in stage.deps)
    found: dict[str, set[str]] = {}
    for stage in stages:
        plain = [
            dep
            for dep in stage.deps
            if not is_outside(dep) and graph.owner_of(dep) is None
        ]
        directories = [
            dep for dep in plain if os.path.isdir(session.project.absolute(dep))
        ]
        for real in known.linked(directories):
            writers = {graph.owners[out] for out in graph.owners.overlapping(real)}
            new = writers - {stage.address, *graph.upstream[stage.address]}
            if new:
                found.setdefault(stage.address, set()).update(new)
    return with_edges(graph, found) if found else graph


def read_by(stages: Iterable[Stage]) -> PathMap[None]:
    """Returns the paths of the project that stages depend on."""
    return PathMap(
        (dep, None) for stage in stages for dep in stage.deps if not is_outside(dep)
    )


def unlike_pointers(
    session: Session, deps: PathMap[None]
) -> Iterator[tuple[str, Content, Snapshot]]:
    """Yields tracked data that is read and is not what its pointer says: the path, what
    the pointer says, and what is there.
    """
    for path, content in session.view.pointers.items():
        if not deps.overlapping(path):
            continue
        snapshot = session.observer.tracked(path)
        if snapshot is not None and not snapshot.content.same_bytes(content):
            yield path, content, snapshot
