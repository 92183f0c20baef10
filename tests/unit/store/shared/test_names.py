"""The names of things in a remote: an index is known by its name, and nothing else
is.
"""

from hypothesis import given
from hypothesis import strategies as st

from mltrack.store.shared.names import (
    index_name,
    index_path,
    object_path,
    pack_path,
    user_mark,
)

digests = st.text("0123456789abcdef", min_size=32, max_size=64)


@given(digests)
def test_the_name_of_an_index_is_read_off_its_path(name: str) -> None:
    assert index_name(index_path(name)) == name
    for path in (pack_path(name), object_path(name), f"index/sub/{name}.idx"):
        assert index_name(path) == ""
    for path in (f"x{index_path(name)}", f"{index_path(name)}\n", f"index/{name}"):
        assert index_name(path) == ""


def test_what_is_not_hexadecimal_is_no_index() -> None:
    for name in ("", "AB", "../ab", "g0", "tmp-1"):
        assert index_name(f"index/{name}.idx") == ""


@given(digests, digests)
def test_different_digests_have_different_names(one: str, other: str) -> None:
    assert object_path(one).replace("/", "") == f"objects{one}"
    assert object_path(one).startswith(f"objects/{one[:2]}/")
    assert (object_path(one) == object_path(other)) == (one == other)
    assert (pack_path(one) == pack_path(other)) == (one == other)


def test_a_project_without_an_identity_leaves_no_mark() -> None:
    assert user_mark("ab12") == "users/ab12" and user_mark("") == ""
