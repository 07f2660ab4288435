"""Text from files and arguments, made harmless for a terminal."""

from __future__ import annotations


def escape(text: str) -> str:
    """Printable text on one line: what comes from a file cannot forge an output line or move the cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
