"""Named sizes: of a network's axes, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Dimensions(Mapping[str, int]):
    """Immutable sizes by name, in a fixed order, also as attributes: `Dimensions(n_ctx=4, d_vocab=64).n_ctx == 4`."""

    __slots__ = ("_sizes",)
    _sizes: dict[str, int]

    def __init__(self, **sizes: int) -> None:
        object.__setattr__(self, "_sizes", sizes)

    def __getitem__(self, name: str) -> int:
        return self._sizes[name]

    def __getattr__(self, name: str) -> int:
        if name == "_sizes" or name not in self._sizes:
            raise AttributeError(f"there is no dimension {name!r}")
        return self._sizes[name]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("dimensions do not change")

    def __iter__(self) -> Iterator[str]:
        return iter(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dimensions) and tuple(self.items()) == tuple(other.items())

    def __hash__(self) -> int:
        return hash(tuple(self.items()))

    def __repr__(self) -> str:
        return f"Dimensions({self.words().replace(' ', ', ')})"

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (tuple(self.items()),)

    def size(self, axis: str) -> int:
        """The size of an axis: a dimension's name, or digits that stand for themselves."""
        return int(axis) if axis.isdigit() else self[axis]

    def words(self) -> str:
        return " ".join(f"{name}={size}" for name, size in self.items())

    def with_(self, **more: int) -> Dimensions:
        """These and more sizes; a name keeps its place."""
        return Dimensions(**{**self._sizes, **more})


def _restored(items: tuple[tuple[str, int], ...]) -> Dimensions:
    return Dimensions(**dict(items))
