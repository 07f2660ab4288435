"""Random hints for the windows rules: every choice is valid, few are good."""

from __future__ import annotations

from typing import Any

import numpy as np

from proofcheck.arithmetic import DyadicArray
from proofcheck.models import AttentionOnly
from proofcheck.rules.attention_only.windows.centred import Centred, centred

Hints = dict[str, Any]
Integers = np.ndarray[Any, np.dtype[np.int64]]


def quarters(rng: np.random.Generator, size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return rng.integers(-8, 9, size) / 4.0


def mean_hints(model: AttentionOnly, rng: np.random.Generator) -> Hints:
    """Any vectors: zero, random, or near the means."""
    D = model.dimensions.d_model
    if rng.random() < 0.4:
        rows = [model.last_embedding(), model.W_pos]
        direct, position = (np.array([float(x) for x in row.fractions().mean(axis=0)]) for row in rows)
    else:
        direct, position = quarters(rng, D), quarters(rng, D)
    return {"direct_mean": direct, "position_mean": position}


def expansion_hints(model: AttentionOnly, rng: np.random.Generator, first: Integers | None = None) -> Hints:
    """Hints of `centred-expansion`. first: 0 everywhere, or any numbers up to the query."""
    d, D = model.dimensions.d_vocab, model.dimensions.d_model
    if first is None:
        first = np.array([rng.integers(0, q + 1) if rng.random() < 0.6 else 0 for q in range(d)]) * int(rng.random() < 0.5)
    return {
        **mean_hints(model, rng),
        "first": np.asarray(first, dtype=np.int64),
        "direction": quarters(rng, D),
        "coefficients": quarters(rng, d),
    }


def exact_tables(model: AttentionOnly, hints: Hints) -> Centred:
    rows = (DyadicArray.from_floats(hints[name]).reshape(1, -1) for name in ("direct_mean", "position_mean"))
    return centred(model, *rows)


def top_lists(table: DyadicArray, K: int, rng: np.random.Generator) -> Integers:
    """Columns of the K largest entries of each row; equal entries in any order, sometimes one listed twice in
    place of the last.
    """
    rows = []
    for row in table.integers.tolist():
        order = sorted(range(len(row)), key=lambda j: (-row[j], rng.random()))
        chosen = order[:K]
        if K > 1 and rng.random() < 0.2:
            chosen = [chosen[0], *chosen[:-1]]
        rows.append(chosen)
    return np.array(rows, dtype=np.int64)


def random_boundaries(m: int, least: int, rng: np.random.Generator) -> list[int]:
    """f = b_0 > … > 0 with least ≤ f ≤ m."""
    found = [int(rng.integers(least, m + 1))]
    while found[-1] > 0:
        found.append(int(rng.integers(0, found[-1])) if rng.random() < 0.5 else 0)
    return found


def window_hints(tables: Centred, first: Integers, rng: np.random.Generator) -> Hints:
    """Hints of `separable-windows`: any windows, blocks, bins and lists."""
    d = tables.PV.shape[1]
    covered = [m for m in range(d) if rng.random() < 0.95]
    boundaries, rivals = [], []
    for m in covered:
        boundaries += [(m, b) for b in random_boundaries(m, int(first[: m + 1].max()), rng)]
        others = [j for j in range(d) if j != m]
        chosen = rng.choice(others, int(rng.integers(0, len(others) + 1)), replace=False)
        rivals += [(m, int(j)) for j in sorted(chosen)]
    blocks = [(q, m, int(rng.choice([1, 2, 7, 100, 8192]))) for m in covered for q in range(m + 1) if rng.random() < 0.9]
    hints: Hints = {name: np.array(rows, dtype=np.int64).reshape(-1, 2) for name, rows in (("boundaries", boundaries), ("rivals", rivals))}
    hints["blocks"] = np.array(blocks, dtype=np.int64).reshape(-1, 3)
    for name, table in (("EV", tables.EV), ("EU", tables.EU), ("PV", tables.PV)):
        hints[f"top_{name}"] = top_lists(table, int(rng.integers(1, d + 1)), rng)
    hints["additions"] = int(rng.choice([0, 2000, 10**9, 10**9]))
    return hints


def sheet_hints(tables: Centred, first: Integers, rng: np.random.Generator) -> Hints:
    """Hints of `separable-windows-exact`: every block in at most one sheet, with any cells, single rivals and
    groups.
    """
    d = tables.PV.shape[1]
    max_tokens: list[int] = []
    rows: dict[str, list[tuple[int, ...]]] = {"boundaries": [], "rivals": [], "groups": [], "blocks": []}
    for m in range(d):
        queries = [q for q in range(m + 1) if rng.random() < 0.95]
        while queries:
            w = len(max_tokens)
            max_tokens.append(m)
            mine, queries = (queries, []) if rng.random() < 0.5 else (queries[::2], queries[1::2])
            rows["boundaries"] += [(w, b) for b in random_boundaries(m, int(first[mine].max(initial=0)), rng)]
            others = [j for j in range(d) if j != m]
            alone = [j for j in others if rng.random() < rng.choice([0.1, 0.5, 1.0])]
            rows["rivals"] += [(w, j) for j in alone]
            if rng.random() < 0.6:
                left = [j for j in others if j not in alone and rng.random() < 0.8]
                rows["groups"] += sorted((w, int(rng.integers(1, d + 1)), j) for j in left)
            rows["blocks"] += [(w, q) for q in mine]
    hints: Hints = {"max_tokens": np.array(max_tokens, dtype=np.int64)}
    for name, width in (("boundaries", 2), ("rivals", 2), ("groups", 3), ("blocks", 2)):
        hints[name] = np.array(rows[name], dtype=np.int64).reshape(-1, width)
    for name, table in (("EV", tables.EV), ("EU", tables.EU), ("PV", tables.PV)):
        hints[f"top_{name}"] = top_lists(table, int(rng.integers(1, d + 1)), rng)
    hints["expansions"] = 10**7
    return hints


def shared_hints(tables: Centred, first: Integers, rng: np.random.Generator) -> Hints:
    """Hints of `shared-windows`: any sheets, classes and bins, a max token in a class of its own."""
    hints = sheet_hints(tables, first, rng)
    del hints["expansions"]
    m, d = hints["max_tokens"][hints["blocks"][:, 0]], tables.PV.shape[1]
    labels = rng.integers(0, int(rng.integers(1, d + 1)), len(m)) * int(rng.choice([1, -1, 10**12]))
    hints["classes"] = np.where(hints["blocks"][:, 1] == m, 2**62, labels)
    choices = ([1, 4, 30, 8192], [0, 1, 5, 60, 8192], [1, 3, 20, 300, 8192])
    bins = [[int(rng.choice(some)) for some in choices] for _ in hints["max_tokens"]]
    hints["bins"] = np.array(bins, dtype=np.int64).reshape(-1, 3)
    hints["additions"] = int(rng.choice([0, 20_000, 10**10, 10**10]))
    return hints


def grouped_hints(model: AttentionOnly, rng: np.random.Generator) -> Hints:
    """Hints of `grouped-queries`: any groups of queries, directions near to singular vectors or not, any
    windows and jobs.
    """
    d, D = model.dimensions.d_vocab, model.dimensions.d_model
    means = mean_hints(model, rng)
    tables = exact_tables(model, means)
    r = int(rng.integers(1, 4))
    Y = np.array(tables.queries.fractions(), dtype=np.float64)
    base = Y.mean(axis=0) if rng.random() < 0.7 else quarters(rng, D)
    directions = quarters(rng, r * D).reshape(r, D)
    if rng.random() < 0.7:
        vectors = np.linalg.svd(Y - base)[2][:r]
        directions[: len(vectors)] = np.round(vectors * 64) / 64
    coefficients = (
        np.linalg.lstsq(directions.T, (Y - base).T, rcond=None)[0].T if rng.random() < 0.8 else quarters(rng, d * r).reshape(d, r)
    )
    labels = rng.integers(0, d, d) if rng.random() < 0.5 else np.arange(d) * int(rng.integers(1, d + 1)) // d
    hints: Hints = {
        **means,
        "base": base,
        "directions": directions,
        "coefficients": coefficients,
        "labels": labels.astype(np.int64),
    }
    hints["centre"] = np.array(model.W_E.fractions(), dtype=np.float64).mean(axis=0) if rng.random() < 0.5 else quarters(rng, D)
    hints |= window_hints(tables, np.zeros(d, dtype=np.int64), rng)
    hints["blocks"] = job_rows(hints, rng)
    return hints


def job_rows(hints: Hints, rng: np.random.Generator) -> Integers:
    """One row (query, max token, bins) for most jobs of each max token with boundaries."""
    first: dict[int, int] = {}
    for m, b in hints["boundaries"].tolist():
        first.setdefault(m, b)
    rows = []
    for m, f in first.items():
        far = {int(hints["labels"][q]): q for q in rng.permutation(f).tolist()}
        chosen = [q for q in (*far.values(), *range(f, m + 1)) if rng.random() < 0.9]
        rows += [(m, q, int(rng.choice([1, 7, 100, 8192]))) for q in chosen]
    return np.array([(q, m, bins) for m, q, bins in sorted(rows)], dtype=np.int64).reshape(-1, 3)


def tree_hints(model: AttentionOnly, rng: np.random.Generator) -> Hints:
    """Hints of `rival-tree`: orthonormal bases and others, any order and ranges, exact or shared direct path."""
    d, D = model.dimensions.d_vocab, model.dimensions.d_model
    hints = grouped_hints(model, rng)
    rows = (DyadicArray.from_floats(hints[name]).reshape(1, -1) for name in ("direct_mean", "position_mean"))
    mean = next(rows)
    R = int(rng.integers(1, D + 1))
    hints["basis"] = quarters(rng, D * R).reshape(D, R)
    if rng.random() < 0.8:  # near to orthonormal
        scale = rng.choice([1.0, 0.875, 1.125])
        hints["basis"] = np.round(np.linalg.qr(rng.standard_normal((D, D)))[0][:, :R] * 64) / 64 * scale
    hints["order"] = rng.permutation(d).astype(np.int64)
    hints["ranges"] = np.array([(t, end) for t in range(d) for end in _ends(d, rng)], dtype=np.int64)
    hints["column_centre"] = np.array(model.W_U.T.fractions(), dtype=np.float64).mean(axis=0) if rng.random() < 0.5 else quarters(rng, D)
    direct = model.last_embedding() + model.b_O
    exact = np.array(direct.fractions(), dtype=np.float64)
    labels = hints["labels"]
    number = int(labels.max()) + 1
    means = [exact[labels == k].mean(axis=0) if (labels == k).any() and rng.random() < 0.9 else quarters(rng, D) for k in range(number)]
    hints["group_means"] = np.array(means).reshape(number, D)
    hints["exact_direct"] = int(rng.random() < 0.5)
    shared = direct if hints["exact_direct"] else DyadicArray.from_floats(hints["group_means"])
    hints["top_direct"] = top_lists((shared - mean) @ model.W_U, int(rng.integers(1, d + 1)), rng)
    del hints["top_EV"], hints["top_EU"]
    return hints


def _ends(d: int, rng: np.random.Generator) -> list[int]:
    """Ends of ranges that cover d rivals."""
    share = rng.choice([0.2, 0.6, 1.0])
    return [*(end for end in range(1, d) if rng.random() < share), d]
