"""What people read tables, arrays and batches with, through ``mltrack://``: a project
that is nowhere on this machine but in a remote, and of its large files only the parts
that are asked for.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest

import mltrack
from mltrack.store.kinds.directory import DirectoryRemote
from mltrack.store.kinds.fsspec_store import FsspecRemote
from tests.services.servers import RcloneS3
from tests.support.remotes import connect
from tests.support.workspace import Workspace

pyarrow = pytest.importorskip("pyarrow")
ROWS, COLUMNS = 200_000, 10


@pytest.fixture(scope="module")
def table() -> Any:
    """Ten columns whose values tell their row and column, 16 MB of them."""
    rows = pyarrow.array(range(ROWS), pyarrow.int64())
    compute = pytest.importorskip("pyarrow.compute")
    return pyarrow.table(
        {f"c{number}": compute.multiply(rows, number + 1) for number in range(COLUMNS)}
    )


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The bytes of ranges that were read from stores."""
    seen = SimpleNamespace(bytes=0, requests=0)
    for kind in (DirectoryRemote, FsspecRemote):
        monkeypatch.setattr(kind, "get", _noted(kind.get, seen))
    return seen


def _noted(get: Callable[..., bytes], seen: SimpleNamespace) -> Callable[..., bytes]:
    def noted(*arguments: Any, **options: Any) -> bytes:
        data = get(*arguments, **options)
        seen.bytes += len(data)
        seen.requests += 1
        return data

    return noted


@pytest.fixture
def theirs(
    ws: Workspace, tmp_path: Path, table: Any, moved: SimpleNamespace
) -> Workspace:
    """A project with a large table and a directory of small ones; `v1` has them, the
    newest commit has not.
    """
    parquet = pytest.importorskip("pyarrow.parquet")
    (ws.path / "data/parts").mkdir(parents=True)
    parquet.write_table(
        table,
        ws.path / "data/big.parquet",
        row_group_size=ROWS // 4,
        compression="none",
        use_dictionary=False,
    )
    for number in range(4):
        parquet.write_table(
            table.slice(number * 10, 10), ws.path / f"data/parts/{number}.parquet"
        )
    ws.write("data/names.csv", "name,row\nanna,1\nbert,2\n")
    ws.write("data/lines.jsonl", '{"row": 1}\n{"row": 2}\n')
    ws.mltrack("add", "data")
    return ws


def _publish(ws: Workspace) -> None:
    ws.mltrack("push")
    ws.commit(tag="v1")
    ws.mltrack("remove", "data")
    ws.commit("none of it")
    ws.git("config", "uploadpack.allowFilter", "true")
    shutil.rmtree(ws.path / "data", ignore_errors=True)
    shutil.rmtree(ws.path / ".mltrack/cache")


