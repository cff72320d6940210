"""What strangers plant is taken out of notebooks and pages, and what they honestly wrote is left."""

import copy
import json
import re
from functools import cache

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from planted import INVALID, NOWHERE, PIXEL, QUIET, cells, plant
from traitlets.config import Config

from mi_tutor.authoring.build import clone_root
from mi_tutor.grading.inert import Inert, configure_pages
from mi_tutor.grading.inert_html import LONGEST_TEXT, clean, render
from mi_tutor.grading.inert_markdown import inert, is_inert

RUNS_OR_LOADS = set(
    re.findall(
        r"\w+", "script style link meta base iframe frame object embed form input button textarea svg video audio"
    )
)
CHAPTERS = sorted((clone_root() / "chapters").glob("*.ipynb"))


def dangers(page: str) -> set[str]:
    """What a browser would run or fetch of it, as far as a parser that is not the sanitiser's sees it."""
    found = set()
    for element in BeautifulSoup(page, "html.parser").find_all(True):
        if element.name in RUNS_OR_LOADS:
            found.add(element.name)
        for name, value in element.attrs.items():
            address = re.sub(r"[\x00-\x20]", "", str(value)).lower()
            if name.startswith("on") or name in ("srcdoc", "formaction") or (name == "style" and "url(" in address):
                found.add(name)
            if name == "src" and ":" in address and not address.startswith("data:image/png;"):
                found.add(address)
            if name.endswith("href") and not address.startswith(("http:", "https:", "mailto:", "#")):
                found.add(address)
    return found


@cache
def exporter(*, ours: bool) -> HTMLExporter:
    config = Config()
    if ours:
        configure_pages(config)
        del config.HTMLExporter["extra_template_basedirs"]
    return HTMLExporter(template_name="classic", config=config)


def body(notebook, *, ours: bool = False) -> str:
    """A page of nbconvert's without its frame, with our settings or without."""
    page, _ = exporter(ours=ours).from_notebook_node(copy.deepcopy(notebook))
    return str(BeautifulSoup(page, "html.parser").find(id="notebook-container"))


def handed_in(*made):
    """A notebook of these cells that nobody has looked at."""
    notebook = new_notebook()
    notebook.cells = [copy.deepcopy(cell) for cell in made]
    return notebook


def made_inert(*made):
    notebook, _ = Inert().preprocess(handed_in(*made), {})
    return notebook


# Of a text whose attachment is not there nbconvert by itself makes no page.
@pytest.mark.parametrize("name", sorted(set(cells()) - {"attachment"}))
def test_a_notebook_put_together_anew_plants_nothing_in_any_page(name):
    notebook = made_inert(cells()[name])
    nbformat.validate(notebook)
    # A picture on the web may be honest; in a course's pages it is not fetched.
    assert dangers(body(notebook)) - {f"{NOWHERE}/img-in-markdown", f"{NOWHERE}/img-by-address"} == set()


@pytest.mark.parametrize("name", sorted(set(cells()) - INVALID))
def test_a_page_plants_nothing_of_a_notebook_as_it_was_handed_in(name):
    notebook = handed_in(cells()[name])
    assert dangers(body(notebook, ours=True)) == set()


def test_these_dangers_are_seen_where_nothing_is_done():
    """The control of both tests above; that parser takes one comment for longer than a browser does."""
    quiet = QUIET | INVALID
    unseen = {
        name for name in set(cells()) - quiet - {"comment-that-ends"} if not dangers(body(handed_in(cells()[name])))
    }
    assert unseen == set()


def test_metadata_is_what_nbgrader_needs_and_no_more():
    notebook = handed_in(new_code_cell("x", metadata={"nbgrader": {"grade_id": "a", "comment": "<b>", "points": 3}}))
    plant(notebook)
    made, _ = Inert().preprocess(notebook, {})
    assert "<" not in json.dumps([made.metadata, *(cell.metadata for cell in made.cells)])
    assert set(made.metadata) == {"kernelspec", "language_info"}
    assert made.cells[0].metadata == {"nbgrader": {"grade_id": "a", "points": 3}}
    assert {key for cell in made.cells for key in cell.metadata} == {"nbgrader"}


