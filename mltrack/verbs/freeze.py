"""``freeze`` and ``unfreeze``: a stage that does not run, whatever changed, until it is
unfrozen.
"""

from functools import partial

from mltrack.engine.pipelines import choose
from mltrack.errors import UsageError
from mltrack.formats import block_text
from mltrack.formats.pipeline_file import load_stages
from mltrack.verbs.session import Session


def set_frozen(session: Session, targets: list[str], *, frozen: bool) -> list[str]:
    """Writes ``frozen`` into the blocks of these stages, or takes it out; returns the
    addresses that changed.

    Of stages that one ``foreach`` or ``matrix`` declares, all are meant: they share a
    block.
    """
    if not targets:
        raise UsageError("which stages?", hint="mltrack freeze train")
    graph = session.view.graph
    chosen = [
        graph.stages[address]
        for address in choose(graph, targets, session.project.here)
    ]
    blocks = dict.fromkeys((stage.pipeline_path, stage.group) for stage in chosen)
    for path, group in blocks:
        of_group = {
            s.address
            for s in graph.stages.values()
            if (s.pipeline_path, s.group) == (path, group)
        }
        if not of_group <= {stage.address for stage in chosen}:
            raise UsageError(
                f"{group!r} declares {len(of_group)} stages in one block",
                hint=f"mltrack freeze {group}",
            )
    project = session.project
    # each file once, though several of its blocks change
    groups: dict[str, list[str]] = {}
    for path, group in blocks:
        groups.setdefault(path, []).append(group)
    texts = {
        path: _frozen(
            (project.read(path) or b"").decode("utf-8"), groups=of_path, frozen=frozen
        )
        for path, of_path in groups.items()
    }

    def read(asked: str) -> bytes | None:
        return texts[asked].encode() if asked in texts else project.read(asked)

    # all of them, since they refer to one another; refuse before writing
    load_stages(session.view.pipelines, read)
    for path, of_path in groups.items():
        # of what stands there by now: another command may add a stage
        session.edit_text(path, partial(_frozen, groups=of_path, frozen=frozen))
    return [stage.address for stage in chosen if stage.frozen != frozen]


def _frozen(text: str, groups: list[str], frozen: bool) -> str:
    """The text of a pipeline file in which these groups are frozen, or are not."""
    for group in groups:
        text = block_text.set_key(
            text, _block(text, group), "frozen", "true" if frozen else None
        )
    return text


def _block(text: str, group: str) -> tuple[str, ...]:
    """Where a group's stage stands: in its ``do``, if it has one."""
    return (
        ("stages", group, "do")
        if block_text.has(text, ("stages", group, "do"))
        else ("stages", group)
    )
