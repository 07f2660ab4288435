"""Transformers of any options from TransformerLens and plain PyTorch to a verified certificate; recipes; the forward pass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from models.transformer_reference import random_case, torch_logits

import proofcheck
from proofcheck import Verdict
from proofcheck.certificate import TaskSpec
from strategies.cli.main import main
from strategies.models.load import ModelError
from strategies.models.save import save
from strategies.networks.adapters import from_tensors, from_transformer_lens, task_json
from strategies.networks.evaluate import certificate_of, network_of, prove
from strategies.networks.network import Network, logits
from strategies.networks.recipes import RECIPES
from strategies.networks.task_words import task_document, task_fields
from strategies.networks.train import Inputs, initial_weights, metadata, train

model_bridge = pytest.importorskip("transformer_lens.model_bridge")
config = pytest.importorskip("transformer_lens.config")

SETTINGS: dict[str, Any] = {
    "d_model": 8, "d_head": 4, "n_heads": 2, "n_layers": 2, "n_ctx": 3, "d_vocab": 5, "d_vocab_out": 5,
    "attn_only": False, "d_mlp": 6, "normalization_type": "LN", "seed": 0, "act_fn": "gelu",
}  # fmt: skip
TASK = task_json("kth-largest", n_ctx=3, d_vocab=5, k=1, alphabets=("0-4",) * 3)


def boot(dtype: torch.dtype = torch.float64, **changed: Any) -> Any:
    bridge = model_bridge.TransformerBridge.boot_native(config.TransformerBridgeConfig(**(SETTINGS | changed)), dtype=dtype)
    generator = torch.Generator().manual_seed(0)
    bridge.load_state_dict({n: torch.randn(t.shape, generator=generator).to(t.dtype) for n, t in bridge.state_dict().items()})
    return bridge


@pytest.mark.parametrize("seed", range(60))
def test_the_forward_pass_is_the_reference_s(seed: int) -> None:
    case = random_case(seed)
    network = Network(case.sizes, case.options)
    tokens = np.random.default_rng(seed).integers(0, case.sizes["d_vocab"], (20, case.sizes["n_ctx"]))
    weights = {name: torch.tensor(array).double() for name, array in case.tensors.items()}
    found, expected = logits(network, weights, torch.tensor(tokens)).numpy(), torch_logits(case, tokens)
    assert np.abs(found - expected).max() <= 1e-10 * (1 + np.abs(expected).max())


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"normalization_type": None, "act_fn": "relu"},
        {"normalization_type": "LNPre", "act_fn": "gelu_new"},
        {"normalization_type": "RMS", "act_fn": "silu", "eps": 1e-3},
        {"attn_only": True, "n_layers": 1},
        {"n_heads": 1, "d_vocab_out": 7},
    ],
)
def test_bridges_become_verified_certificates(changed: dict[str, Any], tmp_path: Path) -> None:
    bridge = boot(torch.float32, **changed)
    save(from_transformer_lens(bridge, TASK), tmp_path / "m.safetensors")
    report = prove(tmp_path / "m.safetensors", tmp_path / "c.json")
    words = torch.cartesian_prod(*[torch.arange(5)] * 3)
    with torch.no_grad():
        found = bridge(words)[:, -1]
    right = int((found.argmax(-1) == words.amax(-1)).sum())
    assert (report.verdict, report.proved, report.total, report.exact) == (Verdict.VERIFIED, right, 125, True)
    assert proofcheck.verify(tmp_path / "c.json").proved == right


def test_read_outs_before_the_last_and_shorter_prompts(tmp_path: Path) -> None:
    bridge = boot()
    task = task_json("kth-largest", n_ctx=2, d_vocab=5, k=2, alphabets=("0-4",) * 2)
    save(from_transformer_lens(bridge, task, readout=0, n_ctx=2), tmp_path / "m.safetensors")
    report = prove(tmp_path / "m.safetensors", tmp_path / "c.json")
    assert (report.verdict, report.total) == (Verdict.VERIFIED, 25)
    assert "n_ctx=2 n_positions=3" in report.model_words
    assert "readout=0" in report.model_words


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("parallel_attn_mlp", True),
        ("gated_mlp", True),
        ("positional_embedding_type", "rotary"),
        ("normalization_type", "BN"),
        ("act_fn", "gelu_fast"),
        ("attn_scores_soft_cap", 30.0),
        ("n_key_value_heads", 1),
        ("use_qk_norm", True),
        ("attention_dir", "sideways"),
    ],
)
def test_settings_that_are_not_meant_are_refused_by_name(setting: str, value: Any) -> None:
    bridge = boot()
    from_transformer_lens(bridge, TASK)
    setattr(bridge.cfg, setting, value)
    with pytest.raises(ModelError, match=setting) as caught:
        from_transformer_lens(bridge, TASK)
    assert "docs/models.md" in str(caught.value)


def test_a_setting_that_the_model_does_not_follow_is_found() -> None:
    bridge = boot()
    bridge.cfg.act_fn = "relu"
    with pytest.raises(ModelError, match="differ"):
        from_transformer_lens(bridge, TASK)


def test_plain_pytorch(tmp_path: Path) -> None:
    """An MLP on the sum of two embeddings, written as a torch module."""
    torch.manual_seed(0)
    left, right, hidden, out = torch.nn.Embedding(4, 6), torch.nn.Embedding(4, 6), torch.nn.Linear(6, 9), torch.nn.Linear(9, 4)
    state = {"tables": torch.stack([left.weight, right.weight])}
    state |= {"hidden.weight": hidden.weight, "hidden.bias": hidden.bias, "out.weight": out.weight, "out.bias": out.bias}
    plain = {"n_layers": 0, "n_heads": 0, "d_head": 0, "n_positions": 0, "embedding": "by-position", "attention": "full", "readout": "sum"}
    network = Network.of(n_ctx=2, d_vocab=4, d_model=6, head=(9,), **plain)
    names = {"embed.W_E": ("tables", False), "head.0.W": ("hidden.weight", True), "head.0.b": ("hidden.bias", False)}
    names |= {"unembed.W_U": ("out.weight", True), "unembed.b_U": ("out.bias", False)}
    task = task_json("kth-largest", n_ctx=2, d_vocab=4, k=1, alphabets=("0-3",) * 2)
    save(from_tensors(network, state, names, task), tmp_path / "m.safetensors")
    report = prove(tmp_path / "m.safetensors", tmp_path / "c.json")
    words = torch.cartesian_prod(torch.arange(4), torch.arange(4))
    with torch.no_grad():
        found = out(hidden(left(words[:, 0]) + right(words[:, 1])).relu()).argmax(-1)
    assert report.proved == int((found == words.amax(-1)).sum())
    with pytest.raises(ModelError, match=r"missing tensor unembed.W_U"):
        short = {name: source for name, source in names.items() if name != "unembed.W_U"}
        from_tensors(network, state, short, task, unused=("out.weight",))
    with pytest.raises(ModelError, match="shape"):
        from_tensors(network, state, {**names, "unembed.W_U": ("out.weight", False)}, task)


DOCS = Path(__file__).parents[2] / "docs"


def run_block(page: str, heading: str, changed: tuple[str, str] = ("", "")) -> None:
    """The first Python block after a heading of a page, as a program of its own."""
    (code, *_) = re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text().partition(heading)[2], flags=re.DOTALL | re.MULTILINE)
    assert changed[0] in code
    exec(compile(code.replace(*changed), page, "exec"), {"__name__": "__main__"})


def test_the_plain_script_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From docs/models.md to VERIFIED, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    run_block("models.md", "### Plain PyTorch")
    assert main(["evaluate", "mine.safetensors", "-o", "mine.json"]) == 0
    report = proofcheck.verify(tmp_path / "mine.json")
    assert (report.verdict, report.proved, report.total, report.notes) == (Verdict.VERIFIED, 121, 121, ())


def test_the_transformer_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script of docs/models.md, trained for ten steps instead of two hundred: half a minute of processor time."""
    monkeypatch.chdir(tmp_path)
    run_block("models.md", "## Transformers of any options", ("range(200)", "range(10)"))
    assert main(["evaluate", "mine.safetensors", "-o", "mine.json"]) == 0
    report = proofcheck.verify(tmp_path / "mine.json")
    assert (report.verdict, report.exact, report.total, report.notes) == (Verdict.VERIFIED, True, 512, ())
    assert report.proved > 512 // 3