def test_putting_together_again_changes_nothing():
    once = made_inert(*cells().values())
    again, _ = Inert().preprocess(copy.deepcopy(once), {})
    assert again == once


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_text_of_a_chapter_is_inert_as_it_stands(chapter):
    texts = [cell.source for cell in nbformat.read(chapter, as_version=4).cells if cell.cell_type == "markdown"]
    assert [text for text in texts if inert(text) != text] == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapters_words_and_formulas_are_on_its_page(chapter):
    found = nbformat.read(chapter, as_version=4).cells
    texts = [cell.source for cell in found if cell.cell_type == "markdown"]
    pages = BeautifulSoup("".join(render(text, {}) for text in texts), "html.parser")
    for code in pages.find_all("code"):
        assert not code.get_text().startswith("\\"), "a formula was shown as TeX"
    shown = re.findall(r"\w{4,}", pages.get_text())
    plain = BeautifulSoup(body(new_notebook(cells=list(map(new_markdown_cell, texts)))), "html.parser").get_text()
    without_math = re.sub(r"\${1,2}[^$]+\${1,2}", "", plain)
    assert set(re.findall(r"\w{4,}", without_math)) - set(shown) == set()


HONEST = {
    "formula": ("$W_{OV} < \\frac{1}{2}$", "<mfrac>"),
    "display": ("$$\n\\sum_i x_i\n$$", 'display="block"'),
    "aligned": ("\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}", "<mtable"),
    "table": ("|a|b|\n|-:|-|\n|1|2|", '<td style="text-align:right">1</td>'),
    "code": ("```python\ndef f(x): return x < 1\n```", '<span class="k">def</span>'),
    "html in code": ("Use `<script>` here.", "<code>&lt;script&gt;</code>"),
    "less than": ("a < b and x <y", "a &lt; b and x &lt;y"),
    "bold": ("a <b>word</b> and H<sub>2</sub>O", "<b>word</b> and H<sub>2</sub>O"),
    "link": ("[paper](https://arxiv.org/abs/1)", 'href="https://arxiv.org/abs/1"'),
    "task": ("- [x] done", "\N{BALLOT BOX WITH CHECK} done"),
    "details": ("<details><summary>more</summary>\n\ntext\n\n</details>", "<summary>more</summary>"),
    "picture beside": ("![plot](figures/my%20plot.png)", 'src="figures/my%20plot.png"'),
    "attachment": ("![plot](attachment:p.png)", f'src="data:image/png;base64,{PIXEL}"'),
    "attached in html": ('<img src="plot.png" width="300">', 'width="300"'),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_text_stays_as_it_is_and_is_shown(name):
    text, shown = HONEST[name]
    assert inert(text) == text
    assert shown in render(text, {"p.png": {"image/png": PIXEL}})


def test_what_cannot_stand_is_shown_and_the_rest_of_the_text_is_read():
    text = inert("**Yes**, <script>alert(1)</script> $x^2$")
    assert text == "**Yes**, &lt;script>alert(1)&lt;/script> $x^2$"
    page = render(text, {})
    assert "<strong>Yes</strong>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<msup>" in page


@pytest.mark.parametrize(
    "text", ["[a](javascript:x)", "> <b\n> onclick=x>", "```\n````\n[a][b]\n\n[b]: vbscript:x", "$$\n[a](javascript:x)"]
)
def test_a_text_that_cannot_be_mended_is_shown_as_it_was_written(text):
    made = inert(text)
    assert is_inert(made)
    assert made == text or text in made


@pytest.mark.parametrize("letter", ["[", "<", "$", "`", "*", "> ", "- ", "![", "<b", "\\begin{a}", "(", "_"])
def test_a_text_without_end_is_shown_and_stops_nothing(letter):
    text = letter * (LONGEST_TEXT // len(letter) + 1)
    assert is_inert(inert(text))
    assert render(text, {})
    short = letter * 300
    assert is_inert(inert(short))
    assert dangers(render(short, {})) == set()


def test_an_attachment_that_is_not_there_is_no_reason_to_make_no_page():
    assert "plot" in render("![plot](attachment:gone.png)", {})


def test_tex_that_defines_tex_is_shown_as_written():
    assert render("$\\def\\a{xx}\\a$", {}) == "<p><code>\\def\\a{xx}\\a</code></p>\n"


def test_what_a_check_says_is_shown_as_it_is():
    said = '<div><strong>2 of 3 points</strong> · <code>nan</code></div><div style="opacity:0.75">again</div>'
    output = new_output("execute_result", data={"text/plain": "2", "text/html": said}, execution_count=None)
    assert made_inert(new_code_cell("check(f)", outputs=[output])).cells[0].outputs[0].data == {
        "text/plain": "2",
        "text/html": said,
    }


def test_cleaning_keeps_no_name_that_a_pages_scripts_look_for():
    page = clean('<div id="statusmessage" class="score full-credit" name="x"><span class="k btn">x</span></div>')
    assert page == '<div class=""><span class="k">x</span></div>'
