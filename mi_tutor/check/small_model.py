"""Small models for exercises that take one: untrained, but with nothing in them that is zero by accident.

Making one takes longer than a call of it, so they are lent again, but only as they were made: whatever a call did to one,
the next finds nothing of it.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from mi_tutor.check.portrait import Portrait, portrait, unchanged
from mi_tutor.check.watched import WITNESS, watch
from mi_tutor.models.build import boot, parameters_of, set_weights

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

DESCRIPTION = "described_as"
"""The attribute in which a small model says how to make it again."""
CHOICES = "made_with"
"""The attribute that holds the arguments of `small_model` which made it, for making it in another process."""
MOST = 64
"""Models that are kept; the one that was lent the longest ago goes first."""


_NOT_LOOKED_AT = (WITNESS, "_block_alias_cache")
"""What a watched model saw; and TransformerLens's memory of its own other names for hooks, which it makes again whenever a
count of all models' hooks has moved on."""


class _Kept(NamedTuple):
    model: "TransformerBridge"
    as_made: Portrait


_kept: "OrderedDict[tuple[tuple[str, Any], ...], _Kept]" = OrderedDict()


def small_model(
    seed: int,
    n_layers: int = 2,
    n_heads: int = 3,
    d_head: int = 4,
    d_model: int = 10,
    d_mlp: int = 0,
    d_vocab: int = 13,
    n_ctx: int = 16,
    training: bool = False,
    hooked: bool = False,
    watched: str = "",
    dead_head: bool = False,
    wired: str = "",
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> "TransformerBridge":
    """A native model with rotary positions, parameter-free norms, random weights and random, non-zero biases.

    The same arguments give the same object for as long as it is what it was when it was made; after that another, equal one.

    Args:
        d_head: even, since rotary positions turn pairs.
        d_mlp: neurons (ReLU) in each layer's MLP; 0 for none.
        training: in training mode, which changes nothing but has to be left so.
        hooked: with a caller's own hook at the first residual stream, which only looks, and has to be left there.
        watched: an activation at which a caller's hook remembers what passes, so that an edit in place is seen; see
            `edited_in_place`.
        dead_head: head 1 of layer 0 writes nothing: its output matrix is zero.
        wired: one of `WIRINGS`, whose heads were written down by hand; sizes, norm and positions are its own then, and
            nothing but the order of heads and the basis is drawn.
    """
    choices = dict(locals())
    key = tuple(choices.items())
    kept = _kept.pop(key, None)
    if kept is None or not unchanged(kept.as_made, kept.model, without=_NOT_LOOKED_AT):
        model = _make(choices)
        if kept is not None and watched:  # what was seen of the old one may still be asked for
            getattr(model, WITNESS).extend(getattr(kept.model, WITNESS, ()))
        kept = _Kept(model, portrait(model, without=_NOT_LOOKED_AT))
    _kept[key] = kept
    if len(_kept) > MOST:
        _kept.popitem(last=False)
    return kept.model


def _make(choices: dict[str, Any]) -> "TransformerBridge":
    sizes = {name: choices[name] for name in ("n_layers", "n_heads", "d_head", "d_model", "d_mlp")}
    more = {name: choices[name] for name in ("d_vocab", "n_ctx")}
    architecture = {
        **{name: size for name, size in (sizes | more).items() if size or name != "d_mlp"},
        "attn_only": not choices["d_mlp"],
        "act_fn": "relu",
        "normalization_type": "LNPre",
        "positional_embedding_type": "rotary",
    }
    device, dtype, by_hand = choices["device"], choices["dtype"], None
    if choices["wired"]:  # for starred exercises only: it is not there where answers are graded
        from mi_tutor.check.built.wired import wired as wired_by_hand

        by_hand = wired_by_hand(choices["wired"], choices["seed"])
        architecture = by_hand.architecture
    model = boot(architecture, "small", device=device, dtype=dtype)
    source = torch.Generator().manual_seed(choices["seed"])

    def draw(shape: torch.Size) -> torch.Tensor:
        # Wide enough for heads to have preferences: at the usual width every pattern is nearly even.
        width = 1.5 * shape[-1] ** -0.5 if len(shape) > 1 else 0.7
        return torch.randn(shape, generator=source, dtype=torch.float64) * width

    if by_hand is not None:
        set_weights(model, by_hand.weights)
    else:
        set_weights(model, {name: draw(value.shape) for name, value in parameters_of(model).items()})
    with torch.no_grad():
        if choices["dead_head"]:
            model.blocks[0].attn.o.weight.view(sizes["d_model"], sizes["n_heads"], sizes["d_head"])[:, 1] = 0
        for _ in range(2):  # the first adds hooks of its own, which the second counts and remembers
            model.run_with_cache(torch.zeros(1, 1, dtype=torch.int64, device=device))
    model.train(choices["training"])
    if choices["hooked"]:
        model.add_hook("blocks.0.hook_resid_pre", lambda resid, hook: None)
    if choices["watched"]:
        watch(model, choices["watched"])
    said = [
        f"{name}={choices[name]}" for name in (*(() if by_hand else (*sizes, *more)), "training", "hooked", "dtype")
    ]
    said += [f"{name}={choices[name]!r}" for name in ("watched", "dead_head", "wired") if choices[name]]
    setattr(model, DESCRIPTION, f"small_model({', '.join([str(choices['seed']), *said])})")
    setattr(model, CHOICES, choices)
    return model
