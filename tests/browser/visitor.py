"""Somebody in front of a browser with the network cut, and what went wrong meanwhile."""

from pathlib import Path
from typing import Any

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
PATIENCE_MS = 120_000
TOKEN = "learner"
"""What a Jupyter server of the tests asks for."""
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"


class Visitor:
    """A page that gets nothing but from one address, and remembers what it asked for and what it complained about."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.route("**/*", self._keep_inside)
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on("console", self._listen)
        SCREENSHOTS.mkdir(exist_ok=True)

    def screenshot(self, name: str, wait_ms: int = 500) -> None:
        """A picture of the page as it stands, once what fades in is there."""
        self.page.wait_for_timeout(wait_ms)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def _listen(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{self.page.url}: {message.text}")

    def _keep_inside(self, route: Any) -> None:
        if route.request.url.startswith((self.address, "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(f"{self.page.url} asks for {route.request.url}")
            route.abort()


class Learner(Visitor):
    """What a person does in JupyterLab, step by step."""

    def open(self, chapter: str, place: str = "lab/tree") -> None:
        """Open a chapter, and wait until its kernel answers."""
        self.page.goto(f"{self.address}/{place}/{chapter}?reset&token={TOKEN}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until the kernel of the notebook in front answers."""
        self.page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )

    def run_all(self) -> None:
        """Run every cell, and wait until the kernel has nothing left to do."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")

    def run(self, position: int) -> None:
        """Put the cursor into a cell, or choose it where its source is folded away, and press Ctrl-Enter."""
        if self.page.evaluate("i => window.jupyterapp.shell.currentWidget.content.widgets[i].inputHidden", position):
            self._scroll_to(position)
            choose = (
                "i => {const n = window.jupyterapp.shell.currentWidget.content; n.activeCellIndex = i; n.activate()}"
            )
            self.page.evaluate(choose, position)
        else:
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
        """Everything that a cell shows below itself, scrolled into sight."""
        self._scroll_to(position)
        return self._cell(position).locator(".jp-Cell-outputArea")

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
