"""The study as two tables that are small enough to keep: `sweep.csv.gz`, a row for each network and strategy, and `models.csv`.

Counts are exact integers. `strategies.study.collect` makes the tables from sweeps, `strategies.study.summary` reads them.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from strategies.write import write

SWEEP, MODELS, CLAIMS, ABLATIONS = "sweep.csv.gz", "models.csv", "claims.csv.gz", "ablations.csv"
NEWER = "newer"  # folder with the same two tables: strategies that came later, on a sample of the networks

_SPLIT = ("svd", "max-diff", "mean+max-diff", "max-diff-subproduct", "mean+max-diff-subproduct")
_QUADRATIC_DIRECT = ("mean-query+max-diff", "svd-query+max-diff", "max-diff")
GROUPS = (
    "brute force",
    "cubic",
    "subcubic",
    "subcubic (direct-quadratic)",
    "subcubic (attention-vocab-model-squared)",
    "subcubic (attention-vocab-model-squared, direct-quadratic)",
    "subcubic (attention-quadratic)",
    "subcubic (attention-quadratic, direct-quadratic)",
)
CLASSES = ("brute force", "cubic", "subcubic", "vocab-model-squared", "almost-quadratic")


@dataclass(frozen=True, slots=True)
class Network:
    """right: certified; all of them if `exact`, else a lower bound. sigma1, sigma2: singular values of EQKE, for plots."""

    model: str
    n_ctx: int
    d_vocab: int
    seed: int
    sha256: str
    right: int
    total: int
    exact: bool
    sigma1: float
    sigma2: float

    @property
    def accuracy(self) -> float:
        return self.right / self.total

    @property
    def ratio(self) -> float:
        return self.sigma1 / self.sigma2


@dataclass(frozen=True, slots=True)
class Result:
    """A row: what the checker proved, or the code of its refusal. published: the (m − g)^p count, 0 where there is none."""

    model: str
    strategy: str
    code: str
    proved: int
    wrong: int
    undecided: int
    published: int
    flops: int
    unexplained_dimension: int
    operations: int

    @property
    def axes(self) -> tuple[str, ...]:
        """(direct path, attention handling, QK error) of a sub-cubic strategy, () for others."""
        return tuple(self.strategy.split("--")[1:]) if self.strategy.startswith("subcubic--") else ()

    @property
    def group(self) -> str:
        """The published legend's name, "" for a new strategy. Source: published-strategies.md 2.5."""
        if not self.axes:
            return {"brute-force": "brute force", "cubic": "cubic"}.get(self.strategy, "")
        direct, _, error = self.axes
        parts = ["attention-quadratic"] if error.endswith("recursive") else ["attention-vocab-model-squared"] if error in _SPLIT else []
        parts += ["direct-quadratic"] if direct in _QUADRATIC_DIRECT else []
        return f"subcubic ({', '.join(parts)})" if parts else "subcubic"

    @property
    def complexity(self) -> str:
        """The published leading-complexity class, "" for a new strategy."""
        if not self.axes:
            return self.group
        direct, _, error = self.axes
        if direct not in _QUADRATIC_DIRECT or not (error.endswith("recursive") or error in _SPLIT):
            return "subcubic"
        return "almost-quadratic" if error.endswith("recursive") else "vocab-model-squared"


@dataclass(frozen=True)
class Study:
    """Both tables. A row without a certificate is kept in `refused` only."""

    networks: Mapping[str, Network]
    results: Sequence[Result]
    refused: Sequence[Result]

    def of(self, n_ctx: int) -> Study:
        """The networks of one length, each with rows, and their rows."""
        found = {row.model for row in self.results}
        networks = {name: network for name, network in self.networks.items() if network.n_ctx == n_ctx and name in found}
        return Study(networks, [r for r in self.results if r.model in networks], [r for r in self.refused if r.model in networks])

    @cached_property
    def by_model(self) -> dict[str, list[Result]]:
        """Rows of the 102 published strategies."""
        table: dict[str, list[Result]] = {name: [] for name in self.networks}
        for row in self.results:
            if row.group:
                table[row.model].append(row)
        return table

    def bound(self, row: Result) -> float:
        return row.proved / self.networks[row.model].total

    def normalized(self, row: Result) -> float:
        """The bound over the certified accuracy of the network."""
        return row.proved / self.networks[row.model].right

    def published(self, row: Result) -> float:
        """The bound by the published count; the proved one where the conventions agree."""
        return (row.published if row.axes else row.proved) / self.networks[row.model].total


def read(folder: Path) -> Study:
    """The study in a folder. Raises OSError, ValueError for a file of another form."""
    networks = {network.model: network for network in (_network(row) for row in _rows(folder / MODELS, Network))}
    results = [_result(row) for row in _rows(folder / SWEEP, Result)]
    unknown = {row.model for row in results} - networks.keys()
    if unknown:
        raise ValueError(f"{folder / MODELS} does not have {min(unknown)}")
    return Study(networks, [row for row in results if not row.code], [row for row in results if row.code])


def with_newer(folder: Path, study: Study) -> Study | None:
    """All rows of the networks in the folder of newer strategies, where there is one. Raises OSError, ValueError as `read`."""
    if not (folder / NEWER).exists():
        return None
    newer = read(folder / NEWER)
    others = [row for row in study.results if row.model in newer.networks]
    return Study(newer.networks, [*others, *newer.results], newer.refused)


def save(folder: Path, networks: Iterable[Network], results: Iterable[Result]) -> None:
    """Both files; equal rows give equal bytes."""
    write(folder / MODELS, _csv(Network, networks))
    write(folder / SWEEP, gzip.compress(_csv(Result, results), mtime=0))


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file, gzipped or not, by column."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def _rows(path: Path, kind: type) -> list[dict[str, str]]:
    rows, names = read_csv(path), [field.name for field in fields(kind)]
    if rows and list(rows[0]) != names:
        raise ValueError(f"{path} has the columns {', '.join(rows[0])}, expected {', '.join(names)}")
    return rows


def _network(row: Mapping[str, str]) -> Network:
    whole = {name: int(row[name]) for name in ("n_ctx", "d_vocab", "seed", "right", "total")}
    real = {name: float(row[name]) for name in ("sigma1", "sigma2")}
    return Network(model=row["model"], sha256=row["sha256"], exact=row["exact"] == "True", **whole, **real)  # type: ignore[arg-type]


def _result(row: Mapping[str, str]) -> Result:
    model, strategy, code, *numbers = row.values()
    return Result(model, strategy, code, *map(int, numbers))


def _csv(kind: type, items: Iterable[object]) -> bytes:
    names, out = [field.name for field in fields(kind)], io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([getattr(item, name) for name in names] for item in items)
    return out.getvalue().encode()
