"""A stranger's Markdown and HTML as a page may hold it: readable, and nothing in it runs, loads or covers anything.

The Markdown is read by nbconvert's own parser, with its rules for formulas, and what comes out goes through nh3 as the
last step. Nbconvert's SanitizeHTML is not enough: it looks at cells' sources, where Markdown hides links and HTML in many
spellings, and lets classes and ids through, by which a page's own scripts find their buttons. Formulas become MathML
here, by latex2mathml, so that no page needs MathJax: a script, from another host, that follows the student's orders.
"""

import re
from collections.abc import Mapping
from html import escape, unescape
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import nh3
from jinja2 import pass_context
from latex2mathml.converter import convert_to_element
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from pygments.token import STANDARD_TYPES

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Kinds of image that hold pixels and no document."""
LONGEST_TEXT = 100_000
"""Characters of one Markdown cell that are read as Markdown; some texts take the parser time that grows with the square."""
_LONGEST_FORMULA = 2_000
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
_PICTURE_FILE = re.compile(r"(?:[\w -]|%20)+(?:/(?:[\w -]|%20)+)*\.(?:png|jpe?g|gif|webp)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# TeX that defines TeX: ten lines of it can ask for a million symbols.
_DEFINES = re.compile(
    r"\\(?:[egx]?def|let|(?:re)?newcommand|providecommand|newenvironment|require|DeclareMathOperator)\b"
)
_MATH_VALUE = re.compile(
    r"[a-z-]{1,24}|[0-9]?[0-9]?(?:\.[0-9]+)?(?:em|ex|pt)?(?: [0-9]?[0-9]?(?:\.[0-9]+)?(?:em|ex|pt)?)*"
)

_MATH = set(
    re.findall(
        r"\w+",
        "math mrow mi mn mo mtext mspace ms mfrac msqrt mroot mstyle merror mpadded mphantom msub msup msubsup munder "
        "mover munderover mmultiscripts mprescripts mtable mtr mtd menclose",
    )
)
_MATH_ATTRIBUTES = set(
    re.findall(
        r"\w+",
        "display displaystyle scriptlevel mathvariant mathcolor stretchy fence separator form accent accentunder "
        "largeop movablelimits linethickness lspace rspace width columnalign rowalign columnspacing rowspacing "
        "columnlines rowlines notation minsize maxsize",
    )
)
_TAGS = (nh3.ALLOWED_TAGS - {"area", "header", "map", "nav"}) | _MATH
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "details": {"open"},
    "div": {"style"},
    "td": {"colspan", "rowspan", "align", "style"},
    "th": {"colspan", "rowspan", "align", "style"},
} | dict.fromkeys(_MATH, _MATH_ATTRIBUTES)
_CLASSES = {
    "span": {name for name in STANDARD_TYPES.values() if name},
    "div": {"highlight", "hl-ipython3", "hl-python"},
    "a": {"anchor-link"},
}


def clean(html: str) -> str:
    """HTML of which only what is known to be harmless is left: words, tables, formulas, pictures of pixels, links outside."""
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        allowed_classes=_CLASSES,
        set_tag_attribute_values={"a": {"target": "_blank"}},
        filter_style_properties={"opacity", "text-align"},
    )


@pass_context
def markdown2html(context: Mapping[str, Any], source: str) -> str:
    """Nbconvert's filter of this name, for a page that holds what strangers wrote."""
    return render(source, (context.get("cell") or {}).get("attachments") or {})


def render(source: str, attachments: Mapping[str, Any]) -> str:
    """Markdown as inert HTML.

    Args:
        attachments: a cell's own, by name and MIME type; those that are no pictures are left out.
    """
    if len(source) > LONGEST_TEXT:
        return _as_written(source)
    # Base64 has no letter that a Markdown parser or an attribute could take for its own.
    renderer = _Renderer(escape=False, attachments=pictures_of(attachments), exclude_anchor_links=True)
    try:
        return clean(MarkdownWithMath(renderer=renderer).render(source))
    except Exception:  # the parser has no error of its own; RecursionError, ValueError and others were seen
        return _as_written(source)


