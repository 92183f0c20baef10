"""The map of paths against the plain walk over all of them that it stands in for; and
what expands, against itertools.
"""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from mltrack.pipeline import expand
from mltrack.pipeline.paths import PathMap, contains, overlaps

PARTS = st.lists(st.sampled_from(["a", "b", "ab", "c.d"]), min_size=1, max_size=4).map(
    "/".join
)


@given(st.lists(PARTS, max_size=12), st.lists(PARTS, max_size=4), PARTS)
def test_a_map_of_paths_answers_as_a_walk_over_all_would(
    put: list[str], taken: list[str], asked: str
) -> None:
    paths = PathMap((path, number) for number, path in enumerate(put))
    for path in taken:
        if path in paths:
            paths.pop(path)
    left = list(dict.fromkeys(path for path in put if path not in taken))
    assert sorted(paths) == sorted(left) and len(paths) == len(left)
    assert sorted(paths.overlapping(asked)) == sorted(
        path for path in left if overlaps(path, asked)
    )
    assert sorted(paths.below(asked)) == sorted(
        path for path in left if contains(asked, path) and path != asked
    )
    above = [path for path in left if contains(path, asked)]
    assert paths.holder(asked) == (max(above, key=len) if above else None)


AXES = st.dictionaries(
    st.sampled_from(["m", "n", "o"]),
    st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True),
    min_size=1,
)


@given(AXES, st.data())
def test_a_matrix_is_the_product_without_what_is_excluded(
    axes: dict[str, list[int]], data: st.DataObject
) -> None:
    patterns = data.draw(
        st.lists(
            st.dictionaries(
                st.sampled_from(sorted(axes)), st.integers(0, 3), min_size=1
            ),
            max_size=2,
        )
    )
    found = expand.matrix({**axes, "exclude": patterns})
    wanted = [
        dict(zip(axes, values, strict=True))
        for values in product(*axes.values())
        if not any(
            pattern.items() <= dict(zip(axes, values, strict=True)).items()
            for pattern in patterns
        )
    ]
    assert [one.values["item"] for one in found] == wanted
    assert len({one.key for one in found}) == len(found)
