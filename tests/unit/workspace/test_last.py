"""What was last materialised: written anew while another process appends."""

import threading
from pathlib import Path
from typing import Any

import pytest

from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.workspace import last
from mltrack.workspace.last import LastMaterialized


def content(text: str) -> Content:
    return Content(FILE, XXH3.hex_of(text.encode()), len(text))


def test_a_note_that_comes_while_the_file_is_written_anew_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (LastMaterialized(str(tmp_path), XXH3) for _ in range(2))
    written = last.write_atomic
    threads: list[threading.Thread] = []

    def meanwhile(*given: Any, **named: Any) -> None:
        noting = threading.Thread(target=other.set, args=("theirs", content("t")))
        threads.append(noting)
        noting.start()
        # long enough for who does not wait for us
        noting.join(0.3)
        written(*given, **named)

    monkeypatch.setattr(last, "write_atomic", meanwhile)
    for number in range(1001):
        one.set("ours", content(str(number)))
        if threads:
            break
    one.get("ours")
    for thread in threads:
        thread.join()
    assert threads, "the file was never written anew"
    fresh = LastMaterialized(str(tmp_path), XXH3)
    assert fresh.get("theirs") == content("t") == one.get("theirs")
    assert fresh.get("ours") == one.get("ours") == content("1000")
    assert (tmp_path / "roots").read_text().count("\n") < 10
