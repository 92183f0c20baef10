"""The web, asked by the standard library: no credentials are sent, so that none can
follow to another host.
"""

from typing import Any

from mltrack.errors import RemoteError

# seconds of silence, as many as for remotes
_SILENCE = 60
_NEEDS_LOGIN = (401, 403)


class Refused(RemoteError):
    """What a server said instead of an answer: a status of HTTP."""

    status = 0


def is_web(url: str) -> bool:
    """Returns whether a URL is asked here."""
    return url.startswith(("http://", "https://"))


def answer(url: str, method: str) -> Any:
    """Returns the open answer of a server, redirects followed; whoever asks closes it.

    Raises FileNotFoundError for what is not there, Refused for another status that is
    no success, and RemoteError for a server that cannot be asked.
    """
    from urllib.error import HTTPError, URLError  # noqa: PLC0415 - 30 ms, for who reads from the web
    from urllib.request import Request, urlopen  # noqa: PLC0415

    headers = {"User-Agent": "mltrack", "Accept-Encoding": "identity"}
    try:
        return urlopen(Request(url, method=method, headers=headers), timeout=_SILENCE)
    except HTTPError as error:
        if error.code in (404, 410):
            raise FileNotFoundError(url) from error
        login = "it needs a login: download it in a stage, or by hand"
        refused = Refused(
            f"{url} cannot be asked: {error.code} {error.reason}",
            hint=login if error.code in _NEEDS_LOGIN else "",
        )
        refused.status = error.code
        raise refused from error
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise RemoteError(f"{url} cannot be asked: {reason}", retryable=True) from error
