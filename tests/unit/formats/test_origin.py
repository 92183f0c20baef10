"""Where an import came from, as its pointer says it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import FormatError
from mltrack.formats import origin, pointer
from mltrack.formats.origin import Origin
from mltrack.formats.pointer import Pointer
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3

texts = st.text(min_size=1, max_size=20)


@given(texts, texts, st.text(max_size=9), texts, texts)
def test_what_is_written_is_read(
    repository: str, path: str, revision: str, commit: str, digest: str
) -> None:
    noted = Origin(repository, path, revision, commit, digest)
    lines = origin.write(noted)
    assert origin.parse(lines, "x.mlt") == noted
    # and survives in a pointer, before and behind what other versions write
    content = Content(FILE, "0" * 32, 1)
    for extra in (lines, ("desc: x", *lines), (*lines, "meta:", "  a: 1")):
        text = pointer.write(Pointer("x", content, extra), XXH3)
        read = pointer.parse(text.encode(), XXH3, "x.mlt").extra
        assert origin.parse(read, "x.mlt") == noted
        assert origin.without(read) == tuple(
            line for line in extra if line not in lines
        )


def test_no_block_is_no_origin() -> None:
    assert origin.parse((), "x.mlt") is None
    assert origin.parse(("desc: from:",), "x.mlt") is None


@pytest.mark.parametrize(
    "lines",
    [
        ("from:",),
        ("from:", '  repository: "r"', '  path: "p"'),
        ("from:", "  repository: r", '  path: "p"', '  commit: "c"'),
    ],
)
def test_half_a_block_is_refused_with_its_pointer(lines: tuple[str, ...]) -> None:
    with pytest.raises(FormatError, match=r"x\.mlt"):
        origin.parse(lines, "x.mlt")
