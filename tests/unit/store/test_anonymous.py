"""`anonymous`, which a clone may set, means that no credential is handed over."""

from typing import Any

import pytest

from mltrack.config import places
from mltrack.config.settings import Settings, Value
from mltrack.store.kinds import known
from mltrack.store.kinds.kind import Kind

SECRETS = dict.fromkeys(
    (
        "password",
        "access_key",
        "secret_key",
        "session_token",
        "account_key",
        "connection_string",
        "sas_token",
    ),
    "p",
)


def asked_about(url: str, **given: Any) -> bool:
    """Whether the person is asked before a remote with these options is opened."""
    values = {"url": url, **given}
    settings = Settings(
        {
            f"remote.r.{key}": Value(value, "project", "config.toml")
            for key, value in values.items()
        }
    )
    return places.must_be_trusted(settings, "r")


@pytest.mark.parametrize("kind", known.kinds(), ids=lambda kind: kind.schemes[0])
def test_an_anonymous_remote_is_opened_without_secrets(kind: Kind) -> None:
    assert kind.handed_over(SECRETS) == SECRETS
    secret = {option.name for option in kind.options if option.secret}
    given = kind.handed_over({**SECRETS, "anonymous": True, "region": "x"})
    assert not ({*secret, "password"} & given.keys()) and given["region"] == "x"
    if kind.manner.writable and kind.schemes[0] not in ("sftp", "memory"):
        assert not {"sas_token", "account_key"} & kind.manner.options(given).keys()


def test_a_web_server_gets_no_password_where_the_remote_is_anonymous() -> None:
    http = known.find("http")
    assert http is not None
    given = http.handed_over({"user": "u", "password": "p", "anonymous": True})
    assert "auth" not in http.manner.options(given)["client_kwargs"]
    assert not asked_about("https://evil.example/x", password="p", anonymous=True)
    assert asked_about("https://evil.example/x", password="p")


@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("az://container/x", {"account": "evil"}),
        ("sftp://evil.example/x", {"password": "p"}),
        ("sftp://evil.example/x", {"ssh_config": "x"}),
        ("ftp://evil.example/x", {}),
    ],
)
def test_a_kind_that_cannot_be_anonymous_is_asked_about_all_the_same(
    url: str, given: dict[str, str]
) -> None:
    assert asked_about(url, **given, anonymous=True)


def test_a_bucket_at_an_endpoint_may_be_read_by_anyone_without_a_question() -> None:
    assert asked_about("s3://b/x", endpoint="https://evil.example")
    assert not asked_about("s3://b/x", endpoint="https://evil.example", anonymous=True)
