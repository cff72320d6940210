"""Answers to `composition_scores` that the checker has to accept, or to refuse though nobody foresaw them."""

import pytest
import torch
from mi_tutor.solutions import ch03_induction_heads as ch03

from mi_tutor.check.small_model import small_model
from mi_tutor.models import load_model


def all_compositions_by_einsum(model, kind):
    with torch.no_grad():
        writes = torch.einsum("emd,edn->emn", model.W_V[0], model.W_O[0])
        left, right = {
            "Q": (model.W_Q[1], model.W_K[1]),
            "K": (model.W_K[1], model.W_Q[1]),
            "V": (model.W_V[1], model.W_O[1].mT),
        }[kind]
        reads = torch.einsum("lmd,lnd->lmn", left, right)
        above = torch.einsum("emn,lnk->lemk", writes, reads).norm(dim=(-2, -1))
        below = reads.norm(dim=(-2, -1))[:, None] * writes.norm(dim=(-2, -1))[None]
        return above / below.masked_fill(below == 0, 1.0)


def all_compositions_by_factors(model, kind):
    rows = []
    for h in range(model.cfg.n_heads):
        read = {"Q": model.QK[1, h], "K": model.QK[1, h].T, "V": model.OV[1, h]}[kind]
        for early in range(model.cfg.n_heads):
            write = model.OV[0, early]
            below = write.norm() * read.norm()
            rows.append((write @ read).norm() / below if below > 0 else 0 * below)
    return torch.stack(rows).view(model.cfg.n_heads, -1).detach()


def _pair_scores(writes, reads):
    above = torch.einsum("emn,lnk->lemk", writes, reads).norm(dim=(-2, -1))
    below = reads.norm(dim=(-2, -1))[:, None] * writes.norm(dim=(-2, -1))[None]
    return (above / below.masked_fill(below == 0, 1.0)).detach()


def _read_by(model, kind):
    left, right = {
        "Q": (model.W_Q[1], model.W_K[1]),
        "K": (model.W_K[1], model.W_Q[1]),
        "V": (model.W_V[1], model.W_O[1].mT),
    }[kind]
    return left @ right.mT


def compositions_of_centred_weights(model, kind):
    writes = model.W_V[0] @ model.W_O[0]
    return _pair_scores(writes - writes.mean(-1, keepdim=True), _read_by(model, kind))


def compositions_rounded(model, kind):
    return _pair_scores(model.W_V[0] @ model.W_O[0], _read_by(model, kind)).round(decimals=2)


def compositions_in_float32(model, kind):
    return _pair_scores(model.W_V[0] @ model.W_O[0], _read_by(model, kind)).float()


RIGHT = (all_compositions_by_einsum, all_compositions_by_factors)


NEARLY_RIGHT = (compositions_of_centred_weights, compositions_rounded, compositions_in_float32)


@pytest.mark.parametrize("kind", "QKV")
def test_composition_scores_are_those_of_transformer_lens(kind):
    for one in (load_model("attn-2l-py", device="cpu"), small_model(3, n_heads=3, d_head=4)):
        theirs = one.all_composition_scores(kind)[0, :, 1, :].T
        assert torch.allclose(ch03.composition_scores(one, kind), theirs, atol=1e-6)
