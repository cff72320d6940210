"""Where a notebook can be opened in the browser, with nothing to install."""

from urllib.parse import urlparse

from mi_tutor.address import repository


def on_binder(notebook: str) -> str:
    """The address that opens a notebook, such as `index.ipynb`, in JupyterLab on mybinder.org, as binder/start leaves it."""
    return f"https://mybinder.org/v2/gh{urlparse(repository()).path}/HEAD?urlpath=lab/tree/my-work/{notebook}"
