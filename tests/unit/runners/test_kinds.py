"""What may be set for a runner: the options of its kind, and resources; and what opens
then.
"""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from mltrack.config import schema
from mltrack.errors import ConfigError
from mltrack.objects.digest import XXH3
from mltrack.runners import kinds
from mltrack.runners.capacity import machine
from mltrack.runners.hosts import HostRunner
from mltrack.runners.kind import Kind, Option, Surroundings, never
from mltrack.runners.kinds import local, ssh
from mltrack.runners.local import LocalRunner
from mltrack.store.local.cache import Cache


@pytest.mark.parametrize(
    "wrong, meant",
    [
        ("setpu", "setup"),
        ("host", "hosts"),
        ("gpu", "gpus"),
        ("cache_limt", "cache_limit"),
    ],
)
def test_an_option_that_is_nearly_one_is_no_resource(wrong: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        schema.find(f"runner.box.{wrong}")
    assert meant in caught.value.hint


@pytest.mark.parametrize("name", ["licenses", "tokens", "gpus", "cpus", "gpu_memory"])
def test_any_other_name_is_a_resource(name: str) -> None:
    assert schema.find(f"runner.box.{name}").type is int


def test_options_that_name_places_are_private() -> None:
    private = {setting.key for setting in schema.runner_settings() if setting.private}
    assert private == {
        f"runner.NAME.{name}"
        for name in ("directory", "python", "ssh_config", "gpu_locks")
    }


@pytest.mark.parametrize(
    "name, given, words",
    [
        ("box", {}, "there is no runner 'box'"),
        ("box", {"gpus": 2}, "runner.box.type is not set"),
        ("box", {"type": "slrum"}, "no kind of runner 'slrum'"),
        ("local", {"python": "python3.9"}, "has no such option"),
    ],
)
def test_what_makes_no_runner_is_refused(
    name: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        kinds.find(name, given)


def test_what_is_no_option_is_an_amount() -> None:
    given = {
        "type": "ssh",
        "hosts": ["a"],
        "gpus": 2,
        "memory": "1GB",
        "licenses": 3,
        "setup": "",
    }
    kind = kinds.find("box", given)
    assert kind.name == "ssh" and kind.amounts(given) == {
        "gpus": 2.0,
        "memory": 1e9,
        "licenses": 3.0,
    }


# what opens


def around(tmp_path: Path) -> Surroundings:
    cache = Cache(str(tmp_path / "cache"), XXH3)
    return Surroundings(str(tmp_path), str(tmp_path / "jobs"), cache)


def test_this_machine_has_what_it_has_unless_set_otherwise(tmp_path: Path) -> None:
    kind = kinds.find("local", {})
    assert kind is local.KIND
    given = {"gpus": 3, "licenses": 2, "memory": "2GB", "gpu_locks": "/locks"}
    runner = kind.open("local", given, around(tmp_path))
    assert isinstance(runner, LocalRunner)
    capacity = runner.abilities.capacity
    assert (capacity["gpus"], capacity["licenses"], capacity["memory"]) == (3, 2, 2e9)
    assert capacity["cpus"] == machine()["cpus"]
    assert runner._objects == str(tmp_path / "cache/loose")


def test_jobs_of_this_machine_that_survive_have_a_directory_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    kind = kinds.find("local", {})
    runner = kind.open_surviving("local", {"gpus": 1}, around(tmp_path))
    assert isinstance(runner, HostRunner)
    [host] = runner.hosts
    assert host.address == ("", sys.executable, str(tmp_path / ".mltrack-host"), "")
    assert host.settings.capacity["gpus"] == 1.0
    assert "memory" not in host.settings.capacity, "the kernel shares it out"


def test_whether_a_job_survived_here_is_seen_without_starting_anything(
    tmp_path: Path,
) -> None:
    kind, key = kinds.find("local", {}), "ab" * 16
    given = {"directory": str(tmp_path)}
    assert not kind.has_surviving(given, "") and not kind.has_surviving(given, key)
    for number in (1, 2, 10):
        (tmp_path / "jobs" / key / str(number)).mkdir(parents=True)
    (tmp_path / "jobs" / key / "lock").touch()
    assert kind.has_surviving(given, "") and kind.has_surviving(given, key)
    (tmp_path / "jobs" / key / "2/taken").touch()
    assert kind.has_surviving(given, key), "a later one was not taken"
    (tmp_path / "jobs" / key / "10/taken").touch()
    assert not kind.has_surviving(given, key)
    assert not never(given, key)


def test_hosts_are_reached_as_the_settings_say(tmp_path: Path) -> None:
    given = {
        "type": "ssh",
        "hosts": ["a", "b", "a"],
        "python": "/py",
        "directory": "/d",
        "ssh_config": "~/c",
        "cache_limit": "2GB",
        "setup": ". env",
        "gpu_locks": "/locks",
        "gpus": 4,
    }
    kind = kinds.find("box", given)
    assert kind is ssh.KIND
    runner = kind.open("box", given, around(tmp_path))
    assert isinstance(runner, HostRunner) and runner.name == "box"
    config = os.path.expanduser("~/c")
    assert [host.address for host in runner.hosts] == [
        ("a", "/py", "/d", config),
        ("b", "/py", "/d", config),
    ]
    settings = runner.hosts[0].settings
    assert (settings.locks, settings.limit, settings.setup) == (
        "/locks",
        2 * 10**9,
        ". env",
    )
    assert settings.capacity == {"gpus": 4.0}
    usual = kind.open("box", {"type": "ssh", "hosts": ["a"]}, around(tmp_path))
    assert isinstance(usual, HostRunner)
    assert usual.hosts[0].address == ("a", "python3", "~/.mltrack-host", "")
    assert usual.hosts[0].settings.limit == 100 * 10**9


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "has no hosts"),
        ({"hosts": []}, "has no hosts"),
        ({"hosts": ["-oX"]}, "not the name of a host"),
        ({"hosts": ["a"], "python": "-c"}, "not the path of a Python"),
    ],
)
def test_what_makes_no_hosts_is_refused(
    tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        kinds.find("box", {"type": "ssh"}).open("box", given, around(tmp_path))


def test_a_kind_may_be_added() -> None:
    shelf = Option("shelf", str, "Where.")
    toy = Kind("toy", (shelf,), local.KIND.open, local.KIND.open)
    kinds.register(toy)
    try:
        assert "toy" in kinds.names() and kinds.find("x", {"type": "toy"}) is toy
        assert "shelf" in {option.name for option in kinds.options()}
        with pytest.raises(ConfigError, match="has no such option"):
            kinds.find("box", {"type": "ssh", "shelf": "s"})
    finally:
        del kinds._registered["toy"]
    assert "toy" not in kinds.names()
