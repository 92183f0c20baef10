"""Lines in ``info/exclude``, which git reads on every branch and in every worktree: a
committed ignore file is one branch's.

``git clean``, ``git add -A`` and ``git stash -u`` leave alone what stands there.
"""

import os

from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.errors import FormatError
from mltrack.git import ignore_file

# bytes; no person writes so much, and it is read by every command
_MAX_BYTES = 1 << 20
_ABOUT = "# what mltrack keeps for itself, on every branch"


def hide(common_dir: str, paths: list[str]) -> None:
    """Adds a line for each path, relative to the repository's top, unless it is there.
    Where git's directory cannot be written nothing is done: then nobody adds or cleans
    there either.
    """
    place = os.path.join(common_dir, "info", "exclude")
    try:
        text = (read_bounded(place, _MAX_BYTES) or b"").decode(
            "utf-8", "surrogateescape"
        )
        wanted = ignore_file.include(text, paths)
        if wanted == text:
            return
        if _ABOUT not in text:
            wanted = ignore_file.include(
                text
                + ("" if not text or text.endswith("\n") else "\n")
                + _ABOUT
                + "\n",
                paths,
            )
        make_directories(os.path.dirname(place))
        # no lock: if two write at once the next command adds what was lost
        write_atomic(place, wanted.encode("utf-8", "surrogateescape"))
    except (OSError, FormatError):
        return
