"""Build the site into build/site: write what is generated beside what is written here, then let Sphinx read it.

make site           or: python -m docs [--run 00 01] [--to DIR]
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import nbformat

from docs.chapters import as_page, read_chapters, run_solved, to_sections
from docs.exercises import exercise_index
from docs.launch import on_binder
from docs.markdown import plain, table
from docs.models import card_index, card_page, names
from mi_tutor.address import repository
from mi_tutor.authoring.chapter_table import chapter_rows
from mi_tutor.check.outline import chapters

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent
NEEDS = {"sphinx": "sphinx", "myst_nb": "myst-nb", "furo": "furo", "mathjax": "django-static-mathjax"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs", description="Build the site.")
    parser.add_argument(
        "--run", nargs="*", default=[""], metavar="NN", help="for a quick look: the other chapters come without outputs"
    )
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "site", help="the folder of the finished site")
    options = parser.parse_args()
    missing = [package for module, package in NEEDS.items() if find_spec(module) is None]
    if missing:
        print(f"Building the site needs {' and '.join(missing)}: pip install 'mi-tutor[site]'", file=sys.stderr)
        return 1
    pages = ROOT / "build" / "pages"
    write_pages(pages)
    write_chapters(pages / "chapters", ROOT / "build" / "executed", options.run)
    return render(pages, options.to)


def write_pages(folder: Path) -> None:
    """Everything but the chapters. A page that would stay the same is left alone, so that Sphinx need not read it again."""
    for page in ("index.md", "learners.md", "glossary.md", "coming_from.md", "teachers.md", "contributors.md"):
        text = to_sections((HERE / page).read_text(encoding="utf-8"))
        text = text.replace("<!-- the table of chapters -->", chapter_table())
        text = text.replace("(REPOSITORY)", f"({repository()})").replace("(BINDER)", f"({on_binder('index.ipynb')})")
        _write(folder / page, text)
    for picture in (HERE / "pictures").glob("*.png"):
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        shutil.copy2(picture, folder / "pictures")
    _write(folder / "exercises.md", exercise_index())
    _write(folder / "models" / "index.md", card_index())
    for name in names():
        _write(folder / "models" / f"{name}.md", card_page(name))


def write_chapters(folder: Path, cache: Path, run: Sequence[str]) -> None:
    """Every chapter; those whose names begin with one of `run` with their outputs, which the cache may hold."""
    made = set()
    for chapter in read_chapters(ROOT):
        start = time.monotonic()
        is_run = chapter.name.startswith(tuple(run))
        notebook = run_solved(chapter, ROOT, cache) if is_run else nbformat.reads(chapter.solved, as_version=4)
        _write(folder / f"{chapter.name}.ipynb", nbformat.writes(as_page(chapter, notebook), version=4))
        made.add(f"{chapter.name}.ipynb")
        if is_run:
            print(f"{chapter.name}: {time.monotonic() - start:.0f} s", flush=True)
    for stray in {path.name for path in folder.glob("*.ipynb")} - made:
        (folder / stray).unlink()


def render(pages: Path, site: Path) -> int:
    """Sphinx's exit status; a warning, such as a link to a page that is not there, is an error."""
    options = [
        "--fresh-env",
        "--fail-on-warning",
        "--keep-going",
        "--quiet",
        "--doctree-dir",
        str(pages.parent / "doctrees"),
    ]
    command = [sys.executable, "-m", "sphinx", *options, "--conf-dir", str(HERE), str(pages), str(site)]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status == 0:
        megabytes = sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) / 1e6
        print(f"{site / 'index.html'}: {megabytes:.0f} MB")
    return status


def chapter_table() -> str:
    """The table of README, without its badges, with the number of exercises."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = []
    for chapter, done, hours in chapter_rows(readme, chapters()):
        link = f"[{plain(chapter.title)}](chapters/{chapter.file})"
        rows.append([link, done, str(len(chapter.tasks)), hours])
    return table(["chapter", "what you will have done", "exercises", "hours"], rows, numbers=(2, 3))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
