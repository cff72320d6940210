"""The system's own Chromium, for pictures and for tests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ADVICE = "needs Chromium (on Debian and Ubuntu: apt-get install chromium)"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def find_browser() -> str | None:
    """The program's path; None where none is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def new_page(program: str, **options: Any) -> Iterator[Any]:
    """A page of Playwright's in a browser that is closed afterwards; the options are Playwright's for a page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser.new_page(**options)
        browser.close()
