"""The site's pages before Sphinx reads them: nothing is missing, and nothing in them needs a kernel."""

import json
import re

import nbformat
import pytest

from docs import __main__ as site
from docs.chapters import PLOTLY, WIDGET, as_page, read_chapters, without_kernel
from docs.exercises import anchor, asks, signature
from docs.launch import on_binder
from docs.markdown import plain, table
from mi_tutor.address import in_colab, repository
from mi_tutor.authoring.chapter_table import BADGE
from mi_tutor.authoring.colab_cell import COLAB
from mi_tutor.check.exercise import exercises
from mi_tutor.check.outline import chapters
from mi_tutor.models.recipes import RECIPES
from mi_tutor.models.sae_recipes import SAE_RECIPES
from mi_tutor.models.zoo import ASSETS


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    site.write_pages(folder)
    site.write_chapters(folder / "chapters", folder / "cache", run=[])
    return folder


def test_every_chapter_has_a_page_and_a_line_on_the_first_one(pages):
    first = (pages / "index.md").read_text("utf-8")
    assert {path.name for path in (pages / "chapters").iterdir()} == {chapter.file for chapter in chapters()}
    for chapter in chapters():
        line = next(line for line in first.splitlines() if f"](chapters/{chapter.file})" in line)
        assert f"| {len(chapter.tasks)} |" in line
    assert "<!--" not in first
    assert "REPOSITORY" not in first


def test_what_only_colab_needs_is_on_no_page(pages):
    for chapter in read_chapters(site.ROOT):
        page = nbformat.read(pages / "chapters" / f"{chapter.name}.ipynb", as_version=4)
        asked = nbformat.reads(chapter.released, as_version=4)
        assert COLAB in {cell.id for cell in asked.cells}
        assert COLAB not in {cell.id for cell in page.cells}


def test_badges_of_readme_stay_out_of_the_table():
    """They are pictures of other hosts."""
    badge = "[![Binder](https://a.example/badge.svg)](https://a.example/open)"
    assert BADGE.sub("", f"{badge} 1 ![x](y)").strip() == "1"


def test_every_exercise_is_in_the_index_and_leads_to_its_heading(pages):
    index = (pages / "exercises.md").read_text("utf-8")
    prose = "\n".join(path.read_text("utf-8") for path in (pages / "chapters").glob("*.ipynb"))
    for chapter in chapters():
        for task in chapter.tasks:
            exercise = exercises()[task.name]
            start = index.index(f"### [`{task.name}`](#{anchor(task.name)})")
            entry = index[start : index.find("\n#", start + 1)]
            assert signature(exercise).startswith(f"def {task.name}(")
            assert signature(exercise) in entry
            assert plain(asks(exercise)) in entry
            assert asks(exercise)
            assert f"about {task.minutes} minutes" in entry
            assert f"({anchor(task.name)})=" in prose
    assert set(re.findall(r"^### \[`(\w+)`\]", index, re.MULTILINE)) == set(exercises())


def test_the_index_gives_no_mistake_away(pages):
    index = (pages / "exercises.md").read_text("utf-8")
    for exercise in exercises().values():
        for mistake in exercise.misconceptions:
            assert mistake.sentence not in index


def test_every_card_has_a_page_with_every_figure(pages):
    listed = (pages / "models" / "index.md").read_text("utf-8")
    cards = [path.parent.name for path in ASSETS.glob("*/card.json") if path.parent.name in {**RECIPES, **SAE_RECIPES}]
    assert len(cards) == len(RECIPES) + len(SAE_RECIPES)
    for name in cards:
        page = (pages / "models" / f"{name}.md").read_text("utf-8")
        assert f"[`{name}`]({name}.md)" in listed
        card = json.loads((ASSETS / name / "card.json").read_text("utf-8"))
        assert [key for key in card["figures"] if f"| `{key}` |" not in page] == []


def test_solutions_are_folded_and_stand_below_what_learners_get():
    for chapter in read_chapters(site.ROOT):
        page = as_page(chapter, nbformat.reads(chapter.solved, as_version=4))
        nbformat.validate(page)
        solved = [i for i, cell in enumerate(page.cells) if "solution" in cell.metadata.get("tags", [])]
        assert len(solved) == len(next(c for c in chapters() if c.file == f"{chapter.name}.ipynb").every_task)
        for i in solved:
            assert "hide-input" in page.cells[i].metadata["tags"]
            assert "raise NotImplementedError" in page.cells[i - 1].source
            assert page.cells[i - 1].source.splitlines()[0] == page.cells[i].source.splitlines()[0]
            assert "SOLUTION" not in page.cells[i].source


def test_an_output_without_its_kernel_keeps_the_plot_and_drops_the_widget():
    figure = {"data": [{"name": "</script>"}], "layout": {}}
    data = {PLOTLY: figure, "text/html": "<img>", "text/plain": 'a "plot"'}
    shown = without_kernel(nbformat.v4.new_output("display_data", data=data)).data
    assert set(shown) == {"text/html", "text/plain"}
    assert "<div><img></div>" in shown["text/html"]
    assert 'aria-label="a &quot;plot&quot;"' in shown["text/html"]
    held = re.search(r'<script type="application/json">(.*?)</script>', shown["text/html"])
    assert json.loads(held[1]) == figure
    assert without_kernel(nbformat.v4.new_output("display_data", data={WIDGET: {}, "text/html": ""})) is None
    printed = nbformat.v4.new_output("stream", text="as it is")
    assert without_kernel(printed) == printed


def test_words_are_read_as_they_stand():
    assert plain("a*b_c `d*e` {f} [g] | h") == r"a\*b\_c `d*e` \{f\} \[g\] \| h"
    assert table(["a", "b"], [["c", "d\ne"]], numbers=[1]) == "| a | b |\n| :--- | ---: |\n| c | d e |\n"


def test_the_badges_of_readme_open_its_chapters():
    readme = (site.ROOT / "README.md").read_text(encoding="utf-8")
    assert f"]({on_binder('index.ipynb')})" in readme
    for chapter in chapters():
        row = next(line for line in readme.splitlines() if f"](chapters/{chapter.file})" in line)
        assert f"]({on_binder(chapter.file)})" in row
        assert f"]({in_colab(chapter.file)})" in row
    assert f"git clone {repository()} &&" in readme
