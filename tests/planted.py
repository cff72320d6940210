"""What a student plants in a notebook so that it runs where somebody looks: each leaves its name behind if it does.

`planted(NAME)` is a function that the page has in a test; addresses below NOWHERE are seen when they are asked for.
"""

import base64
from collections.abc import Collection
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell

NOWHERE = "http://planted.invalid"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

MARKDOWN = {
    "script": "<script>planted('script')</script>",
    "script-in-capitals": "<ScRiPt >planted('script-in-capitals')</sCrIpT >",
    "script-in-a-sentence": "An answer <script>planted('script-in-a-sentence')</script> in a sentence.",
    "script-by-address": "<script src='NOWHERE/script-by-address'></script>",
    "module": "<script type=module>planted('module')</script>",
    "img-onerror": "<img src=x onerror=\"planted('img-onerror')\">",
    "img-onerror-with-slashes": "<img/src=x/onerror=\"planted('img-onerror-with-slashes')\">",
    "img-onerror-in-entities": "<img src=x onerror=\"&#112;lanted('img-onerror-in-entities')\">",
    "img-onerror-in-a-quote": "> <img src=x\n> onerror=\"planted('img-onerror-in-a-quote')\">",
    "img-onerror-in-a-table": "|a|b|\n|-|-|\n|<img src=x onerror=\"planted('img-onerror-in-a-table')\">|1|",
    "img-onerror-in-a-heading": "# A <img src=x onerror=\"planted('img-onerror-in-a-heading')\"> heading",
    "img-onerror-in-details": "<details open><summary>s</summary>\n\n<img src=x onerror=\"planted('img-onerror-in-details')\">\n\n</details>",
    "img-by-address": "<img src='NOWHERE/img-by-address'>",
    "img-in-markdown": "![a picture](NOWHERE/img-in-markdown)",
    "svg-onload": "<svg onload=\"planted('svg-onload')\"></svg>",
    "svg-script": "<svg><script>planted('svg-script')</script></svg>",
    "svg-animate": "<svg><animate onbegin=\"planted('svg-animate')\" attributeName=x dur=1s></svg>",
    "svg-link": "<svg><a xlink:href=\"javascript:planted('svg-link')\"><text y=20>x</text></a></svg>",
    "math-in-svg-style": "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=planted(&#39;math-in-svg-style&#39;)&gt;'>",
    "math-link": "<math><mi href=\"javascript:planted('math-link')\">x</mi></math>",
    "details-ontoggle": "<details open ontoggle=\"planted('details-ontoggle')\">x</details>",
    "onmouseover": "<b onmouseover=\"planted('onmouseover')\">x</b>",
    "onfocus": "<input onfocus=\"planted('onfocus')\" autofocus>",
    "onclick": "<span onclick=\"planted('onclick')\">x</span>",
    "video": "<video><source onerror=\"planted('video')\"></video>",
    "onanimationstart": "<style>@keyframes k{}</style><b style='animation:k 1s' onanimationstart=\"planted('onanimationstart')\">x</b>",
    "iframe-srcdoc": "<iframe srcdoc=\"<script>parent.planted('iframe-srcdoc')</script>\"></iframe>",
    "iframe-javascript": "<iframe src=\"javascript:parent.planted('iframe-javascript')\"></iframe>",
    "iframe-by-address": "<iframe src='NOWHERE/iframe-by-address'></iframe>",
    "object": "<object data='NOWHERE/object'></object>",
    "embed": "<embed src='NOWHERE/embed'>",
    "form": "<form action='NOWHERE/form'><button class=press>Next</button></form>",
    "formaction": "<form><button class=press formaction=\"javascript:planted('formaction')\">Next</button></form>",
    "style-import": "<style>@import 'NOWHERE/style-import';</style>",
    "style-url": "<div style='background:url(NOWHERE/style-url)'>x</div>",
    "link-stylesheet": "<link rel=stylesheet href='NOWHERE/link-stylesheet'>",
    "link-javascript": "[here](javascript:planted('link-javascript'))",
    "link-in-capitals": "[here](JaVaScRiPt:planted('link-in-capitals'))",
    "link-in-entities": "[here](&#106;avascript:planted('link-in-entities'))",
    "link-by-reference": "[here][x]\n\n[x]: javascript:planted('link-by-reference')",
    "link-in-brackets": "<javascript:planted('link-in-brackets')>",
    "link-in-html": "<a href=\"javascript:planted('link-in-html')\">here</a>",
    "link-with-a-tab": "<a href=\"java\tscript:planted('link-with-a-tab')\">here</a>",
    "mermaid": "```mermaid\n<img src=x onerror=\"planted('mermaid')\">\n```",
    "text-in-a-formula": "$\\text{<img src=x onerror=\"planted('text-in-a-formula')\">}$",
    "href-in-a-formula": "$\\href{javascript:planted('href-in-a-formula')}{x}$",
    "style-in-a-formula": "$\\style{background:url(NOWHERE/style-in-a-formula)}{x}$",
    "unicode-in-a-formula": "$\\unicode{<img src=x onerror=\"planted('unicode-in-a-formula')\">}$",
    "comment-that-ends": "<!--> <img src=x onerror=\"planted('comment-that-ends')\"> -->",
    "link-to-data": "[here](data:text/html,<script>opener.planted('link-to-data')</script>)",
}
"""By name, in a Markdown cell of its own; the word NOWHERE stands for the address."""
QUIET = {
    *("text-in-a-formula", "href-in-a-formula", "style-in-a-formula", "unicode-in-a-formula"),
    *("link-to-data", "math-link", "math-in-svg-style", "img-onerror-with-slashes", "attachment", "attachment-page"),
    *("output-plain", "output-latex", "output-png", "output-jpeg", "output-svg"),
    *("output-widget", "output-plotly", "output-vega", "stream", "error", "source", "magic", "raw", "tags"),
}
"""Of these plain nbgrader makes nothing either where MathJax and widgets are out of reach, and in today's Chromium."""
INVALID = {"cell-id", "execution-count"}
"""Those for which nbformat calls the notebook invalid, so that plain nbgrader makes no page of it."""
AT_FORMGRADER = {"output-javascript", "student"}
"""Those that need what only formgrader's page has: jQuery, and the student's name."""


