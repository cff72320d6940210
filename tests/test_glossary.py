"""docs/glossary.md: every term is in the section that it names, and the links lead somewhere on the site and in the clone."""

import re
from pathlib import Path

import nbformat
import pytest

from docs import __main__ as site
from docs.chapters import as_page, read_chapters, to_sections
from mi_tutor.address import repository

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^- \*\*(.+?)\*\*: (.+) \[(\d\d), (?:section (\d+)|opening)\]\(\.\./chapters/(\w+)\.ipynb\)$")
ENTRIES = [ENTRY.match(line) for line in PAGE.splitlines() if line.startswith("- ")]
SOURCES = {path.stem[2:4]: path for path in (ROOT / "solutions").glob("ch*.py")}
ADDRESS = re.compile(r"https://github\.com/[\w-]+/[\w-]+/blob/main/(docs/[\w./]+)")


def sections(chapter):
    """The text of a chapter by the number of the section; "" is what stands before the first."""
    parts = re.split(r"^# ## (?:(\d+)\. )?", SOURCES[chapter].read_text(encoding="utf-8"), flags=re.MULTILINE)
    texts = {"": parts[0]}
    for number, text in zip(parts[1::2], parts[2::2], strict=True):
        if number:
            texts[number] = text
    return texts


def plain(text):
    """Lower case, in one line, with the words of names and of compounds apart."""
    return " ".join(re.sub(r"[\s#>*_`-]+", " ", text).lower().split())


def test_every_line_is_an_entry_in_order_and_once():
    assert None not in ENTRIES
    terms = [entry[1].lower() for entry in ENTRIES]
    assert terms == sorted(set(terms))
    assert len(terms) >= 60
    for entry in ENTRIES:
        assert entry[2].endswith("."), entry[1]
        assert entry[5].startswith(f"{entry[3]}_"), entry[1]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry[1])
def test_the_section_has_the_term(entry):
    assert plain(entry[1]) in plain(sections(entry[3])[entry[4] or ""])


def test_every_chapter_has_terms():
    assert {entry[3] for entry in ENTRIES} == set(SOURCES)


def test_its_links_lead_to_chapters_in_the_clone_and_to_sections_on_the_site():
    targets = set()
    for chapter in read_chapters(site.ROOT):
        assert (ROOT / "chapters" / f"{chapter.name}.ipynb").is_file()
        page = as_page(chapter, nbformat.reads(chapter.solved, as_version=4))
        for cell in page.cells:
            targets |= set(re.findall(r"^\((section-\S+)\)=\n## \d+\. ", cell.source, re.MULTILINE))
    shown = to_sections(PAGE)
    asked = re.findall(r"\]\(#(section-\d\d-\d+)\)", shown)
    assert len(asked) == sum(entry[4] is not None for entry in ENTRIES)
    assert set(asked) <= targets
    assert "../chapters" not in shown


def test_chapters_name_pages_of_the_repository_by_its_one_address():
    """A learner's copy of a chapter lies far from docs/; what it links to has to be there, under the public address."""
    for path in SOURCES.values():
        for found in ADDRESS.finditer(path.read_text(encoding="utf-8")):
            assert found[0].startswith(f"{repository()}/blob/main/")
            assert (ROOT / found[1]).is_file()
