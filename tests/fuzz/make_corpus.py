"""Write the seeds of the corpus: python tests/fuzz/make_corpus.py FOLDER makes FOLDER/{certificate,weights,verify}."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import targets
from mutate import case_mutant
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, certificate, random_model, safetensors_bytes, trained_like

from proofcheck import Step
from proofcheck.certificate import encode_certificate


def seeds() -> dict[str, list[bytes]]:
    """A few certificates and networks that verify, and some structured mutants of them."""
    shape = Shape(2, 3, 3, 2)
    networks = [safetensors_bytes(trained_like(shape, seed)) for seed in range(2)]
    tiny = Shape(targets.SHAPE.n_ctx, targets.SHAPE.d_vocab, targets.SHAPE.d_model, targets.SHAPE.d_head)
    weights = [
        safetensors_bytes(random_model(tiny, seed, biases=seed % 2 == 1, dtype=dtype), bfloat16=seed == 3)
        for seed, dtype in enumerate(("<f4", "<f8", "<f2", "<f4"))
    ]
    hints = {f"array-{kind}": np.zeros(size, dtype=kind) for kind, size in (("<i8", (2, 3)), ("<f4", (1,)), ("<f8", (0, 2)))}
    with_arrays = (Step("tables", "path-expansion", (), {**{name.replace("<", ""): value for name, value in hints.items()}, "one": 1}),)
    texts = [encode_certificate(certificate(networks[0], shape, steps)) for steps in (BRUTE_FORCE, CUBIC, with_arrays)]
    cases = [
        targets.pack(encode_certificate(certificate(network, shape, steps)), network)
        for network in networks
        for steps in (BRUTE_FORCE, CUBIC)
    ]
    cases += [case_mutant(case, seed) for seed, case in enumerate(cases * 8)]
    return {"certificate": texts, "weights": weights, "verify": cases}


if __name__ == "__main__":
    for kind, files in seeds().items():
        folder = Path(sys.argv[1]) / kind
        folder.mkdir(parents=True, exist_ok=True)
        for k, data in enumerate(files):
            (folder / f"seed-{k}").write_bytes(data)
