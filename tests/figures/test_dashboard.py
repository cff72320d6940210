"""Dashboards gathered from the few active features agree with the dense table; and what follows what is counted right."""

import pytest
import torch

from mi_tutor.figures.dashboard import active_features, feature_dashboards, followers
from mi_tutor.models.sae import Sae

BATCH, WIDTH, D_IN, D_SAE, D_VOCAB = 12, 9, 6, 14, 20


@pytest.fixture
def text():
    draw = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=draw)

    sae = Sae(normal(D_IN, D_SAE), normal(D_SAE) - 1, normal(D_SAE, D_IN), normal(D_IN), "", "")
    sae.b_enc[3] = -1000.0  # dead
    tokens = torch.randint(D_VOCAB, (BATCH, WIDTH), generator=draw)
    labels = torch.rand(BATCH, WIDTH, 2, generator=draw) < 0.3
    return sae, normal(BATCH, WIDTH, D_IN), tokens, normal(D_IN, D_VOCAB), labels


def test_a_dashboard_says_what_the_dense_table_says(text):
    sae, x, tokens, to_logits, labels = text
    found = feature_dashboards(sae, x, tokens, to_logits, labels, ("one", "other"))
    f = sae.encode(x)
    assert len(found) == D_SAE
    for feature in range(D_SAE):
        page, mine = found[feature], f[..., feature]
        assert page.share == pytest.approx(float((mine > 0).float().mean()))
        assert page.peak == pytest.approx(float(mine.max()))
        assert int(page.counts.sum()) == int((mine > 0).sum())
        best = mine.amax(1).sort(descending=True).values
        heights = [float(c.values[c.peak]) for c in page.contexts]
        torch.testing.assert_close(torch.tensor(heights), best[: len(heights)])
        assert len(page.contexts) == min(8, int((best > 0).sum()))
        logits = sae.W_dec[feature] @ to_logits
        assert page.raised[0][0] == int(logits.argmax())
        assert page.lowered[0][0] == int(logits.argmin())
        assert feature not in [other for other, _ in page.nearest]


def test_the_label_is_chosen_on_one_half_and_scored_on_the_other(text):
    sae, x, tokens, to_logits, _ = text
    f = sae.encode(x)
    label = f[..., 0] > 0
    label[BATCH // 2 :] = ~label[BATCH // 2 :]
    found = feature_dashboards(sae, x, tokens, to_logits, torch.stack([label, label], -1), ("a", "b"))
    assert found[0].f1 == 0  # perfect where it was chosen, wrong everywhere where it is scored


def test_a_dead_feature_has_an_empty_page_and_others_are_refused(text):
    found = feature_dashboards(*text[:4])
    assert (found[3].peak, found[3].contexts, found[3].label) == (0.0, [], "")
    with pytest.raises(IndexError, match="run from 0 to 13"):
        found[D_SAE]
    with pytest.raises(ValueError, match="do not fit together"):
        feature_dashboards(text[0], text[1][:3], text[2], text[3])


def test_followers_are_counted_within_sequences(text):
    sae, x, tokens, _, _ = text
    on = (sae.encode(x) > 0).long()
    expected = torch.einsum("b p i, b p j -> i j", on[:, :-1], on[:, 1:])
    assert torch.equal(followers(active_features(sae, x.flatten(0, 1)), tokens), expected)
