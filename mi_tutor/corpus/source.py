"""The corpus: the source of the Python that is running and of installed packages, which learners' machines hold.

Nothing is downloaded and no text of others is stored in this repository. Another Python version has another standard
library, so every figure measured on the corpus goes with `corpus_hash()`.
"""

import hashlib
import importlib.util
import os
import sys
import sysconfig
import tokenize
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

SPLITS = ("train", "heldout")

# Tests would be a third of the text and are unlike the rest; `encodings` and `pydoc_data` are tables and topic dumps;
# the others hold packages or the products of a build.
_SKIPPED_FOLDERS = {
    *("test", "tests", "idle_test", "encodings", "pydoc_data"),
    *("site-packages", "dist-packages", "lib-dynload", "__pycache__", "_bundled"),
}
# `_sysconfigdata_*.py` and `config-*/` record how this one interpreter was compiled, paths included.
_SKIPPED_PREFIXES = ("_sysconfigdata", "config-")
# In a package these record one build: PyTorch's for processors differs from its CUDA build in nothing else.
_BUILD_RECORDS = {"version.py", "_version.py", "__config__.py"}
# A whole standard library has some 600 files; far fewer means that the source was stripped or zipped.
_FEWEST_LIBRARY_FILES = 100


class CorpusError(RuntimeError):
    """The corpus cannot be read here, or was asked for something it does not have; the message says what to do."""


@dataclass(frozen=True)
class Root:
    """A folder of Python source that the corpus reads."""

    label: str
    """Put before the names of its files; empty for the standard library."""
    folder: Path
    """Where it lies on this machine; never part of a name or of the hash."""


@dataclass(frozen=True)
class SourceFile:
    """One file of the corpus."""

    name: str
    """Its path below its root, with forward slashes: the same on every machine. Decides the split."""
    text: str
    """What it says, decoded by its coding cookie, lines ending in a bare newline."""


def standard_library() -> tuple[Root, ...]:
    """The default corpus: the pure-Python standard library of the running interpreter."""
    return (Root("", Path(sysconfig.get_path("stdlib"))),)


def with_packages(names: tuple[str, ...]) -> tuple[Root, ...]:
    """The standard library and the installed packages of these import names; nothing is imported.

    Raises:
        CorpusError: names the packages that are not installed.
    """
    folders = {name: _package_folder(name) for name in names}
    if missing := [name for name, folder in folders.items() if folder is None]:
        raise CorpusError(
            f"The corpus of this model includes packages that are not installed here: {', '.join(missing)}. "
            "`pip install -c constraints.txt -e .[dev]` in a clone of mi-tutor installs the ones it was trained on."
        )
    return standard_library() + tuple(Root(name, folder) for name, folder in folders.items() if folder)


def corpus_files(split: str = "train", roots: tuple[Root, ...] | None = None) -> tuple[SourceFile, ...]:
    """The files of one split, sorted by name.

    A file is held out when a hash of its name says so (about one in ten), so a name stays in its split when the
    library around it changes. Near-duplicates are removed before the split: no held-out file has a twin in training.

    Args:
        split: "train" or "heldout".
        roots: what to read; the standard library when left out. Other folders of Python source may be added to it.

    Raises:
        CorpusError: for an unknown split, or when the library's source is not there.
    """
    if split not in SPLITS:
        raise CorpusError(f"There is no split {split!r}; the splits are {' and '.join(map(repr, SPLITS))}.")
    return tuple(file for file in _read(roots or standard_library()) if _is_held_out(file) == (split == "heldout"))


def corpus_hash(roots: tuple[Root, ...] | None = None) -> str:
    """A hash (32 hexadecimal digits) of the names and the text of every file in both splits."""
    return _hash(roots or standard_library())


def corpus_manifest(roots: tuple[Root, ...] | None = None) -> dict[str, Any]:
    """What the corpus is here: Python's and the packages' versions, the number of files, their bytes, and the hash."""
    from importlib.metadata import packages_distributions, version

    files = _read(roots or standard_library())
    packages = [root.label for root in roots or () if root.label]
    distributions = packages_distributions() if packages else {}
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        # "2.13.0+cpu" and "2.13.0" are one version of the source.
        "packages": {name: version(distributions[name][0]).split("+")[0] for name in packages},
        "files": len(files),
        "bytes": sum(len(file.text.encode()) for file in files),
        "hash": corpus_hash(roots),
    }


@lru_cache(maxsize=4)
def _read(roots: tuple[Root, ...]) -> tuple[SourceFile, ...]:
    files = sorted((file for root in roots for file in _files_below(root)), key=lambda file: file.name)
    few = _FEWEST_LIBRARY_FILES if roots == standard_library() else 1
    if len(files) < few:
        raise CorpusError(
            f"The source of Python's standard library is the corpus, but {roots[0].folder} holds {len(files)} readable "
            ".py files: this Python came zipped or without its source. Use one that has it (python.org, conda, "
            "pyenv, uv, or your system's complete package, on Debian and Ubuntu `libpython3-stdlib`)."
        )
    return tuple(_without_near_duplicates(files))


@lru_cache(maxsize=4)
def _hash(roots: tuple[Root, ...]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for file in _read(roots):
        for part in (file.name, file.text):
            data = part.encode()
            digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def _files_below(root: Root) -> list[SourceFile]:
    found = []
    for folder, subfolders, names in os.walk(root.folder):
        subfolders[:] = [name for name in subfolders if _is_wanted(name)]
        if root.label:
            names = [name for name in names if name not in _BUILD_RECORDS]
        for name in filter(_is_wanted, names):
            path = Path(folder, name)
            text = _text(path) if name.endswith(".py") else ""
            if text.strip():
                relative = path.relative_to(root.folder).as_posix()
                found.append(SourceFile(f"{root.label}/{relative}" if root.label else relative, text))
    return found


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def _is_wanted(name: str) -> bool:
    return name not in _SKIPPED_FOLDERS and not name.startswith(_SKIPPED_PREFIXES)


def _text(path: Path) -> str:
    """The file decoded as Python would; empty when Python could not read it either."""
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (OSError, SyntaxError, UnicodeDecodeError, LookupError):
        return ""


def _is_held_out(file: SourceFile) -> bool:
    return _number(file.name) % 10 == 0


def _without_near_duplicates(files: list[SourceFile], sketch_size: int = 64, alike: float = 0.8) -> list[SourceFile]:
    """Drop every file that shares about `alike` of its pairs of adjacent lines with one kept earlier.

    A file is represented by the `sketch_size` smallest hashes of its line pairs, and two sketches share about as much
    as the files do (bottom-k sketch: Broder, "On the resemblance and containment of documents", 1997). Looking the
    hashes up in one table makes this linear in the text, so it serves for many packages as well.
    """
    kept: list[SourceFile] = []
    keepers_of: dict[int, list[int]] = {}
    for file in files:
        lines = [line for line in map(str.strip, file.text.splitlines()) if line]
        pairs = {f"{a}\n{b}" for a, b in zip(lines, [*lines[1:], ""], strict=True)}
        sketch = sorted(map(_number, pairs))[:sketch_size]
        shared: dict[int, int] = {}
        for number in sketch:
            for keeper in keepers_of.get(number, ()):
                shared[keeper] = shared.get(keeper, 0) + 1
        if max(shared.values(), default=0) < alike * len(sketch):
            for number in sketch:
                keepers_of.setdefault(number, []).append(len(kept))
            kept.append(file)
    return kept


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
