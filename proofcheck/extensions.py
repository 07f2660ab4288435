"""Trusted extensions by name: an entry point only resolves a name that the user gave; nothing is discovered."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from proofcheck.catalogue import ENTRY_POINTS, Extension
from proofcheck.errors import Declined, Reason


def resolve(names: Sequence[str]) -> tuple[Extension, ...]:
    """The extensions of these names. Declined(untrusted-extension) for a name that no installed package has, or several have."""
    if not names:
        return ()
    from importlib.metadata import entry_points  # not at the top: it imports email and zipfile, a tenth of the time of a short process

    found = []
    for name in names:
        points = list(entry_points(group=ENTRY_POINTS, name=name))
        extension = points[0].load() if len(points) == 1 else None
        if not isinstance(extension, Extension) or extension.name != name:
            raise Declined(
                Reason.UNTRUSTED_EXTENSION,
                f"there is no installed extension {name[:80]!r}",
                path="--trust",
                expected=f"one entry point of the group {ENTRY_POINTS}",
                found=f"{len(points)} entry points",
                hint="install the package that provides it into this environment",
            )
        found.append(extension)
    return tuple(found)


def digest_of(*modules: ModuleType) -> str:
    """SHA-256 of the source files of modules, for `Extension.digest`; packages with all their files."""
    total = hashlib.sha256()
    for module in modules:
        file = Path(module.__file__ or "")
        files = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
        for path in files:
            total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
