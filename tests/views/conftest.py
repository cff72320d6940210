"""Stand-ins for what the views see of a notebook: the page that asks, and its cell."""

from types import SimpleNamespace
from typing import Any

import pytest

from mi_tutor.views import page


@pytest.fixture
def asked_by(monkeypatch):
    """Call it to say which page and which cell run next; nothing is remembered from other tests."""
    monkeypatch.setattr(page, "_carriers", {})

    def ask(session: str, cell: str | None, code: str = "") -> None:
        metadata = {} if cell is None else {"cellId": cell}
        parent = {"header": {"session": session}, "metadata": metadata, "content": {"code": code}}
        kernel = SimpleNamespace(get_parent=lambda: parent)
        monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=kernel))

    return ask


@pytest.fixture
def shown(asked_by):
    """The outputs of a view on a page that has the library already."""
    asked_by("a page", "first")
    page._is_carrier()
    asked_by("a page", "second")

    def bundle(view: Any) -> dict[str, Any]:
        return view._repr_mimebundle_()

    return bundle
