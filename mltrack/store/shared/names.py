"""The names that things have in a remote; see docs/reference/formats.md."""

import re

MARKER = "mltrack.json"
_INDEX_NAME = re.compile(r"index/([0-9a-f]+)\.idx\Z")


def pack_path(id_: str) -> str:
    return f"packs/{id_}.pack"


def index_path(name: str) -> str:
    return f"index/{name}.idx"


def object_path(hex_digest: str) -> str:
    return f"objects/{hex_digest[:2]}/{hex_digest[2:]}"


def index_name(path: str) -> str:
    """Returns the name of the index at a path; '' for anything else."""
    match = _INDEX_NAME.match(path)
    return match[1] if match else ""


def user_mark(identity: str) -> str:
    """Returns the name under which a project leaves its mark; '' for one without an
    identity yet.
    """
    return f"users/{identity}" if identity else ""
