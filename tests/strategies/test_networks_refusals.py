"""What somebody new does wrong on the way from a model to a certificate, and what the refusal says to do next."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from proofcheck import Verdict, verify
from strategies.cli.main import main
from strategies.models.load import ModelError
from strategies.models.save import save
from strategies.networks.adapters import from_tensors, from_transformer_lens, task_json
from strategies.networks.network import Network

TASK = task_json("kth-largest", n_ctx=3, d_vocab=5, k=2, alphabets=("0-4",) * 3)
SIZES = {"n_layers": 2, "n_heads": 2, "n_ctx": 3, "n_positions": 3, "d_vocab": 5, "d_model": 8, "d_head": 4, "d_mlp": 12}
OPTIONS = {"attention": "full", "normalization": "LN", "eps": 1e-5, "activation": "gelu"}


class Encoder(torch.nn.Module):
    """torch's own encoder; `every`: logits at each position."""

    def __init__(self, every: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.every = every
        self.embed, self.position = torch.nn.Embedding(5, 8), torch.nn.Parameter(torch.randn(3, 8))
        layer = torch.nn.TransformerEncoderLayer(8, 2, 12, dropout=dropout, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, 2, norm=torch.nn.LayerNorm(8), enable_nested_tensor=False)
        self.out = torch.nn.Linear(8, 5)
        for parameter in self.parameters():
            torch.nn.init.normal_(parameter, std=0.5)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        logits = self.out(self.encoder(self.embed(tokens) + self.position))
        return logits if self.every else logits[:, -1]


def mapped(model: torch.nn.Module) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The state dict with the stacked projections cut into three, and the mapping."""
    state = dict(model.state_dict())
    names: dict[str, Any] = {"embed.W_E": "embed.weight", "pos_embed.W_pos": "position"}
    names |= {"ln_final.w": "encoder.norm.weight", "ln_final.b": "encoder.norm.bias"}
    names |= {"unembed.W_U": ("out.weight", True), "unembed.b_U": "out.bias"}
    for layer in range(2):
        theirs, ours = f"encoder.layers.{layer}.", f"blocks.{layer}."
        for kind in ("weight", "bias"):
            for letter, part in zip("QKV", state.pop(f"{theirs}self_attn.in_proj_{kind}").chunk(3), strict=True):
                state[f"{theirs}{letter}.{kind}"] = part
        pairs = [*((f"attn.W_{c}", f"attn.b_{c}", c) for c in "QKV"), ("attn.W_O", "attn.b_O", "self_attn.out_proj")]
        pairs += [("mlp.W_in", "mlp.b_in", "linear1"), ("mlp.W_out", "mlp.b_out", "linear2")]
        for W, b, module in pairs:
            names |= {ours + W: (f"{theirs}{module}.weight", True), ours + b: f"{theirs}{module}.bias"}
        for k in "12":
            names |= {f"{ours}ln{k}.w": f"{theirs}norm{k}.weight", f"{ours}ln{k}.b": f"{theirs}norm{k}.bias"}
    return state, names


def test_the_page_cuts_stacked_projections_as_these_tests_do() -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    (code,) = re.findall(r"^```python\n(def cut.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    scope: dict[str, Any] = {}
    exec(code, scope)
    model = Encoder()
    found = scope["cut"](scope["cut"](model.state_dict(), "encoder.layers.0"), "encoder.layers.1")
    expected, _ = mapped(model)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def exported(model: torch.nn.Module, **changed: Any) -> dict[str, torch.Tensor]:
    state, names = mapped(model)
    return from_tensors(Network.of(**{**SIZES, **OPTIONS, **changed}), state, names, TASK, model=model)


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_an_encoder_of_torch_is_verified(every: bool, dropout: float, tmp_path: Path) -> None:
    """Also in training mode, and where it gives logits at each position."""
    model = Encoder(every, dropout).train()
    save(exported(model), tmp_path / "m.safetensors")
    assert main(["evaluate", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "c.json")]) == 0
    words = torch.cartesian_prod(*[torch.arange(5)] * 3)
    with torch.no_grad():
        found = model.eval()(words)
    found = found[:, -1] if every else found
    right = int((found.argmax(-1) == words.sort(-1).values[:, 1]).sum())
    report = verify(tmp_path / "c.json")
    assert (report.verdict, report.proved, report.exact) == (Verdict.VERIFIED, right, True)
    assert model.training is False  # of the original only what this test changed


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"activation": "relu"}, "They agree with activation = gelu"),
        ({"attention": "causal"}, "They agree with attention = full"),
        ({"attention": "full-uniform"}, "no tensor blocks.0.attn.W_Q"),
        ({"scale": 1}, "They agree with scale = 1/sqrt(d_head)"),
        ({"eps": 1e-3}, "They agree with eps = 1/100000"),
        ({"normalization": "RMS"}, "no tensor ln_final.b"),
        ({"readout": 0}, "They agree with readout = last"),
        ({"readout": "sum"}, "They agree with readout = last"),
        ({"activation": "relu", "attention": "causal"}, "No change of one option"),
    ],
)
def test_a_wrong_option_is_named_by_the_right_one(changed: dict[str, Any], words: str) -> None:
    model = Encoder()
    with pytest.raises(ModelError) as caught:
        exported(model, **changed)
    assert words in str(caught.value)


def test_matrices_that_are_stored_the_other_way_are_named() -> None:
    model = Encoder()
    state, names = mapped(model)
    network = Network.of(**SIZES, **OPTIONS)
    for ours in ("blocks.1.attn.W_K", "blocks.0.attn.W_O"):
        with pytest.raises(ModelError, match=f"They agree with {ours} transposed"):
            from_tensors(network, state, {**names, ours: names[ours][0]}, TASK, model=model)
    with pytest.raises(ModelError, match=r"linear1\.weight has shape \(12, 8\), expected \(8, 12\) .* the transpose would fit"):
        from_tensors(network, state, {**names, "blocks.0.mlp.W_in": "encoder.layers.0.linear1.weight"}, TASK, model=model)


def test_a_function_in_single_precision_is_told_what_to_give() -> None:
    model = Encoder()
    state, names = mapped(model)
    with pytest.raises(ModelError, match=r"computes in torch\.float32: give the module itself"):
        from_tensors(Network.of(**SIZES, **OPTIONS), state, names, TASK, model=model.forward)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"activaton": "relu"}, "there is no size or option activaton; there are n_layers"),
        ({"activation": "leaky_relu"}, "none, relu, gelu, gelu_new, silu"),
        ({"attention": "local"}, "causal, full, causal-uniform, full-uniform"),
        ({"eps": 0}, "above 0 if and only if there is a normalization"),
        ({"eps": "1e-5"}, "rational"),
        ({"eps": float("nan")}, "eps is nan"),
        ({"readout": 3}, "readout is 3, must be a position from 0 to 2"),
        ({"readout": -4}, "readout is -4"),
        ({"n_positions": 2}, "0, or at least n_ctx"),
        ({"d_mlp": 0}, "0 if and only if activation is none"),
    ],
)
def test_a_network_that_does_not_exist_is_refused_with_what_does(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError) as caught:
        Network.of(**{**SIZES, **OPTIONS, **changed})
    assert words in str(caught.value)


def test_numbers_of_python_are_taken_exactly() -> None:
    network = Network.of(**SIZES, **{**OPTIONS, "scale": 0.1, "readout": -2})
    assert Fraction(network.options["eps"]) == Fraction(1e-5) != Fraction(1, 100000)
    assert (Fraction(network.options["scale"]), network.options["readout"]) == (Fraction(0.1), 1)
    assert all(Network.of(**SIZES, **OPTIONS, readout=readout).options["readout"] == "last" for readout in (2, -1, "last"))
    with pytest.raises(ModelError, match=r"missing d_vocab, d_model, d_head: a network has the sizes"):
        Network.of(n_ctx=3)


def test_a_file_that_does_not_say_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its tensors fit several networks: each option has to be said, and is then compared with what the file does say."""
    known = exported(Encoder())
    save(dict(known), tmp_path / "silent.safetensors")
    command = ["evaluate", str(tmp_path / "silent.safetensors"), "-o", str(tmp_path / "c.json"), "--task", TASK]
    given = {"attention": "full", "scale": "1/sqrt(d_head)", "normalization": "LN", "activation": "gelu", "readout": "last"}
    given["eps"] = f"{Fraction(1e-5).numerator}/{Fraction(1e-5).denominator}"

    def said(words: dict[str, str], *more: str) -> str:
        options = [word for name, value in words.items() for word in ("--option", f"{name}={value}")]
        assert main([*command, *options, *more]) == 2
        assert not (tmp_path / "c.json").exists()
        return capsys.readouterr().err

    assert "says attention, scale, normalization, eps, activation, readout, and networks that differ there" in said({})
    for name in given:
        assert f"says {name}, and" in said({key: value for key, value in given.items() if key != name})
    assert "--option colour=red is none of attention=causal" in said({"colour": "red"})
    assert "--option eps is none of" in said({}, "--option", "eps")
    options = [word for name, value in given.items() for word in ("--option", f"{name}={value}")]
    assert main([*command, *options]) == 0
    save(known, tmp_path / "saying.safetensors")
    assert main(["evaluate", str(tmp_path / "saying.safetensors"), "-o", str(tmp_path / "d.json")]) == 0
    one, other = (json.loads((tmp_path / name).read_text()) for name in ("c.json", "d.json"))
    assert one["claim"] == other["claim"]
    assert one["model"]["options"] == other["model"]["options"]
    capsys.readouterr()
    contrary = ["evaluate", str(tmp_path / "saying.safetensors"), "-o", str(tmp_path / "e.json"), "--option", "attention=causal"]
    assert main(contrary) == 2
    assert "unsupported-architecture" in capsys.readouterr().err


def test_folded_weights_that_nothing_declares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A LayerNorm without parameters leaves no tensor: the file alone is also one of a network without normalization."""
    sizes = {**SIZES, "n_layers": 1, "d_mlp": 0}
    generator = torch.Generator().manual_seed(0)
    network = Network.of(**sizes, normalization="LNPre", eps=1e-5)
    tensors = {name: torch.randn(shape, generator=generator) for name, (shape, _) in network.shapes().items()}
    save(tensors, tmp_path / "m.safetensors")
    command = ["evaluate", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "c.json"), "--task", TASK]
    assert main(command) == 2
    assert "a LayerNorm that was folded leaves none" in capsys.readouterr().err


def test_files_of_other_formats_and_too_many_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(Encoder().state_dict(), tmp_path / "m.pt")
    assert main(["evaluate", str(tmp_path / "m.pt"), "-o", str(tmp_path / "c.json")]) == 2
    assert "it is a torch checkpoint (the zip archive that torch.save writes). Convert it with" in capsys.readouterr().err
    save(Encoder().state_dict(), tmp_path / "m.safetensors")
    assert main(["evaluate", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "c.json"), "--task", TASK]) == 2
    assert "has adapters that write files of other models" in capsys.readouterr().err
    network = Network.of(n_ctx=12, d_vocab=64, d_model=8, d_head=4)
    tensors = {name: torch.zeros(shape) for name, (shape, _) in network.shapes().items()}
    names = {name: name for name in tensors}
    task = task_json("kth-largest", n_ctx=12, d_vocab=64, k=1, alphabets=("0-63",) * 12)
    save(from_tensors(network, tensors, names, task), tmp_path / "large.safetensors")
    assert main(["evaluate", str(tmp_path / "large.safetensors"), "-o", str(tmp_path / "c.json")]) == 2
    said = capsys.readouterr().err
    assert "limit-exceeded" in said
    assert "claim less: a task with fewer positions" in said


def test_read_outs_and_prompts_that_no_model_of_the_library_has() -> None:
    model_bridge = pytest.importorskip("transformer_lens.model_bridge")
    config = pytest.importorskip("transformer_lens.config")
    settings = {"d_model": 8, "d_head": 4, "n_heads": 2, "n_layers": 1, "n_ctx": 3, "d_vocab": 5, "attn_only": True, "seed": 0}
    bridge = model_bridge.TransformerBridge.boot_native(config.TransformerBridgeConfig(**settings, normalization_type=None))
    last = from_transformer_lens(bridge, TASK)
    assert from_transformer_lens(bridge, TASK, readout=-1).metadata == last.metadata
    assert from_transformer_lens(bridge, TASK, readout=2).metadata == last.metadata
    with pytest.raises(ModelError, match="readout is 'last' or a position"):
        from_transformer_lens(bridge, TASK, readout="sum")
    with pytest.raises(ModelError, match="n_ctx is 4, above the 3 positions"):
        from_transformer_lens(bridge, TASK, n_ctx=4)
    with pytest.raises(ModelError, match=r"the field 'n_ctx' is missing .* Its fields are n_ctx"):
        from_transformer_lens(bridge, "kth-largest")
    with pytest.raises(ModelError, match="from_tensors"):
        from_transformer_lens(Encoder(), TASK)