def test_the_two_headed_transformer_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole example of docs/howto/own-model.md, trained for three steps instead of a hundred."""
    monkeypatch.chdir(tmp_path)
    run_block("howto/own-model.md", "# Prove something about your own model", ("range(100)", "range(3)"))
    assert main(["evaluate", "mine.safetensors", "-o", "mine.json"]) == 0
    report = proofcheck.verify(tmp_path / "mine.json")
    assert (report.verdict, report.exact, report.total, report.notes) == (Verdict.VERIFIED, True, 12**4, ())
    assert report.task == "max-of-k n_ctx=4 d_vocab=12" and "n_heads=2" in report.line()


def plain() -> tuple[Network, dict[str, torch.Tensor], dict[str, tuple[str, bool]]]:
    """A linear map of one-hot tokens, under names of its own."""
    options = {"n_layers": 0, "n_heads": 0, "d_head": 0, "n_positions": 0, "attention": "full"}
    network = Network.of(n_ctx=2, d_vocab=4, d_model=6, **options)
    state = {
        "emb.weight": torch.randn(4, 6, generator=torch.Generator().manual_seed(0)),
        "out.weight": torch.eye(4, 6),
        "out.bias": torch.ones(4),
    }
    return network, state, {"embed.W_E": ("emb.weight", False), "unembed.W_U": ("out.weight", True), "unembed.b_U": ("out.bias", False)}


TOKEN_AT = task_json("token-at", n_ctx=2, d_vocab=4, position=1)


def test_a_mapping_that_forgets_something_is_refused() -> None:
    network, state, names = plain()

    def model(tokens: torch.Tensor) -> torch.Tensor:
        return state["emb.weight"].double()[tokens[:, -1]] @ state["out.weight"].double().T + state["out.bias"].double()

    assert from_tensors(network, state, names, TOKEN_AT, model=model).metadata["proofcheck.task"] == "token-at n_ctx=2 d_vocab=4 position=1"
    with pytest.raises(ModelError, match=r"out\.bias is not in `names`"):
        from_tensors(network, state, {name: source for name, source in names.items() if name != "unembed.b_U"}, TOKEN_AT)
    with pytest.raises(ModelError, match="differ"):
        short = {name: source for name, source in names.items() if name != "unembed.b_U"}
        from_tensors(network, state, short, TOKEN_AT, unused=("out.bias",), model=lambda tokens: model(tokens) * 2)
    with pytest.raises(ModelError, match=r"no tensor emb\.wieght; it has emb\.weight, out\.weight, out\.bias"):
        from_tensors(network, state, {**names, "embed.W_E": ("emb.wieght", False)}, TOKEN_AT)
    with pytest.raises(ModelError, match=r"no tensor embed\.W; it has embed\.W_E"):
        from_tensors(network, state, {**names, "embed.W": ("emb.weight", False)}, TOKEN_AT)
    with pytest.raises(ModelError, match=r"logits have shape \(64, 2\)"):
        from_tensors(network, state, names, TOKEN_AT, model=lambda tokens: model(tokens)[:, :2])
    with pytest.raises(ModelError, match="not finite"):
        from_tensors(network, {**state, "out.bias": torch.tensor([0, 1, torch.nan, 2])}, names, TOKEN_AT)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (task_json("token_at", n_ctx=2, d_vocab=4), "there is no task 'token_at'; there are "),
        (task_json("token-at", n_ctx=2, d_vocab=4), "position"),
        (task_json("token-at", n_ctx=2, d_vocab=4, position=2), "position"),
        (task_json("token-at", n_ctx=3, d_vocab=4, position=1), "the task has n_ctx = 3, the network 2"),
        (task_json("token-at", n_ctx=2, d_vocab=5, position=1), "the task has d_vocab = 5, the network 4"),
        (task_json("kth-largest", n_ctx=2, d_vocab=4, k=1, alphabets=("0-4",) * 2), "alphabets"),
        (task_json("modular-sum", n_ctx=2, d_vocab=4, modulus=7), "modulus"),
        ("token-at", "Its fields are n_ctx: at least 1, d_vocab: at least 2, position"),
        ("token-at n_ctx=2 d_vocab=four position=1", "d_vocab=four: a whole number is wanted"),
        ("token-at n_ctx=2 d_vocab=4 position=1 modulus=7", "modulus"),
        ("group-product n_ctx=2 table=[2x2]sha256:00", "table is a table, which words name by its digest only"),
        ("tokenat n_ctx=2 d_vocab=4 position=1", "did you mean 'token-at'"),
        ('"token-at"', "a task is a JSON object"),
    ],
)
def test_a_task_that_does_not_fit_is_refused_with_what_would(task: str, words: str) -> None:
    network, state, names = plain()
    with pytest.raises(ModelError) as caught:
        from_tensors(network, state, names, task)
    assert words in str(caught.value)


def test_processes_write_the_same_certificate(tmp_path: Path) -> None:
    model = Path(__file__).parents[2] / "certificates" / "models" / "networks" / "multifun-seed-0.safetensors"
    written = []
    for jobs in ("1", "2"):
        assert main(["evaluate", str(model), "-o", str(tmp_path / "c.json"), "--jobs", jobs, "--force"]) == 0
        written.append((tmp_path / "c.json").read_bytes())
    assert written[0] == written[1]
    assert b'"correct": 131072' in written[0]
    assert main(["evaluate", str(model), "-o", str(tmp_path / "c.json"), "--jobs", "0", "--force"]) == 2


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64], ids=str)
def test_a_number_that_is_none_is_refused_by_name(
    bad: float, dtype: torch.dtype, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network, state, names = plain()
    found = from_tensors(network, {name: tensor.to(dtype) for name, tensor in state.items()}, names, TOKEN_AT)
    found["unembed.W_U"][1, 2] = bad
    save(found, tmp_path / "m.safetensors")
    assert main(["evaluate", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "c.json")]) == 1
    said = capsys.readouterr().err
    assert "nothing was written: non-finite-weight: tensor unembed.W_U holds" in said
    assert "[1, 2]" in said
    assert not (tmp_path / "c.json").exists()


def test_what_cannot_be_evaluated_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network, state, names = plain()
    found = from_tensors(network, state, names, TOKEN_AT)

    def said(file: Path, *more: str) -> str:
        assert main(["evaluate", str(file), "-o", str(tmp_path / "c.json"), *more]) in (1, 2)
        assert not (tmp_path / "c.json").exists()
        return capsys.readouterr().err

    torch.save(state, tmp_path / "checkpoint.pt")
    assert "nothing was written: " in said(tmp_path / "checkpoint.pt")
    assert "nothing was written: " in said(tmp_path / "nowhere.safetensors")
    save(dict(found), tmp_path / "silent.safetensors")
    assert "give one, such as --task" in said(tmp_path / "silent.safetensors")
    assert "there is no task 'tokenat'; there are max-of-k" in said(tmp_path / "silent.safetensors", "--task", '{"name": "tokenat"}')
    save(found, tmp_path / "more.safetensors", {"proofcheck.activation": "relu"})
    assert "0, with activation relu" in said(tmp_path / "more.safetensors")
    save({**found, "blocks.0.mlp.W_gate": torch.ones(2, 2)}, tmp_path / "gated.safetensors", found.metadata)
    assert "W_gate" in said(tmp_path / "gated.safetensors")
    save(found, tmp_path / "m.safetensors")
    assert "--limit work=" in said(tmp_path / "m.safetensors", "--limit", "work=10")


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipes_describe_networks_and_tasks_that_fit(name: str, tmp_path: Path) -> None:
    """A few steps of each: the file says what the network is, and a certificate can be drafted about it."""
    from dataclasses import replace

    recipe = RECIPES[name]
    weights = initial_weights(recipe.network, 0, 1.0)
    tokens, answers = Inputs(replace(recipe), 0).draw(4)
    assert logits(recipe.network, weights, tokens).shape == (len(answers), recipe.network.sizes["d_vocab_out"])
    assert int(answers.max()) < recipe.network.sizes["d_vocab_out"]
    save(weights, tmp_path / "m.safetensors", metadata(recipe, name, 0, 0.0))
    network, _ = network_of(tmp_path / "m.safetensors", recipe.network.sizes["n_ctx"])
    assert network == recipe.network
    certificate = certificate_of(tmp_path / "m.safetensors", tmp_path / "c.json")
    assert certificate.claim.fields["total"] == recipe.task().total()


def test_training_is_reproducible_and_learns() -> None:
    from dataclasses import replace

    recipe = replace(RECIPES["token-at"], steps=300, batch=64)
    (one, first), (other, second) = train(recipe, 3), train(recipe, 3)
    assert first == second < 2.0
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_tasks_are_written_and_read() -> None:
    for recipe in RECIPES.values():
        import json

        name, fields = task_fields(json.dumps(task_document(recipe.task_name, recipe.task_fields)))
        assert name == recipe.task_name
        assert all(np.array_equal(fields[key], value) for key, value in recipe.task_fields.items())
        if not any(isinstance(value, np.ndarray) for value in recipe.task_fields.values()):
            name, fields = task_fields(TaskSpec(recipe.task_name, recipe.task_fields).words())
            assert (name, fields) == (recipe.task_name, dict(recipe.task_fields))
    with pytest.raises(ValueError):
        task_fields("[]")
