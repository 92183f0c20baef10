"""Data in a bucket, tracked here: through the client of the store, with the
credentials of the environment.
"""

from collections.abc import Callable
from typing import Any

import fsspec

from tests.services.servers import KEY, SECRET, CephS3
from tests.support.workspace import Workspace


def test_a_prefix_of_a_bucket_is_imported_and_updated(
    ws: Workspace, serve: Callable[[type[CephS3]], Any]
) -> None:
    server = serve(CephS3)
    endpoint = f"http://127.0.0.1:{server.port}"
    bucket = fsspec.filesystem(
        "s3", key=KEY, secret=SECRET, endpoint_url=endpoint, skip_instance_cache=True
    )
    for name in ("a", "deep/b"):
        bucket.pipe(f"bucket/shelf/{name}", f"{name}\n".encode())
    credentials = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": endpoint,
    }
    ws.mltrack("import", "s3://bucket/shelf/", "-o", "d", **credentials)
    assert ws.read("d/a") == "a\n" and ws.read("d/deep/b") == "deep/b\n"
    assert "d: unchanged" in ws.mltrack("update", **credentials).out
    bucket.pipe("bucket/shelf/c", b"c\n")
    assert "d: 1 added" in ws.mltrack("update", **credentials).out
    assert ws.read("d/c") == "c\n"
    ws.mltrack("import", "s3://bucket/shelf/a", "-o", "one", **credentials)
    assert 'etag: "' in ws.read("one.mlt")
    gone = ws.mltrack("import", "s3://bucket/nosuch", "-o", "x", code=2, **credentials)
    assert "there is nothing at s3://bucket/nosuch" in gone.err
