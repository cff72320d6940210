"""Somebody in front of a browser with the network cut, and what went wrong meanwhile."""

from pathlib import Path
from typing import Any

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
PATIENCE_MS = 120_000


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
