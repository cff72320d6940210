"""A teacher's click: formgrader marks a submission, shows the trusted marks and takes a person's mark for the prose."""

import csv
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from commands import course_of_one, nbgrader, teachers
from servers import served
from visitor import TOKEN

from docs.browser import new_page

NAME, FULL = "01_bigrams", 21
PATIENCE_MS = 300_000
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("bwrap") is None, reason="marks are trusted with bubblewrap, which is not installed"
    ),
]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher") / "course"
    course_of_one(folder, NAME)
    solved = nbformat.read(folder / "source" / NAME / f"{NAME}.ipynb", as_version=4)
    hostile = nbformat.read(folder / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    evidence = folder.parent / "evidence"
    hostile.cells.insert(1, nbformat.v4.new_code_cell(f"open({str(evidence)!r}, 'w').write('run')"))
    for student, notebook in {"ada": solved, "dan": hostile}.items():
        (folder / "submitted" / student / NAME).mkdir(parents=True)
        nbformat.write(notebook, folder / "submitted" / student / NAME / f"{NAME}.ipynb")
    yield folder
    assert not evidence.exists()


@pytest.fixture(scope="module")
def address(course):
    home = course.parent / "home"
    with served(home, [sys.executable, "-m", "jupyterlab"], cwd=course, **teachers(home)) as found:
        yield found


def test_a_click_marks_and_a_person_marks_the_rest(course: Path, address: str, browser_program: str):
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE_MS)
    with new_page(browser_program, viewport={"width": 1280, "height": 1000}) as page:
        page.set_default_timeout(60_000)
        page.goto(f"{address}/tree?token={TOKEN}")  # from here on the browser is known
        page.goto(f"{address}/formgrader/manage_submissions/{NAME}")
        for student, shown in {"ada": f"{FULL} / 24", "dan": "0 / 24"}.items():
            row = page.locator("tr", has=page.get_by_text(student, exact=True))
            row.locator(".autograde a").click()
            expect(page.locator(".modal-title", has_text="Success")).to_be_visible()
            page.locator(".modal .btn", has_text="OK").first.click()
            expect(row).to_contain_text(shown)
        page.goto(f"{address}/formgrader/gradebook/{NAME}/{NAME}")
        page.locator("tr", has_text=f"{FULL} / 24").get_by_role("link").click()
        score = page.locator("input#open_question")
        with page.expect_response(lambda answer: "/api/grade/" in answer.url and answer.request.method == "PUT"):
            score.fill("2")
            score.press("Tab")
        page.goto(f"{address}/formgrader/gradebook/{NAME}/{NAME}")
        expect(page.locator("table")).to_contain_text(f"{FULL + 2} / 24")
    nbgrader(course, "export")
    with (course / "grades.csv").open(newline="") as file:
        assert {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)} == {"ada": FULL + 2, "dan": 0}
