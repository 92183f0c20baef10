"""Checkpoints belong to a run key: what was saved for other inputs is never found."""

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
