"""Coverage-guided fuzzing of the weights boundary: safetensors bytes to exact tensors and tables. See README.md."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["proofcheck"]):
    import targets
from mutate import weights_mutant


def _mutate(data: bytes, most: int, seed: int) -> bytes:
    mutant = weights_mutant(data, seed) if seed % 2 else atheris.Mutate(data, most)
    return bytes(mutant[:most])


if __name__ == "__main__":
    atheris.Setup(sys.argv, targets.weights, custom_mutator=_mutate)
    atheris.Fuzz()
