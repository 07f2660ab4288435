"""Exact ratios as decimals for people."""

from __future__ import annotations


def decimal(part: int, whole: int, digits: int = 6) -> str:
    """part/whole with `digits` decimals, rounded down; "…" follows unless it is exact."""
    if whole <= 0:
        return "0"
    scaled, rest = divmod(part * 10**digits, whole)
    return f"{scaled // 10**digits}.{scaled % 10**digits:0{digits}d}{'…' if rest else ''}"
