"""A learner's JupyterLab and a real browser with the network cut."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from visitor import TOKEN, Learner

from docs.browser import ADVICE, find_browser, new_page
from mi_tutor.course.lab import LABEXTENSIONS


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
    command = [str(Path(sys.executable).with_name("mi-tutor")), "lab", "my-work", "--LabApp.expose_app_in_browser=True"]
    with served(home, command) as address:
        yield address


@pytest.fixture(scope="session")
def notebook_7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Notebook 7 in an empty folder, as it is where the package was installed: with our extension."""
    home = tmp_path_factory.mktemp("notebook")
    command = [sys.executable, "-m", "notebook", "--JupyterNotebookApp.expose_app_in_browser=True"]
    with served(home, command, JUPYTER_PATH=str(LABEXTENSIONS.parent)) as address:
        yield address


@contextmanager
def served(home: Path, command: list[str], **variables: str) -> Iterator[str]:
    """The address of a Jupyter server in that folder, which is stopped in the end."""
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
        | variables
    )
    command = [*command, "--no-browser", f"--port={port}", "--ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}"]
    command += ["--ServerApp.port_retries=0", *(["--allow-root"] if os.geteuid() == 0 else [])]
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
def learner(lab: str, browser_program: str) -> Iterator[Learner]:
    """Somebody in front of it."""
    with new_page(browser_program, viewport={"width": 1280, "height": 1000}) as page:
        yield Learner(page, lab)


def _wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            with urlopen(Request(f"{address}/api/status", headers={"Authorization": f"token {TOKEN}"})) as answer:
                json.load(answer)
                return
        except (URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"The server did not start:\n{log.read_text()[-3000:]}")
