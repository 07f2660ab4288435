"""HTML from text: everything that comes from a file passes `text` or an attribute of `element`, which escape it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape as html_escape
from typing import Any

from proofcheck.escape import escape


class Markup(str):
    """HTML that is already safe. Only this package makes it."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Text of any origin, on one line, as HTML."""
    return value if isinstance(value, Markup) else Markup(html_escape(escape(str(value))))


def lines(value: str) -> Markup:
    """Text with its line breaks, as HTML."""
    return Markup("\n".join(text(line) for line in value.splitlines()))


def joined(parts: Iterable[object], between: str = "") -> Markup:
    return Markup(between.join(text(part) for part in parts))


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """<name …>children</name>. In names of attributes a trailing _ goes, other _ become -; None and False leave one out, True is bare."""
    words = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{name}{words}>{joined(children)}</{name}>")


def void(name: str, /, **attributes: object) -> Markup:
    """<name …> of an element that has no end."""
    return Markup(element(name, **attributes).removesuffix(f"</{name}>"))


def table(
    caption: object, head: Sequence[object], rows: Iterable[Sequence[object]], *, numbers: Sequence[int] = (), **attributes: object
) -> Markup:
    """A data table; columns in `numbers` are aligned to the right. A wide one scrolls, with the keyboard too."""
    top = element("tr", *(element("th", cell, scope="col", class_="n" if k in numbers else None) for k, cell in enumerate(head)))
    body = (element("tr", *(element("td", cell, class_="n" if k in numbers else None) for k, cell in enumerate(row))) for row in rows)
    inner = element("table", element("caption", caption), element("thead", top), element("tbody", *body), **attributes)
    return element("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def data(value: Any) -> Markup:
    """JSON for a script element: no text in it can end the element or start another."""
    dumped = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return Markup(dumped.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
