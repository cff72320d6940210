"""Reading back what a view puts into a page."""

import html as html_module
import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree

from mi_tutor.views.theme import style

# (The name of SVG's namespace stands in every drawing, and nothing is fetched from it.)
ADDRESS = re.compile(r"https?://|[\"'(=]//[a-z0-9]", re.IGNORECASE)
"""Something that a page would ask the network for."""
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "&amp;&#60;",
    "\"'`",
    "\0\x1b",
    "\ud800",
    "👩‍🚀",
    "\u202egnp",
    "\u2028",
    " \n\t",
    "",
]


class Tags(HTMLParser):
    """The tags, the text outside of scripts, and the scripts of a piece of HTML."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.scripts: list[str] = []
        # The theme's stylesheet stands before every output with an image.
        self.feed(source.removeprefix(style()))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        else:
            self.words += data


def given(html: str):
    """The component and what it is given, as the page's script reads it."""
    script = re.search(r"parentNode,\.\.\.(\[.*\])\]\)</script>", html, re.DOTALL)[1]
    return json.loads(script)


def attention(html: str):
    """What the script of an attention view draws."""
    return json.loads(re.search(r"\{const d=(\{.*?\}),all=document", html, re.DOTALL)[1])


def drawing(html: str) -> ElementTree.Element:
    address = html_module.unescape(re.search(r'src="(data:image/svg[^"]+)"', html)[1])
    return ElementTree.fromstring(unquote(address.split(",", 1)[1]))
