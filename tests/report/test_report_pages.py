"""Pages about certificates: their numbers against the network itself, and that nothing of a file becomes markup."""

from __future__ import annotations

import html.parser
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from proofcheck import Checker, Limits, Step, Verdict, decode_certificate, encode_certificate
from proofcheck import load as load_certificate
from proofcheck.certificate import ClaimSpec
from proofcheck.cli.main import GUARANTEE
from strategies.cli.main import main
from strategies.models.forward import logits, right
from strategies.models.load import load
from strategies.networks.network import Network
from strategies.networks.network import logits as network_logits
from strategies.report.circuits import circuits
from strategies.report.figures import MOST_CELLS, blocks_figure, frontier_figure, largest_losses, table_figure
from strategies.report.gather import BlockTables, read, subject
from strategies.report.markup import data, element, table
from strategies.report.network import float_network
from tests.shipped import shipped, stem_of

ROOT = Path(__file__).parents[2]
CERTIFICATES = ROOT / "certificates"
SMALL = CERTIFICATES / "accept/max-of-3-d-vocab-16-seed-0--exact.json"
MODEL = CERTIFICATES / "models/max-of-3-d-vocab-16-seed-0.safetensors"
EXACT = CERTIFICATES / "accept/max-of-4-seed-123--exact.json"
CUBIC = CERTIFICATES / "accept/max-of-4-seed-123--cubic.json"
REFERENCE = CERTIFICATES / "models/max-of-4-seed-123.safetensors"
REFUSED = CERTIFICATES / "reject/not-proved/1.1-tables-one-higher.json"


def every_input(d_vocab: int, n_ctx: int) -> torch.Tensor:
    return torch.cartesian_prod(*[torch.arange(d_vocab)] * n_ctx)


def test_blocks_are_what_the_network_does() -> None:
    tokens = every_input(16, 3)
    correct, answers = right(load(MODEL), tokens), tokens.amax(1)
    blocks = read(SMALL, Checker()).blocks
    assert blocks is not None
    for q in range(16):
        for y in range(16):
            inside = (tokens[:, -1] == q) & (answers == y)
            assert blocks.size[q, y] == int(inside.sum())
            assert blocks.right[q, y] == int((inside & correct).sum())
            assert blocks.wrong[q, y] == int((inside & ~correct).sum())
            assert blocks.left[q, y] == 0


def test_blocks_of_a_weaker_proof_leave_inputs_open() -> None:
    exact, cubic = read(EXACT, Checker()), read(CUBIC, Checker())
    assert exact.blocks is not None
    assert cubic.blocks is not None
    assert (cubic.blocks.right <= exact.blocks.right).all()
    assert cubic.blocks.right.sum() == cubic.report.proved
    assert cubic.blocks.left.sum() == cubic.report.total - cubic.report.proved > 0


@pytest.mark.parametrize("path", shipped("networks"), ids=stem_of)
def test_float_networks_agree_with_torch(path: Path) -> None:
    """Logits of every shipped network, of some words of its task."""
    certificate = load_certificate(path)
    weights = (path.parent / certificate.model.file).read_bytes()
    network = float_network(certificate, weights)
    assert network is not None
    reference = Network(dict(certificate.model.dimensions), dict(certificate.model.options))
    generator = np.random.default_rng(0)
    tokens = generator.integers(0, network.sizes["d_vocab"], (20, network.sizes["n_ctx"]))
    if certificate.model.architecture != "transformer":
        pytest.skip("not of this architecture: the next tests have the others")
    theirs = network_logits(reference, {name: torch.tensor(value) for name, value in network.tensors.items()}, torch.tensor(tokens))
    ours, patterns = network.run(tokens)
    assert np.abs(ours - theirs.numpy()).max() < 1e-9
    for pattern in patterns:
        assert np.abs(pattern.sum(axis=-1) - 1).max() < 1e-12


