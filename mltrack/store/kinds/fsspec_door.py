"""The one door to fsspec, which takes a tenth of a second to load: it is loaded where a
file system is asked for.
"""

from collections.abc import Callable, Mapping
from typing import Any


def filesystem(scheme: str, options: Mapping[str, Any]) -> Any:
    """Returns the file system of a scheme, one of its own that remembers no listings."""
    # no caches: what counts is what is there now, and with these settings
    return _fsspec().filesystem(
        scheme, skip_instance_cache=True, use_listings_cache=False, **options
    )


def at_url(url: str) -> tuple[Any, str]:
    """Returns the file system of a URL, and the path in it; it remembers no listings."""
    made, path = _fsspec().core.url_to_fs(url, use_listings_cache=False)
    return made, path


def info_of(url: str) -> Mapping[str, Any]:
    """Returns what its file system says of a URL, asked anew."""
    made, path = at_url(url)
    info: Mapping[str, Any] = made.info(path)
    return info


def moving_callback(tell: Callable[[int], None]) -> Any:
    """Returns a callback for one file that is sent or fetched: ``tell`` is given the
    bytes of each part.
    """
    callback = _fsspec().Callback()
    callback.relative_update = tell
    return callback


def _fsspec() -> Any:
    import fsspec  # noqa: PLC0415 - see above

    return fsspec
