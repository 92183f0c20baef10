"""What may be set for a runner: the options of its kind, and resources."""

from typing import Any

import pytest

from mltrack.config import schema
from mltrack.errors import ConfigError
from mltrack.runners import kinds


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
