"""`docs/results/README.md` from the kept tables: every number on the page is computed here."""

# ruff: noqa: E501 (prose: a sentence is a line)

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from strategies.models.zoo import LONGER, SEEDS, SEEDS_OF_LONGER
from strategies.study import summary
from strategies.study.table import ABLATIONS, CLAIMS, MODELS, NEWER, SWEEP, Study, read, read_csv, with_newer

LENGTHS = (4, 5, 10, 20)
TITLES = {
    "bound-against-flops": "Accuracy bound against FLOPs",
    "normalized-bound-against-flops": "Normalized bound against FLOPs",
    "normalized-bound-against-flops-frontier": "The frontier of each network",
    "dimension-against-flops": "Unexplained dimension against FLOPs",
    "normalized-bound-against-singular-ratio": "Normalized bound against σ1/σ2 of EQKE",
    "best-bound-per-network": "Best bound of each network",
}


def page(folder: Path) -> str:
    """The whole page. Raises OSError, ValueError for tables of another form."""
    study = read(folder)
    four = study.of(4)
    rows = summary.claims(folder)
    parts = [_head(study), *([_published_claims(four, rows)] if four.networks else []), *([_too_much(four, rows)] if rows else [])]
    parts += [_length(study.of(n_ctx), n_ctx) for n_ctx in LENGTHS if study.of(n_ctx).networks]
    return "\n\n".join([*parts, *newer(folder, study), _ablations(folder), _tables(folder)]) + "\n"


def _head(study: Study) -> str:
    sizes = [f"{len(study.of(n).networks)} for n_ctx {n}" for n in LENGTHS if study.of(n).networks]
    return f"""# The published study again, proved

This page is written by `python -m strategies study docs/results` from the tables in this folder; a test writes it again and compares.
Networks: {", ".join(sizes)}, trained here by the published recipe from the published seeds (`python -m strategies zoo`); the published weights are others, so
values are compared as distributions, not one by one.{_stopped(study)}
{len(study.results):,} certificates were searched, written and verified, each by the checker in a process of its own; {len(study.refused):,} pairs have none, with
the checker's reason code in the table.
Every bound is proved for the exact real-number network. Classes, groups, FLOPs, unexplained dimension, normalized bound and frontier are the published definitions
([published-strategies.md](../published-strategies.md)); sub-cubic bounds count (m − g + 1)^p tokens for each class, and "published count" is the published (m − g)^p for the same classes.
± is the sample standard deviation over networks.

To run any row again, integers compared with the table (exit status 0 if all are equal):

    python -m strategies rerun docs/results certificates/models/zoo/{min(study.networks)}.safetensors 'subcubic--max-diff-exact--*'

Searches use float64 linear algebra, so a processor or a torch release that rounds otherwise can find another gap table; `proofcheck verify` gives the same verdict on the same certificate everywhere.
The tables come from

    python -m strategies sweep certificates/models/zoo/max-of-4-seed-*.safetensors --strategies '[bces][!hm]*' -o FOLDER --search-seconds 0 --jobs 2
    python -m strategies sweep certificates/models/zoo/max-of-{{5,10,20}}-seed-*.safetensors --strategies '[cs][ue][bp]*' -o FOLDER --search-seconds 0 --jobs 2
    python -m strategies collect FOLDER… --models certificates/models/zoo --whole -o docs/results
    python -m strategies claims certificates/models/zoo/max-of-4-seed-*.safetensors -o claims.csv
    python -m strategies ablations certificates/models/zoo/max-of-4-seed-*.safetensors -o docs/results/ablations.csv"""


def _stopped(study: Study) -> str:
    """What the sweeps have not reached."""
    wanted = {4: len(SEEDS), **dict.fromkeys(LONGER, len(SEEDS_OF_LONGER))}
    missing = {n: (len(study.of(n).networks), count) for n, count in wanted.items() if len(study.of(n).networks) < count}
    if not missing:
        return ""
    words = ", ".join(f"{found} of {count} for n_ctx {n}" for n, (found, count) in missing.items())
    return f"\n**The sweeps were stopped** before all published seeds were done: {words}, in the order in which the files were named, which nothing depends on."


