"""Mutations of the steps: dropped, doubled, moved, renamed, rewired, with other rules, and taken from other certificates."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence

from soundness.mutation_seeds import Document, Seed
from soundness.mutation_sites import Changed, Operator, render

from proofcheck.rules import RULES


def dropped(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    steps = document["steps"]
    start = generator.randrange(len(steps))
    del steps[start : start + generator.choice((1, 1, 1, 2, len(steps)))]
    return render(document), seed.weights


def doubled(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """A step once more, under its own or a new id, perhaps used instead of the first by a later step."""
    document = seed.document()
    steps = document["steps"]
    k = generator.randrange(len(steps))
    again = copy.deepcopy(steps[k])
    if generator.random() < 0.7:
        again["id"] = "again"
    steps.insert(generator.randint(0, len(steps)), again)
    for step in steps:
        if step is not again and generator.random() < 0.5:
            step["premises"] = [again["id"] if p == steps[k]["id"] else p for p in step["premises"]]
    return render(document), seed.weights


def counted_twice(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """sum-blocks takes a premise twice, or the same blocks under two names; the claim grows accordingly."""
    document = seed.document()
    steps = document["steps"]
    blocks = next((step for step in steps[:-1] if step["id"] in steps[-1]["premises"]), None)
    if blocks is None:
        return None
    again = copy.deepcopy(blocks)
    again["id"] = "more"
    if generator.random() < 0.5:
        steps.insert(len(steps) - 1, again)
        steps[-1]["premises"].append("more")
    else:
        steps[-1]["premises"] *= generator.choice((2, 3))
    accuracy = document["claim"]["accuracy_at_least"]
    accuracy["correct"] = generator.choice((accuracy["correct"], 2 * accuracy["correct"], accuracy["correct"] + 1))
    return render(document), seed.weights


def moved(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    steps = document["steps"]
    if generator.random() < 0.3:
        steps.reverse()
    else:
        j, k = (generator.randrange(len(steps)) for _ in range(2))
        steps[j], steps[k] = steps[k], steps[j]
    return render(document), seed.weights


def renamed(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """An id changed or swapped, with or without the premises that name it."""
    document = seed.document()
    steps = document["steps"]
    j, k = (generator.randrange(len(steps)) for _ in range(2))
    old, new = steps[j]["id"], generator.choice((steps[k]["id"], "x", "a.b+c-d_e", "0", "count"))
    steps[j]["id"] = new
    if generator.random() < 0.5:
        for step in steps:
            step["premises"] = [new if p == old else p for p in step["premises"]]
    return render(document), seed.weights


def rewired(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    steps = document["steps"]
    premises = generator.choice(steps)["premises"]
    ids = [step["id"] for step in steps]
    action = generator.choice(("change", "add", "drop", "reverse", "repeat"))
    if action == "add":
        premises.insert(generator.randint(0, len(premises)), generator.choice([*ids, "nowhere"]))
    elif not premises:
        return None
    elif action == "change":
        premises[generator.randrange(len(premises))] = generator.choice([*ids, "nowhere"])
    elif action == "drop":
        del premises[generator.randrange(len(premises))]
    elif action == "reverse":
        premises.reverse()
    else:
        premises.append(premises[0])
    return render(document), seed.weights


def other_rule(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    step = generator.choice(document["steps"])
    step["rule"] = generator.choice([*RULES, "trust-me", "count"])
    if generator.random() < 0.5:
        step["hints"] = {name: hint for name, hint in step["hints"].items() if name in getattr(RULES.get(step["rule"]), "hints", {})}
    return render(document), seed.weights


def borrowed(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """A step in place of one with the same id in another certificate about the same model."""
    document, other = seed.document(), generator.choice(pool).document()
    if not _borrow(generator, document, other):
        return None
    return render(document), seed.weights


def borrowed_with_claim(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """The same, claiming what the better of the two certificates proves: gaps of a strong proof over the bounds of a weak one."""
    other_seed = generator.choice(pool)
    document, other = seed.document(), other_seed.document()
    if not _borrow(generator, document, other):
        return None
    document["claim"]["accuracy_at_least"]["correct"] = max(seed.proved, other_seed.proved)
    return render(document), seed.weights


def joined(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """All steps of two certificates, both proofs' blocks summed, claiming the sum of their counts or the larger."""
    other_seed = generator.choice(pool)
    document, other = seed.document(), other_seed.document()
    for step in other["steps"]:
        step["id"] = "b-" + step["id"]
        step["premises"] = ["b-" + p for p in step["premises"]]
    last = other["steps"].pop()
    conclusion = document["steps"].pop()
    conclusion["premises"] += last["premises"]
    document["steps"] += [*other["steps"], conclusion]
    total = document["claim"]["accuracy_at_least"]["total"]
    counts = (max(seed.proved, other_seed.proved), min(total, seed.proved + other_seed.proved), total)
    document["claim"]["accuracy_at_least"]["correct"] = generator.choice(counts)
    return render(document), seed.weights


def _borrow(generator: random.Random, document: Document, other: Document) -> bool:
    steps = {step["id"]: step for step in other["steps"]}
    shared = [k for k, step in enumerate(document["steps"]) if steps.get(step["id"], step) != step]
    if not shared:
        return False
    k = generator.choice(shared)
    document["steps"][k] = steps[document["steps"][k]["id"]]
    return True


OPERATORS: dict[str, Operator] = {
    "step dropped": dropped,
    "step doubled": doubled,
    "blocks counted twice": counted_twice,
    "steps moved": moved,
    "step renamed": renamed,
    "premises rewired": rewired,
    "another rule": other_rule,
    "step of another certificate": borrowed,
    "step of another certificate, larger claim": borrowed_with_claim,
    "two certificates joined": joined,
}
