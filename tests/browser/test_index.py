"""The table of chapters in a real browser: its links open chapters, work is downloaded with one click and brought back."""

import shutil
import zipfile
from pathlib import Path
from typing import Any

from mi_tutor.check.outline import chapters


def run_and_wait_for(learner: Any, text: str, shows: str) -> Any:
    at = learner.position_of_text(text)
    learner.run(at)
    shown = learner.output(at)
    shown.get_by_text(shows).first.wait_for()
    return shown


def test_work_is_downloaded_with_one_click_and_brought_back_from_the_list_of_files(
    learner: Any, tmp_path: Path
) -> None:
    page = learner.page
    learner.open("index.ipynb")
    learner.screenshot("index")
    run_and_wait_for(learner, "import progress", "Your progress")
    saved = run_and_wait_for(learner, "save_work()", "Saved ")
    learner.screenshot("index-saved")
    with page.expect_download() as downloading:
        saved.get_by_role("link").click()
    downloading.value.save_as(tmp_path / "work.zip")
    assert downloading.value.suggested_filename.startswith("my-work-")
    names = zipfile.ZipFile(tmp_path / "work.zip").namelist()
    assert {f"work/{chapter.file}" for chapter in chapters()} <= set(names)

    with page.expect_file_chooser() as choosing:
        page.locator('.jp-FileBrowser-toolbar [data-jp-item-name="uploader"] jp-button').click()
    choosing.value.set_files(shutil.copy(tmp_path / "work.zip", tmp_path / "from my computer.zip"))
    page.locator(".jp-DirListing-item", has_text="from my computer.zip").wait_for()
    # It was saved in this very folder; on another machine it is found without its name.
    learner.write(
        learner.position_of_text("restore_work()"),
        "from mi_tutor import restore_work\n\n" + 'restore_work("from my computer.zip")',
    )
    run_and_wait_for(learner, "restore_work(", "is here already")
    assert learner.outside == []
    assert learner.errors == []


def test_the_links_of_the_table_open_the_chapters(learner: Any) -> None:
    learner.open("index.ipynb")
    learner.page.get_by_role("link", name=chapters()[0].title).click()
    learner.page.wait_for_function(
        "file => window.jupyterapp.shell.currentWidget?.context?.path === file", arg=chapters()[0].file
    )
    learner.wait_for_kernel()
    assert not learner.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.dirty")
