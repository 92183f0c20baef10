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


def hide(common_dir: str, paths: list[str]) -> str:
    """Adds a line for each path, relative to the repository's top, unless it is there.
    Where git's directory cannot be written nothing is done: then nobody adds or cleans
    there either.

    Returns '', or what is left to the person: the lines that are lacking where the file
    is a link, or none that mltrack reads. What a link leads to may be anybody's.
    """
    place = os.path.join(common_dir, "info", "exclude")
    try:
        data = read_bounded(os.path.realpath(place), _MAX_BYTES) or b""
        text = data.decode("utf-8", "surrogateescape")
        wanted = ignore_file.include(text, paths)
        if wanted == text:
            return ""
        if os.path.islink(place):
            return _lines(paths)
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
    except FormatError:
        return _lines(paths)
    except OSError:
        pass
    return ""


def _lines(paths: list[str]) -> str:
    return "\n".join(map(ignore_file.line_for, paths))
