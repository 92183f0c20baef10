"""What clients of object stores raise, in mltrack's words: what it is, whether trying
again helps, and no secret.
"""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import RemoteError
from mltrack.store.kinds.errors import translate

URL = "s3://bucket/place"


def error(name: str, said: str = "why", **facts: object) -> Exception:
    """An error as a client that is not imported here would raise it."""
    made: Exception = type(name, (Exception,), {})(said)
    for key, value in facts.items():
        setattr(made, key, value)
    return made


def s3(code: str, status: int = 400) -> Exception:
    return error(
        "ClientError",
        response={
            "Error": {"Code": code},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
    )


def caused(outer: Exception, inner: BaseException) -> Exception:
    outer.__cause__ = inner
    return outer


def system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("found", "says", "retryable"),
    [
        (error("NoCredentialsError"), "no credentials were found", False),
        (error("ProfileNotFound"), "no credentials were found", False),
        (error("RefreshError"), "refused access to name", False),
        (PermissionError("why"), "refused access to name", False),
        (s3("AccessDenied", 403), "refused access", False),
        (s3("SignatureDoesNotMatch"), "refused access", False),
        (error("X", status=401), "refused access", False),
        (error("X", status_code=403), "refused access", False),
        (s3("NoSuchBucket", 404), "there is no such bucket", False),
        (error("HttpError", "The specified bucket does not exist."), "no such", False),
        (error("X", error_code="ContainerNotFound"), "no such bucket", False),
        (error("BadHostKeyException"), "why", False),
        (error("SSLCertVerificationError"), "certificate is not trusted", False),
        (s3("MissingContentLength", 411), "does not take checksums", False),
        (error("ReadTimeoutError"), "did not answer in time", True),
        (TimeoutError("why"), "did not answer in time", True),
        (system(errno.ETIMEDOUT), "did not answer in time", True),
        (error("EndpointConnectionError"), "cannot be reached", True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "cannot be reached", True),
        (system(errno.EHOSTUNREACH), "cannot be reached", True),
        (s3("SlowDown", 503), "is busy or failed", True),
        (error("X", status=429), "is busy or failed", True),
        (error("X", code=500), "is busy or failed", True),
        (error("X", http_status=599), "is busy or failed", True),
        (error("ServerDisconnectedError"), "the connection was cut", True),
        (EOFError("why"), "the connection was cut", True),
        (error("Whatever"), "failed at name: why", False),
        (error("X", status=302), "failed at name", False),
        (error("X", status=418), "failed at name", False),
    ],
)
def test_errors_are_told_by_what_they_are(
    found: Exception, says: str, retryable: bool
) -> None:
    for seen in (found, caused(error("Outer", str(found)), found)):
        made = translate(seen, URL, "name")
        assert isinstance(made, RemoteError) and says in made.message
        assert made.retryable == retryable and made.message.startswith(URL)


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (FileNotFoundError("x"), FileNotFoundError),
        (s3("NoSuchKey", 404), FileNotFoundError),
        (error("X", error_code="BlobNotFound"), FileNotFoundError),
        (error("X", status=404), FileNotFoundError),
        (FileExistsError("x"), FileExistsError),
        (s3("PreconditionFailed", 412), FileExistsError),
        (error("X", error_code="BlobAlreadyExists", status=409), FileExistsError),
    ],
)
def test_a_name_that_is_not_there_or_there_already_is_told_as_such(
    found: Exception, kind: type
) -> None:
    for name, where in (("name", f"{URL}/name"), ("", URL)):
        made = translate(found, URL, name)
        assert type(made) is kind
        assert isinstance(made, OSError) and made.filename == where


def test_what_we_raised_ourselves_inside_of_a_client_comes_out_as_it_was() -> None:
    own = RemoteError("ours", hint="hint")
    assert translate(own, URL, "name") is own
    assert translate(caused(error("NoCredentialsError"), own), URL, "name") is own


def test_errors_that_go_in_circles_end() -> None:
    one, other = error("One"), error("ReadTimeoutError")
    one.__context__, other.__context__ = other, one
    made = translate(one, URL, "")
    assert isinstance(made, RemoteError) and "in time at its start" in made.message


secret = st.text("abcdefXYZ0189%+/=", min_size=6, max_size=30).map(
    lambda text: text.replace("/", "")
)


@given(secret, secret)
def test_what_is_shown_holds_no_query_and_no_user(user: str, query: str) -> None:
    said = f"GET https://{user}-u@host/x?sig={query}-q failed\nsecond line"
    for found in (error("X", said), error("NoCredentialsError", said)):
        made = translate(found, URL, "name")
        assert isinstance(made, RemoteError)
        assert f"{user}-u" not in made.message and f"{query}-q" not in made.message
        assert "https://host/x?… failed" in made.message
        assert "second" not in made.message


def test_an_error_without_words_is_named() -> None:
    assert str(translate(error("Odd", ""), URL, "x")).endswith("failed at x: Odd")
    assert len(str(translate(error("X", "a" * 9999), URL, "x"))) < 400


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("s3://b", "AWS_ACCESS_KEY_ID"),
        ("gs://b", "gcloud auth"),
        ("gcs://b", "gcloud auth"),
        ("az://c", "AZURE_STORAGE"),
        ("abfs://c", "AZURE_STORAGE"),
        ("ssh://h", "ssh agent"),
        ("sftp://h", "ssh agent"),
        ("toy://h", "check the credentials"),
    ],
)
def test_where_credentials_are_taken_from_is_said_by_kind(url: str, hint: str) -> None:
    made = translate(error("NoCredentialsError"), url, "")
    assert isinstance(made, RemoteError) and hint in made.hint
