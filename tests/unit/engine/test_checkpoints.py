"""Checkpoints belong to a run key: what was saved for other inputs is never found."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from mltrack.engine.checkpoints import Checkpoints

ONE, TWO = "a" * 32, "b" * 32


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(str(tmp_path), str(tmp_path / "aside"))


def save(checkpoints: Checkpoints, tmp_path: Path, key: str) -> None:
    checkpoints.restore("ckpt", key)
    (tmp_path / "ckpt/state").write_text(key)
    checkpoints.save("ckpt", key)


def test_what_was_saved_is_restored_for_its_key_alone(
    checkpoints: Checkpoints, tmp_path: Path
) -> None:
    save(checkpoints, tmp_path, ONE)
    assert not (tmp_path / "ckpt").exists()
    assert not checkpoints.restore("ckpt", TWO)
    assert [*(tmp_path / "ckpt").iterdir()] == []
    assert checkpoints.restore("ckpt", ONE)
    assert (tmp_path / "ckpt/state").read_text() == ONE


def test_what_a_killed_attempt_left_is_kept_for_its_own_key(
    checkpoints: Checkpoints, tmp_path: Path
) -> None:
    checkpoints.restore("ckpt", ONE)
    (tmp_path / "ckpt/state").write_text("left")
    assert not checkpoints.restore("ckpt", TWO)
    assert checkpoints.restore("ckpt", ONE)
    assert (tmp_path / "ckpt/state").read_text() == "left"


def test_a_checkpoint_is_forgotten_once_its_stage_has_a_result(
    checkpoints: Checkpoints, tmp_path: Path
) -> None:
    save(checkpoints, tmp_path, ONE)
    checkpoints.forget("ckpt", ONE)
    assert not checkpoints.restore("ckpt", ONE)


def test_an_empty_one_is_not_kept(checkpoints: Checkpoints) -> None:
    checkpoints.restore("ckpt", ONE)
    checkpoints.save("ckpt", ONE)
    assert not checkpoints.restore("ckpt", ONE)


def test_what_is_made_by_hand_is_nobodys_and_replaces_no_checkpoint(
    checkpoints: Checkpoints, tmp_path: Path
) -> None:
    save(checkpoints, tmp_path, ONE)
    (tmp_path / "ckpt").mkdir()
    (tmp_path / "ckpt/state").write_text("by hand")
    assert checkpoints.restore("ckpt", ONE)
    assert (tmp_path / "ckpt/state").read_text() == ONE


@pytest.mark.parametrize("call", ["rename", "mkdir", "unlink"])
@pytest.mark.parametrize("step", ["restore", "save", "forget"])
def test_killed_anywhere_it_gives_no_key_what_was_made_by_hand(
    checkpoints: Checkpoints,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    step: str,
) -> None:
    save(checkpoints, tmp_path, ONE)
    save(checkpoints, tmp_path, TWO)
    if step != "restore":
        checkpoints.restore("ckpt", ONE)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(os, call, killed)
        getattr(checkpoints, step)("ckpt", ONE)
    if not (tmp_path / "ckpt").exists():
        (tmp_path / "ckpt").mkdir()
        (tmp_path / "ckpt/state").write_text("by hand")
    for key in (ONE, TWO):
        is_restored = checkpoints.restore("ckpt", key)
        assert not is_restored or (tmp_path / "ckpt/state").read_text() == key


def test_a_kill_before_the_marker_is_written_mislabels_nothing(
    checkpoints: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(checkpoints, tmp_path, ONE)
    checkpoints.restore("ckpt", TWO)
    (tmp_path / "ckpt/state").write_text(TWO)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("mltrack.engine.checkpoints.write_atomic", killed)
        checkpoints.restore("ckpt", ONE)
    assert checkpoints.restore("ckpt", TWO)
    assert (tmp_path / "ckpt/state").read_text() == TWO
    checkpoints.restore("ckpt", ONE)
    assert (tmp_path / "ckpt/state").read_text() == ONE
