"""Words from files and folders as they are: Markdown in them would be drawn, and could fetch."""

from __future__ import annotations

MARKS = r"\`*_{}[]()#+-.!:$|<>~"


def plain(text: object) -> str:
    """Text with every mark of Markdown made harmless."""
    return "".join(f"\\{c}" if c in MARKS else c for c in str(text).replace("\n", " "))
