"""What each kind of remote says of itself: its addresses, its settings, and when a
clone that brings them along must be asked about.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from mltrack.errors import ConfigError, how_to_add
from mltrack.store.kinds import known
from mltrack.store.kinds.kind import Kind, Option, always, has_endpoint
from mltrack.store.kinds.known import az, gs, http, memory, s3, sftp
from mltrack.store.kinds.manner import Manner, named, seconds

SECRET = Option("shelf_key", str, "The key of the shelf.", private=True, secret=True)
TOY = Kind(("toy", "toys"), "tests.nowhere:Toy", options=(SECRET,))


@pytest.fixture
def toy() -> Iterator[Kind]:
    known.register(TOY)
    yield TOY
    known.withdraw(TOY)


# kinds


@pytest.mark.parametrize(
    ("scheme", "kind"),
    [
        ("s3", s3.KIND),
        ("gs", gs.KIND),
        ("gcs", gs.KIND),
        ("az", az.KIND),
        ("abfs", az.KIND),
        ("http", http.KIND),
        ("https", http.KIND),
        ("sftp", sftp.KIND),
        ("ssh", sftp.KIND),
        ("memory", memory.KIND),
    ],
)
def test_a_kind_is_found_by_each_of_its_schemes(scheme: str, kind: Kind) -> None:
    assert known.find(scheme) is kind and scheme in known.schemes()


def test_what_fsspec_alone_knows_is_asked_about_in_any_case() -> None:
    found = known.find("hdfs")
    assert found is not None and found.schemes == ("hdfs",)
    assert "hdfs" not in known.schemes() and found.must_be_trusted({})


@pytest.mark.parametrize("scheme", ["nosuch", "local", "zip", "github", "filecache"])
def test_what_leads_back_to_this_machine_is_no_kind(scheme: str) -> None:
    assert known.find(scheme) is None


def test_a_kind_may_be_added_and_taken_back(toy: Kind) -> None:
    assert known.find("toy") is known.find("toys") is toy
    assert known.kinds().count(toy) == 1 and {"toy", "toys"} <= set(known.schemes())
    assert known.options()["shelf_key"] == SECRET
    known.withdraw(toy)
    assert known.find("toy") is None and "shelf_key" not in known.options()
    known.register(toy)


def test_every_kind_is_listed_once_and_every_option_is_explained() -> None:
    kinds = known.kinds()
    assert len(kinds) == len(set(map(id, kinds))) == 6
    for option in known.options().values():
        assert option.about.endswith((".", "`.")) and option.about[0] != " "
        assert not option.secret or option.private, option.name


@pytest.mark.parametrize("name", ["shelf", "pin"])
def test_a_secret_that_its_name_does_not_tell_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Kind(("x",), "x:X", options=(SECRET, Option(name, str, "", secret=True)))
    assert Kind(("x",), "x:X", options=(Option(name, str, ""),))


# trust


@pytest.mark.parametrize(
    ("kind", "given", "asked"),
    [
        (s3.KIND, {}, False),
        (s3.KIND, {"region": "eu", "profile": "p"}, False),
        (s3.KIND, {"endpoint": "http://h"}, True),
        (gs.KIND, {"project": "p"}, False),
        (gs.KIND, {"endpoint": "http://h"}, True),
        (az.KIND, {}, False),
        (az.KIND, {"account": "a"}, True),
        (az.KIND, {"endpoint": "h"}, True),
        (http.KIND, {"user": "u"}, False),
        (http.KIND, {"password": "p"}, True),
        (sftp.KIND, {"key_file": "k"}, False),
        (sftp.KIND, {"password": "p"}, True),
        (sftp.KIND, {"ssh_config": "c"}, True),
        (memory.KIND, {"endpoint": "h"}, False),
    ],
)
def test_the_person_is_asked_where_settings_choose_who_gets_credentials(
    kind: Kind, given: dict[str, Any], asked: bool
) -> None:
    assert kind.must_be_trusted(given) == asked


def test_of_a_kind_that_says_nothing_the_worst_is_thought() -> None:
    assert TOY.must_be_trusted({}) and always({})
    assert has_endpoint({"endpoint": "h"}) and not has_endpoint({"endpoint": ""})


# what a file system is given


def test_settings_have_the_names_that_the_file_system_has_for_them() -> None:
    names = {"endpoint": "endpoint_url", "access_key": "key", "away": "x"}
    given = {"endpoint": "http://h", "access_key": "", "other": "o"}
    assert named(given, names) == {"endpoint_url": "http://h"}
    assert seconds({}) == 60 and seconds({"timeout": "7"}) == 7
    assert seconds({"timeout": 0}) == 60


def test_s3_is_told_what_is_set_and_nothing_else() -> None:
    pytest.importorskip("aiobotocore")
    plain = s3.KIND.manner.options({})
    assert plain.keys() == {"config_kwargs"}
    assert plain["config_kwargs"]["retries"] == {"max_attempts": 0}
    assert plain["config_kwargs"]["read_timeout"] == 60
    full = s3.KIND.manner.options(
        {
            "endpoint": "http://h",
            "access_key": "a",
            "secret_key": "b",
            "session_token": "c",
            "region": "eu",
            "profile": "p",
            "checksums": "when_required",
            "timeout": 5,
        }
    )
    config = full.pop("config_kwargs")
    assert config["request_checksum_calculation"] == "when_required"
    assert config["read_timeout"] == 5
    assert full == {
        "endpoint_url": "http://h",
        "key": "a",
        "secret": "b",
        "token": "c",
        "profile": "p",
        "client_kwargs": {"region_name": "eu"},
    }


def test_google_is_asked_without_credentials_if_told_so() -> None:
    pytest.importorskip("aiohttp")
    found = gs.KIND.manner.options({"credentials": "file", "anonymous": True})
    assert found["token"] == "anon" and found["requests_timeout"] == 60
    assert gs.KIND.manner.options({"credentials": "file"})["token"] == "file"
    assert "token" not in gs.KIND.manner.options({})
    assert gs.KIND.manner.sending["chunksize"] % (256 << 10) == 0


def test_azure_is_told_its_account() -> None:
    found = az.KIND.manner.options({"account": "a", "sas_token": "s", "timeout": 9})
    assert found == {
        "account_name": "a",
        "sas_token": "s",
        "connection_timeout": 10,
        "read_timeout": 9,
    }
    assert az.KIND.manner.creating == {"overwrite": False}
    assert az.KIND.manner.replacing == {"overwrite": True}


def test_a_web_server_gets_a_login_only_with_a_password() -> None:
    aiohttp = pytest.importorskip("aiohttp")
    login = http.KIND.manner.options({"user": "u", "password": "p"})["client_kwargs"]
    assert login["auth"] == aiohttp.BasicAuth("u", "p")
    assert "auth" not in http.KIND.manner.options({"user": "u"})["client_kwargs"]
    assert not http.KIND.manner.writable and Manner().writable


def test_a_library_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, toy: Kind
) -> None:
    from mltrack.store.kinds.opening import open_store

    with pytest.raises(ConfigError, match="need a library") as raised:
        open_store("toy://x", "")
    assert raised.value.hint == how_to_add("fsspec")
