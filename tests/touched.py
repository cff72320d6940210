"""What the last commits touched: chapters and exercises to test whole, with everything beneath them.

A chapter or an exercise is touched when one of its own files is, or a module that these import, however indirectly, or
the judge's; what was changed in the day before the last commit counts, and what is not committed yet. Another beginning
can be named: `MI_TUTOR_SINCE=HEAD~3 make test`. Where there is no git, as in a downloaded zip, everything counts as
touched. (pytest-testmon asks the same question of a record of earlier runs, which a fresh clone has not got.)
"""

import functools
import os
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
JUDGE = "mi_tutor.check.judge"
EVERYWHERE = ("constraints.txt", "pyproject.toml", "tests/conftest.py", "tests/touched.py")
IMPORT = re.compile(r"^(?:# )?\s*from (mi_tutor\.[\w.]+) import", re.MULTILINE)
ASSETS = tuple(str(path.relative_to(ROOT)) for path in (ROOT / "mi_tutor" / "assets").rglob("*") if path.is_file())


@functools.cache
def touched_files() -> frozenset[str] | None:
    """Paths below the repository's root; None where git cannot tell."""
    try:
        before = os.environ.get("MI_TUTOR_SINCE", "")
        if not before:
            last = datetime.fromisoformat(_git("log", "-1", "--format=%cI"))
            before = _git("rev-list", "-1", f"--before={(last - timedelta(days=1)).isoformat()}", "HEAD")
        committed = _git("diff", "--name-only", before or _git("hash-object", "-t", "tree", "/dev/null"), "HEAD")
        pending = _git("status", "--porcelain", "--untracked-files=all", "--no-renames")
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    return frozenset([*committed.splitlines(), *(line[3:].strip('"') for line in pending.splitlines())])


def chapter_is_touched(module: str) -> bool:
    """Whether to run a chapter, such as `ch01_bigrams`, from top to bottom."""
    sources, imports = {f"solutions/{module}.py"}, set[str]()
    for source in (waiting := list(sources)):  # a chapter imports what an earlier one has defined
        for name in IMPORT.findall((ROOT / source).read_text("utf-8")):
            if not name.startswith("mi_tutor.solutions."):
                imports.add(name)
            elif (earlier := f"solutions/{name.rpartition('.')[2]}.py") not in sources:
                sources.add(earlier)
                waiting.append(earlier)
    used = {"mi_tutor.check", "mi_tutor.device", "mi_tutor.models", JUDGE, *imports}
    return _any_touched({*sources, "tests/test_chapters.py", *ASSETS}, used)


def exercise_is_touched(chapter: str, name: str) -> bool:
    """Whether to check an exercise with every seed."""
    tests = {f"tests/exercises/{chapter}/{file}.py" for file in (name, "_shared")}
    files = {f"solutions/{chapter}.py", "tests/exercises/test_declarations.py", *tests}
    return _any_touched(files, {f"mi_tutor.exercises.{chapter}.{name}", JUDGE})


def room_is_touched(*modules: str) -> bool:
    """Whether one of these modules, of `mi_tutor` or a file below the root, or anything beneath them was touched."""
    files = {name for name in modules if "/" in name} | (set(ASSETS) if "mi_tutor.assets" in modules else set())
    return _any_touched(files, {name for name in modules if "/" not in name})


@functools.cache
def beneath(module: str) -> frozenset[str]:
    """The files of a module and of all that it imports, however indirectly; also what it imports for type checkers alone,
    which is how a room says where the names come from that it hands on."""
    modules = {module, *graph().find_upstream_modules(module)}
    return frozenset(path for each in modules for path in _paths(each))


@functools.cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("mi_tutor", cache_dir=None)


def _any_touched(files: set[str], modules: set[str]) -> bool:
    touched = touched_files()
    return touched is None or not touched.isdisjoint(files.union(EVERYWHERE, *map(beneath, modules)))


def _paths(module: str) -> tuple[str, str]:
    stem = module.replace(".", "/")
    return f"{stem}.py", f"{stem}/__init__.py"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n")
