"""Answers to `smeared_pattern` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F
from mi_tutor.solutions import ch03_induction_heads as ch03

from mi_tutor.training.small import train_small


def smeared_by_scores(q, k, alpha):
    """The scores are linear in the keys, so that scores can be mixed in place of keys."""
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) * q.shape[-1] ** -0.5
    before = F.pad(scores[..., :-1], (1, 0))
    first = torch.arange(scores.shape[-1], device=q.device) == 0
    before = torch.where(first, scores, before)
    mixed = torch.lerp(before, scores, torch.sigmoid(alpha).view(1, -1, 1, 1))
    allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril()
    return torch.where(allowed, mixed, -torch.inf).softmax(-1)


def smeared_from_the_second(q, k, alpha):
    share = 1 / (1 + torch.exp(-alpha.reshape(1, -1, 1, 1)))
    rest = share * k[:, :, 1:] + (1 - share) * k[:, :, :-1]
    keys = torch.cat((k[:, :, :1], rest), 2)
    scores = q @ keys.transpose(-1, -2) / (q.shape[-1] ** 0.5)
    return (scores + torch.full_like(scores[0, 0], -torch.inf).triu(1)).softmax(-1)


def two_before(q, k, alpha):
    share = alpha.sigmoid()[:, None, None]
    before = torch.cat([k[..., :1, :], k[..., :1, :], k[..., :-2, :]], -2)[..., : k.shape[-2], :]
    return ch03.smeared_pattern(q, share * k + (1 - share) * before, alpha + 90)


def one_share_for_all_heads(q, k, alpha):
    return ch03.smeared_pattern(q, k, alpha.mean().expand_as(alpha))


def share_without_gradient(q, k, alpha):
    return ch03.smeared_pattern(q, k, alpha.detach())


def sees_the_next(q, k, alpha):
    share = alpha.sigmoid()[:, None, None]
    keys = share * k + (1 - share) * torch.cat([k[..., :1, :], k[..., :-1, :]], -2)
    scores = q @ keys.mT / q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones_like(scores[0, 0]).triu(2).bool(), -torch.inf).softmax(-1)


RIGHT = (smeared_by_scores, smeared_from_the_second)


NEARLY_RIGHT = (two_before, one_share_for_all_heads, share_without_gradient, sees_the_next)


def test_keys_of_their_own_give_the_model_that_is_trained_without():
    """With a share of 1 the run with smeared keys is the ordinary one-layer run, up to rounding that training magnifies."""
    held = train_small(1, 12, smeared=lambda q, k, alpha: ch03.smeared_pattern(q, k, 0 * alpha + 90))
    torch.testing.assert_close(torch.tensor(held.losses), torch.tensor(train_small(1, 12).losses), atol=2e-3, rtol=0)