def _html(name: str) -> str:
    return f"<img src=x onerror=\"planted('{name}')\">"


OUTPUTS: dict[str, dict[str, Any]] = {
    "output-html": {"text/html": _html("output-html")},
    "output-javascript": {"application/javascript": "planted('output-javascript')"},
    "output-markdown": {"text/markdown": _html("output-markdown")},
    "output-png": {"image/png": "x\" onerror=\"planted('output-png')"},
    "output-jpeg": {"image/jpeg": "x\" onerror=\"planted('output-jpeg')"},
    "output-svg": {"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' onload=\"planted('output-svg')\"/>"},
    "output-latex": {"text/latex": f"$\\text{{{_html('output-latex')}}}$"},
    "output-plain": {"text/plain": _html("output-plain")},
    "output-widget": {"application/vnd.jupyter.widget-view+json": {"model_id": f"</script>{_html('output-widget')}"}},
    "output-plotly": {"application/vnd.plotly.v1+json": {"layout": {"title": _html("output-plotly")}}},
    "output-vega": {"application/vnd.vegalite.v5+json": {"title": _html("output-vega")}},
}
"""By name, the data of an output."""


def cells() -> dict[str, NotebookNode]:
    """By name, a cell that plants it."""
    made = {name: new_markdown_cell(text.replace("NOWHERE", NOWHERE)) for name, text in MARKDOWN.items()}
    for name, data in OUTPUTS.items():
        made[name] = new_code_cell("1", outputs=[new_output("display_data", data=data)])
    stream = new_output("stream", name="stdout", text=f"\x1b[31m{_html('stream')}\x1b]8;;javascript:1\x07")
    error = new_output("error", ename=_html("error"), evalue="", traceback=[f"\x1b[31m{_html('traceback')}"])
    isolated = new_output("display_data", data={"text/html": "<script>planted('isolated')</script>"})
    isolated.metadata = {"text/html": {"isolated": True}}
    made |= {"stream": new_code_cell("1", outputs=[stream]), "error": new_code_cell("1", outputs=[error])}
    made["isolated"] = new_code_cell("1", outputs=[isolated])
    made["source"] = new_code_cell(f"# {_html('source')}\nx = '</script>{_html('source')}'")
    made["magic"] = new_code_cell(f"%%html\n{_html('magic')}")
    made["raw"] = new_raw_cell(_html("raw"), metadata={"raw_mimetype": "text/html"})
    made["tags"] = new_code_cell("1", metadata={"tags": [f'"><b>{_html("tags")}']})
    made["cell-id"] = new_code_cell("1", id="x")
    made["cell-id"]["id"] = f'x">{_html("cell-id")}'
    made["execution-count"] = new_code_cell("1")
    made["execution-count"]["execution_count"] = _html("execution-count")
    made["attachment"] = new_markdown_cell("![x](attachment:x.png)")
    made["attachment"]["attachments"] = {"x.png": {'image/png"onerror="planted(`attachment`)" x="': "AAAA"}}
    page = base64.b64encode(b"<script>opener.planted('attachment-page')</script>").decode()
    made["attachment-page"] = new_markdown_cell("[x](attachment:x.html)")
    made["attachment-page"]["attachments"] = {"x.html": {"text/html": page}}
    return made


def plant(notebook: NotebookNode, without: Collection[str] = ()) -> None:
    """Put all of it into a notebook but for those, and the rest into its metadata."""
    notebook.cells[1:1] = [cell for name, cell in cells().items() if name not in without]
    notebook.metadata["title"] = f"</title>{_html('title')}"
    notebook.metadata["kernelspec"] = {"name": _html("kernel"), "display_name": _html("kernel"), "language": "python"}
    notebook.metadata["language_info"] = {"name": _html("language")}
    state = {"version_major": 2, "version_minor": 0, "state": {"x": f"</script>{_html('widget-state')}"}}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}


def plant_files(folder: Path, secret: Path) -> None:
    """What lies beside the notebook: a page, a drawing that is a page, and a way to a file of the teacher's."""
    (folder / "page.html").write_text("<script>planted('page.html')</script>")
    (folder / "drawing.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg'><script>planted('drawing.svg')</script></svg>"
    )
    (folder / "page.png").write_text("<script>planted('page.png')</script>")
    (folder / "theirs.png").symlink_to(secret)
    (folder / "picture.png").write_bytes(base64.b64decode(PIXEL))
