"""Random small transformers of every option with random tasks, their `evaluation` certificates, and the same with one thing wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.second_checker.certificate_format import decode
from tests.second_checker.outcome import RefusedError
from tests.second_checker.random_evaluations import GROUPS, STEPS, changed, random_task, table, turned, write
from tests.second_checker.random_models import DTYPES, write_safetensors
from tests.second_checker.tasks import Task, read_task
from tests.second_checker.transformer import ORDER, SIZES, Options, read_options, shapes_of

Fields = dict[str, object]
Tensors = dict[str, tuple[str, tuple[int, ...], list[float]]]
KINDS = (
    "gaussian",
    "gaussian",
    "small-integers",
    "near-tie",
    "near-tie",
    "large",
    "small",
    "constant-columns",
    "wide-scores",
    "mixed-sizes",
)
EPS = ("1/100000", "1/100000", "1/1000000000000", "1/1000000000000000000000000000000", "1000/1", "1/1152921504606846976", "7/3")
SCALES = ("1/sqrt(d_head)", "1/sqrt(d_head)", "0/1", "1/1", "3/7", "1000/1", "1/1000000")


def array(entries: list[int], shape: tuple[int, ...]) -> Fields:
    """An i64 array of a certificate."""
    data = struct.pack(f"<{len(entries)}q", *entries)
    return {"dtype": "i64", "shape": list(shape), "data": base64.b64encode(data).decode()}


def spelled(tokens: list[int]) -> str:
    """An alphabet: ascending runs."""
    runs: list[list[int]] = []
    for token in sorted(tokens):
        if runs and token == runs[-1][1] + 1:
            runs[-1][1] = token
        else:
            runs.append([token, token])
    return "+".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def random_alphabets(rng: random.Random, n: int, d: int, least: int = 1) -> list[list[int]]:
    """Some positions fixed, some with part of the tokens; at least so many operands."""
    found = []
    for _ in range(n):
        size = rng.choice((1, d, d, rng.randint(1, d)))
        found.append(sorted(rng.sample(range(d), size)))
    free = [i for i in range(n) if len(found[i]) == 1]
    rng.shuffle(free)
    while sum(len(tokens) > 1 for tokens in found) < least:
        found[free.pop()] = list(range(d))
    return found


def task_with_alphabets(rng: random.Random, n: int, d: int) -> Fields:
    """A task of these sizes, of the nine."""
    names = ["kth-largest", "argmax-position", "first-unique", "modular-linear-sum", "group-word", "balanced", "finite-automaton"]
    names += ["multifun"] if n >= 2 else []
    names += ["induction"] * 2 if n >= 3 else []
    name = rng.choice(names)
    task: Fields = {"name": name, "n_ctx": n, "d_vocab": d}
    if name == "induction":
        return {**task, "others": rng.choice(("any", "distinct") if d >= n - 1 else ("any",))}
    alphabets = random_alphabets(rng, n, d, 2 if name == "multifun" else 1)
    if name == "multifun" and len(alphabets[0]) == 1:
        alphabets[0] = list(range(d))
    if name == "multifun" and all(len(tokens) == 1 for tokens in alphabets[1:]):
        alphabets[-1] = list(range(d))
    operands = [i for i in range(n) if len(alphabets[i]) > 1]
    if name == "kth-largest":
        task["k"] = rng.randint(1, len(operands))
    elif name == "argmax-position":
        task["ties"] = rng.choice(("first", "last"))
    elif name == "modular-linear-sum":
        modulus = rng.randint(2, d + 2)
        task |= {
            "modulus": modulus,
            "coefficients": [rng.randrange(modulus) for _ in operands],
            "offset": rng.randrange(modulus),
        }
    elif name == "group-word":
        group = rng.choice([group for group in GROUPS if len(group) <= d])
        tokens = list(range(len(group)))
        alphabets = [tokens if len(one) > 1 else one for one in alphabets]
        task["table"] = table(group)
    elif name == "balanced":
        opening, closing = rng.sample(range(d), 2)
        yes, no = rng.sample(range(d + 1), 2)
        alphabets = [sorted((opening, closing)) if len(one) > 1 else one for one in alphabets]
        task |= {"opening": opening, "closing": closing, "yes": yes, "no": no}
    elif name == "multifun":
        task["functions"] = [rng.choice(("max", "min", "first", "last")) for _ in alphabets[0]]
    elif name == "finite-automaton":
        task |= random_automaton(rng, n, d, alphabets)
    return {**task, "alphabets": [spelled(tokens) for tokens in alphabets]}


def random_automaton(rng: random.Random, n: int, d: int, alphabets: list[list[int]]) -> Fields:
    """States that some prefix of a word reaches, numbered by chance."""
    states, count = rng.randint(1, 4), rng.choice((1, n)) if n > 1 else 1
    tables = [[[rng.randrange(states) for _ in range(d)] for _ in range(states)] for _ in range(count)]
    reached, front = [0], {0}
    for i, tokens in enumerate(alphabets):
        front = {tables[i % count][s][t] for s in front for t in tokens}
        reached += sorted(front - set(reached))
    rng.shuffle(reached)
    number = {state: k for k, state in enumerate(reached)}
    entries = [[[number.get(one[s][t], 0) for t in range(d)] for s in reached] for one in tables]
    if len(entries) > 1 and all(one == entries[0] for one in entries):
        entries = entries[:1]
    flat = [state for one in entries for row in one for state in row]
    out = [rng.choice((-1, 0, 1, rng.randrange(d))) for _ in reached]
    out[number[min(front)]] = rng.randrange(d)  # some word has an answer
    return {
        "start": number[0],
        "step": array(flat, (len(entries), len(reached), d)),
        "out": array(out, (len(out),)),
    }


def random_options(rng: random.Random, sizes: dict[str, int]) -> Fields:
    """Options that these sizes allow."""
    attention = rng.choice(("causal", "full", "causal-uniform", "full-uniform")) if sizes["n_heads"] else "full"
    scores = sizes["n_heads"] > 0 and not attention.endswith("uniform")
    normalization = rng.choice(("none", "LN", "LNPre", "RMS", "RMSPre"))
    readouts: list[object] = ["last", "last", "sum", *range(sizes["n_ctx"] - 1)]
    return {
        "embedding": rng.choice(("shared", "by-position")),
        "attention": attention,
        "scale": rng.choice(SCALES) if scores else "1/sqrt(d_head)",
        "normalization": normalization,
        "eps": "0/1" if normalization == "none" else rng.choice(EPS),
        "activation": rng.choice(("relu", "gelu", "gelu_new", "silu")) if sizes["d_mlp"] else "none",
        "readout": rng.choice(readouts),
        "head": [rng.randint(1, 4) for _ in range(rng.choice((0, 0, 0, 1, 2)))],
    }


def random_sizes(rng: random.Random, task: Task) -> dict[str, int]:
    layers = rng.choice((0, 1, 1, 1, 2))
    heads, mlp = rng.choice(((1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (1, 1))) if layers else (0, 0)
    return {
        "n_layers": layers,
        "n_heads": heads,
        "n_ctx": task.n_ctx,
        "n_positions": rng.choice((0, task.n_ctx, task.n_ctx + 2)),
        "d_vocab": task.d_vocab,
        "d_vocab_out": task.answers() + rng.choice((0, 0, 0, 1, 2)),
        "d_model": rng.choice((1, 2, 3, 3, 4)),
        "d_head": rng.randint(1, 3) if heads else 0,
        "d_mlp": rng.randint(1, 4) if mlp else 0,
    }


def draw(rng: random.Random, kind: str) -> Callable[[], float]:
    """One weight."""
    if kind == "small-integers":
        return lambda: float(rng.choice((-1, 0, 0, 1)))
    if kind == "large":
        size = 10.0 ** rng.choice((2, 6, 20))
        return lambda: rng.gauss(0, size)
    if kind == "small":
        size = 10.0 ** -rng.choice((3, 8, 20))
        return lambda: rng.gauss(0, size)
    if kind == "mixed":
        return lambda: rng.gauss(0, 1) * 2.0 ** rng.randint(-12, 12)
    if kind == "wide-scores":
        return lambda: rng.gauss(0, 8)
    return lambda: rng.gauss(0, 1)


def columns_near(rng: random.Random, entries: list[float], width: int, distance: float) -> list[float]:
    """Each entry of a row near its first, so that logits are nearly equal."""
    rows = [entries[i : i + width] for i in range(0, len(entries), width)]
    return [row[0] * (1 + rng.gauss(0, distance)) for row in rows for _ in row]


def random_weights(rng: random.Random, sizes: dict[str, int], options: Options) -> Tensors:
    """Tensors of one kind, of several dtypes; some optional ones absent, some that nobody reads."""
    kind, dtype = rng.choice(KINDS), rng.choice((*DTYPES, "F64", ""))
    value, found = draw(rng, kind), {}
    distance = rng.choice((0.0, 1e-3, 1e-9, 1e-15, 1e-16))
    for name, (shape, optional) in shapes_of(sizes, options).items():
        if optional and rng.random() < 0.4:
            continue
        count = 1
        for size in shape:
            count *= size
        entries = [value() for _ in range(count)]
        if kind == "near-tie" and name.startswith("unembed"):
            entries = columns_near(rng, entries, shape[-1], distance)
        if kind == "constant-columns" and name.startswith(("embed", "pos_embed")):
            entries = columns_near(rng, entries, shape[-1], distance)
        found[name] = (dtype or rng.choice(DTYPES), shape, entries)
    for layer in range(sizes["n_layers"]):
        if sizes["n_heads"] and rng.random() < 0.2:
            found[f"blocks.{layer}.attn.IGNORE"] = ("F32", (), [float("-inf")])
            found[f"blocks.{layer}.attn.mask"] = ("BOOL", (2, 2), [1.0, 0.0, 1.0, 1.0])
        if options.uniform and sizes["n_heads"] and rng.random() < 0.3:
            found[f"blocks.{layer}.attn.W_Q"] = ("F32", (1,), [float("nan")])
    return found


def document(weights: Path, sizes: dict[str, int], options: Fields, task: Fields, total: int) -> Fields:
    """A certificate of format 1.1 that claims 0."""
    return {
        "format": {"name": "proofcheck-certificate", "version": "1.1"},
        "claim": {"accuracy_at_least": {"correct": 0, "total": total}},
        "model": {
            "architecture": "transformer",
            "dimensions": sizes,
            "options": options,
            "weights": {"file": weights.name, "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()},
        },
        "task": task,
        "extensions": {},
        "arithmetic": {"precision": 128},
        "steps": STEPS,
        "provenance": {},
    }


def read(fields: Fields) -> Task:
    """The task as the second checker reads it."""
    content = document(Path(__file__), dict.fromkeys(SIZES, 1), {}, fields, 1)
    return read_task(decode(json.dumps(content).encode()))


def drawn(folder: Path, seed: int) -> tuple[Fields, random.Random]:
    """A right certificate."""
    rng = random.Random(f"transformer {seed}")
    while True:
        n, d = rng.choice((1, 2, 2, 3, 3, 4)), rng.randint(2, 4)
        fields = task_with_alphabets(rng, n, d) if rng.random() < 0.7 else random_task(rng, n, d)
        try:
            task = read(fields)
        except RefusedError:
            continue  # a group-product of another order
        if task.total > 0:
            break
    sizes = random_sizes(rng, task)
    options = random_options(rng, sizes)
    meant = read_options(options)  # type: ignore[arg-type]
    weights = folder / f"transformer-{seed}.safetensors"
    metadata = {f"proofcheck.{name}": words for name, words in meant.words.items()} | {"proofcheck.task": task.words}
    kept = {name: words for name, words in metadata.items() if rng.random() < 0.5}
    write_safetensors(weights, random_weights(rng, sizes, meant), kept)
    return document(weights, sizes, options, fields, task.total), rng


def transformers(folder: Path, seeds: range) -> Iterator[Path]:
    """One certificate for each seed; its precision is 128 or 32 … 64 bits."""
    for seed in seeds:
        content, rng = drawn(folder, seed)
        content["arithmetic"] = {"precision": rng.choice((32, 40, 64, 128, 128, 128))}
        yield write(folder / f"transformer-{seed}.json", content)


def refused_transformers(folder: Path, seeds: range) -> Iterator[Path]:
    """The same with one thing wrong, each kind of it where it can be."""
    for seed in seeds:
        content, rng = drawn(folder, seed)
        for name, break_it in sorted(WRONG.items()):
            copy = json.loads(json.dumps(content))
            if break_it(copy, rng) is not False:
                yield write(folder / f"refused-transformer-{seed}-{name}.json", copy)


def option(name: str, value: object) -> Callable[[Fields, random.Random], object]:
    return lambda c, rng: changed(c, "model", "options", name, value=value)


def size(name: str, value: int) -> Callable[[Fields, random.Random], object]:
    return lambda c, rng: changed(c, "model", "dimensions", name, value=value)


def task_field(name: str, value: object) -> Callable[[Fields, random.Random], object]:
    """False where the task has no such field."""

    def change(content: Fields, rng: random.Random) -> object:
        fields: Fields = content["task"]  # type: ignore[assignment]
        if name not in fields:
            return False
        fields[name] = value
        return None

    return change


def one_alphabet(text: object) -> Callable[[Fields, random.Random], object]:
    """The alphabet of one position becomes this."""

    def change(content: Fields, rng: random.Random) -> object:
        fields: Fields = content["task"]  # type: ignore[assignment]
        if "alphabets" not in fields:
            return False
        alphabets: list[object] = fields["alphabets"]  # type: ignore[assignment]
        alphabets[rng.randrange(len(alphabets))] = text
        return None

    return change


def scores_unread(content: Fields) -> bool:
    """Attention is uniform, so that W_Q may be NaN: read, it would be a second fault."""
    return str(content["model"]["options"]["attention"]).endswith("uniform")  # type: ignore[index]


def dropped(kind: str) -> Callable[[Fields, random.Random], object]:
    """An option, dimension or field of the task is not there."""

    def change(content: Fields, rng: random.Random) -> None:
        place: Fields = content["task"] if kind == "task" else content["model"][kind]  # type: ignore[index, assignment]
        del place[rng.choice([key for key in place if key != "name"])]

    return change


WRONG: dict[str, Callable[[Fields, random.Random], object]] = {
    **{f"option-{name}-word": option(name, "other") for name in ("embedding", "attention", "normalization", "activation", "readout")},
    **{f"option-{name}-number": option(name, 3) for name in ORDER if name != "readout"},
    "option-missing": dropped("options"),
    "option-more": option("rotary", "none"),
    "option-order": lambda c, rng: turned(c["model"]["options"]),  # type: ignore[index]
    "dimension-missing": dropped("dimensions"),
    "dimension-order": lambda c, rng: turned(c["model"]["dimensions"]),  # type: ignore[index]
    "task-field-missing": dropped("task"),
    "scale-negative": option("scale", "-1/2"),
    "scale-decimal": option("scale", "0.5"),
    "scale-not-lowest": option("scale", "2/4"),
    "scale-whole": option("scale", "3"),
    "scale-denominator-zero": option("scale", "1/0"),
    "scale-another": option("scale", "1/2"),
    "eps-zero": option("eps", "0/1"),
    "eps-negative": option("eps", "-1/100000"),
    "eps-another": option("eps", "1/1000"),
    "eps-float": option("eps", "1e-5"),
    "normalization-none": option("normalization", "none"),
    "normalization-LN": option("normalization", "LN"),
    "normalization-RMS": option("normalization", "RMS"),
    "normalization-LNPre": option("normalization", "LNPre"),
    "activation-none": option("activation", "none"),
    "activation-gelu": option("activation", "gelu"),
    "attention-causal-uniform": option("attention", "causal-uniform"),
    "attention-full": lambda c, rng: not scores_unread(c) and option("attention", "full")(c, rng),
    "embedding-by-position": option("embedding", "by-position"),
    "embedding-shared": option("embedding", "shared"),
    "readout-beyond": lambda c, rng: changed(c, "model", "options", "readout", value=c["task"]["n_ctx"] - 1),  # type: ignore
    "readout-negative": option("readout", -1),
    "readout-list": option("readout", [0]),
    "head-zero": option("head", [0]),
    "head-word": option("head", ["2"]),
    "head-more": option("head", [2, 2, 2]),
    "head-string": option("head", "2"),
    "layers-zero": size("n_layers", 0),
    "layers-three": size("n_layers", 3),
    "heads-zero": size("n_heads", 0),
    "heads-three": size("n_heads", 3),
    "d-head-zero": size("d_head", 0),
    "d-head-seven": size("d_head", 7),
    "d-mlp-zero": size("d_mlp", 0),
    "d-mlp-seven": size("d_mlp", 7),
    "d-model-zero": size("d_model", 0),
    "d-model-seven": size("d_model", 7),
    "positions-few": lambda c, rng: changed(c, "model", "dimensions", "n_positions", value=max(1, c["task"]["n_ctx"] - 1)),  # type: ignore
    "positions-seven": size("n_positions", 7),
    "outputs-one": size("d_vocab_out", 1),
    "outputs-zero": size("d_vocab_out", 0),
    "outputs-nine": size("d_vocab_out", 9),
    "alphabet-gap": one_alphabet("0-1+2"),
    "alphabet-order": one_alphabet("1+0"),
    "alphabet-empty": one_alphabet(""),
    "alphabet-large": one_alphabet("0-9"),
    "alphabet-run-of-one": one_alphabet("1-1"),
    "alphabet-zero-first": one_alphabet("00"),
    "alphabet-space": one_alphabet("0 -1"),
    "alphabet-number": one_alphabet(0),
    "alphabet-plus": one_alphabet("0+"),
    "alphabets-string": task_field("alphabets", "0-1"),
    "alphabets-few": task_field("alphabets", ["0-1"] * 5),
    "alphabets-fixed": lambda c, rng: task_field("alphabets", ["0"] * int(c["task"]["n_ctx"]))(c, rng),  # type: ignore
    "k-zero": task_field("k", 0),
    "k-large": task_field("k", 6),
    "ties-both": task_field("ties", "both"),
    "modulus-one": task_field("modulus", 1),
    "modulus-large": task_field("modulus", 4_097),
    "offset-large": task_field("offset", 4_000),
    "offset-negative": task_field("offset", -1),
    "coefficients-number": task_field("coefficients", 1),
    "coefficients-many": task_field("coefficients", [1] * 6),
    "coefficients-large": task_field("coefficients", [4_000] * 3),
    "functions-unknown": task_field("functions", ["median", "max"]),
    "functions-many": task_field("functions", ["max"] * 6),
    "others-unknown": task_field("others", "some"),
    "opening-closing": lambda c, rng: task_field("opening", c["task"].get("closing"))(c, rng),  # type: ignore
    "yes-no": lambda c, rng: task_field("yes", c["task"].get("no"))(c, rng),  # type: ignore
    "yes-large": task_field("yes", 5_000),
    "closing-large": task_field("closing", 9),
    "start-large": task_field("start", 9),
    "start-negative": task_field("start", -1),
    "step-flat": task_field("step", array([0], (1, 1))),
    "step-other-shape": task_field("step", array([0] * 7, (1, 1, 7))),
    "step-negative": lambda c, rng: negative(c, "step"),
    "step-beyond": lambda c, rng: beyond(c, "step", 9),
    "step-three": lambda c, rng: repeated_tables(c, 3),
    "step-twice": lambda c, rng: repeated_tables(c, 0),
    "out-negative": lambda c, rng: negative(c, "out"),
    "out-beyond": lambda c, rng: beyond(c, "out", 4_096),
    "out-flat": task_field("out", array([0], (1, 1))),
    "out-empty": task_field("out", array([], (0,))),
    "out-none": lambda c, rng: every_entry(c, "out", -1),
    "state-unreached": lambda c, rng: one_more_state(c),
}


def entries_of(fields: Fields) -> tuple[list[int], tuple[int, ...]]:
    raw, shape = base64.b64decode(str(fields["data"])), tuple(fields["shape"])  # type: ignore[arg-type]
    return list(struct.unpack(f"<{len(raw) // 8}q", raw)), shape


def edited(content: Fields, name: str, edit: Callable[[list[int]], object]) -> object:
    task: Fields = content["task"]  # type: ignore[assignment]
    if name not in task:
        return False
    entries, shape = entries_of(task[name])  # type: ignore[arg-type]
    edit(entries)
    task[name] = array(entries, shape)
    return None


def negative(content: Fields, name: str) -> object:
    return edited(content, name, lambda entries: entries.__setitem__(0, -2))


def beyond(content: Fields, name: str, value: int) -> object:
    return edited(content, name, lambda entries: entries.__setitem__(-1, value))


def every_entry(content: Fields, name: str, value: int) -> object:
    return edited(content, name, lambda entries: entries.__setitem__(slice(None), [value] * len(entries)))


def repeated_tables(content: Fields, count: int) -> object:
    """The first table several times; 0: once for each position."""
    task: Fields = content["task"]  # type: ignore[assignment]
    if "step" not in task:
        return False
    entries, (_, states, d) = entries_of(task["step"])  # type: ignore[arg-type]
    count = count or int(str(task["n_ctx"]))
    task["step"] = array(entries[: states * d] * count, (count, states, d))
    return None


def one_more_state(content: Fields) -> object:
    """A last state to which nothing leads."""
    task: Fields = content["task"]  # type: ignore[assignment]
    if "step" not in task:
        return False
    entries, (tables, states, d) = entries_of(task["step"])  # type: ignore[arg-type]
    out, _ = entries_of(task["out"])  # type: ignore[arg-type]
    block = states * d
    more = [entry for i in range(tables) for entry in [*entries[i * block : (i + 1) * block], *[0] * d]]
    task |= {"step": array(more, (tables, states + 1, d)), "out": array([*out, 0], (states + 1,))}
    return None
