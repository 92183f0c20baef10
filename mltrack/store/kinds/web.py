"""The web, asked by the standard library: no credentials are sent, so that none can
follow to another host.
"""

from typing import Any

from mltrack.errors import RemoteError

# seconds of silence, as many as for remotes
_SILENCE = 60
_NEEDS_LOGIN = (401, 403)


def is_web(url: str) -> bool:
    """Returns whether a URL is asked here."""
    return url.startswith(("http://", "https://"))


def status_of(error: RemoteError) -> int:
    """Returns the status of HTTP that an error of this module stands for, or 0."""
    return getattr(error.__cause__, "code", 0)


def answer(url: str, method: str) -> Any:
    """Returns the open answer of a server, redirects followed; whoever asks closes it.

    Raises FileNotFoundError for what is not there, and RemoteError for another status
    that is no success, and for a server that cannot be asked.
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
        raise RemoteError(
            f"{url} cannot be asked: {error.code} {error.reason}",
            hint=login if error.code in _NEEDS_LOGIN else "",
        ) from error
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise RemoteError(f"{url} cannot be asked: {reason}", retryable=True) from error
