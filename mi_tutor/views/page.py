"""How a CircuitsVis view comes onto a page: the library once a page, each view its data, a static form beneath.

A page (a JupyterLab tab, an exported file) needs the library once. The kernel does not see the page, but it sees who
asks: every page that connects has a session id of its own, and JupyterLab names the cell. So the first view of a
session carries the library, and so does every later run of that same cell; otherwise running it again would drop the
library from the notebook that is saved.

A view stands in a queue until the library is there, whichever comes first. Until then, and wherever scripts do not
run, the reader sees the static form.
"""

import base64
import gzip
import html
import json
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

from mi_tutor.views.labels import printable
from mi_tutor.views.still.svg import below
from mi_tutor.views.theme import themed

_carriers: dict[str, str] = {}
"""By session: the cell that carries the library."""

# CircuitsVis looks its container up in the document by an id, so it is filled while it stands in the body (the view's own
# place may be in a shadow tree) under an id used once (a notebook can be open twice on a page). It waits until the view
# has a width: what is drawn in a hidden tab, or far down in JupyterLab, would stay without one. The static form returns
# if the component fails and leaves the container empty. JupyterLab would take the arrow keys of a list for its own.
_DRAW = """(library,[host,name,packed])=>{
const unpack=p=>{if(!p||!p.n)return p;let i=0;const go=(shape,row)=>Array.from({length:shape[0]},(_,k)=>shape.length>1?
go(shape.slice(1),k):p.low&&k>row?0:+(p.n[i++]*p.by).toPrecision(3));return go(p.shape)};
const props=Object.fromEntries(Object.entries(packed).map(([k,v])=>[k,unpack(v)])),
box=host.querySelector(".mi-tutor-view"),still=box.firstElementChild,live=document.createElement("div");
live.id="mi-tutor-"+Math.random().toString(36).slice(2);live.className="mi-tutor-card";live.style.cssText="CARD;max-width:"+box.dataset.width+"px";
live.onkeydown=e=>e.stopPropagation();
new MutationObserver(()=>{const ok=live.hasChildNodes();still.hidden=ok;live.hidden=!ok}).observe(live,{childList:true});
new ResizeObserver(([seen],self)=>{if(!seen.contentRect.width)return;self.disconnect();
document.body.append(live);library.render(live.id,library[name],props);box.append(live)}).observe(box)}"""

MONOSPACE = "var(--jp-code-font-family,ui-monospace,monospace)"
"""The letters of programs, as the page has them."""

# CircuitsVis paints on white. In a dark theme the card is turned over, hues kept: what fades to white fades to black.
_CARD = "background:#fff;color:#222;padding:8px 12px;border-radius:4px;overflow-x:auto;position:relative"
_STYLE = (
    '<style>[data-jp-theme-light="false"] .mi-tutor-card,.vscode-dark .mi-tutor-card,'
    ".vscode-high-contrast:not(.vscode-high-contrast-light) .mi-tutor-card"
    "{filter:invert(.93) hue-rotate(180deg)}"
    f'.mi-tutor-card span[style*="inline-block"]{{font-family:{MONOSPACE};white-space:pre}}'
    # It writes white on colours of middle lightness: tokens are written in black on colours two fifths as strong.
    '.mi-tutor-card span[style*="background-color"]{color:#000!important;'
    "background-image:linear-gradient(rgba(255,255,255,.6),rgba(255,255,255,.6))}</style>"
)


_STILL = "<div><small>The script that makes this picture answer to the pointer did not come: it is shown still.</small></div>"


@dataclass(frozen=True)
class View:
    """A CircuitsVis component with a static form and a description in words."""

    component: str
    """Its name in the library."""
    props: dict[str, Any] = field(repr=False)
    """What it is given; JSON, tensors as `packed` gives them."""
    static: str = field(repr=False)
    """HTML that needs no script and no network."""
    text: str
    """What the picture shows, in words."""
    caption: str = ""
    """HTML that stands below, whichever form is shown: what the colours mean."""
    width: int = 1000
    """Pixels that the library may use; it would take the whole page."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", printable(self.text))

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": themed(self.to_html()), "text/plain": self.text}

    def to_static(self) -> str:
        """HTML that needs no script and no network."""
        return self.static + below(self.caption)

    def to_html(self) -> str:
        """The view for the page that asks, with the library if that page lacks it."""
        data = json.dumps([self.component, self.props], separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
        shown = f'<div class="mi-tutor-view" data-width="{self.width}" role="group" aria-label="{html.escape(self.text)}"><div>{self.static}</div></div>'
        shown += below(self.caption)
        if "google.colab" in sys.modules:
            return f"{_STYLE}{shown}<script>{_from_network(data)}</script>"
        queued = f"(window.miTutorViews=window.miTutorViews||[]).push([document.currentScript.parentNode,...{data}])"
        return f"{shown}<script>{queued}</script>{_loader() if _is_carrier() else ''}"


@dataclass(frozen=True)
class StaticView:
    """HTML and a description in words, for what needs neither a library nor a kernel."""

    html: str = field(repr=False)
    text: str
    """What it shows, in words."""

    def __repr__(self) -> str:
        return self.text

    def to_static(self) -> str:
        """The HTML itself."""
        return self.html

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": themed(self.html), "text/plain": self.text}


def _draw() -> str:
    return _DRAW.replace("CARD", _CARD).replace("\n", "")


def _from_network(data: str) -> str:
    """In Colab each output is a frame of its own, and there nearly always is a network; where the script does not come, the
    static form stays, and a line says so."""
    import circuitsvis

    address = f"https://unpkg.com/circuitsvis@{circuitsvis.__version__}/dist/cdn/esm.js"
    return (
        f"{{const host=document.currentScript.parentNode;import('{address}').then(C=>({_draw()})(C,[host,...{data}]))"
        f'.catch(()=>host.insertAdjacentHTML("beforeend",{json.dumps(_STILL)}))}}'
    )


def _is_carrier() -> bool:
    session, cell = _asked_by()
    return _carriers.setdefault(session, cell) == cell


def _asked_by() -> tuple[str, str]:
    """The session that asks, and its cell: by id, or by what stands in it where the front end names no cell."""
    ip = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    parent: dict[str, Any] = getattr(getattr(ip, "kernel", None), "get_parent", dict)() or {}
    cell = parent.get("metadata", {}).get("cellId") or parent.get("content", {}).get("code", "")
    return parent.get("header", {}).get("session", ""), str(cell)


@lru_cache(maxsize=1)
def _loader() -> str:
    """The library, compressed: a third of its size, and unpacked by the browser itself."""
    source = files("circuitsvis").joinpath("dist/cdn/iife.js").read_bytes()
    packed = base64.b64encode(gzip.compress(source, 9, mtime=0)).decode()
    return (
        f"{_STYLE}<script>(()=>{{if(window.miTutorLibrary)return;window.miTutorLibrary=1;"
        f'new Response(new Blob([Uint8Array.from(atob("{packed}"),c=>c.charCodeAt(0))]).stream()'
        '.pipeThrough(new DecompressionStream("gzip"))).text().then(source=>{const s=document.createElement("script");'
        f"s.textContent=source;document.head.append(s);const one={_draw()},"
        "draw=view=>{try{one(CircuitsVis,view)}catch(e){console.error(e)}};"
        "(window.miTutorViews||[]).forEach(draw);window.miTutorViews={push:draw}})})()</script>"
    )
