"""What chapter 03 draws: its two circuits as one image each, and its tables."""

import pytest
import torch
from reading import ADDRESS, Tags, drawing

from mi_tutor.models import load_model
from mi_tutor.views.diagrams_ch03 import CIRCUITS, induction_circuit
from mi_tutor.views.induction import expected_twice, head_table


@pytest.mark.parametrize("kind", CIRCUITS)
def test_a_circuit_is_one_image_with_words_for_it_and_asks_no_network(kind):
    view = induction_circuit(kind)
    assert Tags(view.html).tags == ["img"]
    assert not ADDRESS.search(view.html)
    words = " ".join(drawing(view.html).itertext())
    assert CIRCUITS[kind].key.replace(" ", "\N{NO-BREAK SPACE}") in words
    assert str(view) == CIRCUITS[kind].told
    assert view.text in view.html


def test_another_composition_is_refused_by_name():
    with pytest.raises(ValueError, match="'V'"):
        induction_circuit("V")


def test_a_stretch_that_comes_twice_has_a_row_for_each_token_and_two_columns_for_each_model():
    models = {"a": load_model("attn-1l-py", "cpu"), "b": load_model("zero-layer-py", "cpu")}
    tokens = torch.tensor([[0, 5, 6, 7, 5, 6]])
    text = expected_twice(models, tokens, 1, 4).text
    assert text.count("token that came") == 2
    assert "b, 2nd time" in text
    # A model without layers sees the token before alone: after BOS and after 7 it expects 5 differently, after 5 it expects 6 alike.
    second = text.split("token that came")[2]
    first, again = (second.split(f"b, {time} time ")[1].split("%")[0] for time in ("1st", "2nd"))
    assert first == again


def test_heads_are_named_by_layer_and_number():
    values = torch.zeros(2, 3)
    values[1, 2] = 0.5
    said = head_table(values, "score", "t").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "layer 1, column head 2" in said
