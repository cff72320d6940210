"""Every figure of the chapters as learners see them, on one picture a chapter, width and theme, to be looked at.

make pictures CONTACT=1 CHAPTERS="00 04"       or: python -m docs.contact_sheet 00 04

The chapters are run solved (`build/executed` keeps them while nothing changes), shown on nbconvert's page, which has
JupyterLab's own styles, with Plotly brought to life as JupyterLab does it, and photographed into `build/contact`.
"""

import html
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat

from docs.browser import ADVICE, find_browser, new_page
from docs.chapters import read_chapters, run_solved, without_kernel

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "contact"
WIDTHS, THEMES = (1440, 1024), ("light", "dark")
"""Of the window, in pixels; the notebook has what the file browser beside it leaves."""
BROWSER = 330
"""Pixels of JupyterLab's file browser and the bar beside it, as they open."""
TALLEST = 12_000
"""Pixels of one picture; a longer chapter goes on in the next."""
_HEADING = re.compile(r"^#{1,4} .+", re.MULTILINE)
# As JupyterLab's extension does it: drawn once, then fitted to its place.
_DRAW = """async () => { for (const place of document.querySelectorAll(".mi-plot")) {
const { data, layout, config } = JSON.parse(place.querySelector("script").textContent), live = document.createElement("div");
live.style.height = `${layout.height}px`;
place.replaceChildren(live);
await Plotly.newPlot(live, data, layout, config);
await Plotly.Plots.resize(live) } }"""
_READY = """() => [...document.querySelectorAll(".mi-tutor-view")].every(view => view.firstElementChild.hidden)"""


def figures(notebook: Any) -> Iterator[tuple[str, list[Any]]]:
    """The outputs that show something, cell by cell, with the heading above them.

    What a check says is no figure, nor is printed text.
    """
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = (_HEADING.findall(cell.source) or [heading])[-1]
            continue
        shown = [output for output in cell.get("outputs", ()) if _is_figure(output)]
        alive = [output for each in shown if (output := without_kernel(each))]
        if alive:
            yield heading, alive


def _is_figure(output: Any) -> bool:
    rich = output.get("data", {}).get("text/html", "")
    return bool(rich) and 'role="status"' not in rich


def sheet(notebook: Any, theme: str) -> str:
    """A page of the figures, each under its section's heading and its number."""
    from nbconvert import HTMLExporter
    from plotly.offline import get_plotlyjs

    cells, last = [], ""
    for number, (heading, outputs) in enumerate(figures(notebook), start=1):
        said = f"{heading}\n\n" if heading != last else ""
        cells.append(nbformat.v4.new_markdown_cell(f"{said}*figure {number}*"))
        cells.append(nbformat.v4.new_code_cell("", outputs=outputs))
        last = heading
    page = nbformat.v4.new_notebook(cells=cells)
    exporter = HTMLExporter(theme=theme, exclude_input=True, mathjax_url="", require_js_url="", jquery_url="")
    source: str = exporter.from_notebook_node(page, {"metadata": {"name": html.escape(theme)}})[0]
    return source.replace("</body>", f"<script>{get_plotlyjs()}</script></body>")


def photograph(source: Path, name: str, width: int, program: str) -> Iterator[Path]:
    """The page at a width as a picture, or as several where it is long."""
    with new_page(program, viewport={"width": width - BROWSER, "height": 1000}) as page:
        page.goto(source.as_uri())
        page.evaluate(_DRAW)
        page.wait_for_function(_READY)
        page.wait_for_timeout(500)
        whole = page.evaluate("() => Math.ceil(document.body.getBoundingClientRect().height)")
        page.set_viewport_size({"width": width - BROWSER, "height": whole})  # a canvas is drawn only in sight
        page.wait_for_timeout(500)
        for part, top in enumerate(range(0, whole, TALLEST)):
            path = FOLDER / f"{name}{f'-{part + 1}' if whole > TALLEST else ''}.png"
            clip = {"x": 0, "y": top, "width": width - BROWSER, "height": min(TALLEST, whole - top)}
            page.screenshot(path=path, clip=clip)
            yield path


def main(wanted: Sequence[str]) -> int:
    """Make the sheets of the chapters whose names begin with one of `wanted`; of all of them, where it is empty."""
    program = find_browser()
    if program is None:
        print(f"A contact sheet {ADVICE}.", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    for chapter in read_chapters(ROOT):
        if not chapter.name.startswith(tuple(wanted or [""])):
            continue
        notebook = run_solved(chapter, ROOT, ROOT / "build" / "executed")
        for theme in THEMES:
            source = FOLDER / f"{chapter.name}-{theme}.html"
            source.write_text(sheet(notebook, theme), encoding="utf-8")
            for width in WIDTHS:
                for path in photograph(source, f"{chapter.name}-{width}-{theme}", width, program):
                    print(path, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
