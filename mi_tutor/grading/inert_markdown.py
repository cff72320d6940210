"""A stranger's Markdown as a notebook may hold it: whatever reads the notebook later, nothing in the text runs.

What is harmless stays as it was written, to the letter. Otherwise HTML is spelled so that it is shown instead of obeyed,
and where that is not enough, the cell shows its own source. Nbconvert's parser says what is HTML and what a link; a
sanitiser of HTML has no place here, since Markdown that went through one is no longer Markdown.
"""

import re
from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from mi_tutor.grading.inert_html import LONGEST_TEXT, is_harmless_link, is_harmless_picture

SHOWN_AS_WRITTEN = "*Something in this text could have run in the page; so the text is shown as it was written.*"
TOO_LONG = "*This text is too long; its beginning is shown as it was written.*"
_TAG = re.compile(
    r"</?(?:a|abbr|b|blockquote|br|center|code|dd|del|details|div|dl|dt|em|h[1-6]|hr|i|img|ins|kbd|li|mark|ol|p|pre|q|s"
    r"|samp|small|span|strong|sub|summary|sup|table|tbody|td|th|thead|tr|u|ul|var)"
    r"""(?:\s+(?P<name>align|alt|colspan|height|href|open|rowspan|src|start|title|width)(?:=(?P<value>"[^"<>&`]*"|'[^'<>&`]*'))?)*"""
    r"\s*/?>",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"""\s(href|src)=(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_OPENS = re.compile(r"<(?=[A-Za-z!/?])")


def inert(source: str) -> str:
    """The text itself when nothing in it can run in any page; otherwise the same words where nothing can."""
    if len(source) > LONGEST_TEXT:
        return _quoted(source[:LONGEST_TEXT], TOO_LONG)
    for text in (source, _spelled_out(source), _quoted(source, SHOWN_AS_WRITTEN)):
        if text is not None and is_inert(text):
            return text
    return SHOWN_AS_WRITTEN + "\n\n" + re.sub(r"[^\w\s.,;]", lambda found: f"&#{ord(found[0])};", source)


def is_inert(source: str) -> bool:
    """Whether nbconvert, with raw HTML allowed, makes only words, tables, pictures and harmless links of it."""
    found = _found_in(source)
    return found is not None and not found.html and all(found.links)


class _Finder(IPythonRenderer):
    """Renders nothing: it keeps what a page would have to be afraid of."""

    def __init__(self) -> None:
        super().__init__(escape=False)
        self.html: list[str] = []
        self.links: list[bool] = []

    def block_html(self, html: str) -> str:
        if not _is_harmless_html(html):
            self.html.append(html)
        return ""

    inline_html = block_html

    def block_mermaidjs(self, code: str) -> str:
        if _OPENS.search(code):  # nbconvert writes a drawing's text into the page as it is
            self.html.append(code)
        return ""

    def link(self, text: str, url: str, title: str | None = None) -> str:
        self.links.append(is_harmless_link(url))
        return text

    def image(self, text: str, url: str, title: str | None = None) -> str:
        self.links.append(is_harmless_picture(url))
        return text


def _found_in(source: str) -> _Finder | None:
    finder = _Finder()
    try:
        MarkdownWithMath(renderer=finder).render(source)
    except Exception:  # the parser has no error of its own; RecursionError, ValueError and others were seen
        return None
    return finder


def _is_harmless_html(html: str) -> bool:
    tags = list(_TAG.finditer(html))
    addresses = [found for tag in tags for found in _ADDRESS.finditer(tag[0])]
    harmless: Any = {"href": is_harmless_link, "src": is_harmless_picture}
    return not _OPENS.search(_TAG.sub("", html)) and all(
        harmless[found[1].lower()](found[2] or found[3] or "") for found in addresses
    )


def _spelled_out(source: str) -> str | None:
    """The text with every piece of HTML in it shown; taken away, such a piece can uncover another."""
    for _ in range(5):
        found = _found_in(source)
        if found is None or not found.html:
            break
        for html in sorted(found.html, key=len, reverse=True):
            source = source.replace(html.strip(), _OPENS.sub("&lt;", html.strip()))
    return source


def _quoted(source: str, sentence: str) -> str:
    """The text in a block of code, whose fence is longer than any in it."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", source))])
    return f"{sentence}\n\n{fence}text\n{source}\n{fence}"
