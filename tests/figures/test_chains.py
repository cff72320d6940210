"""Links between features: planted ones are found, and shuffled text has none."""

import torch
from torch import Tensor

from mi_tutor.figures.chains import find_links, out_of_order
from mi_tutor.figures.dashboard import Dashboards, feature_dashboards
from mi_tutor.models.sae import Sae


def planted() -> Dashboards:
    """Token i switches feature i on; after 1 comes 2, after 2 comes 3, after 3 comes 4; feature i raises token i + 1."""
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(5, 100, (40, 200), generator=draw)
    for row in tokens:
        for start in range(3, 190, 60):
            row[start : start + 4] = torch.arange(1, 5)
    eye = torch.eye(100)
    sae = Sae(eye, torch.zeros(100), eye, torch.zeros(100), "none", "none")
    return feature_dashboards(sae, eye[tokens], tokens, eye.roll(1, dims=1))


def test_a_planted_chain_is_found_from_its_beginning() -> None:
    links = find_links(planted())
    assert links.chains() == [[1, 2, 3, 4]]
    assert [round(float(links.given[a, a + 1]), 2) for a in (1, 2, 3)] == [1.0, 1.0, 1.0]
    assert set(links.most_frequent(3)) == {(1, 2), (2, 3), (3, 4)}


def test_out_of_order_the_same_text_has_no_link() -> None:
    shuffled = out_of_order(planted())
    links = find_links(shuffled)
    assert int(links.found.sum()) == 0
    assert links.chains() == []


def test_a_link_that_nobody_promises_makes_no_chain() -> None:
    boards = planted()
    links = find_links(Dashboards(**{**vars(boards), "logits": boards.logits.roll(7, dims=1)}))
    assert int(links.found.sum()) >= 3
    assert links.chains() == []


def test_activity_is_shared_out_over_the_tokens_that_are_read() -> None:
    weight: Tensor = find_links(planted()).weight
    assert torch.allclose(weight[1:5], torch.eye(100)[1:5])
