"""The library comes onto a page once, and comes again wherever it would be lost."""

import base64
import gzip
import re
import sys
from importlib.resources import files

import pytest
import torch
from reading import ADDRESS, HOSTILE

from mi_tutor.views import attention_heads, colored_tokens, page
from mi_tutor.views.attention_script import SCRIPT
from mi_tutor.views.theme import style

VIEW = colored_tokens(["a", "b", "c"], torch.tensor([0.0, 1.0, -1.0]))


def carries() -> bool:
    return "DecompressionStream" in VIEW._repr_mimebundle_()["text/html"]


def test_the_first_view_of_a_page_carries_the_library_and_no_other_does(asked_by):
    asked_by("page", "one")
    assert carries()
    for cell in ("two", "three", "two"):
        asked_by("page", cell)
        assert not carries()


def test_the_cell_that_carries_it_does_so_again_when_run_again(asked_by):
    for cell, does in [("one", True), ("two", False), ("one", True), ("two", False)]:
        asked_by("page", cell)
        assert carries() == does


def test_a_page_that_connects_later_gets_it_whichever_cell_runs_first(asked_by):
    asked_by("page", "one")
    assert carries()
    asked_by("reloaded page", "two")
    assert carries()
    asked_by("reloaded page", "one")
    assert not carries()


def test_a_cell_without_an_id_is_known_by_what_stands_in_it(asked_by):
    for code, does in [("heads(0)", True), ("heads(1)", False), ("heads(0)", True)]:
        asked_by("page", None, code)
        assert carries() == does


def test_without_a_kernel_a_view_stands_alone(monkeypatch):
    monkeypatch.setattr(page, "_carriers", {})
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    assert carries()


def test_the_library_is_the_installed_one_at_less_than_half_a_megabyte():
    loader = page._loader()
    packed = re.search(r'atob\("([^"]+)"\)', loader)[1]
    assert gzip.decompress(base64.b64decode(packed)) == files("circuitsvis").joinpath("dist/cdn/iife.js").read_bytes()
    assert len(loader) < 500_000
    assert not ADDRESS.search(loader.replace(packed, ""))


def test_a_further_view_adds_its_data_and_some_hundred_bytes(shown):
    html = shown(colored_tokens(["x"], torch.tensor([1.0])))["text/html"]
    assert len(html) < 900
    tokens = ["token"] * 64
    pattern = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0)).tril()
    html = shown(attention_heads(pattern / pattern.sum(-1, keepdim=True), tokens))["text/html"]
    data, static = html.split("<script>")[1], html.split("<script>")[0]
    entries = 64 * 65 // 2
    assert len(data) - len(SCRIPT) < 4 * entries + 15 * 64
    assert len(SCRIPT) < 5100
    assert len(static) < 4500


def test_nothing_but_colab_asks_the_network(shown, monkeypatch):
    bundle = shown(attention_heads(torch.eye(len(HOSTILE))[None], HOSTILE)) | shown(VIEW)
    assert not ADDRESS.search("".join(bundle.values()))
    monkeypatch.setitem(sys.modules, "google.colab", object())
    html = shown(VIEW)["text/html"]
    assert re.findall(r"https://[^']+", html) == [
        f"https://unpkg.com/circuitsvis@{pytest.importorskip('circuitsvis').__version__}/dist/cdn/esm.js"
    ]
    assert '<span title="1"' in html
    assert "DecompressionStream" not in html


def test_the_static_form_lies_in_the_element_that_the_script_replaces(shown):
    html = shown(VIEW)["text/html"].removeprefix(style())
    box = re.fullmatch(
        r'<div class="mi-tutor-view"[^>]*aria-label="([^"]+)"><div>(.+?)</div></div>.*</script>', html, re.DOTALL
    )
    assert "From the highest: b (1)" in box[1]
    assert box[2].startswith('<div style="font-family')
    assert html.index("<script>") > html.index("</div></div>")
