"""What a checker knows by name: architectures, tasks, claims and rules; built in, and of extensions that its user trusts.

Nothing is discovered: an extension is an object that the caller imports, or a name that the user gives and an entry point resolves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, TypeVar

from proofcheck.claims import ClaimKind, float_accuracy, mean_loss
from proofcheck.claims import accuracy as accuracy_claim
from proofcheck.errors import Declined, Reason
from proofcheck.models import Architecture
from proofcheck.models.attention_only import ATTENTION_ONLY
from proofcheck.models.sum_of_tables import SUM_OF_TABLES
from proofcheck.models.transformer import TRANSFORMER
from proofcheck.rules import RULES, Rule
from proofcheck.tasks import (
    TaskKind,
    argmax_position,
    balanced,
    finite_automaton,
    first_unique,
    group_product,
    group_word,
    induction,
    kth_largest,
    max_of_k,
    min_of_k,
    modular_linear_sum,
    modular_sum,
    multifun,
    token_at,
)

ENTRY_POINTS = "proofcheck.extensions"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


@dataclass(frozen=True, slots=True)
class Extension:
    """Trusted code of a third party. What it adds is called NAME/…; a certificate that uses it names it with its version.

    digest: of its files, for the verdict line (`digest_of`). Trusting it means to trust its lines as those of this package.
    """

    name: str
    version: str
    digest: str
    rules: tuple[Rule, ...] = ()
    tasks: tuple[TaskKind, ...] = ()
    architectures: tuple[Architecture, ...] = ()
    claims: tuple[ClaimKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Immutable tables by name."""

    architectures: Mapping[str, Architecture]
    tasks: Mapping[str, TaskKind]
    claims: Mapping[str, ClaimKind]
    rules: Mapping[str, Rule]
    extensions: Mapping[str, Extension] = field(default_factory=dict)

    def trusting(self, extensions: Sequence[Extension]) -> Catalogue:
        """This catalogue and what the extensions add. Declined(untrusted-extension) for a foreign prefix, or a name that stands already."""
        result = self
        for extension in extensions:
            if not (re.fullmatch(r"[0-9A-Za-z.+_-]{1,80}", extension.version) and re.fullmatch("[0-9a-f]{64}", extension.digest)):
                raise _refused(extension.name, "the version is no word, or the digest no SHA-256")
            if extension.name in result.extensions or not _is_name(extension.name):
                raise _refused(extension.name, f"the extension name {extension.name[:80]!r} is taken, or is no name")
            result = Catalogue(
                _joined(result.architectures, extension.architectures, extension.name),
                _joined(result.tasks, extension.tasks, extension.name),
                _joined(result.claims, extension.claims, extension.name),
                _joined(result.rules, extension.rules, extension.name),
                MappingProxyType({**result.extensions, extension.name: extension}),
            )
        return result


def _joined(known: Mapping[str, N], more: Sequence[N], owner: str) -> Mapping[str, N]:
    found = dict(known)
    for entry in more:
        if not entry.name.startswith(f"{owner}/"):
            raise _refused(owner, f"{entry.name[:80]} does not begin with {owner}/")
        if entry.name in found:
            raise _refused(owner, f"the name {entry.name[:80]} stands already")
        found[entry.name] = entry
    return MappingProxyType(found)


def _is_name(name: str) -> bool:
    return re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]{0,79}", name) is not None


def _refused(name: str, why: str) -> Declined:
    return Declined(Reason.UNTRUSTED_EXTENSION, why, path=f"extension {name[:80]}", hint="nothing of it was used")


def _table(entries: Sequence[N]) -> Mapping[str, N]:
    return MappingProxyType({entry.name: entry for entry in entries})


_TASKS = (
    max_of_k,
    min_of_k,
    kth_largest,
    token_at,
    argmax_position,
    first_unique,
    modular_sum,
    modular_linear_sum,
    group_product,
    group_word,
    balanced,
    multifun,
    induction,
    finite_automaton,
)

BUILT_IN = Catalogue(
    architectures=_table([ATTENTION_ONLY, SUM_OF_TABLES, TRANSFORMER]),
    tasks=_table([task.KIND for task in _TASKS]),
    claims=_table([accuracy_claim.KIND, float_accuracy.KIND, mean_loss.AT_MOST, mean_loss.AT_LEAST]),
    rules=RULES,
)
