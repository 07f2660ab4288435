"""Sphinx: the site of docs/. `make site` builds it with every warning an error; pages that come from code are made by `site_pages.py`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import site_pages  # noqa: E402

import proofcheck  # noqa: E402

project = "proofcheck"
author = "The proofcheck developers"
version = release = proofcheck.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "notebooks/*.ipynb"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 100
html_theme = "furo"
html_title = "proofcheck"
html_show_sphinx = html_show_copyright = False
html_copy_source = False


def setup(app: object) -> None:
    """Made pages first; then links that leave docs/, and docstrings, become what Sphinx can read."""
    site_pages.write(HERE / "generated")
    app.connect("source-read", site_pages.on_source)  # type: ignore[attr-defined]
    app.connect("autodoc-process-docstring", site_pages.on_docstring)  # type: ignore[attr-defined]
