"""The sheets that show every figure of a chapter: all that is drawn, under its heading, at the width of the window."""

import struct
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

from docs import contact_sheet
from mi_tutor.views import attention_heads, curves, table


def shown(view: Any) -> Any:
    return nbformat.v4.new_output("display_data", data=view._repr_mimebundle_())


@pytest.fixture
def chapter() -> Any:
    card = nbformat.v4.new_output(
        "display_data", data={"text/html": '<div role="status">right</div>', "text/plain": "3"}
    )
    views = [
        attention_heads(torch.eye(3)[None], list("abc")),
        curves({"a": ([1, 2], [3, 4])}, "x", "y"),
        table([[1]], ["n"]),
    ]
    new = nbformat.v4
    return new.new_notebook(
        cells=[
            new.new_markdown_cell("# A chapter\n\n## 1. A question\n\nProse."),
            new.new_code_cell("heads", outputs=[shown(views[0]), new.new_output("stream", text="printed")]),
            new.new_code_cell("check", outputs=[card]),
            new.new_markdown_cell("Prose without a heading."),
            new.new_code_cell("curves", outputs=[shown(views[1])]),
            new.new_markdown_cell("### What comes next"),
            new.new_code_cell("table", outputs=[shown(views[2])]),
        ]
    )


def test_every_figure_stands_under_its_heading_and_nothing_else_does(chapter: Any) -> None:
    found = [(heading, len(outputs)) for heading, outputs in contact_sheet.figures(chapter)]
    assert found == [("## 1. A question", 1), ("## 1. A question", 1), ("### What comes next", 1)]


@pytest.mark.parametrize("theme", contact_sheet.THEMES)
def test_a_sheet_is_as_wide_as_the_notebook_and_its_figures_live(
    chapter: Any, theme: str, tmp_path: Path, browser_program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_sheet, "FOLDER", tmp_path)
    source = tmp_path / "page.html"
    source.write_text(contact_sheet.sheet(chapter, theme), encoding="utf-8")
    assert all(word in source.read_text() for word in ("figure 3", "What comes next"))
    (path,) = contact_sheet.photograph(source, "sheet", 1024, browser_program)
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    assert width == 1024 - contact_sheet.BROWSER
    assert height > 700
