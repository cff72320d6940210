"""Answers to `splice` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def splice_by_a_context(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec):
    def hook(x, hook):
        shape = x.shape
        x = x.reshape(-1, shape[-1])
        f = torch.relu((x - b_dec) @ W_enc + b_enc)
        return (f @ W_dec + b_dec).reshape(shape)

    with torch.no_grad(), model.hooks(fwd_hooks=[(hook_name, hook)]):
        return model(tokens)


def splice_position_by_position(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec):
    def hook(x, hook):
        rows = [((x[:, p] - b_dec) @ W_enc + b_enc).relu() @ W_dec + b_dec for p in range(x.shape[1])]
        return torch.stack(rows, dim=1)

    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])


def splice_and_take_every_hook_off(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec):
    def hook(x, hook):
        return ((x - b_dec) @ W_enc + b_enc).relu() @ W_dec + b_dec

    model.add_hook(hook_name, hook)
    logits = model(tokens)
    model.reset_hooks()
    return logits


def splice_in_evaluation_mode(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec):
    model.eval()
    return splice_halfway(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec, 1.0)


def splice_halfway(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec, share=0.98):
    def hook(x, hook):
        rebuilt = ((x - b_dec) @ W_enc + b_enc).relu() @ W_dec + b_dec
        return share * rebuilt + (1 - share) * x

    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])


RIGHT = (splice_by_a_context, splice_position_by_position)


NEARLY_RIGHT = (splice_and_take_every_hook_off, splice_in_evaluation_mode, splice_halfway)
