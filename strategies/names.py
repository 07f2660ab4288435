"""The strategies by name, without what they need: families with cost and advice, aliases, published names. Imports no torch.

A test compares this page with `strategies.max_of_k.registry`, which has the strategies themselves.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

DROP, MEAN = "drop-average-query-per-output-logit-reasoning", "mean-query+diff"
DIRECT_PATHS = {  # published word -> ours in aliases
    "global-max-diff-exact": "global",
    "max-diff-exact": "exact",
    "max-diff": "max",
    "mean-query+max-diff": "mean",
    "svd-query+max-diff": "svd",
}
ATTENTION_HANDLINGS = {DROP: "drop", MEAN: "chord"}
QK_ERRORS = {
    "exact-EQKE+max-diff-exact": "exact",
    "svd": "svd",
    "max-diff": "max",
    "mean+max-diff": "mean-max",
    "max-diff-exact": "max-exact",
    "max-diff-subproduct": "parts",
    "mean+max-diff-subproduct": "mean-parts",
    "max-diff-subproduct-recursive": "deep",
    "mean+max-diff-subproduct-recursive": "mean-deep",
    "mean-recursive+max-diff-subproduct-recursive": "deep-mean",
}
WINDOWS_PRICES = (6000, 2000, 600, 200, 60, 20, 6, 2, 0.6, 0.06)
GROUPED_PRICES = {
    "grouped-queries": (1800, 600, 200, 60),
    "rival-tree-direct": (600, 200, 60, 20),
    "rival-tree": (6000, 1800, 600, 200),
    "rival-tree-small": (6000, 2500, 600),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One strategy: its name, an alias that is quick to type, the published name ("" for a new one)."""

    name: str
    summary: str
    alias: str = ""
    published: str = ""

    @property
    def called(self) -> tuple[str, ...]:
        """Every name that `prove` and `sweep` take for it."""
        return tuple(name for name in (self.name, self.alias, self.published) if name)


@dataclass(frozen=True, slots=True)
class Family:
    """Strategies of one idea. cost: of the checker, n = n_ctx, d = d_vocab, D = d_model.

    brief: what `list` says in place of the entries.
    """

    title: str
    cost: str
    advice: str
    entries: tuple[Entry, ...]
    brief: tuple[str, ...] = ()


def _subcubic() -> tuple[Entry, ...]:
    return tuple(
        Entry(
            f"subcubic--{direct}--{attention}--{error}",
            "",
            f"sub.{DIRECT_PATHS[direct]}.{ATTENTION_HANDLINGS[attention]}.{QK_ERRORS[error]}",
            f"EUPU-{direct}--attn-{attention}--attn-err-{error}",
        )
        for direct, attention, error in product(DIRECT_PATHS, ATTENTION_HANDLINGS, QK_ERRORS)
    )


def _words(title: str, words: dict[str, str]) -> str:
    return f"{title:9} {', '.join(f'{short} ({long})' if short != long else short for long, short in words.items())}"


FAMILIES = (
    Family(
        "exhaustive",
        "2·d^(n+1) operations",
        "the exact count for few inputs; about 64^4 takes seconds",
        (Entry("brute-force", "every sequence, by separability", "brute", "brute-force"),),
    ),
    Family(
        "cubic",
        "6·d³·n operations",
        "the published proof of the best bound; no search",
        (Entry("cubic", "the published cubic proof, in sign form", "", "cubic"),),
    ),
    Family(
        "sub-cubic",
        "about d²·D + 7·d²·n operations, less than d³",
        "the published proofs that are shorter than cubic; the best bound of the reference model: sub.exact.chord.exact; all: 'sub.*'",
        _subcubic(),
        (
            "sub.DIRECT.ATTENTION.ERROR, for subcubic--DIRECT--ATTENTION--ERROR, 5 × 2 × 10 of them:",
            _words("DIRECT", DIRECT_PATHS),
            _words("ATTENTION", ATTENTION_HANDLINGS),
            _words("ERROR", QK_ERRORS),
        ),
    ),
    Family(
        "separable",
        "whole blocks: about (4/3)·d⁴ operations; counts and trees: as many more as the certificate says",
        "start here: exact decides every input where that is affordable; separable-counting for many positions",
        (
            Entry("separable-minimum", "whole blocks (query, max token) by one-token minima", "minimum"),
            Entry("separable-early-maximum", "one sum for all rivals, counted in bins", "early"),
            Entry("separable-counting", "blocks less an exact count of what may fail, rivals in groups", "counting"),
            Entry("exact", "the exact count: minimum, else a tree of boxes, else enumeration, block by block"),
        ),
    ),
    Family(
        "windows",
        "the tables, about 6·d²·D operations, and what is looked at one by one",
        "the best bounds for few operations; --price MU or --operations N chooses, windows-exact decides every input",
        (
            Entry("windows", "near rivals and tokens one by one, the others together"),
            *(
                Entry(f"windows--price-{p:g}", f"near rivals and tokens one by one, the others together; price {p:g}", f"windows-{p:g}")
                for p in WINDOWS_PRICES
            ),
            Entry("windows-exact", "the exact count: whole blocks by windows, the others decided on cells"),
            Entry("shared-windows", "windows whose counts classes of queries share"),
        ),
    ),
    Family(
        "grouped queries and rival trees",
        "no d × d table of scores; rival-tree: no d × d table at all",
        "the shortest proofs that keep anything; the price says how many billionths of all inputs an operation must prove",
        tuple(
            Entry(f"{kind}--price-{price:g}", f"{kind.replace('-', ' ')}, far queries in groups; price {price:g}", f"{short}-{price:g}")
            for (kind, prices), short in zip(GROUPED_PRICES.items(), ("grouped", "direct", "tree", "small"), strict=True)
            for price in prices
        ),
    ),
)
ENTRIES = tuple(entry for family in FAMILIES for entry in family.entries)
NAMES = {called: entry.name for entry in ENTRIES for called in entry.called}  # name, alias or published name -> name
EVALUATION = "evaluation"  # any network and any task: every input, by the network's own semantics


class UnknownStrategy(ValueError):
    """There is no strategy of this name; the message has the nearest ones."""


def full_name(word: str) -> str:
    """The name of the strategy that a name, alias or published name stands for. UnknownStrategy with a suggestion."""
    if word not in NAMES:
        raise UnknownStrategy(f"there is no strategy {word[:120]!r}{suggestion(word, NAMES)}; `list` prints them")
    return NAMES[word]


def matching(pattern: str) -> list[str]:
    """The names of the strategies of which a name matches the pattern, in order."""
    return [entry.name for entry in ENTRIES if any(fnmatch.fnmatchcase(name, pattern) for name in entry.called)]


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'cubic'?`, or nothing where nothing is near."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.6) or [name for name in names if len(word) > 2 and word in name][:3]
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
