"""An object store through fsspec: S3, Google Cloud Storage, Azure, read-only HTTP, and
whatever else fsspec speaks.

Listings are never cached, and requests are tried once: retries are a wrapper's work.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from mltrack.disk.durable import opened
from mltrack.errors import ConfigError, RemoteError
from mltrack.events import meter
from mltrack.store.kinds.errors import translate
from mltrack.store.kinds.fsspec_door import filesystem, moving_callback
from mltrack.store.kinds.kind import Kind
from mltrack.store.kinds.manner import PART_BYTES
from mltrack.store.kinds.most_bytes import LISTING_BYTES, at_most, in_all_at_most
from mltrack.store.kinds.store import Abilities, Listed

# bytes: Google takes parts in multiples of these only
_GRAIN = 256 << 10


def _count(sent: int) -> None:
    """Counts what an upload has sent, part by part."""
    meter.moved += sent


class FsspecRemote:
    """See :class:`mltrack.store.kinds.store.Store`. ``given`` are the remote's
    settings.
    """

    def __init__(self, url: str, given: Mapping[str, Any], kind: Kind) -> None:
        self._url = url.rstrip("/")
        scheme = url.partition("://")[0]
        self._manner = kind.manner
        # what gcsfs would ask about each bucket first, over another protocol, is of no
        # use here
        os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        try:
            options = self._manner.options(given)
            self._fs: Any = filesystem(scheme, options)
        except (ImportError, ValueError) as error:
            raise ConfigError(
                f"remotes of the kind {scheme}:// need a library: {error}",
                hint=kind.how_to_add_it(),
            ) from None
        except Exception as error:
            raise translate(error, self._url, "") from error
        # `Retrying` counts the tries: two counts would multiply
        if hasattr(self._fs, "retries"):
            self._fs.retries = 1
        self._root: str = self._fs._strip_protocol(self._url).rstrip("/")

    @property
    def url(self) -> str:
        return self._url

    @property
    def abilities(self) -> Abilities:
        return Abilities(durable=True, local=False, writable=self._manner.writable)

    def list(self, prefix: str) -> Iterator[Listed]:
        place = self._path(prefix.strip("/"))
        with self._translating(prefix), in_all_at_most(LISTING_BYTES):
            try:
                found = (
                    self._links(place)
                    if not self._manner.writable
                    else self._fs.find(place, detail=True)
                )
            except FileNotFoundError as error:
                # no such directory is an empty answer, no such bucket is an error
                problem = translate(error, self._url, prefix)
                if isinstance(problem, RemoteError):
                    raise problem from error
                return
        for path, info in found.items():
            name = str(path)[len(self._root) :].lstrip("/")
            # a web server may show a directory into which others write
            if not name.startswith("tmp/"):
                yield Listed(name, int(info.get("size") or 0), _modified(info))

    def missing(self, names: Iterable[str]) -> set[str]:
        return {name for name in names if not self._exists(name)}

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        # HTTP has no range without bytes
        if length == 0:
            return b""
        with (
            self._translating(name),
            at_most(_expected(name) if length is None else length),
        ):
            if offset == 0 and length is None:
                data = self._fs.cat_file(self._path(name), **self._manner.reading)
            else:
                data = self._fs.cat_file(
                    self._path(name),
                    start=offset,
                    end=None if length is None else offset + length,
                )
        return bytes(data)

    def fetch(self, name: str, path: str, *, at_once: int = 1) -> None:
        place = self._path(name)
        with self._translating(name):
            size = int(self._fs.size(place) or 0)
        with opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644) as target:
            at = 0
            while at < size:
                # a window at a time: memory holds `at_once` parts of a file of any size
                starts = list(
                    range(at, min(size, at + PART_BYTES * at_once), PART_BYTES)
                )
                ends = [min(size, start + PART_BYTES) for start in starts]
                with self._translating(name), at_most(PART_BYTES):
                    pieces = self._pieces(place, starts, ends)
                for start, end, piece in zip(starts, ends, pieces, strict=True):
                    # a short one would leave a hole that reads as zeros
                    if len(piece) != end - start:
                        raise RemoteError(
                            f"{self._url}/{name} gave {len(piece)} of {end - start} "
                            "bytes",
                            retryable=True,
                        )
                    os.pwrite(target, piece, start)
                    meter.moved += len(piece)
                at = ends[-1]

    def put(self, name: str, data: bytes, *, replace: bool = False) -> None:
        with self._translating(name):
            self._fs.pipe_file(self._path(name), data, **self._manner.replacing)

    def create(self, name: str, data: bytes) -> bool:
        with self._translating(name):
            try:
                self._fs.pipe_file(self._path(name), data, **self._manner.creating)
            except Exception as error:
                if isinstance(translate(error, self._url, name), FileExistsError):
                    return False
                raise
        return True

    def put_file(self, name: str, path: str, *, at_once: int = 1) -> None:
        sending = {**self._manner.sending, **self._manner.replacing}
        if "chunksize" in sending:
            sending["chunksize"] = max(
                sending["chunksize"], _part_bytes(os.path.getsize(path))
            )
        if self._manner.concurrency:
            sending[self._manner.concurrency] = at_once
        with self._translating(name):
            counting = moving_callback(_count)
            self._fs.put_file(path, self._path(name), callback=counting, **sending)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            with self._translating(name):
                try:
                    self._fs.rm_file(self._path(name))
                except FileNotFoundError:
                    continue

    def clean(self, before: float) -> int:
        """Gives up uploads in parts that were begun and never completed: only S3 keeps
        them, and tells.
        """
        if not hasattr(self._fs, "call_s3"):
            return 0
        bucket, _, prefix = self._root.partition("/")
        count = 0
        with self._translating(""):
            found = (
                self._fs.call_s3(
                    "list_multipart_uploads", Bucket=bucket, Prefix=prefix
                ).get("Uploads")
                or []
            )
            for item in found:
                # with the slash: another remote's prefix may begin like this one
                if (
                    item["Key"].startswith(prefix + "/")
                    and item["Initiated"].timestamp() < before
                ):
                    self._fs.call_s3(
                        "abort_multipart_upload",
                        Bucket=bucket,
                        Key=item["Key"],
                        UploadId=item["UploadId"],
                    )
                    count += 1
        return count

    def close(self) -> None:
        """Nothing is ended: the sessions of a file system are closed when fsspec drops
        it, at the end of the process at the latest.
        """

    def _pieces(
        self, place: str, starts: Sequence[int], ends: Sequence[int]
    ) -> Sequence[bytes]:
        if len(starts) == 1:
            return [self._fs.cat_file(place, start=starts[0], end=ends[0])]
        pieces: Sequence[bytes] = self._fs.cat_ranges(
            [place] * len(starts), starts, ends, on_error="raise"
        )
        return pieces

    def _exists(self, name: str) -> bool:
        try:
            with self._translating(name):
                return bool(self._fs.info(self._path(name)).get("type") == "file")
        except FileNotFoundError:
            return False

    def _links(self, place: str) -> dict[str, dict[str, Any]]:
        """What a web server's page about a directory links to: names only."""
        return {
            path: {}
            for path in self._fs.ls(place + "/", detail=False)
            if not path.endswith("/")
        }

    def _path(self, name: str) -> str:
        if name.startswith("/") or ".." in name.split("/"):
            raise RemoteError(f"not a name in a remote: {name[:120]!r}")
        return f"{self._root}/{name}" if name else self._root

    @contextmanager
    def _translating(self, name: str) -> Iterator[None]:
        try:
            yield
        except (RemoteError, KeyboardInterrupt, SystemExit):
            raise
        except Exception as error:
            raise translate(error, self._url, name) from error


# bundles of run records and notes of garbage grow with the remote, as indexes do
_LARGE = ("index/", "packs/", "objects/", "runs/", "gc/")


def _expected(name: str) -> int:
    """The most that a whole file of a remote holds: what grows with the remote is
    large, all else is a few lines.
    """
    return 1 << 30 if name.startswith(_LARGE) else 16 << 20


def _part_bytes(size: int) -> int:
    """The least part with which a file fits into the 10,000 that there may be, in whole
    256 KiB.
    """
    return -(-size // 9_000 // _GRAIN) * _GRAIN


def _modified(info: Mapping[str, Any]) -> float:
    """When something was written, by the store's clock; 0 where it does not say."""
    for key in (
        "LastModified",
        "last_modified",
        "updated",
        "mtime",
        "created",
        "timeCreated",
    ):
        value = info.get(key)
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, str):
            return datetime.fromisoformat(value).timestamp()
    return 0.0