def pictures_of(attachments: Any) -> dict[str, dict[str, str]]:
    """Of a cell's attachments those that are pictures of pixels."""
    kept: dict[str, dict[str, str]] = {}
    for name, bundle in attachments.items() if isinstance(attachments, Mapping) else ():
        found = (
            {kind: data for kind, data in bundle.items() if is_picture(kind, data)}
            if isinstance(bundle, Mapping)
            else {}
        )
        if found and isinstance(name, str):
            kept[name] = found
    return kept


def is_picture(kind: Any, data: Any) -> bool:
    """Whether it is one in base64, as far as its name and letters say."""
    return kind in PICTURES and isinstance(data, str) and _BASE64.fullmatch(data) is not None


def is_harmless_link(url: str) -> bool:
    """Whether following it shows another page and nothing else: no scheme, or one of the web or of mail."""
    return _has_scheme(url, ("http:", "https:", "mailto:"))


def is_harmless_picture(url: str) -> bool:
    """Whether it names a picture of pixels in the notebook, in a file beside it, or on the web."""
    return _is_inline_picture(url) or _has_scheme(url, ("http:", "https:", "attachment:"))


class _Renderer(IPythonRenderer):
    """Nbconvert's, with formulas as MathML and nothing left for a script to draw."""

    def block_math(self, body: str) -> str:
        return _formula(body, "block")

    def inline_math(self, body: str) -> str:
        return _formula(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return _formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

    def block_mermaidjs(self, code: str) -> str:
        return f"<pre><code>{escape(code)}</code></pre>\n"

    def image(self, text: str, url: str, title: str | None = None) -> str:
        try:
            return str(super().image(text, url, title))
        except InvalidNotebook:  # an attachment that is not there, for which nbconvert would make no page at all
            return escape(text)

    def task_list_item(self, text: str, checked: bool = False) -> str:
        box = "\N{BALLOT BOX WITH CHECK} " if checked else "\N{BALLOT BOX} "
        return f"<li>{text.replace('<p>', f'<p>{box}', 1) if text.startswith('<p>') else box + text}</li>\n"


def _formula(tex: str, display: str) -> str:
    if len(tex) <= _LONGEST_FORMULA and not _DEFINES.search(tex):
        try:
            return ElementTree.tostring(_plain(convert_to_element(tex, display=display)), encoding="unicode")
        except Exception:  # the library has no error of its own, and TeX that it does not know is a student's to write
            pass
    return f"<code>{escape(tex)}</code>"


def _plain(math: ElementTree.Element) -> ElementTree.Element:
    """The same with characters in place of the library's references, which it would have written into the text as they are."""
    for element in math.iter():
        element.text, element.tail = unescape(element.text or ""), unescape(element.tail or "")
    return math


def _attribute(tag: str, name: str, value: str) -> str | None:
    if tag in _MATH:
        return value if _MATH_VALUE.fullmatch(value) else None
    if name == "href":
        return value if re.match(r"https?://|mailto:", value, re.IGNORECASE) else None
    if name == "src":
        return value if _is_inline_picture(value) or _PICTURE_FILE.fullmatch(value) else None
    return value


def _has_scheme(url: str, allowed: tuple[str, ...]) -> bool:
    plain = unquote(unescape(url)).strip()
    before_path = re.split(r"[/?#]", plain, maxsplit=1)[0]
    return not _CONTROL.search(plain) and (":" not in before_path or plain.lower().startswith(allowed))


def _is_inline_picture(url: str) -> bool:
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return url.startswith("data:") and is_picture(kind, unquote(data))


def _as_written(source: str) -> str:
    return f"<pre><code>{escape(source)}</code></pre>\n"
