"""The published figures from the kept tables, as SVG. Points are drawn as one image inside the SVG, so that files stay small."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from strategies.study.summary import FEW, best_per_seed, errors, fit, means, on_frontier, ratio_points
from strategies.study.table import GROUPS, Result, Study

COLOURS = dict(zip(GROUPS, ("#1f78b4", "#33a02c", "#e31a1c", "#fb9a99", "#ff7f00", "#fdbf6f", "#6a3d9a", "#cab2d6"), strict=True))
BASELINE = "#ff8c00"
FAMILIES = {
    "rival-tree--": "#6a3d9a",
    "rival-tree-direct": "#cab2d6",
    "grouped-queries": "#ff7f00",
    "windows": "#e31a1c",
    "shared-windows": "#b15928",
    "separable": "#1f78b4",
    "exact": "#33a02c",
}
FLOPS = "FLOPs to verify (published convention)"


def draw(study: Study, folder: Path, name: str) -> list[Path]:
    """All figures of networks of one length; `name` begins their file names. Returns the files."""
    wanted: dict[str, Callable[[Any, Study], None]] = {
        "bound-against-flops": lambda axes, s: bounds(axes, s, normalized=False, frontier=False),
        "normalized-bound-against-flops": lambda axes, s: bounds(axes, s, normalized=True, frontier=False),
        "normalized-bound-against-flops-frontier": lambda axes, s: bounds(axes, s, normalized=True, frontier=True),
        "dimension-against-flops": dimensions,
        "normalized-bound-against-singular-ratio": ratios,
        "best-bound-per-network": best_bounds,
    }
    files = []
    for title, plot in wanted.items():
        file = folder / f"{name}-{title}.svg"
        _save(study, plot, file)
        files.append(file)
    return files


def draw_newer(study: Study, folder: Path, name: str) -> Path:
    """Bound against the checker's operations, means and standard deviations over the networks."""
    file = folder / f"{name}.svg"
    _save(study, operations, file)
    return file


def operations(axes: Any, study: Study) -> None:
    """All strategies of the sample: the published ones as points, the others with their spread over networks."""
    every = means(study)
    for words, chosen, colour in (
        ("published", [m for m in every if m.group], "#9aa0a6"),
        *((family, [m for m in every if m.strategy.startswith(family)], colour) for family, colour in FAMILIES.items()),
    ):
        if chosen:
            xs, ys = [m.operations for m in chosen], [m.bound for m in chosen]
            axes.errorbar(
                xs,
                ys,
                [m.spread for m in chosen],
                [m.operations_spread for m in chosen],
                "o",
                ms=3,
                lw=0.7,
                c=colour,
                label=words.rstrip("-"),
            )
    axes.set(
        xlabel="operations of the checker", ylabel="accuracy bound", ylim=(0, 1.03), title=f"{len(study.networks)} networks, mean ± std"
    )
    axes.set_xscale("log")
    axes.legend(fontsize=7, loc="lower right")


