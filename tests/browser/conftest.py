"""A learner's JupyterLab and a real browser with the network cut."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from visitor import Visitor

from docs.browser import ADVICE, find_browser, new_page

TOKEN = "learner"
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"


@pytest.fixture(scope="session")
def browser_program() -> str:
    """Chromium as the system has it. Where there is none these tests are skipped, but in the gate."""
    found = find_browser()
    if found is None:
        if os.environ.get("MI_TUTOR_BROWSER") == "required":
            pytest.fail("no Chromium is installed, and MI_TUTOR_BROWSER=required asks for one")
        pytest.skip(ADVICE)
    return found


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a `mi-tutor lab` in an empty folder, its user's settings its own, any request to a host refused."""
    home = tmp_path_factory.mktemp("learner")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = (
        os.environ
        | nowhere
        | {
            "NO_PROXY": "127.0.0.1,localhost",
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "MI_TUTOR_PROGRESS": str(home / "progress.jsonl"),
        }
    )
    command = [str(Path(sys.executable).with_name("mi-tutor")), "lab", "my-work", "--no-browser", f"--port={port}"]
    command += ["--ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0"]
    command += ["--LabApp.expose_app_in_browser=True", *(["--allow-root"] if os.geteuid() == 0 else [])]
    with (home / "lab.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=home, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address, server, home / "lab.log")
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


@pytest.fixture
def learner(lab: str, browser_program: str) -> Iterator["Learner"]:
    """Somebody in front of it."""
    with new_page(browser_program, viewport={"width": 1280, "height": 1000}) as page:
        yield Learner(page, lab)


class Learner(Visitor):
    """What a person does in JupyterLab, step by step."""

    def open(self, chapter: str) -> None:
        """Open a chapter, and wait until its kernel answers."""
        self.page.goto(f"{self.address}/lab/tree/{chapter}?reset&token={TOKEN}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )

    def run_all(self) -> None:
        """Run every cell, and wait until the kernel has nothing left to do."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")

    def run(self, position: int) -> None:
        """Put the cursor into a cell and press Ctrl-Enter."""
        self._editor(position).click()
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(
            """i => { const cell = window.jupyterapp.shell.currentWidget.content.widgets[i];
            return cell.model.executionState === 'idle' && cell.model.executionCount !== null }""",
            arg=position,
        )

    def write(self, position: int, source: str) -> None:
        """Replace a cell's text by typing."""
        self._editor(position).click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)

    def position(self, grade_id: str) -> int:
        """Where the cell of that nbgrader id stands."""
        return int(
            self.page.evaluate(
                """id => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(
                c => c.model.getMetadata('nbgrader')?.grade_id === id)""",
                grade_id,
            )
        )

    def position_of_text(self, text: str, after: int = 0) -> int:
        """Where the first code cell at or after `after` stands whose source holds the text."""
        return int(
            self.page.evaluate(
                """([text, after]) => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(
                (c, i) => i >= after && c.model.type === 'code' && c.model.sharedModel.source.includes(text))""",
                [text, after],
            )
        )

    def output(self, position: int) -> Any:
        """What a cell shows below itself, scrolled into sight."""
        self._scroll_to(position)
        return self._cell(position).locator(".jp-OutputArea-output").first

    def change_theme(self, theme: str) -> None:
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        self.page.wait_for_selector(f'body[data-jp-theme-name="{theme}"]', state="attached")

    def _cell(self, position: int) -> Any:
        return self.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{position}"]')

    def _editor(self, position: int) -> Any:
        self._scroll_to(position)
        return self._cell(position).locator(".cm-content")

    def _scroll_to(self, position: int) -> None:
        self.page.evaluate(
            """async i => { const notebook = window.jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = i; await notebook.scrollToItem(i, 'start') }""",
            position,
        )
        self._cell(position).wait_for()


def _wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            with urlopen(Request(f"{address}/api/status", headers={"Authorization": f"token {TOKEN}"})) as answer:
                json.load(answer)
                return
        except (URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"mi-tutor lab did not start:\n{log.read_text()[-3000:]}")
