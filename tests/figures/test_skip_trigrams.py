"""What a source does to the logits, against the model's own hooks; what a text says, against counting by hand."""

import torch

from mi_tutor.check.small_model import small_model
from mi_tutor.figures.heads import random_repeats
from mi_tutor.figures.skip_trigrams import changes, followed_by, try_claims


def test_a_change_is_that_of_the_models_logits_with_and_without_a_head() -> None:
    model = small_model(2, n_layers=1, n_heads=3, d_vocab=2048, n_ctx=64)
    contexts, destinations = random_repeats(period=6, sequences=2), torch.tensor([11, 12, 13])
    found = changes(model, model.W_U, contexts, 99, destinations, [1], offset=4)

    def silent(z: torch.Tensor, hook: object) -> torch.Tensor:
        z = z.clone()
        z[:, :, 1] = 0
        return z

    for run, hooks in enumerate(([], [("blocks.0.attn.hook_z", silent)])):
        for which, destination in enumerate(destinations):
            before = contexts.clone()
            before[:, -1] = destination
            after = before.clone()
            after[:, -5] = 99
            with torch.inference_mode():
                logits = [model.run_with_hooks(ids, fwd_hooks=hooks)[:, -1] for ids in (after, before)]
            assert torch.allclose(found[run, which], (logits[0] - logits[1]).mean(0), atol=1e-4)
    assert (found[0] - found[1]).abs().max() > 1e-2


def test_a_source_counts_as_long_as_it_is_near_and_not_at_the_destination_itself() -> None:
    text = torch.tensor([7, 1, 5, 0, 1, 6, 0, 0, 1, 5, 1, 6, 7, 1, 6])
    # 1 stands at 1, 4, 8, 10, 13; 7 at 0 and 12. Three back or fewer: at 1 (then 5) and 13 (then 6).
    assert followed_by(text, 7, [1], [5, 6], within=3).tolist() == [[0.5, 0.5]]
    # Four back: 4 (then 6) as well.
    assert torch.allclose(followed_by(text, 7, [1], [5, 6], within=4), torch.tensor([[1 / 3, 2 / 3]]))
    assert followed_by(text, 7, [7], [1]).isnan().tolist() == [[False]]
    assert followed_by(text, 9, [1], [5]).isnan().all()


def test_a_claim_made_from_what_rises_most_holds_and_one_from_what_falls_does_not() -> None:
    model = small_model(2, n_layers=1, n_heads=3, d_vocab=2048, n_ctx=64)
    contexts, destinations = random_repeats(period=6, sequences=2), torch.tensor([11])
    change, without = changes(model, model.W_U, contexts, 99, destinations, [1])[:, 0]
    most, least = change.topk(5).indices, (-change).topk(5).indices
    found = try_claims(model, model.W_U, contexts, 1, 99, (destinations, most), destinations + 1, least)
    assert found.holds.all()
    assert found.shares[0] == 1
    assert found.shares[2] == 0
    assert found.shares[3] == float((without[most] > without.quantile(0.95)).float().mean())
    [elsewhere] = changes(model, model.W_U, contexts, 99, destinations + 1)
    assert found.shares[1] == float((elsewhere[:, most] > elsewhere.quantile(0.95)).float().mean())
    assert torch.allclose(torch.tensor(found.rises), torch.stack([change[most].mean(), elsewhere[:, most].mean()]))