def _save(study: Study, plot: Callable[[Any, Study], None], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.hashsalt": "proofcheck", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(figsize=(8.5, 5.2), layout="constrained")
    plot(axes, study)
    axes.grid(alpha=0.25)
    figure.savefig(file, metadata={"Date": None}, dpi=140)
    plt.close(figure)


def _label(study: Study, group: str) -> str:
    """The published legend: the group and its best normalized bound of each network, mean ± std."""
    best = best_per_seed(study, lambda row: row.group == group)
    values = [study.bound(row) if group == "brute force" else study.normalized(row) for row in best]
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    kind = "acc" if group == "brute force" else "rel acc"
    short = group.removeprefix("subcubic ").strip("()").replace("vocab-model-squared", "d_vocab·d_model²")
    return f"{short} ({kind}: {statistics.fmean(values):.4f} ± {spread:.4f})"


def _by_best(study: Study) -> list[str]:
    """Groups that have rows, best normalized bound first."""
    best = {group: max((study.normalized(r) for r in study.results if r.group == group), default=-1.0) for group in GROUPS}
    return sorted((group for group in GROUPS if best[group] >= 0), key=lambda group: -best[group])


def bounds(axes: Any, study: Study, *, normalized: bool, frontier: bool) -> None:
    """Bound against FLOPs, all networks and published strategies; the dashed line is brute force on a part of the inputs."""
    height = study.normalized if normalized else study.bound
    kept: set[int] = set()
    for rows in study.by_model.values():
        best = on_frontier([(row.flops, study.normalized(row)) for row in rows]) if frontier else [True] * len(rows)
        kept |= {id(row) for row, chosen in zip(rows, best, strict=True) if chosen}
    for group in _by_best(study):
        rows = [row for row in study.results if row.group == group and id(row) in kept]
        _scatter(axes, [row.flops for row in rows], [height(row) for row in rows], COLOURS[group], _label(study, group))
    brute = [row for row in study.results if row.group == "brute force"]
    if brute:
        slope = statistics.fmean(height(row) for row in brute) / statistics.fmean(row.flops for row in brute)
        xs = [2.0 ** (k / 8) for k in range(160, 321)]
        axes.plot(xs, [min(1.0, slope * x) for x in xs], "--", c=BASELINE, lw=1, label="brute force on a part of the inputs")
    title = f"{len(study.networks)} networks" + (", frontier of each" if frontier else "")
    axes.set(xlabel=FLOPS, ylabel=f"{'normalized ' if normalized else ''}accuracy bound", ylim=(0, 1.03), title=title)
    axes.set_xscale("log", base=2)
    axes.legend(fontsize=7)


def dimensions(axes: Any, study: Study) -> None:
    """Unexplained dimension against FLOPs."""
    for group in _by_best(study):
        rows = [row for row in study.results if row.group == group]
        _scatter(axes, [r.flops for r in rows], [r.unexplained_dimension for r in rows], COLOURS[group], group)
    axes.set(xlabel=FLOPS, ylabel="unexplained dimension (estimate)", title=f"{len(study.networks)} networks")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.legend(fontsize=7)


def ratios(axes: Any, study: Study) -> None:
    """Normalized bound of the best row for each network and QK error against σ1/σ2 of EQKE, with linear fits."""
    palette = ("#a6cee3", "#1f78b4", "#b2df8a", "#33a02c", "#fb9a99", "#e31a1c", "#fdbf6f", "#ff7f00", "#cab2d6")
    for error, colour in zip(errors(study), palette, strict=False):
        points = ratio_points(study, error)
        xs, ys = zip(*points, strict=True)
        label = error
        if len(points) >= FEW:
            slope, intercept, r2 = fit(xs, ys)
            ends = (min(xs), max(xs))
            axes.plot(ends, [intercept + slope * x for x in ends], c=colour, lw=1)
            label += f": {slope:.1e}·x + {intercept:.3f}, R² {r2:.2f}"
        _scatter(axes, xs, ys, colour, label, size=9)
    axes.set(
        xlabel="σ1/σ2 of EQKE", ylabel="normalized accuracy bound", ylim=(0, 1), title=f"{len(study.networks)} networks, best row of each"
    )
    axes.legend(fontsize=7)


def best_bounds(axes: Any, study: Study) -> None:
    """The best bound of each network by group, and its exact or certified accuracy, networks in order of the best sub-cubic bound."""
    best = {row.model: row for row in best_per_seed(study, lambda row: bool(row.axes))}
    order = sorted(best, key=lambda name: study.bound(best[name]))
    place = {name: k for k, name in enumerate(order)}
    accuracy = [study.networks[name].accuracy for name in order]
    axes.plot(range(len(order)), accuracy, c="#000000", lw=1, label="accuracy (certified)")
    for group in _by_best(study):
        if group != "brute force":
            rows: Sequence[Result] = [row for row in best_per_seed(study, lambda row, g=group: row.group == g) if row.model in place]  # type: ignore[misc]
            axes.scatter([place[r.model] for r in rows], [study.bound(r) for r in rows], s=6, c=COLOURS[group], label=group)
    axes.set(xlabel="network, by its best sub-cubic bound", ylabel="accuracy bound", ylim=(0, 1.03), title="best strategy of each group")
    axes.legend(fontsize=7, loc="lower right")


def _scatter(axes: Any, xs: Sequence[float], ys: Sequence[float], colour: str, label: str, size: float = 5) -> None:
    axes.scatter(xs, ys, s=size, c=colour, label=label, alpha=0.7, linewidths=0, rasterized=len(xs) > 200)
