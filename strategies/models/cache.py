"""`train_or_load`: the model of a recipe from a cache, or trained and put there. An entry that is not whole is trained again, never used.

An entry is a weight file and a note beside it, both named by the hash of the recipe. The note holds the recipe and the SHA-256 of the
weight file, and is written last: without it, or with another digest, there is no entry.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from strategies.models.recipe import Recipe
from strategies.models.save import save
from strategies.models.train import is_of, metadata, train
from strategies.write import write

VERSION = 1  # of the recipe's code: another number, other hashes


def default_folder() -> Path:
    """`proofcheck/models` in the user's cache folder ($XDG_CACHE_HOME, else ~/.cache)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "proofcheck" / "models"


def recipe_hash(recipe: Recipe) -> str:
    """16 hexadecimal digits that stand for all that decides a training run, but for torch and the processor."""
    return hashlib.sha256(_words(recipe).encode()).hexdigest()[:16]


def train_or_load(recipe: Recipe, folder: Path | None = None, remote: str = "", device: str = "cpu") -> Path:
    """The weight file of `recipe`: from `folder`, else from `remote`, else trained. It is then in both.

    folder: None is `default_folder()`. remote: a folder for fsspec, as "s3://bucket/models" or "file:///mnt/models"; "" is none.
    An entry of another torch release counts: which one trained it is in the file's metadata.
    Errors: OSError; what fsspec raises for a remote that cannot be reached; what torch raises for a missing `device`.
    """
    folder = default_folder() if folder is None else folder
    name = f"{recipe.name}-{recipe_hash(recipe)}"
    path, note = folder / f"{name}.safetensors", folder / f"{name}.json"
    whole = _is_whole(path, note, recipe)
    if not whole:
        folder.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
    if not whole and not (remote and _download(remote, path, note, recipe)):
        trained = train(recipe, device)
        save(trained.weights, path, metadata(recipe, trained))
        write(note, _note(path, recipe))
    if remote:
        _upload(remote, path, note)
    return path


def _is_whole(path: Path, note: Path, recipe: Recipe) -> bool:
    """The digest fits the note, the note and the weight file the recipe, and the weights can be read."""
    try:
        words: Any = json.loads(note.read_text(encoding="utf-8"))
        if words != json.loads(_note(path, recipe)):
            return False
    except (OSError, ValueError):
        return False
    return is_of(path, recipe)


def _note(path: Path, recipe: Recipe) -> bytes:
    words = {"recipe": json.loads(_words(recipe)), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return (json.dumps(words, indent=1) + "\n").encode()


def _words(recipe: Recipe) -> str:
    return json.dumps({"task": "max-of-k", "version": VERSION, **asdict(recipe)}, sort_keys=True)


def _download(remote: str, path: Path, note: Path, recipe: Recipe) -> bool:
    """Whether the remote had a whole entry; then it is here."""
    import fsspec

    files, root = fsspec.url_to_fs(remote)
    try:
        weights, words = (files.cat_file(f"{root}/{name}") for name in (path.name, note.name))
    except FileNotFoundError:
        return False
    write(path, weights)
    write(note, words)
    if _is_whole(path, note, recipe):
        return True
    note.unlink(missing_ok=True)
    return False


def _upload(remote: str, path: Path, note: Path) -> None:
    """The weight file, then the note, unless the note is there with a file of the right size. Renaming makes each appear whole."""
    import fsspec

    files, root = fsspec.url_to_fs(remote)
    files.makedirs(root, exist_ok=True)
    names = {local: f"{root}/{local.name}" for local in (path, note)}
    if _same(files, names[note], note) and files.exists(names[path]) and files.size(names[path]) == path.stat().st_size:
        return
    for local, target in names.items():
        files.pipe_file(f"{target}.{os.getpid()}.part", local.read_bytes())
        files.mv(f"{target}.{os.getpid()}.part", target)


def _same(files: Any, name: str, local: Path) -> bool:
    try:
        return bool(files.cat_file(name) == local.read_bytes())
    except FileNotFoundError:
        return False
