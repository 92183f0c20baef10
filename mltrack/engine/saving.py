"""What stands at an output before it is replaced: bytes that the cache lacks are saved
first, and can be had again.
"""

from collections.abc import Iterator

from mltrack.engine.events import BytesSaved, Event, MovedAside
from mltrack.engine.parts import Tree
from mltrack.errors import UnsavedDataError, WorkspaceError
from mltrack.objects.content import Content
from mltrack.pipeline.stage import Output


def save(tree: Tree, out: Output) -> Iterator[Event]:
    """Saves what stands at an output now if the cache lacks it, and says so."""
    cache, observer = tree.checkout.cache, tree.checkout.observer
    # the plan may be hours old, and the person has edited it since
    observer.forget([out.path])
    try:
        snapshot = observer.tracked(out.path)
    except WorkspaceError:
        # what cannot be represented cannot be cached either: it is kept as it is,
        # elsewhere
        place = tree.trash.set_aside(tree.path, out.path)
        observer.forget([out.path])
        yield MovedAside(out.path, place)
        return
    if snapshot is None:
        return
    content: Content | None = snapshot.content
    if cache.holds(snapshot.content):
        # what mltrack put there is no loss; what came there otherwise `undo` may want
        if not out.cache or snapshot.content.same_bytes(
            tree.checkout.last.get(out.path)
        ):
            return
    else:
        content = tree.checkout.save(out.path)
    if content is None or not cache.holds(content):
        raise UnsavedDataError(
            f"cannot save {out.path!r} before it is replaced", hint="move it away"
        )
    tree.trash.note([(out.path, content)])
    yield BytesSaved(out.path, cache.algorithm.text(content.hex))