def _published_claims(study: Study, claims: Sequence[Mapping[str, str]]) -> str:
    """What the published abstract says, against these numbers."""
    by_name = {item.strategy: item for item in summary.means(study) if item.group}
    subcubic = [item for item in by_name.values() if item.strategy.startswith("subcubic")]
    best = max(subcubic, key=lambda item: item.bound)
    flops, dimensions = [item.flops for item in subcubic], [item.dimension for item in subcubic]
    rank = summary.correlation(summary.ranks(flops), summary.ranks(dimensions))
    rank_bound = summary.correlation(summary.ranks(flops), summary.ranks([item.normalized for item in subcubic]))
    three = [by_name[name] for name in ("brute-force", "cubic", best.strategy)]
    all_fits = [(error, summary.fit(*zip(*summary.ratio_points(study, error), strict=True))) for error in summary.errors(study)]
    rising = [error for error, (slope, _, _) in all_fits if slope > 0]
    strongest = max(all_fits, key=lambda item: item[1][2])
    ratios = [network.ratio for network in study.networks.values()]
    families = {"exact QK circuit": "exact-", "split in two": "svd", "products, not multiplied": "max-diff-subproduct-recursive"}
    loss = {
        words: max(item.normalized for item in subcubic if item.strategy.split("--")[3].startswith(start))
        for words, start in families.items()
    }
    holds = all(
        all(study.bound(a) >= study.bound(b) for b in rows if b.axes)
        for rows in study.by_model.values()
        for a in rows
        if a.strategy == "cubic"
    )
    exact = by_name[best.strategy].flops
    split = by_name["--".join([*best.strategy.split("--")[:3], "svd"])].flops
    refused = sum(1 for row in study.refused if row.group)
    return f"""## The published claims, in numbers

n_ctx 4, {len(study.networks)} networks × 102 strategies = {sum(map(len, study.by_model.values())):,} verified certificates ({refused} refused).

* **Proofs of the 102 kinds carry over to all seeds**: {_said(refused == 0)}, with sound rules. Mean bounds: {_three(three)}.
  The cubic bound is at least every sub-cubic bound on {"every" if holds else "not every"} network.
* **"Shorter proofs require more understanding"** (fewer FLOPs go with a smaller unexplained dimension): from brute force over cubic to sub-cubic, {_said(_falling(three))}: {_ladder(three)}.
  Within the 100 sub-cubic strategies, {_said(rank > 0.5)}: Spearman's correlation of mean FLOPs and unexplained dimension is {rank:+.2f}
  (of mean FLOPs and mean normalized bound {rank_bound:+.2f}). At this size the asymptotic order says little: {exact:.3g} FLOPs with the exact QK circuit, {split:.3g} with one split by singular vectors.
* **"More faithful understanding gives tighter bounds"** (the bound grows with σ1/σ2 of the QK circuit, here {min(ratios):.0f} … {max(ratios):.0f}): the slope is positive for
  {len(rising)} of {len(all_fits)} QK errors, and the fit explains at most R² = {strongest[1][2]:.2f} (`{strongest[0]}`){_with_published_hints(study, claims)}; so {_faithful(len(rising), len(all_fits), strongest[1][2])}.
* **"Structureless errors compound"**: {_said(list(loss.values()) == sorted(loss.values(), reverse=True))}. Best mean normalized bound with the {_losses(loss)}: each factor of the QK circuit that is bounded by itself instead of in a product costs accuracy."""


def _said(holds: bool) -> str:
    return "confirmed" if holds else "not confirmed"


def _falling(items: Sequence[summary.Mean]) -> bool:
    pairs = [(item.flops, item.dimension) for item in items]
    return pairs == sorted(pairs, reverse=True) and [d for _, d in pairs] == sorted((d for _, d in pairs), reverse=True)


def _three(items: Sequence[summary.Mean]) -> str:
    return ", ".join(f"`{item.strategy}` {item.bound:.4f} ± {item.spread:.4f}" for item in items)


def _ladder(items: Sequence[summary.Mean]) -> str:
    return ", ".join(f"{item.flops:.3g} FLOPs and dimension {item.dimension:,.0f}" for item in items)


