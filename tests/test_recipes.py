"""The recipes of CONTRIBUTING.md: each diff is applied to a copy of the package, and what it adds is used."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()

PREAMBLE = """
import hashlib, sys
from itertools import product
from pathlib import Path
import numpy as np
from safetensors.numpy import save
import proofcheck
from proofcheck import Certificate, Step, Verdict
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least

assert Path(proofcheck.__file__).is_relative_to(Path.cwd()), proofcheck.__file__
rng = np.random.default_rng(0)


def verified(architecture, sizes, tensors, task, steps, correct):
    weights = save({name: np.ascontiguousarray(array.astype("<f4")) for name, array in tensors.items()})
    Path("weights").write_bytes(weights)
    words = task.fields
    claim = accuracy_at_least(correct, words["d_vocab"] ** words["n_ctx"])
    model = ModelSpec(architecture, sizes, "weights", hashlib.sha256(weights).hexdigest())
    report = proofcheck.verify(Certificate(claim, model, task, 128, steps), model="weights")
    assert report.verdict is Verdict.VERIFIED, report.error
    return report


EVALUATION = (Step("blocks", "evaluation"), Step("count", "sum-blocks", ("blocks",)))
"""
TABLES = """
tensors = {"embed.W_E": abs(rng.standard_normal((2, 4, 3))), "unembed.W_U": rng.standard_normal((3, 4))}
sizes = {"n_ctx": 2, "d_vocab": 4, "d_model": 3, "d_vocab_out": 4}
W_E, W_U = (tensors[name].astype("<f4").astype(float) for name in ("embed.W_E", "unembed.W_U"))
answers = {x: int(np.argmax(np.maximum(W_E[0, x[0]] + W_E[1, x[1]], 0) @ W_U)) for x in product(range(4), repeat=2)}
"""
USES = {
    "To add a task": TABLES
    + """
right = sum(answer == x[0] for x, answer in answers.items())
report = verified("sum-of-tables-relu", sizes, tensors, TaskSpec("first-token", {"n_ctx": 2, "d_vocab": 4}), EVALUATION, right)
assert (report.proved, report.wrong) == (right, 16 - right)
from proofcheck.tasks.first_token import FirstToken
for n, d in ((1, 2), (3, 3)):
    task, words = FirstToken(n, d), list(product(range(d), repeat=n))
    assert task.machine.answers(np.array(words)).tolist() == [task.answer(word) for word in words]
""",
    "To add an architecture": """
tensors = {"embed.W_E": rng.standard_normal((4, 3)), "unembed.W_U": rng.standard_normal((3, 4))}
W_E, W_U = (tensors[name].astype("<f4").astype(float) for name in ("embed.W_E", "unembed.W_U"))
right = sum(int(np.argmax(W_E[x[-1]] @ W_U)) == max(x) for x in product(range(4), repeat=2))
sizes = {"n_ctx": 2, "d_vocab": 4, "d_model": 3}
report = verified("bigram", sizes, tensors, TaskSpec("max-of-k", {"n_ctx": 2, "d_vocab": 4}), EVALUATION, right)
assert (report.proved, report.wrong) == (right, 16 - right)
""",
    "To add a rule": TABLES
    + """
steps = (Step("blocks", "nothing"), Step("count", "sum-blocks", ("blocks",)))
report = verified("sum-of-tables-relu", sizes, tensors, TaskSpec("max-of-k", {"n_ctx": 2, "d_vocab": 4}), steps, 0)
assert (report.proved, report.wrong) == (0, 0)
""",
}


def section(title: str) -> str:
    """The text below the heading that begins so."""
    (found,) = [part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if part.startswith(title)]
    return found


def apply(diff: str, root: Path) -> None:
    """New files are written; changed lines, whole lines that occur once, are replaced. Enough for the diffs of the page, and strict."""
    for part in re.split(r"^--- ", diff, flags=re.MULTILINE)[1:]:
        old, new, *lines = part.splitlines()
        path = root / new.removeprefix("+++ b/")
        if old == "/dev/null":
            path.write_text("".join(line[1:] + "\n" for line in lines[1:]))
            continue
        text = path.read_text()
        for hunk in "\n".join(lines).split("@@\n")[1:]:
            before = "".join(line[1:] + "\n" for line in hunk.splitlines() if line.startswith("-"))
            after = "".join(line[1:] + "\n" for line in hunk.splitlines() if line.startswith("+"))
            assert text.count(before) == 1, (path.name, before)
            text = text.replace(before, after)
        path.write_text(text)


def used(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{PREAMBLE}{code}"
    return subprocess.run([sys.executable, "-I", "-c", program], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("title", USES)
def test_recipe(title: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "proofcheck", tmp_path / "proofcheck", ignore=shutil.ignore_patterns("__pycache__", "selftest_corpus"))
    assert used(USES[title], tmp_path).returncode != 0  # not yet there
    (diff,) = re.findall(r"^```diff\n(.*?)^```", section(title), flags=re.DOTALL | re.MULTILINE)
    apply(diff, tmp_path)
    done = used(USES[title], tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_strategy_on_the_page(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", section("To add a strategy"), flags=re.DOTALL | re.MULTILINE)
    use = (
        code
        + TABLES
        + """
task = TaskSpec("max-of-k", {"n_ctx": 2, "d_vocab": 4})
steps = exhaustive(None, None, None).steps
assert verified("sum-of-tables-relu", sizes, tensors, task, steps, 0).exact
"""
    )
    shutil.copytree(ROOT / "proofcheck", tmp_path / "proofcheck", ignore=shutil.ignore_patterns("__pycache__", "selftest_corpus"))
    done = used(use, tmp_path)
    assert done.returncode == 0, done.stderr
