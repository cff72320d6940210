"""Attention and token views: what they hold, what they say in words, and what they refuse."""

import pytest
import torch
from reading import HOSTILE, Tags, attention, drawing, given

from mi_tutor.views import attention_heads, colored_tokens, readable, token_activations

COUNT = len(HOSTILE)
VIEWS = {
    "tokens": lambda: colored_tokens(HOSTILE, torch.linspace(-1, 2, COUNT)),
    "activations": lambda: token_activations(HOSTILE, torch.ones(COUNT, 2, 2)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_hostile_tokens_stay_text(name, shown):
    bundle = shown(VIEWS[name]())
    html = bundle["text/html"]
    html.encode(), bundle["text/plain"].encode()
    found = Tags(html)
    assert set(found.tags) <= {"div", "img", "span", "br", "b", "wbr", "script"}
    assert found.tags.count("script") == 1
    assert "\0" not in html
    assert "\u202e" not in html
    _, props = given(html)
    assert len(props["tokens"]) == COUNT + 1  # a line break and what is indented after it are two pieces
    for token in props["tokens"]:
        # CircuitsVis writes them into the page as HTML.
        assert Tags(token.replace("\u2060", "")).words or not token.strip() or "<" in token
        assert Tags(token).tags == []


def test_a_token_is_shown_with_its_white_space():
    assert readable(" a\n\tb ") == "·a↵⇥b·"
    assert readable("\n" + " " * 15) == "↵+15"
    assert readable("\n\n    x  ") == "↵↵+4x··"
    assert readable(" " * 7) == "·×7"
    assert readable("\0\ud800\u202e") == "���"
    assert readable("👩‍🚀") == "👩‍🚀"


PROGRAM = ["def", " f", "():", "\n   ", " return", " x", "\n\n"]


def test_a_program_looks_like_a_program(shown):
    blank = "\N{NO-BREAK SPACE}"
    lines = [f"def{blank}f():↵", f"{blank * 4}return{blank}x↵", "↵", ""]
    html = shown(colored_tokens(PROGRAM, torch.arange(7.0)))["text/html"]
    _, props = given(html)
    # CircuitsVis breaks the line after a piece that holds a break.
    assert "".join(props["tokens"]).split("\n") == lines
    values = [n * props["values"]["by"] for n in props["values"]["n"]]
    assert values == pytest.approx([0, 1, 2, 3, 3, 4, 5, 6, 6], abs=0.01)
    still = html.split("<script>")[0]
    assert "monospace" in still
    assert [Tags(line).words for line in still.split("<br>")][:3] == lines[:3]


def test_activations_of_a_program_follow_its_pieces(shown):
    _, props = given(shown(token_activations(PROGRAM, torch.arange(7.0)[:, None, None]))["text/html"])
    assert props["activations"]["shape"] == [9, 1, 1]
    assert len(props["tokens"]) == 9


def test_hostile_tokens_and_names_of_heads_stay_text():
    view = attention_heads(
        torch.eye(COUNT).expand(COUNT, -1, -1),
        HOSTILE,
        HOSTILE,
        HOSTILE[0],
        also={"<b>": torch.eye(COUNT).expand(COUNT, -1, -1)},
    )
    bundle = view._repr_mimebundle_()
    "".join(bundle.values()).encode()
    found = Tags(bundle["text/html"])
    assert set(found.tags) == {"div", "img", "script"}
    assert found.tags.count("script") == 1
    data = attention(bundle["text/html"])
    assert data["tokens"] == [readable(token) for token in HOSTILE]
    assert "innerHTML" not in found.scripts[0].split("const frame=")[0]  # words go into the page as text


def test_the_page_gets_the_pattern_with_three_digits():
    pattern = torch.rand(3, 9, 9, generator=torch.Generator().manual_seed(0)).tril()
    pattern /= pattern.sum(-1, keepdim=True)
    data = attention(attention_heads(pattern, ["t"] * 9).html)
    (packed,) = data["kinds"]
    assert data["causal"]
    below = pattern[:, *torch.tril_indices(9, 9)]
    assert torch.tensor(packed["n"]).float().mul(packed["by"]) == pytest.approx(below.flatten(), abs=5.1e-4)


def test_what_is_not_causal_has_all_its_places():
    data = attention(attention_heads(torch.full((1, 4, 4), 0.25), ["t"] * 4).html)
    assert not data["causal"]
    assert len(data["kinds"][0]["n"]) == 16


def test_the_same_heads_in_other_measures_are_switched_to_and_all_stand_in_the_static_form():
    pattern = torch.eye(3)[None]
    view = attention_heads(pattern, list("abc"), ["1.6"], also={"attention times length": 5 * pattern})
    kinds = attention(view.html)["kinds"]
    assert [(kind["name"], kind["top"]) for kind in kinds] == [("attention", 1.0), ("attention times length", 5.0)]
    assert view.html.split("<script>")[0].count("<img ") == 2
    assert "Attention times length of 1 head" in view.text
    with pytest.raises(ValueError, match="has the shape"):
        attention_heads(pattern, list("abc"), also={"other": torch.eye(3).expand(2, -1, -1)})


def test_the_words_name_each_heads_habit(shown):
    previous, first = torch.diag(torch.ones(5), -1), torch.zeros(6, 6)
    previous[0, 0] = 1
    first[:, 0] = 1
    pattern = torch.stack([previous, first, torch.eye(6)])
    text = shown(attention_heads(pattern, list("abcdef"), names=["0.1", "0.2", "0.3"]))["text/plain"]
    assert "head 0.1: the first token 0, the previous token 1, itself 0" in text
    assert "head 0.2: the first token 1, the previous token 0, itself 0" in text
    assert "head 0.3: the first token 0, the previous token 0, itself 1" in text


def test_the_static_form_draws_every_head_with_named_axes(shown):
    words = [
        e.text
        for e in drawing(shown(attention_heads(torch.full((3, 4, 4), 0.25), list("abcd")))["text/html"]).iter()
        if e.text
    ]
    assert [w for w in words if w.startswith("head")] == ["head\xa00", "head\xa01", "head\xa02"]
    assert words.count("query") == words.count("key") == 3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_floating_dtype_and_a_graph_are_fine(dtype, shown):
    pattern = torch.eye(3, dtype=dtype)[None].requires_grad_()
    assert "head 0" in shown(attention_heads(pattern, list("abc")))["text/plain"]
    assert pattern.requires_grad


def test_one_token_one_head(shown):
    assert "1 head over 1 token" in shown(attention_heads(torch.ones(1, 1, 1), ["x"]))["text/plain"]
    assert "1 tokens" in shown(colored_tokens(["x"], [0.0]))["text/plain"]
    assert "Highest" not in shown(token_activations(["x"], torch.zeros(1, 1, 1)))["text/plain"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_said_and_not_drawn(bad, shown):
    pattern = torch.eye(3)[None].clone()
    pattern[0, 1, 0] = bad
    for view in (attention_heads(pattern, list("abc")), colored_tokens(list("abc"), pattern[0, 1])):
        bundle = shown(view)
        assert "1 entry is infinite or not a number" in bundle["text/plain"]
        assert "NaN" not in bundle["text/html"]
        assert "Infinity" not in bundle["text/html"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: attention_heads(torch.eye(3), list("abc")), r"\[head query key\].*pattern\[None\]"),
        (lambda: attention_heads(torch.zeros(2, 1, 3, 3), list("abc")), r"pattern\[0\]"),
        (lambda: attention_heads(torch.zeros(1, 2, 3), list("abc")), "as many keys as queries"),
        (lambda: attention_heads(torch.eye(3)[None], list("ab")), "`tokens` has 2 entries, but there are 3"),
        (lambda: attention_heads(torch.eye(3)[None], "abc"), "a list of strings"),
        (lambda: attention_heads(torch.zeros(0, 3, 3), list("abc")), "empty"),
        (lambda: attention_heads(torch.eye(3)[None], list("abc"), names=["a", "b"]), "`names` has 2"),
        (lambda: attention_heads("pattern", list("abc")), "should be a tensor"),
        (lambda: attention_heads(torch.zeros(1, 1, 1, dtype=torch.complex64), ["a"]), "complex"),
        (lambda: colored_tokens(["a"], torch.zeros(1, 2)), r"\[token\]"),
        (lambda: colored_tokens(["a"], torch.zeros(2)), "`tokens` has 1"),
        (lambda: token_activations(["a"], torch.zeros(1)), r"\[token layer neuron\]"),
        (lambda: token_activations(["a"], torch.zeros(1, 1, 2), neurons=["n"]), "`neurons` has 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_advice(make, said):
    with pytest.raises(ValueError, match=said):
        make()
