"""Answers to `induction_report` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F
from mi_tutor.solutions import ch03_induction_heads as ch03

from mi_tutor.check.built.wired import WIRINGS, wired
from mi_tutor.check.small_model import small_model

NOBODY = (-1, -1, -1, -1)


def _patterns(model, tokens, head=None, mean=False):
    """All patterns, with a head of it at zero or at its mean, and the loss by token."""

    def edit(z, hook):
        z = z.clone()
        z[:, :, head[1]] = z[:, :, head[1]].mean((0, 1)) if mean else 0.0
        return z

    hooks = [(f"blocks.{head[0]}.attn.hook_z", edit)] if head else []
    with torch.no_grad(), model.hooks(fwd_hooks=hooks):
        logits, cache = model.run_with_cache(tokens)
    seen = torch.stack([cache["pattern", i] for i in range(model.cfg.n_layers)])
    return seen, F.cross_entropy(logits[:, :-1].mT, tokens[:, 1:], reduction="none")


def _report(model, bos, generator, periods, mean=False, limit=0.35, null=False):
    n_layers, n_heads = model.cfg.n_layers, model.cfg.n_heads
    heads = [(i, h) for i in range(n_layers) for h in range(n_heads)]
    texts = [(ch03.repeated_tokens(12, p, model.cfg.d_vocab, bos, generator), p) for p in periods]

    def look(head, at):
        found = []
        for tokens, p in texts:
            seen, _ = _patterns(model, tokens, at, mean)
            found.append(float(ch03.prefix_matching_score(seen[head[0]], p)[head[1]]))
        return found

    def rise(head):
        found = []
        for tokens, p in texts:
            change = _patterns(model, tokens, head, mean)[1] - _patterns(model, tokens)[1]
            found.append(float(change[:, 1 + p :].mean() - null * change[:, 1:p].mean()))
        return min(found)

    for late in sorted(heads, key=rise, reverse=True):
        score = min(look(late, None))
        if score < limit or rise(late) < 0.6:
            continue
        needs = [early for early in heads if early[0] < late[0] and max(look(late, early)) < score / 2]
        if needs:
            return (*min(needs, key=lambda early: sum(look(late, early))), *late)
    return NOBODY


def report_by_means(model, bos, generator):
    """Heads at their means in place of zero, and what is lost on the first copy taken off."""
    longest = (model.cfg.n_ctx - 1) // 2
    return _report(model, bos, generator, (longest, longest - 2), mean=True, null=True)


def report_at_three_lengths(model, bos, generator):
    longest = (model.cfg.n_ctx - 1) // 2
    return _report(model, bos, generator, (longest, longest - 1, longest - 3))


def first_heads_of_two_layers(model, bos, generator):
    return (0, 0, 1, 0) if model.cfg.n_layers > 1 else NOBODY


RIGHT = (report_by_means, report_at_three_lengths)


NEARLY_RIGHT = (first_heads_of_two_layers,)


def test_the_report_is_what_was_wired():
    for seed, name in enumerate(WIRINGS):
        model = small_model(seed, wired=name)
        found = ch03.induction_report(model, seed, torch.Generator().manual_seed(seed))
        assert found == wired(name, seed).circuit, (name, seed, wired(name, seed).heads)


def test_pairs_keep_what_the_contract_says_of_them_at_every_length():
    for name in (name for name in WIRINGS if name.startswith("pair")):
        model, (early_layer, early, late_layer, late) = small_model(3, wired=name), wired(name, 3).circuit
        for period in (4, 6, 10):
            tokens = ch03.repeated_tokens(64, period, model.cfg.d_vocab, 0, torch.Generator().manual_seed(period))
            score = ch03.prefix_matching_score(_patterns(model, tokens)[0][late_layer], period)[late]
            left = ch03.prefix_matching_score(_patterns(model, tokens, (early_layer, early))[0][late_layer], period)[
                late
            ]
            cost = ch03.ablation_effects(model, tokens, period)[late_layer, late]
            assert score > 0.4, (name, period, score)
            assert left < score / 2, (name, period, left)
            assert cost > 1, (name, period, cost)
