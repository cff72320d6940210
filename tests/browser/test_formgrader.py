"""A teacher's click: formgrader marks a submission, shows the trusted marks and takes a person's mark for the prose."""

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest

NAME, FULL = "01_bigrams", 21
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("bwrap") is None, reason="marks are trusted with bubblewrap, which is not installed"
    ),
]


def run(course: Path, *command: str) -> None:
    subprocess.run(command, cwd=course, env=surroundings(course), check=True, capture_output=True)


def surroundings(course: Path) -> dict[str, str]:
    """A home of its own, and this environment's commands by name."""
    home = {name: str(course.parent / "home") for name in ("HOME", "XDG_DATA_HOME", "JUPYTER_CONFIG_DIR")}
    home["JUPYTER_RUNTIME_DIR"] = str(course.parent / "runtime")
    return {**os.environ, **home, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher") / "course"
    folder.mkdir()
    run(folder, "mi-tutor", "course", "init", ".", "--chapters", "01")
    run(folder, "nbgrader", "generate_assignment", NAME)
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["jupyter", "lab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=teacher"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    with (course.parent / "lab.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=course, env=surroundings(course), stdout=log, stderr=log, start_new_session=True
        )
    found = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            urlopen(f"{found}/api", timeout=5).close()
            break
        except (URLError, OSError):
            time.sleep(0.5)
    yield found
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(20)


def test_a_click_marks_and_a_person_marks_the_rest(course, address, browser_program):
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(60_000)
        expect.set_options(timeout=300_000)
        page.goto(f"{address}/tree?token=teacher")  # from here on the browser is known
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
        browser.close()
    run(course, "nbgrader", "export")
    with (course / "grades.csv").open(newline="") as file:
        assert {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)} == {"ada": FULL + 2, "dan": 0}