def _losses(loss: dict[str, float]) -> str:
    return ", ".join(f"{words} {value:.4f}" for words, value in loss.items())


def _faithful(rising: int, count: int, best: float) -> str:
    if rising == count and best >= 0.5:
        return "confirmed for errors of low rank"
    return "a tendency in these networks, no law" if rising * 2 > count else "not confirmed by these networks"


def _with_published_hints(study: Study, claims: Sequence[Mapping[str, str]]) -> str:
    fits = {e: summary.fit(*zip(*p, strict=True)) for e, p in summary.published_points(study, claims).items() if len(p) >= summary.FEW}
    if not fits:
        return ""
    error = max(fits, key=lambda name: fits[name][2])
    slope, _, r2 = fits[error]
    return f", and with the published hints (singular vectors, not tuned) R² = {r2:.2f} with slope {slope:.1e} (`{error}`)"


def _too_much(study: Study, rows: Sequence[Mapping[str, str]]) -> str:
    """Float32 and the false lemma."""
    networks = len({row["model"] for row in rows})
    total = 64**4
    lemma = [row for row in rows if f"--{summary.MEAN}--" in row["strategy"]]
    other = [row for row in rows if f"--{summary.MEAN}--" not in row["strategy"]]
    above = sum(int(r["claimed"]) > int(r["proved"]) for r in lemma)
    beyond = sum(int(r["claimed"]) > int(r["justified"]) for r in lemma)
    most = max((int(r["claimed"]) - int(r["justified"]) for r in lemma), default=0)
    beyond_other = sum(int(r["claimed"]) > int(r["proved"]) for r in other)
    true = sum(int(r["claimed"]) > int(r["true"]) for r in rows)
    untrue = sum(int(r["untrue_classes"]) for r in rows)
    return f"""## Claims beyond what is proved or true

{networks} networks{"" if networks == len(SEEDS) else f", of {len(SEEDS)} the first by file name,"} × 102 = {len(rows):,} claims of the published kind (`{CLAIMS}`): the published programs were written again in float32, formulas, gap search and false lemma as published
(on the reference network 97 of the 100 sub-cubic counts are those that the published code gives, and three differ by 1, 1 and 3 of 16,777,216: `tests/strategies/test_study_claims.py`). Beside each stands what the checker proves from a certificate with
the *same* gaps and directions (`proved`, with the sound chord in place of the false lemma), what the best argument from S1–S4 gives for them in float64 (`justified`, not proved), and the exact number of right answers.

{summary.claim_table(rows, total)}

* **{"No claim exceeds" if true == 0 else "Some claims exceed"} the truth by count**: claimed > true in {true} of {len(rows):,}; classes that are claimed and hold a wrongly answered sequence: {untrue:,}.
* **The false lemma** claims more than the checker proves from the same gaps in {above:,} of {len(lemma):,} claims, and more than *any* argument from S1–S4 gives in {beyond:,}, by up to {most:,} sequences ({most / total:.4f}).
  In the others a better argument (the upper envelope) would reach the claim, and the chord over all classes of the published table does not.
* **Float32** alone (the {len(other):,} claims without the lemma): claimed > proved in {beyond_other:,}.
* **Own searches with the sound rules**: {_more(study, rows)}.

With the published hints the checker proves (published counts, best row of each network and QK error, linear fit against σ1/σ2):

{summary.published_fits(study, rows)}"""


def _more(study: Study, claims: Sequence[Mapping[str, str]]) -> str:
    """How many certificates of the sweep prove at least the claim of their strategy, in the published count."""
    counted = {(row.model, row.strategy): row.published if row.axes else row.proved for row in study.results}
    pairs = [(counted[row["model"], row["strategy"]], int(row["claimed"])) for row in claims if (row["model"], row["strategy"]) in counted]
    return f"{sum(found >= claimed for found, claimed in pairs):,} of {len(pairs):,} certificates count at least the claim of their strategy, in the published count"


