"""From an address to a store: what is none is refused, with what would be one."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import ConfigError
from mltrack.store.kinds.directory import DirectoryRemote
from mltrack.store.kinds.opening import check_kind, kinds, open_store, split
from mltrack.store.kinds.retrying import Retrying


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket/p", ("s3", "bucket/p")),
        ("dir/s3:x", ("file", "dir/s3:x")),
        ("/abs", ("file", "/abs")),
        ("file:///abs", ("file", "/abs")),
        ("1a://b", ("file", "1a://b")),
        ("a+b.c-d://e", ("a+b.c-d", "e")),
    ],
)
def test_an_address_is_a_scheme_and_the_rest(
    url: str, expected: tuple[str, str]
) -> None:
    assert split(url) == expected


@given(st.sampled_from(["s3", "sftp", "memory"]), st.text(max_size=20))
def test_whatever_follows_the_scheme_is_the_rest(scheme: str, rest: str) -> None:
    assert split(f"{scheme}://{rest}") == (scheme, rest)


def test_a_scheme_in_capitals_is_refused_with_the_scheme_that_is_meant() -> None:
    with pytest.raises(ConfigError, match="not a remote's address") as refused:
        split("S3://bucket")
    assert refused.value.hint == "write s3://"


def test_chains_of_file_systems_are_no_addresses() -> None:
    with pytest.raises(ConfigError, match="not a remote's address"):
        split("simplecache::s3://bucket")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "not a remote's address"),
        ("-x", "not a remote's address"),
        ("s3://", "not a remote's address"),
        ("s3:// /", "not a remote's address"),
        ("s3://user:word@bucket/p", "no password"),
        ("https://h/x?sig=1", "no password"),
        ("nosuch://x", "no remotes of the kind nosuch://"),
    ],
)
def test_what_cannot_be_a_remote_is_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as raised:
        check_kind(url)
    assert "word" not in raised.value.message.replace("password", "")


@pytest.mark.parametrize(
    ("url", "scheme"),
    [("/", "file"), ("~/x", "file"), ("s3://b", "s3"), ("ssh://me@h/p", "ssh")],
)
def test_what_can_be_one_has_its_scheme(url: str, scheme: str) -> None:
    assert check_kind(url) == scheme


def test_unknown_kinds_are_told_with_those_that_there_are() -> None:
    assert kinds() == sorted(kinds()) and {"file", "s3", "sftp"} <= set(kinds())
    with pytest.raises(ConfigError) as raised:
        open_store("nosuch://x", "")
    assert raised.value.hint == f"kinds there are: {', '.join(kinds())}"


def test_a_directory_starts_where_it_is_said_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for url, root in (
        ("store", f"{tmp_path}/store"),
        ("../x/./y", f"{tmp_path.parent}/x/y"),
        ("/abs", "/abs"),
        ("~/store", "/home/me/store"),
        ("file:///abs", "/abs"),
    ):
        store = open_store(url, str(tmp_path))
        assert isinstance(store, DirectoryRemote) and store.root == root
    assert not (tmp_path / "store").exists()


def test_what_is_far_away_is_tried_again_as_often_as_is_set() -> None:
    pytest.importorskip("fsspec")
    for given_tries, tries in (({}, 5), ({"tries": 2}, 2), ({"tries": None}, 5)):
        store = open_store("memory://x", "", given_tries)
        assert isinstance(store, Retrying) and store._tries == tries
        assert store.url == "memory://x"
