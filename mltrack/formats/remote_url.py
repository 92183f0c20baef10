"""URLs of remotes as they may stand in a config and be printed: without secrets."""

import re

URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#]*)")
_SECRETS = re.compile(r"(?<=://)[^/@\s]*@|[?#].*")
_SSH = ("sftp", "ssh")
_WEB = ("http", "https")
SECRET_WORDS = (
    "key",
    "token",
    "secret",
    "password",
    "credentials",
    "connection_string",
)
"""Words in the name of every setting that holds a secret."""


def has_secrets(url: str) -> bool:
    """Returns whether a URL carries what must not stand in a config: a password, a
    token, or a query that may hold one. The name of a user is none where it is needed
    to log in, by ssh.
    """
    match = URL.match(url)
    if match is None:
        return False
    user, at, _ = match[2].rpartition("@")
    return bool(at and (":" in user or match[1] not in _SSH)) or (
        # a signed address has its token there; elsewhere they may be part of a key
        match[1] in _WEB and ("?" in url or "#" in url)
    )


def shown(url: str) -> str:
    """Returns a URL as it may be printed."""
    return (
        _SECRETS.sub(lambda match: "…@" if match[0].endswith("@") else "?…", url)
        if has_secrets(url)
        else url
    )


_SIGNED = re.compile(
    rf"[?&#;][^=&]*({'|'.join(SECRET_WORDS)}|sig|expires|policy|auth)[^=&]*=",
    re.IGNORECASE,
)


def shows_secret(url: str) -> bool:
    """Returns whether the address of data holds a password, or a query that looks like
    one: a version or a name in a query is none.
    """
    return has_secrets(re.sub(r"[?#].*", "", url)) or bool(_SIGNED.search(url))
