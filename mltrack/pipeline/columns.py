"""How wide text is on a terminal: two columns for a wide character, none for one that is
drawn over the one before (Unicode Standard Annex 11).
"""

import unicodedata


def columns(char: str) -> int:
    """Returns how many columns one character takes. Noncharacters take none: styles are
    marked by them.
    """
    if char.isascii():
        return 1
    if "\ufdd0" <= char <= "\ufdef" or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def width(text: str) -> int:
    """Returns how many columns text takes."""
    if text.isascii():
        return len(text)
    return sum(map(columns, text))


def cells(text: str) -> list[str]:
    """Returns text cut into what stands in each column: a wide character leaves the
    next one empty, what takes none stands with the one before it.
    """
    found: list[str] = []
    pending = ""
    for char in text:
        taken = columns(char)
        if taken == 0 and not found:
            pending += char
        elif taken == 0:
            found[-1] += char
        else:
            found += [pending + char, *[""] * (taken - 1)]
            pending = ""
    return found
