"""`plot CERT-OR-FOLDER… -o FILE.svg`: proved bound against the checker's operations, with the frontier."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proofcheck import ProofcheckError, load
from proofcheck.escape import escape
from strategies.cli.labels import place
from strategies.metrics.rows import Row, rows
from strategies.names import ENTRIES
from strategies.write import certificate_files

FAMILIES = (
    # name, marker, colour, label; colours are distinguishable with the common colour-vision deficiencies (Okabe and Ito 2008)
    ("brute-force", "s", "#000000", "brute force (published)"),
    ("cubic", "D", "#0072B2", "cubic (published)"),
    ("off", "o", "#56B4E9", "sub-cubic, drop average query (published)"),
    ("chord", "^", "#009E73", "sub-cubic, mean query: false lemma replaced by a chord"),
    ("separable", "*", "#D55E00", "separable (new)"),
    ("windows", "P", "#CC79A7", "windows, grouped queries, rival trees (new)"),
)
SHORT = {entry.name: entry.alias or entry.name for entry in ENTRIES}
CLOSE = 0.9  # the right panel shows bounds from here on


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CERT-OR-FOLDER…, --model, --jobs, --output."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="CERT-OR-FOLDER", help="certificates, or folders with *.json and *.json.gz")
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="only certificates about this weight file: its name without the ending, or the first digits of its SHA-256 (needed where "
        "the certificates are about several)",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes of the checker (default: 1)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="picture to write (.svg or .png)")


def run(options: argparse.Namespace) -> int:
    """Verify the certificates of the model, draw those that verify, write the picture; 1 where one does not, and say so."""
    left_out: list[str] = []
    try:
        models = by_model(certificate_files(options.paths), left_out)
        named = {(stem, digest) for stem, digest in models if options.model in (None, stem) or _begins(digest, options.model)}
        if len(named) != 1:
            what = "there are no certificates" if not named else "the certificates are about several models: choose one with --model"
            found = ", ".join(f"{stem} (SHA-256 {digest[:12]}…)" for stem, digest in models)
            print(
                escape(f"{what}{' of ' + options.model if options.model and not named else ''}{f'; found: {found}' if found else ''}"),
                file=sys.stderr,
            )
            return 2
        ((stem, digest),) = named

        def refused(file: Path, report: dict[str, Any]) -> None:
            left_out.append(f"{file}: {report['verdict']} {report['error']['code']}: {report['error']['message']}")

        table = rows(models[stem, digest], options.jobs, refused=refused)
        if table:
            draw(table, stem, options.output)
            print(f"{options.output}: {len(table)} certificates")
    except OSError as error:
        print(f"cannot read or write: {error}", file=sys.stderr)
        return 2
    for line in left_out:
        print(escape(f"left out: {line}"), file=sys.stderr)
    return 1 if left_out else 0


def by_model(files: Sequence[Path], left_out: list[str]) -> dict[tuple[str, str], list[Path]]:
    """(name of the weight file without its ending, its SHA-256) -> certificates about it, as they say themselves."""
    found: dict[tuple[str, str], list[Path]] = {}
    for path in files:
        try:
            model = load(path).model
        except ProofcheckError as error:
            left_out.append(f"{path}: {error.code}: {error.message}")
            continue
        found.setdefault((Path(model.file).stem, model.sha256), []).append(path)
    return found


def _begins(digest: str, words: str) -> bool:
    return len(words) >= 6 and digest.startswith(words.lower())


def family(strategy: str) -> str:
    """The key of `FAMILIES` that a strategy belongs to."""
    if strategy in ("brute-force", "cubic"):
        return strategy
    if strategy.startswith("subcubic--"):
        return "off" if "drop-average-query" in strategy else "chord"
    return "windows" if strategy.startswith(("windows", "grouped-queries", "rival-tree")) else "separable"


def frontier(table: Sequence[Row]) -> list[Row]:
    """Rows that no other row beats in bound at the same or fewer operations, by operations."""
    best: list[Row] = []
    for row in sorted(table, key=lambda row: (row.operations, -row.bound)):
        if not best or row.bound > best[-1].bound:
            best.append(row)
    return best


def labels(table: Sequence[Row]) -> list[tuple[int, float, str]]:
    """(operations, share left, names): points that lie within a tenth of each other on both logarithmic axes share one label."""
    out: list[tuple[int, float, str]] = []
    for row in sorted(table, key=lambda row: row.operations):
        loss = float(1 - row.bound)
        for k, (operations, other, names) in enumerate(out):
            if row.operations < 1.1 * operations and max(loss, other) < 1.1 * min(loss, other):
                out[k] = (operations, other, f"{names}, {SHORT.get(row.strategy, row.strategy)}")
                break
        else:
            out.append((row.operations, loss, SHORT.get(row.strategy, row.strategy)))
    return out


def draw(table: Sequence[Row], model: str, output: Path) -> None:
    """Two panels over the same logarithmic axis of operations: the bound, and near 1 the share of inputs left unproved, logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.hashsalt": "proofcheck", "svg.fonttype": "none", "font.size": 9})
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    _panel(left, table, lambda row: float(row.bound))
    left.set(ylim=(0, 1.02), ylabel="proved accuracy", title=f"{model}: {len(table)} certificates")
    close = [row for row in table if CLOSE <= row.bound < 1]
    right.set(ylabel="share of inputs left unproved or wrong", title=f"bounds from {CLOSE:g} to below 1: {len(close)}")
    if close:
        _panel(right, close, lambda row: float(1 - row.bound))
        right.set(yscale="log")
        right.invert_yaxis()
        right.margins(x=0.3, y=0.12)
    for panel in (left, right) if close else (left,):
        panel.set_xscale("log")
        panel.set_xlabel("arithmetic operations counted by the checker")
        panel.grid(alpha=0.25)
    left.legend(fontsize=7, loc="lower right")
    if close:
        without_room = place(figure, right, labels(close), [(row.operations, float(1 - row.bound)) for row in close])
        if without_room:
            print(f"no room for the labels of {', '.join(without_room)}", file=sys.stderr)
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None, dpi=150)
    plt.close(figure)


def _panel(axes: Any, table: Sequence[Row], height: Any) -> None:
    for key, marker, colour, label in FAMILIES:
        members = [row for row in table if family(row.strategy) == key]
        if members:
            size = 70 if marker == "*" else 22
            xs, ys = [row.operations for row in members], [height(row) for row in members]
            axes.scatter(xs, ys, s=size, marker=marker, c=colour, label=f"{label}: {len(members)}", alpha=0.85, zorder=3)
    line = frontier(table)
    axes.step([row.operations for row in line], [height(row) for row in line], where="post", c="#999999", lw=1, label="frontier", zorder=2)
