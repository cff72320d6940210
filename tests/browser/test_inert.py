"""What students plant in a submission runs in nbgrader's own pages, and in none of a course's with our configuration."""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import nbformat
import pytest
from commands import course_of_one, nbgrader, teachers
from nbformat.v4 import new_markdown_cell
from planted import AT_FORMGRADER, INVALID, NOWHERE, QUIET, cells, plant, plant_files
from servers import served
from visitor import TOKEN

from docs.browser import OPTIONS

NAME, PROSE = "01_bigrams", "open_question"
STUDENT = "<img src=x onerror=planted('student')>"
HONEST = "A matrix $W_{OV}$, **bold**, `a <b`, x < y, and\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n![kept](picture.png)"
ANSWER = "My answer: <script>planted('answer')</script> it is $\\frac{1}{2}$."
# Everything as nbgrader has it, but for what clears outputs and runs the notebook: so all that is planted gets to the page.
UNGUARDED = """\
from nbgrader.preprocessors import SaveAutoGrades
c = get_config()
c.CourseDirectory.course_id = "course"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = [SaveAutoGrades]
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="a course's own configuration marks with bubblewrap"),
]


class Course(NamedTuple):
    """A course with one hostile submission, as its pages are served."""

    folder: Path
    address: str
    submission: str
    """Its page in formgrader."""
    feedback: str


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A course with one hostile submission that was not marked yet: with our configuration, and without."""
    folder = tmp_path_factory.mktemp("guarded") / "course"
    course_of_one(folder, NAME)
    secret = folder.parent / "secret"
    secret.write_text("the teacher's")
    other = tmp_path_factory.mktemp("unguarded") / "course"
    shutil.copytree(folder.parent, other.parent, dirs_exist_ok=True)
    (other / "nbgrader_config.py").write_text(UNGUARDED)
    for course, without in ((folder, set()), (other, INVALID)):
        notebook = nbformat.read(folder / "release" / NAME / f"{NAME}.ipynb", as_version=4)
        [answer] = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == PROSE]
        answer.source = ANSWER
        plant(notebook, without)
        notebook.cells.insert(1, new_markdown_cell(HONEST))
        place = course / "submitted" / STUDENT / NAME
        place.mkdir(parents=True)
        plant_files(place, secret)
        (place / f"{NAME}.ipynb").write_text(nbformat.writes(notebook))
    return folder, other


@contextmanager
def graded(folder: Path) -> Iterator[Course]:
    """The course's submission marked, its feedback written, its formgrader open."""
    from nbgrader.api import Gradebook

    nbgrader(folder, "autograde", NAME)
    nbgrader(folder, "generate_feedback", NAME)
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        number = gradebook.find_submission_notebook(NAME, NAME, STUDENT).id
    home = folder.parent / "home"
    with served(home, [sys.executable, "-m", "jupyter_server"], cwd=folder, **teachers(home)) as address:
        page = (folder / "feedback" / STUDENT / NAME / f"{NAME}.html").as_uri()
        yield Course(folder, address, f"{address}/formgrader/submissions/{number}/", page)


@pytest.fixture(scope="module")
def guarded(folders: tuple[Path, Path]) -> Iterator[Course]:
    with graded(folders[0]) as course:
        yield course


@pytest.fixture(scope="module")
def unguarded(folders: tuple[Path, Path]) -> Iterator[Course]:
    with graded(folders[1]) as course:
        yield course


class Teacher:
    """Somebody who looks at pages, moves over everything and presses what there is to press; and what that set off."""

    def __init__(self, browser: Any, course: Course, **options: Any) -> None:
        self.course, self.traces, self.outside, self.refused = course, set(), set(), []
        context = browser.new_context(**options)
        context.expose_binding("planted", lambda _, name: self.traces.add(name))
        context.route("**/*", self._keep_inside)
        self.page = context.new_page()
        self.page.on("dialog", lambda dialog: dialog.dismiss())
        self.page.on(
            "console", lambda told: self.refused.append(told.text) if "Content Security Policy" in told.text else None
        )
        self.page.goto(f"{course.address}/api/status?token={TOKEN}")

    def look(self, address: str) -> set[str]:
        """What left its name behind on that page."""
        self.traces.clear()
        self.page.goto(address, wait_until="load")
        self.page.evaluate(
            """() => {
            const all = [...document.querySelectorAll('#notebook *')];
            for (const kind of ['mouseover', 'click']) for (const e of all)
                if (!(e.closest('a, button') && kind === 'click')) e.dispatchEvent(new MouseEvent(kind, {bubbles: true}));
            for (const e of all) if (e.matches('[autofocus]')) e.focus();
            }"""
        )
        self.page.evaluate(
            """async () => {
            for (const e of document.querySelectorAll('#notebook a, #notebook .press')) {
                const to = String(e.href?.baseVal ?? e.href ?? e.getAttribute('href') ?? 'javascript:');
                if (/^(https?|file):/.test(to)) continue;
                e.removeAttribute('target');
                e.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}));
                await new Promise(done => setTimeout(done, 50));
            } }"""
        )
        self.page.wait_for_timeout(1500)
        return set(self.traces)

    def _keep_inside(self, route: Any) -> None:
        address = route.request.url
        if address.startswith(NOWHERE):
            self.traces.add(address.removeprefix(f"{NOWHERE}/").rstrip("?"))
            route.fulfill(status=204)
        elif address.startswith((self.course.address, "file:", "data:")):
            route.continue_()
        else:
            self.outside.add(address)
            route.abort()