def test_path_expansion_is_the_network() -> None:
    """EUPU + Σ softmax(EQKE + EQKP) · (EVOU + PVOU) are the logits of the attention-only network."""
    certificate = decode_certificate(SMALL.read_bytes(), Limits())
    network = float_network(certificate, MODEL.read_bytes())
    assert network is not None
    part = {found.name: found.values for found in circuits(network)}
    tokens = np.random.default_rng(1).integers(0, 16, (50, 3))
    scores = part["EQKE"][tokens[:, -1][:, None], tokens] + part["EQKP"][tokens[:, -1]]
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    summed = part["EUPU"][tokens[:, -1]] + np.einsum("bn,bnv->bv", weights, part["EVOU"][tokens] + part["PVOU"][None])
    expected = logits(load(MODEL), torch.tensor(tokens)).numpy()
    assert np.abs(summed - expected).max() < 1e-9
    ours, patterns = network.run(tokens)
    assert np.abs(ours - expected).max() < 1e-9
    assert np.abs(patterns[0][:, 0] - weights).max() < 1e-12


def test_circuits_head_by_head_of_two_heads() -> None:
    """Two heads without MLP have two sets of tables, and their sum is the network too; with an MLP there is no such sum."""
    generator = np.random.default_rng(3)
    network = Network.of(n_ctx=3, d_vocab=7, d_model=6, d_head=4, n_heads=2)
    tensors = {name: generator.normal(size=shape) for name, (shape, _) in network.shapes().items()}
    from strategies.report.network import _PLAIN, FloatNetwork

    found = FloatNetwork("transformer", network.sizes, {**_PLAIN}, tensors)
    part = {table.name: table.values for table in circuits(found)}
    assert set(part) == {"EUPU", *(f"{name} {head}" for name in ("EQKE", "EQKP", "EVOU", "PVOU") for head in (0, 1))}
    tokens = generator.integers(0, 7, (30, 3))
    total = part["EUPU"][tokens[:, -1]]
    for head in (0, 1):
        scores = part[f"EQKE {head}"][tokens[:, -1][:, None], tokens] + part[f"EQKP {head}"][tokens[:, -1]]
        weights = np.exp(scores)
        weights /= weights.sum(axis=1, keepdims=True)
        total = total + np.einsum("bn,bnv->bv", weights, part[f"EVOU {head}"][tokens] + part[f"PVOU {head}"][None])
    assert np.abs(total - found.run(tokens)[0]).max() < 1e-9
    assert circuits(FloatNetwork("transformer", {**network.sizes, "d_mlp": 5}, {**_PLAIN}, tensors)) == []


def test_hard_inputs_have_the_least_margins() -> None:
    entry = read(SMALL, Checker())
    found = subject(entry, None, 5)
    tokens = every_input(16, 3)
    values = logits(load(MODEL), tokens)
    answers = tokens.amax(1, keepdim=True)
    own = values.gather(1, answers)[:, 0]
    margins = own - values.scatter(1, answers, -torch.inf).amax(1)
    blocks = {(int(q), int(y)) for q, y in zip(tokens[:, -1], answers[:, 0], strict=True)}
    least = sorted(float(margins[(tokens[:, -1] == q) & (answers[:, 0] == y)].min()) for q, y in blocks)[:5]
    assert [hard.margin for hard in found.hard] == pytest.approx(least, abs=1e-9)
    assert found.looked == "all 4,096 inputs"
    for hard in found.hard:
        assert hard.verdict == ("wrong" if hard.margin < 0 else "right")
        assert hard.answer == max(hard.tokens)
        assert sum(hard.patterns[0][1]) == pytest.approx(1)
        assert hard.answer in [token for token, _ in hard.best]


def test_large_tables_are_summed_exactly() -> None:
    size = np.full((300, 300), 10**20, dtype=object)
    figure = blocks_figure(BlockTables(size, size - 1, np.zeros_like(size)))
    assert len(figure["rows"]) <= MOST_CELLS
    assert figure["rows"][0] == "0–2"
    assert sum(int(value) for row in figure["size"] for value in row) == 300 * 300 * 10**20
    assert sum(int(value) for row in figure["right"] for value in row) == 300 * 300 * (10**20 - 1)


def test_largest_losses_are_sorted() -> None:
    size = np.array([[5, 9], [3, 0]], dtype=object)
    right_, wrong = np.array([[5, 2], [1, 0]], dtype=object), np.array([[0, 3], [2, 0]], dtype=object)
    assert largest_losses(BlockTables(size, right_, wrong), 9) == [(0, 1, 9, 2, 3, 4), (1, 0, 3, 1, 2, 0)]


