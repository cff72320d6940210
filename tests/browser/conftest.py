"""A learner's JupyterLab and a real browser with the network cut."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import served
from visitor import Learner

from docs.browser import ADVICE, find_browser, new_page
from mi_tutor.workspace.lab import LABEXTENSIONS


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


@pytest.fixture
def learner(lab: str, browser_program: str) -> Iterator[Learner]:
    """Somebody in front of it."""
    with new_page(browser_program, viewport={"width": 1280, "height": 1000}) as page:
        yield Learner(page, lab)
