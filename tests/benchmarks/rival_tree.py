"""What `rival-tree` costs for many tokens: `python tests/benchmarks/rival_tree.py MODEL [--times 8] [--n-ctx 4] [--prune 14]`.

The network is MODEL with its last positions and, with --times k, k tokens for each one: rows of the embedding and columns of the
unembedding are interpolated linearly. Every max token has the same window (rival m − 1, four single tokens), no block is counted, and
nothing is searched: it shows operations, seconds and memory of one evaluation of the rule at these sizes, not what a search could prove.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from proofcheck import Certificate, Step, encode_certificate
from proofcheck.certificate import ClaimSpec, ModelSpec, TaskSpec
from strategies.max_of_k.grouped_hints import Shape, score_hints, tree_hints
from strategies.max_of_k.strategy import Problem
from strategies.max_of_k.windows import rows
from strategies.max_of_k.windows_search import boundaries
from strategies.max_of_k.windows_terms import FloatTables
from strategies.models.load import load
from strategies.models.save import save

NEAR = 4
MOST = 10**14
CHILD = """
import sys
from proofcheck.cli.main import main
code = main(sys.argv[1:])
print("c memory", *(word for line in open("/proc/self/status") if line.startswith("VmHWM") for word in line.split()[1:]))
sys.exit(code)
"""  # the peak of a process counts that of the one which started it, VmHWM does not
RAISED = ("work", "table_entries", "table_bits", "json_tokens", "array_entries", "certificate_bytes")


def network(path: Path, times: int, n_ctx: int, folder: Path) -> Path:
    """The weight file."""
    model = load(path)
    old = np.arange(model.d_vocab)
    new = np.linspace(0, model.d_vocab - 1, model.d_vocab * times)

    def more(rows_: torch.Tensor) -> torch.Tensor:
        columns = [np.interp(new, old, column) for column in rows_.numpy().T]
        return torch.tensor(np.stack(columns, axis=1), dtype=torch.float32)

    weights = {
        "embed.W_E": more(model.W_E),
        "pos_embed.W_pos": model.W_pos[-n_ctx:].float(),
        "unembed.W_U": more(model.W_U.T).T.contiguous(),
    }
    weights |= {f"blocks.0.attn.{name}": getattr(model, name)[None].float() for name in ("W_Q", "W_K", "W_V", "W_O")}
    target = folder / "network.safetensors"
    save(weights, target)
    return target


def certificate(path: Path, prune: float) -> bytes:
    """The steps, claiming nothing."""
    problem = Problem(path)
    tables, shape = FloatTables(problem.model), Shape(prune=prune)
    hints = score_hints(tables, shape)
    hints |= tree_hints(tables, problem.model, shape, np.asarray(hints["labels"]), exact_direct=False)
    d, n = tables.d_vocab, tables.n_ctx
    hints |= {
        "boundaries": rows([(m, b) for m in range(d) for b in boundaries(m, NEAR, ())], 2),
        "rivals": rows([(m, m - 1) for m in range(1, d)], 2),
        "blocks": rows([], 3),
        "additions": 0,
    }
    sizes = problem.dimensions
    model = ModelSpec("attention-only-one-layer-one-head", dict(sizes), path.name, problem.sha256)
    claim, task = ClaimSpec("accuracy_at_least", {"correct": 0, "total": d**n}), TaskSpec("max-of-k", {"n_ctx": n, "d_vocab": d})
    return encode_certificate(
        Certificate(claim, model, task, 128, (Step("blocks", "rival-tree", (), hints), Step("count", "sum-blocks", ("blocks",))))
    )


def main() -> int:
    """One line: tokens, bytes, operations, seconds, memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--n-ctx", type=int, default=4)
    parser.add_argument("--prune", type=float, default=14.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = network(options.model, options.times, options.n_ctx, folder)
        file = folder / "rival-tree.json"
        file.write_bytes(certificate(path, options.prune))
        limits = [word for limit in RAISED for word in ("--limit", f"{limit}={MOST}")]
        command = [sys.executable, "-I", "-c", CHILD, "verify", *limits, str(file)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        used, size = resource.getrusage(resource.RUSAGE_CHILDREN), file.stat().st_size
    shown = ("c cost", "c proved", "c memory", "s ")
    print(*(line for line in done.stdout.splitlines() if line.startswith(shown)), done.stderr, sep="\n")
    print(f"certificate {size / 1e6:.1f} MB, CPU {used.ru_utime + used.ru_stime:.1f} s")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
