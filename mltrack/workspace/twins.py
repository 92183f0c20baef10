"""Names that differ here and are one name on a file system that folds them."""

from collections.abc import Iterable

from mltrack.disk.folding import folds
from mltrack.errors import MissingObjectError, WorkspaceError
from mltrack.objects.content import Content
from mltrack.objects.tree import Entry
from mltrack.objects.tree_walk import each_once
from mltrack.store.local.cache import Cache


def refuse_twins(path: str, root: str, wanted: Content, cache: Cache) -> None:
    """Raises WorkspaceError where a directory of ``wanted`` has names that would be one
    at ``path``: before anything is written, since the second would replace the first.
    """
    if not folds(path):
        return

    def load(hex_digest: str) -> list[Entry] | None:
        try:
            return cache.read_tree(hex_digest)
        except MissingObjectError:
            return None

    for _, entries in each_once([wanted.hex], load):
        for one, other in twins(entry.name for entry in entries or ()):
            raise WorkspaceError(
                f"{root}: {_shown(one)} and {_shown(other)} of one directory are the "
                "same name on this file system",
                hint="check it out on a file system that tells them apart, and rename "
                "one of them there",
            )


def twins(names: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Returns names that differ only in case, or in how a character is composed, each
    with the first of its kind.
    """
    first: dict[str | bytes, bytes] = {}
    return [
        (first[_key(name)], name)
        for name in names
        if first.setdefault(_key(name), name) != name
    ]


def _key(name: bytes) -> str | bytes:
    import unicodedata  # noqa: PLC0415 - where names are compared, which is almost nowhere

    try:
        text = name.decode()
    except UnicodeDecodeError:
        # such file systems refuse it, or take its bytes as they are
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _shown(name: bytes) -> str:
    return repr(name.decode(errors="backslashreplace"))
