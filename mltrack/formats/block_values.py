"""The values of a stage's block: templates filled in, checked for what they must be,
every mistake noted where it stands.
"""

from typing import Any

from mltrack.errors import FormatError, PipelineError
from mltrack.formats import quantities
from mltrack.formats.mistakes import At, Mistakes
from mltrack.formats.paths import check_path, join
from mltrack.pipeline.interpolate import interpolate


class Literal(str):
    """A text that templates do not look into: it came out of one."""


class BlockValues:
    """Reads values with what their templates see; paths are taken from ``wdir``."""

    def __init__(self, mistakes: Mistakes, values: dict[str, Any], wdir: str) -> None:
        self.mistakes = mistakes
        self._values = values
        self._wdir = wdir

    def resolved(self, value: Any, at: At) -> Any:
        """The value with its templates filled in; None, with a mistake noted, where
        that cannot be.
        """
        is_plain = not isinstance(value, str) or isinstance(value, Literal)
        if is_plain or "${" not in value:
            return value
        try:
            return interpolate(value, self._values, "")
        except PipelineError as error:
            self.note(at, error)
            return None

    def text(self, value: Any, at: At) -> str | None:
        if not isinstance(value, str):
            known = isinstance(value, bool | int | float)
            self.mistakes.mistake(
                at,
                f"must be text: put {value!r} in quotes" if known else "must be text",
            )
            return None
        count = len(self.mistakes.mistakes)
        result = self.resolved(value, at)
        # told already: a second complaint would be of the same fault
        if len(self.mistakes.mistakes) > count:
            return None
        if isinstance(result, dict | list) or result is None:
            self.mistakes.mistake(at, f"{value} must be a single value here")
            return None
        # as YAML writes them, and as `dvc.yaml` inserts them
        return str(result).lower() if isinstance(result, bool) else str(result)

    def note(self, at: At, error: PipelineError) -> None:
        self.mistakes.mistake(
            at,
            error.message.removeprefix(": ")
            + (f" ({error.hint})" if error.hint else ""),
        )

    def path(self, value: Any, at: At) -> str | None:
        text = self.text(value, at)
        return self.checked(text, at) if text is not None else None

    def checked(self, text: str, at: At) -> str | None:
        path = join(self._wdir, text)
        if not path:
            problem = (
                "lies outside the project" if path is None else "is the whole project"
            )
            self.mistakes.mistake(at, f"{text!r} {problem}")
            return None
        try:
            return check_path(path, "")
        except FormatError as error:
            self.mistakes.mistake(at, error.message.lstrip(": "))
            return None

    def duration(self, value: Any, at: At) -> float:
        try:
            return quantities.seconds(self.resolved(value, at))
        except PipelineError as error:
            self.mistakes.mistake(at, error.message)
            return 0.0

    def boolean(
        self, block: dict[str, Any], key: str, at: At, *, default: bool = False
    ) -> bool:
        value = self.resolved(block.get(key, default), (*at, key))
        if not isinstance(value, bool):
            self.mistakes.mistake((*at, key), f"must be true or false, not {value!r}")
            return default
        return value

    def texts(self, items: Any, at: At) -> list[str]:
        texts = [
            self.text(item, (*at, index))
            for index, item in enumerate(self.items(items, at))
        ]
        # without those that were noted as mistakes
        return [text for text in texts if text]

    def items(self, items: Any, at: At) -> list[Any]:
        """Returns the items of a list; a reference to a list, in the place of the list
        or of an item, stands for the items of that one.
        """
        if items is None:
            return []
        if isinstance(items, str) and "${" in items:
            items = self._spliced(items, at)
        if not isinstance(items, list):
            self.mistakes.mistake(at, "must be a list")
            return []
        found: list[Any] = []
        for index, item in enumerate(items):
            inner = self._spliced(item, (*at, index))
            found += inner if isinstance(inner, list) else [item]
        return found

    def _spliced(self, item: Any, at: At) -> Any:
        """The list that a text is a reference to; anything else as it is."""
        if not isinstance(item, str) or not item.startswith("${"):
            return item
        count = len(self.mistakes.mistakes)
        value = self.resolved(item, at)
        if len(self.mistakes.mistakes) > count or not isinstance(value, list):
            # told where the item itself is read
            del self.mistakes.mistakes[count:]
            return item
        return [Literal(one) if isinstance(one, str) else one for one in value]
