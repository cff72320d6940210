"""The built site in a real browser with the network cut: every page, every link, search, plots, folded solutions."""

import functools
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import pytest

from docs.__main__ import NEEDS

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "screenshots"


@pytest.fixture(scope="module")
def site() -> Path:
    """The site, built here if it is not up to date; chapters that were run before are not run again."""
    missing = [package for module, package in NEEDS.items() if find_spec(module) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: make site")
    folder = ROOT / "build" / "site"
    done = subprocess.run(
        [sys.executable, "-m", "docs", "--to", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


class Reader:
    """Somebody who reads, and what went wrong meanwhile."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.route("**/*", self._keep_inside)
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on(
            "console", lambda said: self.errors.append(f"{page.url}: {said.text}") if said.type == "error" else None
        )
        SCREENSHOTS.mkdir(exist_ok=True)

    def _keep_inside(self, route: Any) -> None:
        if route.request.url.startswith((self.address, "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(f"{self.page.url} asks for {route.request.url}")
            route.abort()

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)

    def read_to_the_end(self) -> None:
        """Look at every plot, and wait until it is drawn."""
        for plot in self.page.locator(".mi-plot").all():
            plot.scroll_into_view_if_needed()
            plot.locator(":scope > div").first.wait_for(state="hidden")
        self.page.evaluate("() => scrollTo(0, document.body.scrollHeight)")

    def in_theme(self, theme: str) -> None:
        self.page.evaluate("theme => { document.body.dataset.theme = theme }", theme)

    def screenshot(self, name: str) -> None:
        for theme in ("light", "dark"):
            self.in_theme(theme)
            self.page.wait_for_timeout(400)
            self.page.screenshot(path=SCREENSHOTS / f"site-{name}-{theme}.png")


@pytest.fixture
def reader(browser_program: str, address: str) -> Iterator[Reader]:
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=options)
        page = browser.new_page(viewport={"width": 1360, "height": 1000})
        page.set_default_timeout(120_000)
        reader = Reader(page, address)
        yield reader
        browser.close()
    assert reader.outside == []
    assert reader.errors == []


def pages(site: Path) -> list[str]:
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html") if "_static" not in path.parts)


def test_every_page_opens_in_peace_and_every_link_of_its_own_leads_somewhere(reader: Reader, site: Path) -> None:
    targets: dict[str, set[str]] = {}
    links: list[tuple[str, str]] = []
    for name in pages(site):
        reader.open(name)
        reader.read_to_the_end()
        found = reader.page.evaluate(
            """() => ({ids: [...document.querySelectorAll("[id]")].map(each => each.id),
            links: [...document.querySelectorAll("a[href], img[src], script[src], link[href]")]
            .map(each => each.getAttribute("href") ?? each.getAttribute("src"))})"""
        )
        targets[reader.address + name] = {*found["ids"], ""}
        links += [(reader.address + name, urljoin(reader.address + name, link)) for link in found["links"]]
    broken = []
    for page, link in links:
        whole, fragment = urldefrag(link)
        whole = whole + "index.html" if whole.endswith("/") else whole
        if not whole.startswith(reader.address):
            continue
        if whole in targets:
            if unquote(fragment) not in targets[whole] and fragment != "top":
                broken.append(f"{page} -> {link}")
        elif not (site / unquote(whole.removeprefix(reader.address)).partition("?")[0]).is_file():
            broken.append(f"{page} -> {link}")
    assert len(links) > 500
    assert broken == []


def test_search_finds_induction(reader: Reader) -> None:
    reader.open("search.html?q=induction")
    results = reader.page.locator("#search-results li a")
    results.first.wait_for()
    assert any("03_induction_heads" in link.get_attribute("href") for link in results.all())


def test_a_plot_answers_to_the_pointer_and_an_equation_is_set(reader: Reader) -> None:
    reader.open("chapters/00_orientation.html")
    plot = reader.page.locator(".mi-plot").first
    plot.scroll_into_view_if_needed()
    bars = plot.locator(".mi-plot-live .bars path")
    bars.first.wait_for()
    assert plot.locator(":scope > div").first.is_hidden()
    assert reader.page.evaluate("() => document.querySelector('.mi-plot-live').data.length") >= 1
    bars.first.hover(force=True)
    plot.locator(".hoverlayer text").first.wait_for()
    reader.screenshot("plot")

    reader.open("models/index.html")
    reader.page.locator("mjx-container svg").first.wait_for()
    reader.screenshot("models")


def test_a_solution_is_folded_and_opens_when_it_is_asked_for(reader: Reader) -> None:
    reader.open("chapters/01_bigrams.html")
    entry = reader.page.locator("#exercise-count-bigrams")
    solution = reader.page.locator("div.cell.tag_solution").first
    code = solution.locator("div.cell_input")
    assert entry.count() == 1
    assert code.is_hidden()
    solution.locator("summary").click()
    code.wait_for(state="visible")
    assert "torch.bincount" in code.inner_text()
    reader.screenshot("solution")


def test_sliders_slide_and_heads_are_drawn(reader: Reader) -> None:
    reader.open("chapters/01_bigrams.html")
    successors = reader.page.locator(".mi-tutor-slider").first
    shown = successors.locator(":scope > div:not([hidden])")
    seen = set()
    for place in ("0", "3", "4"):
        successors.locator("input[type=range]").fill(place)
        assert shown.count() == 1
        seen.add(shown.locator("img").get_attribute("alt"))
    assert len(seen) == 3
    reader.screenshot("slider")

    reader.open("chapters/00_orientation.html")
    view = reader.page.locator(".mi-tutor-view").last
    view.scroll_into_view_if_needed()
    view.locator(":scope > [id^=mi-tutor-] canvas, :scope > [id^=mi-tutor-] img").first.wait_for()
    reader.screenshot("heads")


@pytest.mark.parametrize(
    "page",
    ["index.html", "exercises.html", "teachers.html", "models/attn-2l-py.html", "chapters/03_induction_heads.html"],
)
def test_the_pages_to_look_at(reader: Reader, page: str) -> None:
    """Nothing is asserted but peace: the pictures are for whoever changes the site to look at."""
    reader.open(page)
    reader.page.wait_for_load_state("networkidle")
    reader.screenshot(Path(page).stem)
