"""Checks the built site: it loads nothing from other hosts, and what it loads is there.

usage: python docs/check_site.py build/site
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "link": "href",
}
"""What a browser loads by itself, and the attribute that names it."""
NOT_LOADED = {"canonical", "next", "prev", "alternate"}


class Page(HTMLParser):
    """Collects what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get(LOADED.get(tag, ""))
        if address and given.get("rel") not in NOT_LOADED:
            self.loads.append(address)


def faults(site: Path) -> list[str]:
    """Returns a line for each address that leads to another host or to no file."""
    found = []
    for path in sorted(site.rglob("*.html")):
        page = Page()
        page.feed(path.read_text(encoding="utf-8"))
        for address in page.loads:
            parts = urlsplit(address)
            # the theme's page for what is not found is served at any depth
            top = site if parts.path.startswith("/") else path.parent
            if parts.scheme == "data":
                continue
            if parts.netloc:
                found.append(f"{path.relative_to(site)}: loads {address}")
            elif not (top / unquote(parts.path).lstrip("/")).exists():
                found.append(f"{path.relative_to(site)}: {address} is not there")
    return found


if __name__ == "__main__":
    site = Path(sys.argv[1])
    if found := faults(site):
        sys.exit("\n".join(found))
    print(
        f"{len(list(site.rglob('*.html')))} pages in {site}, nothing from other hosts"
    )
