"""A sweep on a Dask cluster: the workers search and verify in folders of their own, this process writes certificates and the table.

The workers are trusted with the verdicts in the table; `proofcheck verify` on the certificates that come back trusts nobody.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from proofcheck import Limits
from strategies.emit import relative_name
from strategies.sweep import Pair, Result, Sweep, worker
from strategies.write import write

CONNECT_SECONDS = 30
RETRIES = 3  # of a chunk whose worker was lost


@dataclass(frozen=True, slots=True)
class Chunk:
    """Strategies of one model that share their searches. file: the model's name as seen from the certificates."""

    model: str
    weights: bytes = field(repr=False)
    file: str
    strategies: tuple[str, ...]
    limits: Limits
    search_seconds: float


def run(sweep: Sweep, pairs: Sequence[Pair], address: str) -> Iterator[tuple[Pair, Result]]:
    """As `Sweep.run`, on the cluster at `address`. Raises OSError if it cannot be reached, ImportError without the extra `cluster`.

    A chunk whose worker is lost is computed again elsewhere; when that fails too, its pairs are results with the code worker-lost.
    """
    from distributed import Client, as_completed

    by_name = {(pair.model.stem, pair.strategy): pair for pair in pairs}
    with Client(address, timeout=CONNECT_SECONDS) as client:
        futures = {client.submit(work, chunk, pure=False, retries=RETRIES): chunk for chunk in _chunks(sweep, pairs)}
        try:
            for future in as_completed(futures):
                chunk = futures[future]
                error = future.exception()
                done = future.result() if error is None else [(name, Result("worker-lost", str(error)), b"") for name in chunk.strategies]
                for name, result, certificate in done:
                    pair = by_name[chunk.model, name]
                    if not result.code:
                        write(sweep.final(pair, certificate), certificate)
                    yield pair, result
                future.release()
        finally:
            client.cancel(list(futures))


def work(chunk: Chunk) -> list[tuple[str, Result, bytes]]:
    """On a worker: (strategy, result, certificate file) of each strategy; the file is the one that verified, byte for byte."""
    with tempfile.TemporaryDirectory(prefix="proofcheck-") as name:
        folder = Path(name)
        model = folder / f"{chunk.model}.safetensors"
        model.write_bytes(chunk.weights)
        sweep = Sweep(folder, limits=chunk.limits, search_seconds=chunk.search_seconds, file=chunk.file)
        do = worker(sweep)
        found = []
        for strategy in chunk.strategies:
            pair = Pair(model, strategy)
            result = do(pair)
            found.append((strategy, result, b"" if result.code else sweep.final(pair).read_bytes()))
        return found


def _chunks(sweep: Sweep, pairs: Sequence[Pair]) -> Iterator[Chunk]:
    """Neighbours in `pairs` with the same QK error, the last part of a sub-cubic name, share directions."""
    for (model, _), group in groupby(pairs, key=lambda pair: (pair.model, pair.strategy.rpartition("--")[2])):
        names = tuple(pair.strategy for pair in group)
        file = relative_name(model, sweep.folder)
        yield Chunk(model.stem, model.read_bytes(), file, names, sweep.limits, sweep.search_seconds)
