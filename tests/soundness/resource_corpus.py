"""Resource attacks that are small enough for certificates/reject/limit-exceeded/; `resource_attacks` has all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from soundness import small_models
from soundness.resource_attacks import BRUTE_FORCE, COUNT, CUBIC, TINY, WIDE, changed, svd, tiny, wild
from soundness.small_models import Shape, certificate

from proofcheck import Step, encode_certificate

PREMISES = (*CUBIC[:3], replace(COUNT, premises=("blocks",) * 3_000))


def weights() -> dict[str, bytes]:
    """Weight files by name."""
    return {
        "small-random": tiny(),
        "from-5e-324-to-1e308": changed(("embed.W_E", 1e308), ("embed.W_E", 5e-324))(),
        "every-float32-exponent": wild(WIDE, -149, 127, "<f4")(),
    }


def attacks() -> Iterator[tuple[str, bytes]]:
    """(name, certificate): each would cost minutes to hours, or gigabytes, without its limit."""
    yield "hours-of-cubic", about("small-random", TINY, CUBIC, Shape(600, 1024))
    yield "hours-of-enumeration", about("small-random", TINY, BRUTE_FORCE, Shape(6, 64))
    yield "hours-of-premises", about("small-random", TINY, PREMISES, Shape(1, 1000))
    yield "hours-of-elimination-in-balls", about("small-random", TINY, svd(1.0, 1.0, 1.0), Shape(2, 3, 1024, 1))
    yield "directions-of-1e308", about("small-random", TINY, svd(1e308, 1e308, 1.0))
    yield "directions-of-5e-324", about("small-random", TINY, svd(5e-324, 5e-324, 1.0))
    yield "weights-from-5e-324-to-1e308", about("from-5e-324-to-1e308", TINY, CUBIC)
    yield "weights-of-every-float32-exponent", about("every-float32-exponent", WIDE, CUBIC)


def about(name: str, shape: Shape, steps: tuple[Step, ...], claimed: Shape | None = None) -> bytes:
    """A certificate about one of the weight files, with the dimensions that it has or with others."""
    found = certificate(weights()[name], shape, steps, weights_file=f"../weights/{name}.safetensors")
    if claimed is not None:
        found = small_models.about(found, claimed)
    return encode_certificate(found)
