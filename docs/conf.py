"""Sphinx's settings. The page asks nobody but its own host: scripts and fonts are copied from installed packages."""

import shutil
from importlib.metadata import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

project = "mi-tutor"
author = "The mi-tutor authors"
project_copyright = "code: MIT, prose and weights: CC BY 4.0"
release = metadata("mi-tutor")["Version"]

extensions = ["myst_nb", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "attrs_block"]
# Notebooks come with their outputs (docs/chapters.py), and with nothing in them that needs a kernel or a widget.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js: dict[str, Any] = {}
suppress_warnings = ["mystnb.unknown_mime_type"]

html_theme = "furo"
html_title = "mi-tutor"
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_favicon = "static/icon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("plots.js", {"defer": "defer"})]
pygments_style, pygments_dark_style = "friendly", "github-dark"
mathjax_path = "mathjax-tex-svg.js"  # one file, its shapes in it: fonts would be files of their own
templates_path = ["templates"]
html_theme_options = {
    "source_repository": "",
    "light_css_variables": {"color-brand-primary": "#005f94", "color-brand-content": "#005f94"},
    "dark_css_variables": {"color-brand-primary": "#6fb7e0", "color-brand-content": "#6fb7e0"},
    "footer_icons": [],
}


def copy_scripts(app: Any, error: Exception | None) -> None:
    """Plotly from its own wheel, MathJax from the one that carries it."""
    if error is None:
        for module, file, name in (
            ("plotly", "package_data/plotly.min.js", "plotly.min.js"),
            ("mathjax", "static/mathjax/es5/tex-svg.js", mathjax_path),
        ):
            shutil.copyfile(str(files(module).joinpath(file)), Path(app.outdir, "_static", name))


def setup(app: Any) -> None:
    app.connect("build-finished", copy_scripts)
