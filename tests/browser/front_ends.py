"""A notebook as pages that other programs would make of it, where the programs themselves cannot be opened here."""

import html
import json
import re
from typing import Any

PLAIN = "text/plain"
# What VS Code draws without an extension, the richest first; of these it takes only SECURE ones in a folder that is not
# trusted. (Plotly's own kind and the widgets' are drawn by extensions, which are not there.)
VSCODE_ORDER = ("text/html", "image/svg+xml", "text/markdown", "image/png", PLAIN)
SECURE = ("text/markdown", "image/png", PLAIN)
VSCODE_COLOURS = {
    "dark": {"foreground": "#cccccc", "editor-foreground": "#cccccc", "editor-background": "#1f1f1f"},
    "light": {"foreground": "#3b3b3b", "editor-foreground": "#3b3b3b", "editor-background": "#ffffff"},
}
# Scripts may stand in the page, and nothing but pictures comes from elsewhere.
POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src https: http: data:;"
# As VS Code's page does: the HTML is put in as it is, each of its scripts is then made anew at the end of it, run and
# taken away again.
VSCODE_SCRIPT = """
for (const [cell, outputs] of JSON.parse(document.getElementById("outputs").textContent).entries()) {
  const place = document.createElement("div");
  place.className = "cell_container front-end-cell";
  place.dataset.cell = cell;
  document.getElementById("container").append(place);
  for (const [mime, text] of outputs) {
    const box = document.createElement("div");
    box.className = "output_container";
    const output = box.appendChild(document.createElement("div"));
    output.className = "output";
    place.append(box);
    const element = document.createElement("div");
    if (mime === "text/html") element.innerHTML = text;
    else {
      element.className = "output-plaintext";
      element.textContent = text;
    }
    output.append(element);
    for (const old of [...element.querySelectorAll("script")]) {
      const script = document.createElement("script");
      script.text = old.innerText;
      element.appendChild(script).remove();
    }
  }
}
"""


def vscode(notebook: Any, theme: str, trusted: bool) -> str:
    """The page in which VS Code shows outputs (extensions/notebook-renderers/src/index.ts and its surroundings)."""
    cells = [[_for_vscode(output, trusted) for output in cell.outputs] for cell in notebook.cells if cell.outputs]
    outputs = json.dumps(cells).replace("<", "\\u003c")
    colours = "".join(f"--vscode-{name}:{colour};" for name, colour in VSCODE_COLOURS[theme].items())
    return f"""<!doctype html><html lang="en" style="{colours}"><head><meta charset="utf-8"><title>VS Code</title>
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<style>html {{ background: var(--vscode-editor-background) }}
body {{ background: transparent; color: var(--vscode-editor-foreground); margin: 0; padding: 0 20px; font: 13px system-ui, sans-serif }}
img, video {{ max-width: 100%; max-height: 100% }}
table {{ width: 100%; border-collapse: collapse; border: none }} th, td {{ padding: 4px 8px }}
table, th, tr {{ vertical-align: middle; text-align: right }}
thead {{ font-weight: bold; background-color: rgba(130, 130, 130, 0.16) }}
tr:nth-child(even) {{ background-color: rgba(130, 130, 130, 0.08) }}
.output-plaintext {{ white-space: pre-wrap; font-family: monospace }}
.cell_container {{ margin: 12px 0 }}</style></head>
<body class="vscode-{theme}"><div id="container"></div>
<script type="application/json" id="outputs">{outputs}</script><script>{VSCODE_SCRIPT}</script></body></html>"""


def _for_vscode(output: Any, trusted: bool) -> tuple[str, str]:
    """The kind that VS Code picks, and its text."""
    if output.output_type == "stream":
        return PLAIN, output.text
    kinds = [kind for kind in VSCODE_ORDER if kind in output.data and (trusted or kind in SECURE)]
    return kinds[0], output.data[kinds[0]]


def sanitised(notebook: Any) -> str:
    """The outputs as a hosting site's preview shows them: no script, no style, no class, only harmless tags."""
    import bleach

    tags = (
        "a abbr b blockquote br caption code dd details div dl dt em h1 h2 h3 h4 hr i img li ol p pre s span strong sub"
    )
    tags += " summary sup table tbody td th thead tr ul wbr"
    allowed = {"*": ["title", "role", "aria-label", "aria-hidden"], "img": ["src", "alt", "width", "height"]}
    parts = []
    for cell in notebook.cells:
        shown = []
        for output in cell.outputs:
            if output.output_type == "stream":
                shown.append(f"<pre>{html.escape(output.text)}</pre>")
                continue
            rich = output.data.get("text/html")
            if rich is None:
                shown.append(f"<pre>{html.escape(output.data[PLAIN])}</pre>")
                continue
            bare = re.sub(r"<(script|style)\b.*?</\1>", "", rich, flags=re.DOTALL)
            shown.append(bleach.clean(bare, tags.split(), allowed, protocols=["data", "https"], strip=True))
        if shown:
            parts.append(f'<div class="front-end-cell">{"".join(shown)}</div>')
    style = "body { font: 14px system-ui, sans-serif; color: #1f2328; background: #fff } img { max-width: 100% }"
    return f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Preview</title><style>{style}</style></head><body>{"".join(parts)}</body></html>'


def exported(notebook: Any, theme: str) -> str:
    """The page that `jupyter nbconvert --to html` makes, without the libraries that it would ask the network for."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(theme=theme, exclude_input=True, mathjax_url="", require_js_url="", jquery_url="")
    page: str = exporter.from_notebook_node(notebook)[0]
    return page
