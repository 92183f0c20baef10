"""Putting an earlier result back into the workspace."""

from collections.abc import Iterator, Mapping

from mltrack.engine.events import Event
from mltrack.engine.parts import Engine
from mltrack.engine.saving import save
from mltrack.objects.content import Content
from mltrack.pipeline.stage import Stage
from mltrack.workspace.checkout import no_progress


class IntoWorkspace:
    """Outputs are put where they belong, over what stands there. See
    :class:`mltrack.engine.parts.Results`.
    """

    def restore(
        self, engine: Engine, stage: Stage, outs: Mapping[str, Content]
    ) -> Iterator[Event]:
        checkout = engine.tree.checkout
        for out in stage.outs:
            wanted = outs.get(out.path)
            # of what git keeps the bytes may be nowhere else, and it stands there
            if wanted is None or (
                not out.cache and not engine.policy.facts.is_cached(wanted)
            ):
                continue
            # before it is replaced: it may be all there is of an edit
            yield from save(engine.tree, out)
            engine.supply.fetch([wanted])
            plan = checkout.plan(out.path, wanted, force=True)
            approved = checkout.approve(out.path, plan)
            checkout.carry_out(out.path, wanted, approved, no_progress)
