"""A browser that opens pages as a person would: Chromium, without a window."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def opened() -> Iterator[Any]:
    """Starts the browser; skips the test with the reason where there is none."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed"
    )
    place = next(filter(None, map(shutil.which, NAMES)), None)
    if place is None:
        pytest.skip("chromium is not installed: make services")
    with api.sync_playwright() as driver:
        # the sandbox cannot be made by root, as whom CI may run; only our page is shown
        browser = driver.chromium.launch(executable_path=place, args=["--no-sandbox"])
        yield browser
        browser.close()


class Shown:
    """A page that a browser shows, with what it complained of and asked for."""

    def __init__(self, page: Any, place: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(place.as_uri())

    def texts(self, selector: str) -> list[str]:
        """Returns the texts of all that a selector finds, also those out of sight."""
        return [
            text.strip() for text in self.page.locator(selector).all_text_contents()
        ]

    def box(self, selector: str) -> dict[str, float]:
        """Returns the place of the first that a selector finds, scrolled into view."""
        found = self.page.locator(selector).first
        found.scroll_into_view_if_needed()
        place: dict[str, float] = found.bounding_box()
        return place
