"""What the clients of object stores raise, in mltrack's words. No client is imported:
errors are known by their names, codes and status, along the chain of their causes.
"""

import errno
import re
from collections.abc import Iterator

from mltrack.errors import RemoteError

_NO_PLACE = re.compile(
    r"bucket (was|does) not|specified bucket does not exist|bucket not found",
    re.IGNORECASE,
)
_QUERY = re.compile(r"\?\S+")
_USERINFO = re.compile(r"//[^/\s@]+@")
_STATUS = ("status", "status_code", "code", "http_status")
_NO_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "DefaultCredentialsError",
    "ProfileNotFound",
}
_DENIED = {
    "PermissionError",
    "AuthenticationException",
    "BadAuthenticationType",
    "RefreshError",
    "ClientAuthenticationError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
    "PasswordRequiredException",
}
_SILENT = {
    "TimeoutError",
    "FSTimeoutError",
    "ReadTimeoutError",
    "ConnectTimeoutError",
    "ServerTimeoutError",
    "timeout",
    "ServiceResponseTimeoutError",
    "ConnectionTimeoutError",
    "SocketTimeoutError",
}
_UNREACHABLE = {
    "EndpointConnectionError",
    "ClientConnectorError",
    "ConnectionRefusedError",
    "gaierror",
    "ClientConnectorDNSError",
    "NoValidConnectionsError",
    "ServiceRequestError",
    "ProxyConnectionError",
}
_CUT = {
    "ConnectionError",
    "ConnectionResetError",
    "BrokenPipeError",
    "ConnectionAbortedError",
    "ConnectionClosedError",
    "ClientOSError",
    "ServerDisconnectedError",
    "ClientPayloadError",
    "IncompleteReadError",
    "IncompleteRead",
    "ResponseStreamingError",
    "SSHException",
    "EOFError",
    "ChannelException",
    "ServiceResponseError",
    "ContentLengthError",
    "ChecksumError",
    "FlexibleChecksumError",
    "BusyError",
    "HTTPClientError",
}
_HOST_KEY = {"BadHostKeyException", "UnknownHostKeyError"}
_CERTIFICATE = {
    "SSLError",
    "SSLCertVerificationError",
    "ClientConnectorCertificateError",
    "ClientSSLError",
    "CertificateError",
}
_BUSY_CODES = {
    "SlowDown",
    "ServiceUnavailable",
    "InternalError",
    "RequestTimeout",
    "ThrottlingException",
    "500",
    "503",
}
_DENIED_CODES = {
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AllAccessDisabled",
}
_NO_NAME_CODES = {"NoSuchKey", "BlobNotFound"}
_EXISTS_CODES = {"PreconditionFailed", "BlobAlreadyExists"}
_NO_PLACE_CODES = {
    "NoSuchBucket",
    "ContainerNotFound",
    "ContainerBeingDeleted",
    "AccountNotFound",
}


def translate(error: BaseException, url: str, name: str) -> Exception:
    """Returns what to raise instead: FileNotFoundError or FileExistsError for a name,
    RemoteError for the rest.
    """
    seen = _Seen(error)
    if seen.own is not None:
        return seen.own
    where = f"{url}/{name}" if name else url
    if seen.is_of(_NO_CREDENTIALS):
        return RemoteError(
            f"{url}: no credentials were found: {seen.said}",
            hint=_credentials_hint(url),
        )
    if seen.is_of(_DENIED) or seen.has(_DENIED_CODES, 401, 403):
        return RemoteError(
            f"{url} refused access to {name or 'it'}: {seen.said}",
            hint=_credentials_hint(url),
        )
    # before a missing name: a missing bucket answers with 404 as well
    if seen.has(_NO_PLACE_CODES) or _NO_PLACE.search(seen.said):
        return RemoteError(
            f"{url}: there is no such bucket or container",
            hint="create it, or correct the address",
        )
    if isinstance(error, FileNotFoundError) or seen.has(_NO_NAME_CODES, 404):
        return FileNotFoundError(errno.ENOENT, "not there", where)
    if isinstance(error, FileExistsError) or seen.has(_EXISTS_CODES, 412):
        return FileExistsError(errno.EEXIST, "exists already", where)
    return _trouble(seen, url, name or "its start")


