"""The table of a sweep: one row for each pair of a model and a strategy, in an SQLite file that a kill at any moment leaves whole.

Counts that can be beyond 64 bits are decimal strings. All columns but the seconds are the same in every run of the same sweep.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

NAME = "sweep.sqlite"

COLUMNS = {
    "model": "TEXT NOT NULL",  # name of the weight file without its ending
    "strategy": "TEXT NOT NULL",
    "model_sha256": "TEXT NOT NULL",
    "task": "TEXT NOT NULL",
    "verdict": "TEXT NOT NULL",  # VERIFIED, REJECTED, DECLINED, or "" where the checker was not reached
    "code": "TEXT NOT NULL",  # reason code of a failure, "" for a certificate
    "message": "TEXT NOT NULL",
    "proved": "TEXT NOT NULL",
    "wrong": "TEXT NOT NULL",
    "undecided": "TEXT NOT NULL",
    "total": "TEXT NOT NULL",
    "bound": "REAL NOT NULL",  # proved / total, for plots
    "float_bound": "TEXT NOT NULL",  # what the search believed
    "left_out": "TEXT NOT NULL",
    "published": "TEXT NOT NULL",  # count by the published convention, 0 where it has none
    "flops": "TEXT NOT NULL",  # published convention
    "unexplained_dimension": "TEXT NOT NULL",
    "operations": "INTEGER NOT NULL",  # counted by the checker
    "steps": "TEXT NOT NULL",  # JSON: [rule, operations] of each step
    "backend": "TEXT NOT NULL",
    "precision": "INTEGER NOT NULL",
    "search_seconds": "REAL NOT NULL",
    "check_seconds": "REAL NOT NULL",  # all of it: the process of the checker, every replay
    "replay_seconds": "REAL NOT NULL",  # the last replay alone
}
SECONDS = tuple(name for name in COLUMNS if name.endswith("seconds"))


class SweepTable:
    """The table in `folder`; made if it is missing. A row is on disk when `put` returns. Raises OSError, sqlite3.Error."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=30)
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS pairs ({columns}, PRIMARY KEY (model, strategy)) WITHOUT ROWID")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS files (model TEXT, strategy TEXT, size INTEGER, mtime_ns INTEGER, PRIMARY KEY (model, strategy)) "
            "WITHOUT ROWID"
        )

    def __enter__(self) -> SweepTable:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    def put(self, row: Mapping[str, Any], certificate: Path | None) -> None:
        """Write or replace a row, and what its certificate file is like, in one transaction."""
        key = (row["model"], row["strategy"])
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM files WHERE model = ? AND strategy = ?", key)
            if certificate is not None:
                status = certificate.stat()
                self._connection.execute("INSERT INTO files VALUES (?, ?, ?, ?)", (*key, status.st_size, status.st_mtime_ns))
            places = ", ".join("?" * len(COLUMNS))
            self._connection.execute(f"INSERT OR REPLACE INTO pairs VALUES ({places})", [row[name] for name in COLUMNS])

    def has(self, model: str, strategy: str, sha256: str, certificate: Path) -> bool:
        """Whether there is a row of these weights whose certificate is the file that it was about."""
        found = self._connection.execute(
            "SELECT size, mtime_ns FROM files JOIN pairs USING (model, strategy) WHERE model = ? AND strategy = ? AND model_sha256 = ?",
            (model, strategy, sha256),
        ).fetchone()
        try:
            status = certificate.stat()
        except OSError:
            return False
        return found == (status.st_size, status.st_mtime_ns)

    def rows(self) -> list[dict[str, Any]]:
        """All rows, by model and strategy."""
        found = self._connection.execute(f"SELECT {', '.join(COLUMNS)} FROM pairs ORDER BY model, strategy")
        return [dict(zip(COLUMNS, row, strict=True)) for row in found]


def row_of(model: str, strategy: str, sha256: str, task: str, result: Any) -> dict[str, Any]:
    """The row of a `strategies.sweep.Result`."""
    report = result.report
    total = int(report.get("total", 0))
    return {
        "model": model,
        "strategy": strategy,
        "model_sha256": sha256,
        "task": task,
        "verdict": report.get("verdict", result.verdict),
        "code": result.code,
        "message": result.message,
        "proved": str(report.get("proved", 0)),
        "wrong": str(report.get("wrong", 0)),
        "undecided": str(report.get("undecided", 0)),
        "total": str(total),
        "bound": report["proved"] / total if total else 0.0,
        "float_bound": result.float_bound,
        "left_out": result.left_out,
        "published": str(report.get("published", 0)),
        "flops": str(result.flops),
        "unexplained_dimension": str(result.unexplained_dimension),
        "operations": report.get("operations", 0),
        "steps": json.dumps([[step["rule"], step["operations"]] for step in report.get("steps", [])]),
        "backend": report["arithmetic"]["backend"] if report else "",
        "precision": report["arithmetic"]["precision"] if report else 0,
        "search_seconds": result.search_seconds,
        "check_seconds": result.check_seconds,
        "replay_seconds": report.get("seconds", 0.0),
    }
