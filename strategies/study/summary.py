"""The numbers of the study: tables in Markdown and the sentences that judge the published claims, all from the kept tables."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from strategies.study.table import ABLATIONS, CLAIMS, CLASSES, GROUPS, Result, Study, read_csv

Number = Callable[[Result], float]
MEAN = "mean-query+diff"
FEW = 10  # networks; fewer give no fit


def mean_std(values: Sequence[float], digits: int = 4) -> str:
    """Mean ± sample standard deviation."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.{digits}f} ± {spread:.{digits}f}"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table; the first `left` columns hold text, the others numbers."""
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * left + "---:|" * (len(header) - left)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def best_per_seed(study: Study, chosen: Callable[[Result], bool]) -> list[Result]:
    """For each network its best row among the chosen ones; the first by name of equal ones."""
    found = []
    for rows in study.by_model.values():
        rows = [row for row in rows if chosen(row)]
        if rows:
            found.append(max(rows, key=lambda row: row.proved))
    return found


def kinds(study: Study) -> str:
    """Per class and group: the best strategy of each network, mean ± std over networks."""
    rows = []
    for label, names, key in (("class", CLASSES, "complexity"), ("group", GROUPS, "group")):
        for name in names:
            strategies = {row.strategy for row in study.results if getattr(row, key) == name}
            best = best_per_seed(study, lambda row, key=key, name=name: getattr(row, key) == name)  # type: ignore[misc]
            if best and not (label == "group" and name in ("brute force", "cubic")):
                rows.append([label, name, str(len(strategies)), *_numbers(study, best)])
    header = ["", "name", "strategies", "networks", "bound", "normalized", "published count", "FLOPs", "unexplained dimension"]
    return markdown(header, rows, left=2)


def _numbers(study: Study, rows: Sequence[Result]) -> list[str]:
    def of(number: Number, digits: int) -> str:
        return mean_std([number(row) for row in rows], digits)

    flops = [float(row.flops) for row in rows]
    return [
        str(len(rows)),
        of(study.bound, 4),
        of(study.normalized, 4),
        of(study.published, 4),
        f"{statistics.fmean(flops):.4g} ± {statistics.stdev(flops) if len(flops) > 1 else 0:.2g}",
        of(lambda row: row.unexplained_dimension, 0),
    ]


@dataclass(frozen=True, slots=True)
class Mean:
    """A strategy over all networks."""

    strategy: str
    group: str
    networks: int
    bound: float
    spread: float
    normalized: float
    published: float
    flops: float
    dimension: float
    operations: float
    operations_spread: float


def means(study: Study) -> list[Mean]:
    """The strategies over all networks, best mean bound first; only those that have a certificate for every network."""
    by_strategy: dict[str, list[Result]] = {}
    for row in study.results:
        by_strategy.setdefault(row.strategy, []).append(row)
    found = []
    for strategy, rows in by_strategy.items():
        if len(rows) == len(study.networks):
            average = lambda number, rows=rows: statistics.fmean(number(row) for row in rows)  # type: ignore[misc]  # noqa: E731
            bounds = [study.bound(row) for row in rows]
            spread = statistics.stdev(bounds) if len(bounds) > 1 else 0.0
            numbers = (study.normalized, study.published, lambda r: r.flops, lambda r: r.unexplained_dimension, lambda r: r.operations)
            work = statistics.stdev(row.operations for row in rows) if len(rows) > 1 else 0.0
            found.append(Mean(strategy, rows[0].group, len(rows), statistics.fmean(bounds), spread, *map(average, numbers), work))
    return sorted(found, key=lambda item: -item.bound)


def ten_best(study: Study) -> str:
    """The ten best of the published strategies but brute force, by mean bound."""
    listed = [item for item in means(study) if item.group not in ("", "brute force")][:10]
    rows = [
        [
            f"`{m.strategy}`",
            f"{m.bound:.4f} ± {m.spread:.4f}",
            f"{m.normalized:.4f}",
            f"{m.published:.4f}",
            f"{m.flops:.4g}",
            f"{m.dimension:.0f}",
        ]
        for m in listed
    ]
    return markdown(["strategy", "bound", "normalized", "published count", "FLOPs", "unexplained dimension"], rows)


def new_strategies(study: Study) -> str:
    """Strategies that the published study does not have."""
    rows = [
        [f"`{m.strategy}`", str(m.networks), f"{m.bound:.6f} ± {m.spread:.6f}", f"{m.normalized:.6f}", f"{m.operations:.4g}"]
        for m in means(study)
        if not m.group or m.group in ("brute force", "cubic")
    ]
    return markdown(["strategy", "networks", "bound", "normalized", "checker's operations"], rows)


def shortest_first(study: Study) -> list[tuple[Mean, bool]]:
    """Strategies beyond the published ones, cubic and brute force and the best sub-cubic one, by the checker's operations; and whether no
    strategy of the study has strictly fewer operations and a strictly higher bound (means over the networks)."""
    every = sorted(means(study), key=lambda item: item.operations)
    best = on_frontier([(item.operations, item.bound) for item in every])
    subcubic = max((item.bound for item in every if item.strategy.startswith("subcubic")), default=2.0)
    return [
        (item, first) for item, first in zip(every, best, strict=True) if not item.strategy.startswith("subcubic") or item.bound == subcubic
    ]


def newer_table(study: Study) -> str:
    """`shortest_first` as a table."""
    rows = [
        [
            f"`{m.strategy}`",
            f"{m.bound:.6f} ± {m.spread:.6f}",
            f"{m.normalized:.6f}",
            f"{m.operations:.4g} ± {m.operations_spread:.2g}",
            "yes" if first else "",
        ]
        for m, first in shortest_first(study)
    ]
    return markdown(["strategy", "bound", "normalized", "checker's operations", "on the frontier of means"], rows)


def on_frontier(rows: Sequence[tuple[float, float]]) -> list[bool]:
    """Of (cost, value): whether no other has a strictly lower cost and a strictly higher value (published-strategies.md 5.3)."""
    return [not any(cost < mine and value > height for cost, value in rows) for mine, height in rows]


def frontiers(study: Study) -> dict[str, Counter[str]]:
    """How often a strategy is on the frontier of its network, by group: {group: Counter of strategies}."""
    found: dict[str, Counter[str]] = {group: Counter() for group in GROUPS}
    for rows in study.by_model.values():
        for row, best in zip(rows, on_frontier([(row.flops, study.normalized(row)) for row in rows]), strict=True):
            if best:
                found[row.group][row.strategy] += 1
    return found


def frontier_table(study: Study) -> str:
    """Per group: rows on the frontiers of single networks, and the strategies on the frontier of means."""
    per_seed, averages = frontiers(study), [item for item in means(study) if item.group]
    best = on_frontier([(item.flops, item.normalized) for item in averages])
    overall = {item.strategy for item, chosen in zip(averages, best, strict=True) if chosen}
    sizes = Counter(row.group for row in study.results)
    rows = []
    for group in GROUPS:
        of_means = sorted(item.strategy for item in averages if item.group == group and item.strategy in overall)
        counts = per_seed[group]
        often = ", ".join(f"`{name.removeprefix('subcubic--')}` ({times})" for name, times in counts.most_common(2))
        rows.append([group, f"{sum(counts.values())} of {sizes[group]}", often, str(len(of_means))])
    return markdown(["group", "on the frontier of its network", "most often", "on the frontier of means"], rows)


def correlation(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Pearson's."""
    return float(np.corrcoef(xs, ys)[0, 1])


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks, ties averaged."""
    array = np.asarray(values)
    _, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return [float(last[k] - (counts[k] - 1) / 2) for k in inverse]


def fit(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float, float]:
    """(slope, intercept, R²) of a least-squares line."""
    slope, intercept = np.polyfit(np.asarray(xs), np.asarray(ys), 1)
    return float(slope), float(intercept), correlation(xs, ys) ** 2


def errors(study: Study) -> list[str]:
    """QK errors but the exact one, by their best bound."""
    best: dict[str, float] = {}
    for row in study.results:
        if row.axes and not row.axes[2].startswith("exact"):
            best[row.axes[2]] = max(best.get(row.axes[2], 0.0), study.normalized(row))
    return sorted(best, key=lambda name: -best[name])


def ratio_points(study: Study, error: str) -> list[tuple[float, float]]:
    """(σ1/σ2, normalized bound) of the best row of each network with this QK error."""
    best = best_per_seed(study, lambda row: bool(row.axes) and row.axes[2] == error)
    return [(study.networks[row.model].ratio, study.normalized(row)) for row in best]


def fits(study: Study) -> str:
    """Linear fits of the normalized bound against σ1/σ2, over all networks and over those below 375; none for fewer than ten."""
    rows = []
    for error in errors(study):
        points = ratio_points(study, error)
        near = [point for point in points if point[0] < 375]
        cells = []
        for some in (points, near):
            if len(some) >= FEW:
                slope, intercept, r2 = fit(*zip(*some, strict=True))
                cells += [str(len(some)), f"{slope:.3e}", f"{intercept:.4f}", f"{r2:.3f}"]
            else:
                cells += [str(len(some)), "", "", ""]
        rows.append([f"`{error}`", *cells])
    names = ["slope", "intercept", "R²"]
    return markdown(["QK error", "networks", *names, "with σ1/σ2 < 375", *names], rows)


def published_points(study: Study, rows: Sequence[Mapping[str, str]]) -> dict[str, list[tuple[float, float]]]:
    """QK error -> (σ1/σ2, normalized bound) of the best that the checker proves with the published hints (`claims`), for each network."""
    best: dict[str, dict[str, int]] = {}
    for row in rows:
        if row["strategy"].startswith("subcubic--") and row["model"] in study.networks:
            of_error = best.setdefault(row["strategy"].split("--")[3], {})
            of_error[row["model"]] = max(of_error.get(row["model"], 0), int(row["proved"]))
    networks = study.networks
    return {
        error: [(networks[m].ratio, proved / networks[m].right) for m, proved in best.get(error, {}).items()] for error in errors(study)
    }


def published_fits(study: Study, rows: Sequence[Mapping[str, str]]) -> str:
    """The fits of `published_points`."""
    lines = []
    for error, points in published_points(study, rows).items():
        if len(points) >= FEW:
            slope, intercept, r2 = fit(*zip(*points, strict=True))
            values = mean_std([height for _, height in points])
            lines.append([f"`{error}`", str(len(points)), values, f"{slope:.3e}", f"{intercept:.4f}", f"{r2:.3f}"])
    return markdown(["QK error", "networks", "best normalized bound", "slope", "intercept", "R²"], lines)


def best_subcubic(study: Study) -> str:
    """How the best sub-cubic bound of each network is distributed, and which strategies give it."""
    best = best_per_seed(study, lambda row: bool(row.axes))
    bounds = sorted(study.bound(row) for row in best)
    quartiles = [float(np.quantile(bounds, q)) for q in (0, 0.25, 0.5, 0.75, 1)]
    line = ["all sub-cubic", *(f"{value:.4f}" for value in quartiles), mean_std(bounds)]
    return markdown(["best of each network", "least", "quartile", "median", "quartile", "greatest", "mean ± std"], [line])


def winners(study: Study) -> str:
    """Which sub-cubic strategies give the best bound of a network."""
    counts = Counter(row.strategy for row in best_per_seed(study, lambda row: bool(row.axes)))
    return "; ".join(f"`{name}` for {times}" for name, times in counts.most_common())


def claims(folder: Path) -> list[Mapping[str, str]]:
    """The rows of `claims`, if the folder has them."""
    return list(read_csv(folder / CLAIMS)) if (folder / CLAIMS).exists() else []


def _kind(row: Mapping[str, str]) -> str:
    if not row["strategy"].startswith("subcubic--"):
        return row["strategy"]
    return "sub-cubic, mean-query+diff (false lemma)" if f"--{MEAN}--" in row["strategy"] else "sub-cubic, the other handling"


CLAIM_COLUMNS = (
    "claims",
    "claimed > true",
    "claimed > proved",
    "claimed > justified",
    "most above proved",
    "float64 ≠ float32",
    "with unproved classes",
    "with false-lemma classes",
    "with untrue classes",
    "classes",
    "unproved",
    "by the false lemma",
    "untrue",
)


def claim_table(rows: Sequence[Mapping[str, str]], total: int) -> str:
    """How often float32 and the false lemma claim more than is true, proved, or justified."""
    lines = []
    for kind in ("brute-force", "cubic", "sub-cubic, the other handling", "sub-cubic, mean-query+diff (false lemma)", "all"):
        some = [row for row in rows if kind in ("all", _kind(row))]
        count = lambda test, some=some: f"{sum(map(test, some)):,}"  # type: ignore[misc]  # noqa: E731
        sums = [sum(int(row[name]) for row in some) for name in ("classes", "unproved_classes", "false_lemma_classes", "untrue_classes")]
        above = max((int(row["claimed"]) - int(row["proved"]) for row in some), default=0)
        lines.append(
            [
                kind,
                f"{len(some):,}",
                count(lambda r: int(r["claimed"]) > int(r["true"])),
                count(lambda r: int(r["claimed"]) > int(r["proved"])),
                count(lambda r: int(r["claimed"]) > int(r["justified"])),
                f"{above:,} ({above / total:.4f})",
                count(lambda r: r["claimed"] != r["float64"]),
                count(lambda r: int(r["unproved_classes"]) > 0),
                count(lambda r: int(r["false_lemma_classes"]) > 0),
                count(lambda r: int(r["untrue_classes"]) > 0),
                *(f"{number:,}" for number in sums),
            ]
        )
    return markdown(["strategies", *CLAIM_COLUMNS], lines)


def ablation_table(folder: Path) -> str:
    """The 32 ablations over the networks that have them: exact counts as shares, mean ± std; "" without the file."""
    if not (folder / ABLATIONS).exists():
        return ""
    rows = read_csv(folder / ABLATIONS)
    by_kind: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        by_kind.setdefault(row["ablated"], []).append(row)
    lines = []
    for ablated, some in by_kind.items():
        shares = [int(row["right"]) / int(row["total"]) for row in some]
        undecided = sum(int(row["undecided"]) for row in some)
        lines.append([ablated or "nothing", mean_std(shares, 6), f"{min(shares):.6f}", f"{max(shares):.6f}", f"{undecided:,}"])
    return markdown(["ablated", "right", "least", "greatest", "undecided, all networks"], lines)
