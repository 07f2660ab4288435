"""Coverage-guided fuzzing of the certificate decoder: see README.md. Half of the mutations are of the JSON tree, half of the bytes."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["proofcheck"]):
    import targets
from mutate import certificate_mutant


def _mutate(data: bytes, most: int, seed: int) -> bytes:
    mutant = certificate_mutant(data, seed) if seed % 2 else atheris.Mutate(data, most)
    return bytes(mutant[:most])


if __name__ == "__main__":
    atheris.Setup(sys.argv, targets.certificate, custom_mutator=_mutate)
    atheris.Fuzz()
