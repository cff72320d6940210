"""Dashboards and trees: what they say, that they need no script, and that the picker draws anew."""

import pytest
import torch
from reading import ADDRESS, Tags

from mi_tutor.figures.dashboard import feature_dashboards
from mi_tutor.models.sae import Sae
from mi_tutor.views import explore_features, feature_contexts, feature_dashboard, tree


class Letters:
    """A tokenizer whose tokens are letters, one of them a tag and one a new line."""

    def decode(self, ids):
        return "".join("<\n"[int(i)] if int(i) < 2 else chr(95 + int(i)) for i in torch.as_tensor(ids).flatten())


@pytest.fixture
def dashboards():
    draw = torch.Generator().manual_seed(0)
    sae = Sae(
        torch.randn(4, 7, generator=draw),
        torch.zeros(7).index_fill(0, torch.tensor([2]), -1e4),
        torch.randn(7, 4, generator=draw),
        torch.zeros(4),
        "",
        "",
    )
    tokens = torch.randint(12, (5, 8), generator=draw)
    labels = torch.rand(5, 8, 1, generator=draw) < 0.4
    return feature_dashboards(
        sae, torch.randn(5, 8, 4, generator=draw), tokens, torch.randn(4, 12, generator=draw), labels, ("in_string",)
    )


def test_a_dashboard_stands_without_scripts_and_network(dashboards):
    page = feature_dashboard(dashboards[0], Letters())
    tags = Tags(page.html).tags
    assert "script" not in tags
    assert tags.count("img") == 1
    assert tags.count("table") == 3
    assert not ADDRESS.search(page.html.replace("http://www.w3.org/2000/svg", ""))
    assert "feature 0" in page.html
    assert "in_string" in page.text


def test_a_dead_feature_is_said_to_be_dead(dashboards):
    assert "never active" in feature_dashboard(dashboards[2], Letters()).text
    with pytest.raises(ValueError, match="never active"):
        feature_contexts(dashboards[2], Letters())


def test_contexts_are_drawn_by_circuitsvis_with_spans_beneath(dashboards):
    view = feature_contexts(dashboards[0], Letters())
    assert view.component == "ColoredTokens"
    assert len(view.props["tokens"]) == sum(len(c.tokens) + 1 for c in dashboards[0].contexts)
    assert "activation of feature 0" in view.text


def test_the_picker_draws_the_feature_that_is_chosen(dashboards):
    control = explore_features(dashboards, Letters(), feature=1)
    box, shown = control.widget.children
    assert "feature 1" in shown.value
    box.value = 4
    assert "feature 4" in shown.value
    assert "feature 1" in control.static


def test_a_tree_is_nested_lists(dashboards):
    shown = tree([("a <b>", [("c", []), ("d", [("e", [])])])], "split")
    tags = Tags(shown.html).tags
    assert tags.count("ul") == 3
    assert tags.count("li") == 4
    assert "&lt;b&gt;" in shown.html
    assert "c" in shown.text
    with pytest.raises(ValueError, match="empty"):
        tree([])