def test_frontier_keeps_what_nothing_cheaper_reaches() -> None:
    dear = CERTIFICATES / "accept/max-of-4-seed-123--brute-force.json"
    figure = frontier_figure([read(path, Checker()) for path in (EXACT, CUBIC, dear)])
    assert len(figure["best"]) == 2  # brute force proves no more than the exact proof, and costs more
    assert figure["operations"] == sorted(figure["operations"])
    kept = [figure["accuracy"][k] for k in figure["best"]]
    assert kept == sorted(set(kept))
    assert max(figure["accuracy"]) == kept[-1]


def test_table_figure_keeps_four_digits() -> None:
    certificate = decode_certificate(SMALL.read_bytes(), Limits())
    network = float_network(certificate, MODEL.read_bytes())
    assert network is not None
    for found in circuits(network):
        values = np.array(table_figure(found)["values"])
        assert np.abs(values - found.values).max() <= 5e-4 * np.abs(found.values).max()


class Elements(html.parser.HTMLParser):
    """Start tags with their attributes, and the text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._raw = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._raw = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._raw = False

    def handle_data(self, text: str) -> None:
        if not self._raw:
            self.words.append(text)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("plotly")
    output = tmp_path_factory.mktemp("page") / "report.html"
    assert main(["report", str(CUBIC), "-o", str(output), "--hard-inputs", "3"]) == 0
    return output.read_text(encoding="utf-8")


def test_page_says_what_was_proved(page: str) -> None:
    report = Checker().verify(CUBIC)
    words = " ".join(Elements(page).words)
    assert report.line() in words
    assert f"{report.proved:,}" in words
    assert report.model_sha256 in words
    for step in report.steps:
        assert step.rule in words
    assert " ".join(GUARANTEE.split()) in " ".join(words.split())
    assert "Statement (sum over blocks)" in words  # the theorems


def test_page_needs_nothing_else(page: str) -> None:
    """No address but a link inside the page and the empty icon: it works offline."""
    for tag, attributes in Elements(page).tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert attributes.get(name) in (None, "data:,") or str(attributes[name]).startswith("#"), (tag, attributes)
    assert "@import" not in page
    assert "url(" not in page.split("</style>")[0]
    assert len(page) < 2_600_000


def test_headings_and_names_for_those_who_cannot_see(page: str) -> None:
    elements = Elements(page)
    levels = [int(tag[1]) for tag, _ in elements.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    charts = [attributes for _, attributes in elements.tags if "chart" in str(attributes.get("class")).split()]
    tables = {attributes.get("data-figure") for _, attributes in elements.tags if attributes.get("class") == "as-table"}
    assert len(charts) >= 7
    for chart in charts:
        assert len(str(chart["aria-label"])) > 20
        assert chart["tabindex"] == "0"
        assert chart["id"] in tables  # the same numbers as a table
    assert all("aria-label" in attributes for _, attributes in elements.tags if attributes.get("role") in ("img", "region"))
    assert dict(elements.tags)["html"]["lang"] == "en"


def luminance(colour: str) -> float:
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str) -> None:
    """At least 4.5 : 1 for every colour of text on every ground (WCAG 2.2, 1.4.3)."""
    style = (ROOT / "strategies/report/assets/page.css").read_text()
    roots = re.findall(r":root \{([^}]*)\}", style)
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", roots[("light", "dark").index(scheme)]))
    for ground in ("back", "panel"):
        for name in ("text", "quiet", "link", "right", "wrong", "left"):
            lighter, darker = sorted((luminance(colours[name]), luminance(colours[ground])), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (name, ground)


HOSTILE = '</script><script>window.taken=1</script><img src=x onerror="window.taken=1">'


def hostile(folder: Path) -> Path:
    """A certificate with markup in its strings and in its file name."""
    certificate = decode_certificate(CUBIC.read_bytes(), Limits())
    model = replace(certificate.model, file=f"{HOSTILE.replace('/', '_')}.safetensors")
    changed = replace(certificate, model=model, provenance={"strategy": HOSTILE})
    path = folder / "<img src=x onerror=window.taken=1>.json"
    path.write_bytes(encode_certificate(changed))
    (folder / model.file).write_bytes(REFERENCE.read_bytes())
    return path


def test_strings_of_files_stay_text(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    path = hostile(tmp_path)
    for arguments in ([str(path)], [str(path), str(CUBIC), str(REFUSED)]):
        output = tmp_path / f"{len(arguments)}.html"
        assert main(["report", *arguments, "-o", str(output)]) == 0
        elements = Elements(output.read_text(encoding="utf-8"))
        assert not [tag for tag, _ in elements.tags if tag == "img"]
        assert sum(tag == "script" for tag, _ in elements.tags) == 3
        assert not [name for _, attributes in elements.tags for name in attributes if name.startswith("on")]
        assert HOSTILE in " ".join(elements.words)


def test_markup_escapes_what_is_not_markup() -> None:
    assert element("p", "<b>", title='"x"') == '<p title="&quot;x&quot;">&lt;b&gt;</p>'
    assert element("p", "a\nb\x1b[2J") == "<p>a\\nb\\x1b[2J</p>"
    assert "<script" not in data({"a": "<script>&</script>"})
    assert json.loads(data({"a": "<script>&</script>"})) == {"a": "<script>&</script>"}
    assert "<i>" not in table("<i>", ["<i>"], [["<i>"]])


def test_refused_certificates_have_a_page_too(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    output = tmp_path / "refused.html"
    assert main(["report", str(REFUSED), "-o", str(output)]) == 0
    words = " ".join(Elements(output.read_text(encoding="utf-8")).words)
    assert "REJECTED" in words
    assert "not-proved" in words
    assert "the claim is larger than what the steps prove" in words
    assert "are proved to be answered correctly" not in words
    assert "VERIFIED" not in words.replace("s VERIFIED CLAIM", "")


def test_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    bad, output = tmp_path / "bad.json", tmp_path / "bad.html"
    bad.write_text("{")
    assert main(["report", str(bad), "-o", str(output)]) == 0
    assert "malformed-json" in output.read_text(encoding="utf-8")


def test_a_folder_gets_an_index_and_pages(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    output = tmp_path / "pages"
    assert main(["report", str(SMALL), str(CUBIC), str(REFUSED), "-o", str(output)]) == 0
    index = Elements((output / "index.html").read_text(encoding="utf-8"))
    links = [attributes["href"] for tag, attributes in index.tags if tag == "a" and str(attributes["href"]).endswith(".html")]
    assert len(links) == 3
    for link in links:
        assert (output / str(link)).is_file()
        assert (output / str(link)).stat().st_size < 400_000  # the library lies beside them
    assert (output / "plotly.min.js").is_file()


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("plotly")
    output = tmp_path / "there.html"
    output.write_text("mine")
    assert main(["report", str(CUBIC), "-o", str(output)]) == 2
    assert output.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "x.html")]) == 2
    assert "there are no certificates" in capsys.readouterr().err


def test_the_verdict_is_the_checkers(tmp_path: Path) -> None:
    """Another model than the certificate's: the page says so, and shows no numbers of it."""
    pytest.importorskip("plotly")
    output = tmp_path / "other.html"
    other = MODEL
    assert main(["report", str(CUBIC), "-o", str(output), "--model", str(other)]) == 0
    words = " ".join(Elements(output.read_text(encoding="utf-8")).words)
    assert "unexpected-model" in words
    assert "What the network computes" not in words
    assert Checker().verify(CUBIC, model=[other]).verdict is Verdict.DECLINED


def test_a_claim_that_counts_no_inputs_has_a_page(tmp_path: Path) -> None:
    """A bound on the mean loss: in words, with no accuracy and on no frontier."""
    pytest.importorskip("plotly")
    certificate = decode_certificate(SMALL.read_bytes(), Limits())
    claim = ClaimSpec("mean_loss_at_most", {"nats": "5/1", "total": 4096})
    steps = (Step("losses", "evaluation-losses"), Step("sum", "sum-losses", ("losses",)))
    path = tmp_path / "loss.json"
    path.write_bytes(encode_certificate(replace(certificate, claim=claim, steps=steps)))
    assert Checker().verify(path, model=MODEL).verdict is Verdict.VERIFIED
    for arguments in ([str(path)], [str(path), str(SMALL)]):
        output = tmp_path / f"{len(arguments)}.html"
        assert main(["report", *arguments, "-o", str(output), "--model", str(MODEL), "--hard-inputs", "1"]) == 0
        words = " ".join(Elements(output.read_text(encoding="utf-8")).words)
        assert "mean loss <= 5/1 nats" in words
        assert "mean loss from" in words
        assert "0.000000" not in words
        assert "The frontier" not in words
