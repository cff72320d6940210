"""Where the project is on the network, as the installed metadata have it, and where a chapter opens in Google Colab."""

from importlib.metadata import metadata
from urllib.parse import urlparse


def repository() -> str:
    """The project's public address."""
    addresses = dict(entry.split(", ", 1) for entry in metadata("mi-tutor").get_all("Project-URL") or [])
    return addresses["Repository"]


def in_colab(notebook: str) -> str:
    """The address at which Colab opens a chapter, by its notebook's name."""
    return f"https://colab.research.google.com/github{urlparse(repository()).path}/blob/main/chapters/{notebook}"
