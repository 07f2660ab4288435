"""Coverage-guided fuzzing of the whole `verify`: certificates and weights that fit each other, so that the rules run. See README.md."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["proofcheck"]):
    import targets
from mutate import case_mutant


def _mutate(data: bytes, most: int, seed: int) -> bytes:
    mutant = case_mutant(data, seed) if seed % 8 else atheris.Mutate(data, most)
    return bytes(mutant[:most])


if __name__ == "__main__":
    atheris.Setup(sys.argv, targets.verify, custom_mutator=_mutate)
    atheris.Fuzz()