@pytest.fixture(scope="module")
def browser(browser_program: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=browser_program, args=OPTIONS)


ALL = {*cells(), "answer", "student"}


def test_what_is_planted_runs_in_nbgraders_own_pages(browser: Any, unguarded: Course):
    """The control: so many ways there are, and this teacher sees each that is taken."""
    teacher = Teacher(browser, unguarded)
    running = ALL - QUIET - INVALID
    assert sorted(teacher.look(unguarded.submission) ^ running) == []
    assert sorted(teacher.look(unguarded.feedback) ^ running) == sorted(AT_FORMGRADER)
    assert len(running) > 30
    assert any("mathjax" in address for address in teacher.outside)


@pytest.mark.parametrize("policy", [True, False], ids=["with the policy", "without the policy"])
def test_nothing_planted_runs(browser: Any, guarded: Course, policy: bool):
    """By what is left in the pages, and not only by their policy."""
    teacher = Teacher(browser, guarded, bypass_csp=not policy)
    for address in (guarded.submission, guarded.feedback):
        assert teacher.look(address) == set()
        for words in ("My answer:", "it is", "bold", "a <b", "x < y"):
            assert words in teacher.page.locator("body").inner_text()
        assert teacher.page.locator(".nbgrader_cell", has_text="My answer:").locator("mfrac").count() == 1
        assert teacher.page.locator("tr:has(td)", has_text=re.compile(r"^\s*1\s*2\s*$")).count() == 1
        picture = teacher.page.locator("img[alt=kept]")
        assert picture.evaluate("picture => picture.complete && picture.naturalWidth === 1")
    assert teacher.outside == set()
    assert teacher.refused == []


@pytest.mark.parametrize("page", ["submission", "feedback"])
def test_the_policy_alone_stops_a_script(browser: Any, guarded: Course, page: str):
    teacher = Teacher(browser, guarded)
    teacher.look(getattr(guarded, page))
    html = "<img src=x onerror=\"planted('img')\"><iframe srcdoc=\"<script>parent.planted('frame')</script>\"></iframe>"
    teacher.page.evaluate("html => document.querySelector('#notebook').insertAdjacentHTML('beforeend', html)", html)
    teacher.page.evaluate(
        """() => { const made = document.createElement('script'); made.textContent = "planted('script')";
        document.body.append(made); location.href = "javascript:planted('address')" }"""
    )
    teacher.page.wait_for_timeout(500)
    assert teacher.traces == set()
    assert len(teacher.refused) >= 3


def test_an_address_of_formgraders_own_plants_nothing(browser: Any, guarded: Course, unguarded: Course):
    for course, planted in ((unguarded, {"tag", "word"}), (guarded, set())):
        teacher = Teacher(browser, course)
        seen = set()
        for name in ("<img src=x onerror=planted('tag')>", "\";planted('word');\""):
            seen |= teacher.look(f"{course.address}/formgrader/manage_students/{quote(name)}")
        assert seen == planted


def test_every_page_of_formgrader_works_under_the_policy(browser: Any, guarded: Course):
    from playwright.sync_api import expect

    teacher = Teacher(browser, guarded)
    pages = {
        "manage_assignments": NAME,
        f"manage_submissions/{NAME}": STUDENT,
        "gradebook": NAME,
        f"gradebook/{NAME}": NAME,
        f"gradebook/{NAME}/{NAME}": "Submission #1",
        "manage_students": STUDENT,
        f"manage_students/{quote(STUDENT)}": NAME,
        f"manage_students/{quote(STUDENT)}/{NAME}": NAME,
    }
    for page, words in pages.items():
        teacher.page.goto(f"{guarded.address}/formgrader/{page}")
        expect(teacher.page.locator("#main-table")).to_contain_text(words, timeout=60_000)
    teacher.page.goto(guarded.submission)
    teacher.page.locator(".glyphicon.name-hidden").click()
    expect(teacher.page.locator("a.name-shown")).to_have_text(STUDENT)
    score = teacher.page.locator(f"input#{PROSE}")
    with teacher.page.expect_response(lambda answer: "/api/grade/" in answer.url and answer.request.method == "PUT"):
        score.fill("2")
        score.press("Tab")
    teacher.page.reload()
    expect(score).to_have_value("2")
    assert teacher.traces == set()
    assert teacher.outside == set()
    assert teacher.refused == []


def test_of_the_files_beside_only_pictures_are_kept_and_what_was_handed_in_is_untouched(guarded: Course):
    for place in ("autograded", "feedback"):
        kept = {
            path.name
            for path in (guarded.folder / place / STUDENT / NAME).iterdir()
            if path.suffix not in (".ipynb", ".html")
        }
        assert kept == {"picture.png"}
    submitted = guarded.folder / "submitted" / STUDENT / NAME
    assert len(list(submitted.iterdir())) == 6
    assert "planted('script')" in (submitted / f"{NAME}.ipynb").read_text()