@pytest.fixture
def there(
    theirs: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """How the project is named by somebody who has nothing of it."""
    theirs.mltrack("remote", "add", "store", str(tmp_path / "store"))
    _publish(theirs)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cached"))
    monkeypatch.chdir(tmp_path)
    yield {"repo": f"file://{theirs.path}", "rev": "v1"}


def test_pandas_reads_one_column_of_a_large_table(
    there: dict[str, str], moved: SimpleNamespace
) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(
        "mltrack://data/big.parquet", columns=["c3"], storage_options=there
    )
    assert list(frame.columns) == ["c3"] and len(frame) == ROWS
    assert frame["c3"].sum() == 4 * ROWS * (ROWS - 1) // 2
    # a tenth of 16 MB, and what is read ahead
    assert moved.bytes < 5 << 20


def test_pandas_reads_text(there: dict[str, str]) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv("mltrack://data/names.csv", storage_options=there)
    assert frame.to_dict("list") == {"name": ["anna", "bert"], "row": [1, 2]}
    frame = pandas.read_json(
        "mltrack://data/lines.jsonl", lines=True, storage_options=there
    )
    assert list(frame["row"]) == [1, 2]


def test_pandas_reads_a_directory_of_tables(there: dict[str, str]) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet("mltrack://data/parts", storage_options=there)
    assert sorted(frame["c0"]) == list(range(40))


def test_pyarrow_reads_a_table_and_a_dataset(
    there: dict[str, str], moved: SimpleNamespace, table: Any
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    dataset = pytest.importorskip("pyarrow.dataset")
    fs = fsspec.filesystem("mltrack", **there)
    one = parquet.read_table("data/big.parquet", columns=["c1"], filesystem=fs)
    assert one.equals(table.select(["c1"])) and moved.bytes < 5 << 20
    many = dataset.dataset("data/parts", filesystem=fs, format="parquet")
    assert many.count_rows() == 40
    assert sorted(many.to_table(columns=["c0"])["c0"].to_pylist()) == list(range(40))


def test_polars_reads_and_scans(there: dict[str, str], moved: SimpleNamespace) -> None:
    polars = pytest.importorskip("polars")
    with fsspec.open("mltrack://data/big.parquet", **there) as file:
        frame = polars.read_parquet(file, columns=["c2"])
    assert frame["c2"].sum() == 3 * ROWS * (ROWS - 1) // 2
    fs = fsspec.filesystem("mltrack", **there)
    dataset = pytest.importorskip("pyarrow.dataset")
    before = moved.bytes
    lazy = polars.scan_pyarrow_dataset(
        dataset.dataset("data/big.parquet", filesystem=fs, format="parquet")
    )
    found = lazy.filter(polars.col("c0") == ROWS - 1).select("c4").collect()
    assert found["c4"].to_list() == [5 * (ROWS - 1)]
    # of the last of four groups, as its statistics say
    assert moved.bytes - before < 8 << 20


def test_duckdb_asks_a_table_in_sql(there: dict[str, str]) -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.register_filesystem(fsspec.filesystem("mltrack", **there))
        # its threads share one file, and each seeks before it reads
        for _ in range(10):
            [[total]] = connection.sql(
                "SELECT sum(c5) FROM read_parquet('mltrack://data/big.parquet')"
            ).fetchall()
            assert total == 6 * ROWS * (ROWS - 1) // 2
        [[count]] = connection.sql(
            "SELECT count(*) FROM read_parquet('mltrack://data/parts/*.parquet')"
        ).fetchall()
    assert count == 40


def test_xarray_opens_a_zarr_store(
    theirs: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    numpy = pytest.importorskip("numpy")
    values = numpy.arange(40 * 30).reshape(40, 30)
    grid = xarray.Dataset({"heat": (("x", "y"), values)})
    grid.to_zarr(
        theirs.path / "data/grid.zarr", encoding={"heat": {"chunks": (10, 10)}}
    )
    theirs.mltrack("add", "data")
    there = request.getfixturevalue("there")
    with xarray.open_zarr("mltrack://data/grid.zarr", storage_options=there) as opened:
        part = opened["heat"].isel(x=slice(10, 20)).values
        assert part.sum() == values[10:20].sum()
        assert opened["heat"].mean().item() == values.mean()


def test_hugging_face_datasets_load_tables(
    there: dict[str, str], tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(
        "parquet",
        data_files="mltrack://data/parts/*.parquet",
        storage_options=there,
        cache_dir=str(tmp_path / "hf"),
        split="train",
    )
    assert sorted(loaded["c0"]) == list(range(40))
    streamed = datasets.load_dataset(
        "parquet",
        data_files={"train": "mltrack://data/big.parquet"},
        storage_options=there,
        cache_dir=str(tmp_path / "hf"),
        split="train",
        streaming=True,
    )
    assert [row["c1"] for row in streamed.take(3)] == [0, 2, 4]


def test_hugging_face_datasets_of_two_revisions_differ(
    ws: Workspace, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets")
    found = []
    for rev in ("v1", "v2"):
        ws.write("data/rows.csv", f"text\n{rev}\n")
        ws.mltrack("add", "data")
        ws.commit(tag=rev)
        loaded = datasets.load_dataset(
            "csv",
            data_files="mltrack://data/rows.csv",
            storage_options={"repo": str(ws.path), "rev": rev},
            cache_dir=str(tmp_path / "hf"),
            # else what it brought by this address before is read again
            download_mode="reuse_dataset_if_exists"
            if rev == "v1"
            else "force_redownload",
            split="train",
        )
        found += loaded["text"]
    assert found == ["v1", "v2"]


def test_workers_of_a_torch_loader_open_files_themselves(
    there: dict[str, str],
) -> None:
    torch_data: Any = pytest.importorskip(
        "torch.utils.data", reason="torch is too large to be installed for tests"
    )

    class Rows:
        """Two bytes at a time of a file that is read where it lies."""

        def __len__(self) -> int:
            return 64

        def __getitem__(self, number: int) -> int:
            with mltrack.open("data/big.parquet", "rb", **there) as file:
                file.seek(100_000 * number)
                return int.from_bytes(file.read(2), "little")

    loader = torch_data.DataLoader(
        Rows(), batch_size=8, num_workers=2, multiprocessing_context="fork"
    )
    whole = mltrack.read("data/big.parquet", **there)
    pairs = [whole[100_000 * number :][:2] for number in range(64)]
    expected = [int.from_bytes(pair, "little") for pair in pairs]
    assert [int(one) for batch in loader for one in batch] == expected


@pytest.fixture
def behind_s3(
    theirs: Workspace, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    connect(theirs, serve(RcloneS3), "libraries")
    _publish(theirs)
    # who trusted that server when the remote was added
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, theirs.environment[name])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cached"))
    return {"repo": str(theirs.path), "rev": "v1"}


def test_tables_behind_s3_are_read_in_parts(
    behind_s3: dict[str, str], moved: SimpleNamespace
) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(
        "mltrack://data/big.parquet", columns=["c3"], storage_options=behind_s3
    )
    assert frame["c3"].sum() == 4 * ROWS * (ROWS - 1) // 2
    assert 0 < moved.bytes < 5 << 20
    with mltrack.open("data/big.parquet", "rb", **behind_s3) as file:
        file.seek(-4, os.SEEK_END)
        assert file.read() == b"PAR1"