def _trouble(seen: "_Seen", url: str, at: str) -> RemoteError:
    """The error for a place that cannot be talked to, or not now."""
    said = seen.said
    if seen.is_of(_HOST_KEY):
        return RemoteError(
            f"{url}: {said}",
            hint="connect once with `ssh` and compare the key, or correct known_hosts",
        )
    # before what cannot be reached, of which aiohttp makes these a kind: no
    # further try can help, and a person has to look
    if seen.is_of(_CERTIFICATE):
        return RemoteError(
            f"{url}: its certificate is not trusted: {said}",
            hint="check the address and the clock",
        )
    # a checksum that follows the body leaves the length open: some refuse that
    if seen.has({"MissingContentLength"}):
        hint = "mltrack remote modify NAME checksums when_required"
        return RemoteError(
            f"{url} does not take checksums with uploads: {said}", hint=hint
        )
    if seen.is_of(_SILENT) or errno.ETIMEDOUT in seen.numbers:
        hint = "try again; the remote's `timeout` sets how long to wait"
        return RemoteError(
            f"{url} did not answer in time at {at}", hint=hint, retryable=True
        )
    if seen.is_of(_UNREACHABLE) or seen.numbers & {
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
    }:
        hint = "check the network and the address: `mltrack remote list`"
        return RemoteError(
            f"{url} cannot be reached: {said}", hint=hint, retryable=True
        )
    # 409: two requests met; a name that is taken has a code of its own
    if seen.has(_BUSY_CODES, 408, 409, 429) or (seen.status or 0) >= 500:
        return RemoteError(
            f"{url} is busy or failed at {at}: {said}",
            hint="try again later",
            retryable=True,
            answered=True,
        )
    # last: several of those above are kinds of ConnectionError
    if seen.is_of(_CUT):
        hint = "run this again: what has arrived is not sent again"
        return RemoteError(
            f"{url}: the connection was cut at {at}: {said}", hint=hint, retryable=True
        )
    return RemoteError(f"{url} failed at {at}: {said}")


class _Seen:
    """What an error and its causes tell: the names of their classes, codes, HTTP
    status, system error numbers.
    """

    def __init__(self, error: BaseException) -> None:
        chain = list(_causes(error))
        self._names = {kind.__name__ for item in chain for kind in type(item).__mro__}
        self._codes, self.status = _codes(chain)
        self.numbers = {item.errno for item in chain if isinstance(item, OSError)}
        self.own = next((item for item in chain if isinstance(item, RemoteError)), None)
        """What we raised ourselves, inside of a client."""
        self.said = _scrubbed(str(error).strip() or type(error).__name__)

    def is_of(self, names: set[str]) -> bool:
        return not self._names.isdisjoint(names)

    def has(self, codes: set[str], *statuses: int) -> bool:
        return not self._codes.isdisjoint(codes) or self.status in statuses


def _causes(error: BaseException) -> Iterator[BaseException]:
    # causes may lead in a circle
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _codes(chain: list[BaseException]) -> tuple[set[str], int | None]:
    codes: set[str] = set()
    status: int | None = None
    for item in chain:
        response = getattr(item, "response", None)
        if isinstance(response, dict):
            codes.add(str(response.get("Error", {}).get("Code", "")))
            found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            status = status or (int(found) if found else None)
        code = getattr(item, "error_code", None)
        if code is not None:
            codes.add(str(getattr(code, "value", code)))
        for name in _STATUS:
            value = getattr(item, name, None)
            # under `code` there may be any number, an errno for one
            if isinstance(value, int) and 400 <= value < 600:
                status = status or value
    return codes, status


def _scrubbed(text: str) -> str:
    """What may be shown: no query of a URL, which may carry a signature, and no user's
    part.
    """
    # one line of it: some servers answer with a page of HTML
    first = _USERINFO.sub("//", _QUERY.sub("?…", text)).splitlines()
    return first[0][:300] if first else ""


def _credentials_hint(url: str) -> str:
    scheme = url.partition("://")[0]
    where = {
        "s3": "a profile (`profile`), AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "gs": "`gcloud auth application-default login`, GOOGLE_APPLICATION_CREDENTIALS",
        "az": "AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_ACCOUNT_KEY",
        "sftp": "your ssh agent or ~/.ssh/config",
    }
    usual = where.get(
        {"gcs": "gs", "abfs": "az", "ssh": "sftp"}.get(scheme, scheme), ""
    )
    if not usual:
        return "check the credentials"
    return f"give credentials by {usual}, or by `mltrack remote modify --local NAME KEY VALUE`"
