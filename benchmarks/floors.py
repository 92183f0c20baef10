"""What a job costs at least: the same system calls in plain Python or a system program,
with the same durability.
"""

import sys
from pathlib import Path

PYTHON = sys.executable
_WALK = """
import os, sys
def files(top):
    for entry in sorted(os.scandir(top), key=lambda item: item.name):
        if entry.is_dir(follow_symlinks=False):
            yield from files(entry.path)
        else:
            yield entry
"""
_ADD = (
    _WALK
    + """
import xxhash
out = open(sys.argv[1], 'wb', buffering=1 << 20)
for entry in files('data'):
    descriptor = os.open(entry.path, os.O_RDONLY)
    data = os.read(descriptor, os.fstat(descriptor).st_size + 1)
    os.close(descriptor)
    xxhash.xxh3_128_hexdigest(data)
    out.write(data)
out.flush()
os.fsync(out.fileno())
"""
)
_STATUS = (
    _WALK
    + "import typer\nfor _ in range(2):\n    for entry in files('data'):\n        entry.stat(follow_symlinks=False)\n"
)
_SEND = """
import os, sys, fsspec
fs = fsspec.filesystem('s3', key=sys.argv[2], secret=sys.argv[3], endpoint_url=sys.argv[1], skip_instance_cache=True,
                       config_kwargs={'response_checksum_validation': 'when_required'})
from concurrent.futures import ThreadPoolExecutor
size, part = int(sys.argv[4]), int(sys.argv[5])
def send(number):
    data = os.urandom(1 << 20) * (part >> 20)
    fs.pipe_file(f'bucket/floor/{number}', data)
def get(number):
    fs.cat_file(f'bucket/floor/{number}', start=0, end=part)
with ThreadPoolExecutor(4) as pool:
    list(pool.map(send if sys.argv[6] == 'put' else get, range(max(1, size // part))))
"""
_MULTIPART = """
import os, sys, fsspec
fs = fsspec.filesystem('s3', key=sys.argv[2], secret=sys.argv[3], endpoint_url=sys.argv[1], skip_instance_cache=True,
                       config_kwargs={'response_checksum_validation': 'when_required'})
if sys.argv[5] == 'put':
    fs.put_file(sys.argv[4], 'bucket/floor/whole', chunksize=8 << 20, max_concurrency=4)
else:
    fs.get_file('bucket/floor/whole', sys.argv[4] + '.got')
    with open(sys.argv[4] + '.got', 'rb') as file:
        os.fsync(file.fileno())
"""


def add(scratch: Path) -> list[str]:
    return [PYTHON, "-c", _ADD, str(scratch / "floor.pack")]


def status() -> list[str]:
    return [PYTHON, "-c", _STATUS]


def copy_tree(scratch: Path) -> list[str]:
    return ["cp", "-r", "data", str(scratch / "floor-copy")]


def copy_one(source: Path, scratch: Path) -> list[str]:
    target = scratch / "floor-one"
    return ["sh", "-c", f"cp {source} {target} && sync -f {target}"]


def hash_one(path: Path) -> list[str]:
    return ["xxhsum", "-q", "-H2", str(path)]


def start() -> list[str]:
    return [PYTHON, "-c", "import typer"]


def s3_objects(remote: dict[str, str], size: int, way: str) -> list[str]:
    part = min(64 << 20, max(1 << 20, size >> 20 << 20))
    return [
        PYTHON,
        "-c",
        _SEND,
        remote["endpoint"],
        remote["access_key"],
        remote["secret_key"],
        str(size),
        str(part),
        way,
    ]


def s3_multipart(remote: dict[str, str], path: Path, way: str) -> list[str]:
    return [
        PYTHON,
        "-c",
        _MULTIPART,
        remote["endpoint"],
        remote["access_key"],
        remote["secret_key"],
        str(path),
        way,
    ]
