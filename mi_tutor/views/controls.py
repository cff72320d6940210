"""Controls: a slider through pictures made beforehand, and ipywidgets for what has to be computed anew."""

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mi_tutor.views.labels import label
from mi_tutor.views.page import StaticView

# The slider and all but three pictures are made by the script: a page that strips scripts may also strip `hidden`.
# JupyterLab would take the arrow keys for its own if they came through.
_SLIDE = """{const box=document.currentScript.parentNode.querySelector(".mi-tutor-slider"),{name,labels,start,more}=DATA,
bar=document.createElement("label"),input=document.createElement("input"),value=document.createElement("output"),
there=[...box.children],frames=labels.map((_,i)=>{if(!(i in more))return there.shift();
const frame=document.createElement("div");frame.innerHTML=more[i];return frame});
Object.assign(input,{type:"range",min:0,max:labels.length-1,value:start});input.style.cssText=
"width:20em;max-width:60%;vertical-align:middle;margin:0 1em";bar.onkeydown=e=>e.stopPropagation();
bar.append(name+":",input,value);box.replaceChildren(bar,...frames);
(input.oninput=()=>{value.value=labels[input.value];frames.forEach((f,i)=>{f.hidden=i!=input.value})})();
frames.forEach(f=>{f.firstElementChild.hidden=true})}"""

# A widget whose kernel is gone leaves an error behind and no other form of the output is tried. So the static form is an
# output of its own, which steps aside where the widget lives, and hides its error where it does not.
_BESIDE = """{const own=document.currentScript.closest(".jp-OutputArea-child"),area=own&&own.parentNode;
if(area){const judge=()=>{const other=own.previousElementSibling;if(!other)return;
const lives=!!other.querySelector(".widget-vbox");own.style.display=lives?"none":"";
other.style.display=!lives&&/Error displaying widget/.test(other.textContent)?"none":""};
new MutationObserver(judge).observe(area,{childList:true,subtree:true});judge()}}"""


def slider(name: str, values: Sequence[Any], draw: Callable[[Any], Any], start: int = 0) -> StaticView:
    """One picture for each value of a parameter, made now, and a slider through them.

    It slides with no kernel: in a reopened notebook and in an exported page too. Without scripts the first picture, the
    one at `start` and the last stand below each other. Every value costs as many bytes as its picture.

    Args:
        name: of the parameter, with the unit.
        values: what the slider passes through, in this order: checkpoints, strengths.
        draw: gives the picture (of this package) for a value.
        start: the index of the value that is shown at first; negative ones count from the end.

    Raises:
        ValueError: no values, or a start outside of them.
    """
    if not len(values) or not -len(values) <= start < len(values):
        raise ValueError(f"`values` needs an entry, and `start` has to be the index of one: {len(values)=}, {start=}.")
    start %= len(values)
    name, labels = label(name), [f"{value:g}" if isinstance(value, float) else label(str(value)) for value in values]
    drawn = [draw(value) for value in values]
    frames = {
        i: f"<b>{html.escape(f'{name} = {at}')}</b><div>{as_html(picture)}</div>"
        for i, (at, picture) in enumerate(zip(labels, drawn, strict=True))
    }
    kept = {0, start, len(drawn) - 1}
    more = {i: frame for i, frame in frames.items() if i not in kept}
    data = json.dumps({"name": name, "labels": labels, "start": start, "more": more}, separators=(",", ":"))
    script = _SLIDE.replace("\n", "").replace("DATA", data.replace("<", "\\u003c"))
    text = f"A slider for {name} through {len(values)} pictures. At {labels[0]}: {_words(drawn[0])}"
    text += f" At {labels[-1]}: {_words(drawn[-1])}" if len(drawn) > 1 else ""
    still = "".join(f"<div>{frames[i]}</div>" for i in sorted(kept))
    shown = f'<div class="mi-tutor-slider" role="group" aria-label="{html.escape(text)}">{still}</div>'
    return StaticView(f"{shown}<script>{script}</script>", text)


@dataclass(frozen=True)
class Control:
    """ipywidgets with what they show, and beside them, for when they are gone, the static form of the beginning."""

    widget: Any = field(repr=False)
    """The box: the controls by the order given, then an `HTML` with the picture."""
    static: str = field(repr=False)
    text: str

    def __repr__(self) -> str:
        return self.text

    def _ipython_display_(self) -> None:
        from IPython.display import display

        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        # The empty HTML is what an export takes: the words of a widget are its Python code.
        lives = {"application/vnd.jupyter.widget-view+json": view, "text/html": "", "text/plain": self.text}
        display(lives, raw=True)
        script = _BESIDE.replace("\n", "")
        display({"text/html": f"<div>{self.static}</div><script>{script}</script>", "text/plain": self.text}, raw=True)


def explore(draw: Callable[..., Any], *, examples: Sequence[Any] = (), **controls: Any) -> Control:
    """ipywidgets controls, and the picture that `draw` makes of what they say.

    Args:
        draw: is called with the value of each control by its name, at first and after every change; gives a picture
            of this package, a sentence, or a list of these.
        examples: more values of the control, if it is the only one. Where the widget is gone, in a reopened notebook or
            an exported page, a slider passes through their pictures, which are made now.
        controls: ipywidgets, as in `text=ipywidgets.Text(" not")`.

    Raises:
        ValueError: examples for several controls.
    """
    import ipywidgets

    if examples and len(controls) > 1:
        raise ValueError(f"`examples` are values of one control; there are {', '.join(controls)}.")

    def current() -> Any:
        return draw(**{name: control.value for name, control in controls.items()})

    first = current()
    shown = ipywidgets.HTML(value=as_html(first))
    still = as_html(first)
    if examples:
        ((name, control),) = controls.items()
        values = list(dict.fromkeys([control.value, *examples]))
        still = slider(control.description or name, values, lambda value: draw(**{name: value})).to_static()

    def show(change: Any) -> None:
        try:
            shown.value = as_html(current())
        except Exception as error:  # a widget's callback has nowhere else to say it
            shown.value = as_html(f"{type(error).__name__}: {error}")

    for control in controls.values():
        control.observe(show, names="value")
    return Control(ipywidgets.VBox([*controls.values(), shown]), still, _words(first))


def as_html(shown: Any) -> str:
    """The static form of a picture, a sentence, or a list of them."""
    if isinstance(shown, str):
        return f"<div>{html.escape(shown)}</div>"
    return "".join(map(as_html, shown)) if isinstance(shown, list) else str(shown.to_static())


def _words(shown: Any) -> str:
    return shown if isinstance(shown, str) else " ".join(map(_words, shown)) if isinstance(shown, list) else shown.text
