"""Tables of shares."""

import pytest
import torch

from mi_tutor.views.percentages import percentages


def test_shares_are_percentages_and_everything_else_stands_as_it_is():
    shown = percentages({"a": [0.256, torch.tensor(-0.001), 3, "four"]}, ["who", "x", "y", "n", "word"])
    assert shown.text == "Table: who a, x 26%, y 0%, n 3, word four."


def test_a_group_has_its_mean_and_the_error_of_the_mean_below():
    group = torch.tensor([[0.0, 0.5], [1.0, 0.5], [0.5, 0.5], [0.5, 0.5]])
    shown = percentages({"a": [0.1, 0.2]}, ["who", "x", "y"], {"mean of four": group})
    # The four have a variance of 1/6: the root of that over two.
    assert shown.text.endswith("who mean of four, x 50% ± 20%, y 50% ± 0%.")


def test_a_row_of_another_length_is_refused_by_name():
    with pytest.raises(ValueError, match="'a'"):
        percentages({"a": [0.1]}, ["who", "x", "y"])
