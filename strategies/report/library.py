"""The chart library in a page: plotly.js, from the Python package `plotly`, compressed; the browser expands it.

Why plotly.js: it is maintained, draws text and marks as SVG (sharp in print), and a script can show the label of a point, so that the arrow
keys reach what the mouse reaches. Its package has only the whole bundle (4.8 MB); as gzip in base64 it is 2.0 MB of a page.
"""

from __future__ import annotations

import base64
import gzip
from functools import cache

from strategies.report.markup import Markup

FILE = "plotly.min.js"


class NoLibrary(RuntimeError):
    """The package `plotly` is not installed."""


@cache
def source() -> bytes:
    """The library. NoLibrary with the words that help."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise NoLibrary("reports need the extra `report`: pip install 'proofcheck-nn[report]', or the package plotly") from error
    return str(get_plotlyjs()).encode()


@cache
def embedded() -> Markup:
    """The element that carries the library inside a page."""
    packed = base64.b64encode(gzip.compress(source(), 9, mtime=0)).decode("ascii")
    return Markup(f'<script type="text/plain" id="library">{packed}</script>')


def linked() -> Markup:
    """The element that loads the library from a file beside the page."""
    return Markup(f'<script src="{FILE}"></script>')
