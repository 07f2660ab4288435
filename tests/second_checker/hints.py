"""What a hint must look like before a rule sees it: dtype and shape by the names of the dimensions."""

from __future__ import annotations

from dataclasses import dataclass

from tests.second_checker.certificate_format import Array
from tests.second_checker.outcome import rejected


@dataclass(frozen=True)
class Hint:
    """dtypes: allowed ones. shape: formulas of n, d, D, H (Python expressions), None for any size of an axis.

    most: a bare JSON integer from 0 to this, instead of an array.
    """

    dtypes: tuple[str, ...] = ()
    shape: tuple[str | None, ...] = ()
    most: int = -1

    def check(self, name: str, value: int | Array, sizes: dict[str, int]) -> None:
        """Refuses another type, dtype or shape."""
        if (self.most >= 0) != isinstance(value, int):
            raise rejected("bad-hint", name, "integer or array")
        if isinstance(value, int):
            if not 0 <= value <= self.most:
                raise rejected("bad-hint", name, value)
            return
        if value.dtype not in self.dtypes or len(value.shape) != len(self.shape):
            raise rejected("bad-hint", name, f"{value.dtype} {value.shape}")
        for size, formula in zip(value.shape, self.shape, strict=True):
            if formula is not None and size != eval(formula, {"__builtins__": {}}, sizes):
                raise rejected("bad-hint", name, f"shape {value.shape}, expected {self.shape}")