def _length(study: Study, n_ctx: int) -> str:
    size = len(study.networks)
    accuracy = summary.mean_std([network.accuracy for network in study.networks.values()], 6)
    exact = "exact" if all(network.exact for network in study.networks.values()) else "certified lower bound"
    figures = "\n".join(f"![{title}](n{n_ctx}-{name}.svg)" for name, title in TITLES.items())
    return f"""## n_ctx {n_ctx}: {size} networks

Accuracy ({exact}): {accuracy}.

{summary.kinds(study)}

Ten best of the published strategies, brute force left out:

{summary.ten_best(study)}

Strategies beyond the published ones, and the two first:

{summary.new_strategies(study)}

Frontier: a row is on it if no other of its network has strictly fewer FLOPs and a strictly higher normalized bound.

{summary.frontier_table(study)}

Best sub-cubic bound of each network ({summary.winners(study)}):

{summary.best_subcubic(study)}

Linear fits of the normalized bound (best row of each network and QK error) against σ1/σ2, where there are ten networks at least:

{summary.fits(study)}

    python -m strategies study docs/results

{figures}"""


def newer(folder: Path, study: Study) -> list[str]:
    """The strategies that came later, on their networks."""
    sample = with_newer(folder, study)
    if sample is None:
        return []
    later = [item for item, _ in summary.shortest_first(sample) if item.strategy not in {row.strategy for row in study.results}]
    counts = {name: sum(row.strategy == name for row in sample.results) for name in {row.strategy for row in sample.results}}
    partly = sorted(name for name, count in counts.items() if count < len(sample.networks))
    unfinished = (
        f" Not yet on every network of the sample, so not in this table: {', '.join(f'`{name}` ({counts[name]})' for name in partly)}."
        if partly
        else ""
    )
    return [
        f"""## Strategies that came later, on a sample

{len(sample.networks)} of the {len(study.of(4).networks)} networks for n_ctx 4, drawn by `random.Random(0).sample(sorted(files), 10)`: seeds {", ".join(str(network.seed) for network in sample.networks.values())}.
{len(later)} strategies beyond those of the sweep above ([frontier.md](../frontier.md)), searched without a time limit (`--search-seconds 0`), beside the others on the same networks.{unfinished}
On the frontier of means no strategy of the study has strictly fewer operations of the checker and a strictly higher bound.

{summary.newer_table(sample)}

    python -m strategies sweep MODELS… --strategies GLOB -o FOLDER --search-seconds 0     # GLOB: the names in this table
    python -m strategies collect FOLDER --models certificates/models/zoo -o docs/results/{NEWER}
    python -m strategies rerun docs/results/{NEWER} MODEL GLOB --search-seconds 0

![Bound against operations of the checker]({NEWER}-bound-against-operations.svg)"""
    ]


def _ablations(folder: Path) -> str:
    table = summary.ablation_table(folder)
    if not table:
        return ""
    rows = read_csv(folder / ABLATIONS)
    networks = sorted({row["model"] for row in rows})
    full = [int(row["right"]) / int(row["total"]) for row in rows if not row["ablated"]]
    kept = [int(row["right"]) / int(row["total"]) for row in rows if row["ablated"] == "EU+EQKP+PVOU"]
    return f"""## Ablations

All 32 sets of paths, as exact counts over all 64⁴ inputs, for {len(networks)} networks (`{ABLATIONS}`). An ablated network is a network of its own (`strategies/study/ablation.py`), evaluated exhaustively by the checker; a tie is never right.
EQKE alone with EVOU keeps {statistics.fmean(kept):.6f} of all answers right, of {statistics.fmean(full):.6f} with all paths.

{table}"""


def _tables(folder: Path) -> str:
    rows = [
        (
            SWEEP,
            "a row for each network and strategy: code of a refusal, proved, wrong, undecided, published count, FLOPs, unexplained dimension, checker's operations",
        ),
        (MODELS, "the networks: digest, certified accuracy, σ1 and σ2"),
        (CLAIMS, "claims of the published kind beside what is proved, justified and true"),
        (ABLATIONS, "exact counts of the ablations"),
        ("reference-102.csv", "the 102 strategies on the reference network: `python -m strategies table … --csv`"),
    ]
    kept = [(name, words) for name, words in rows if (folder / name).exists()]
    return "## The tables\n\n" + "\n".join(f"* [`{name}`]({name}): {words}" for name, words in kept)
