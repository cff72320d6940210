"""The recipes of the bundled models: data, read by the one loop in train.py and by load_model."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a bundled model's weights, apart from the corpus and the device."""

    name: str
    """What `load_model` calls it; also the name of its folder in assets/."""
    summary: str
    """What it is and what it is for, in one line, for its card."""
    architecture: Mapping[str, Any]
    """Arguments of TransformerLens's `TransformerBridgeConfig` for its native models."""
    tokens: int
    """How many tokens to train on in all; more than the corpus holds means several epochs."""
    context: int
    """Tokens in a training sequence; each is predicted from those before it."""
    packages: tuple[str, ...] = field(default=(), kw_only=True)
    """Installed packages, by import name, whose source joins the standard library in the corpus."""
    bos_first: bool = field(default=False, kw_only=True)
    """Whether every sequence begins with BOS, as `model.to_tokens` begins it, or with the token before."""
    batch: int
    """Sequences a step."""
    micro_batch: int
    """Sequences put through the model at once; a step adds up their gradients. Decides memory and speed."""
    learning_rate: float
    """AdamW's rate between warm-up and decay."""
    warmup_steps: int = 0
    """Steps in which the rate rises linearly to its full height."""
    decay_share: float = 0.3
    """Share of the steps, at the end, in which the rate falls to zero."""
    decay_power: float = 1.0
    """How it falls: 1 for linearly, 2 for quadratically (longer at low rates)."""
    betas: tuple[float, float] = (0.9, 0.98)
    """AdamW's two decay rates."""
    weight_decay: float = 0.0
    """AdamW's decoupled weight decay, on every parameter."""
    clip: float = 1.0
    """The largest norm of the gradient; longer ones are scaled down to it."""
    init_std: Mapping[str, float] = field(default_factory=dict)
    """Standard deviation of the normal initial weights by parameter name; d_model^-0.5 for those not named.
    Vectors (biases) start at zero."""
    seed: int = 0
    """Seeds the initial weights and the order of the sequences."""
    bfloat16: bool = False
    """Whether matrix products are computed in bfloat16 (autocast). Weights and optimiser stay float32."""
    checkpoint_steps: tuple[int, ...] = ()
    """After how many steps to keep a copy of the weights; 0 is the initial weights."""
    shipped_checkpoints: tuple[int, ...] = ()
    """Which of these copies travel with the model; chosen by looking at the curves of all."""
    save_every: int = 100
    """Steps between two saves of the state from which a killed run goes on."""

    @property
    def steps(self) -> int:
        """How many steps the training takes."""
        return max(1, self.tokens // (self.batch * self.context))


ZERO_LAYER_PY = Recipe(
    name="zero-layer-py",
    summary="Embedding and unembedding only: its table of logits W_E W_U can say no more than bigrams.",
    architecture={
        "n_layers": 0,
        "d_model": 256,
        "n_heads": 1,
        "d_head": 256,
        "n_ctx": 1024,
        "d_vocab": 2048,
        "attn_only": True,
        "act_fn": "relu",  # required by the config, used by no layer
        "normalization_type": None,  # no final norm: the logits are W_E W_U itself
        # The native model has learned or rotary positions, and rotary ones act inside attention alone.
        "positional_embedding_type": "rotary",
    },
    tokens=56_000_000,  # some twenty epochs
    # What keeps a zero-layer model from the counts is the noise of rare pairs. So: short sequences, since the same rare
    # pairs come in bursts within a file and this model needs no context; large steps; long memories in AdamW; and
    # a rate that is low most of the time. Rehearsed at 32 M tokens: 0.047 nats from the counts with sequences of 256,
    # 0.038 with sequences of 4, 0.031 with quadratic decay and half the batch as well.
    context=4,
    batch=8192,
    micro_batch=512,  # fits a core's cache
    learning_rate=6e-2,
    decay_share=1.0,
    decay_power=2.0,
    betas=(0.98, 0.999),
    init_std={"tok_embed.weight": 0.5, "head.weight": 0.02},
    bfloat16=True,
    save_every=20,
    seed=0,
)

# What a plain installation of mi-tutor brings along: 170 MB of source.
BASE_PACKAGES = (
    *("torch", "torchgen", "transformers", "transformer_lens", "accelerate", "datasets", "huggingface_hub", "wandb"),
    *("numpy", "pandas", "sympy", "mpmath", "networkx", "beartype", "pydantic", "IPython", "prompt_toolkit", "jedi"),
    *("rich", "narwhals", "fsspec"),
)

EARLY_STEPS = (0, 1, 2, 4, 8, 16, 32, 64)

ATTN_1L_PY = Recipe(
    name="attn-1l-py",
    summary="One attention layer, no MLP: attention patterns, skip-trigrams, and no induction.",
    architecture={
        "n_layers": 1,
        "d_model": 256,
        "n_heads": 8,
        "d_head": 32,
        "n_ctx": 256,
        "d_vocab": 2048,
        "attn_only": True,
        "act_fn": "relu",
        "normalization_type": "LNPre",  # centres and scales, with no weights of its own: every weight stays readable
        "positional_embedding_type": "rotary",
    },
    tokens=72_000_000,
    context=256,
    packages=BASE_PACKAGES,
    bos_first=True,
    batch=32,
    micro_batch=4,
    learning_rate=3e-3,
    warmup_steps=100,
    decay_share=0.3,
    weight_decay=0.05,
    init_std={"tok_embed.weight": 0.5, "head.weight": 0.02},
    bfloat16=True,
    checkpoint_steps=EARLY_STEPS + tuple(range(100, 8701, 100)),
    save_every=100,
    seed=0,
)

# The same in everything but the second layer: same seed, so the same sequences in the same order and the same initial
# weights where both have them. What one shows and the other does not is the second layer's doing.
ATTN_2L_PY = replace(
    ATTN_1L_PY,
    name="attn-2l-py",
    summary="Two attention layers, no MLP: induction heads, and the phase change in which they form.",
    architecture={**ATTN_1L_PY.architecture, "n_layers": 2},
    # Chosen afterwards: five before the rise in prefix matching, seven inside, four after it.
    shipped_checkpoints=(0, 64, 500, 1000, 2000, 2400, 2600, 2800, 3000, 3600, 4000, 4500, 5300, 6400, 7300, 8700),
)

RELU_1L_PY = replace(
    ATTN_1L_PY,
    name="relu-1l-py",
    summary="One layer with an MLP of 512 ReLU neurons: neurons, and sparse autoencoders on them.",
    architecture={
        **ATTN_1L_PY.architecture,
        "d_model": 128,
        "d_mlp": 512,
        "attn_only": False,
    },
    # Half as wide as attn-1l-py, it wants twice the rate: 0.2 nats ahead of 3e-3 after 400 steps. As many heads of the same
    # size, though they together are wider than the stream: 0.03 ahead of four.
    learning_rate=6e-3,
    tokens=96_000_000,
    micro_batch=8,
    init_std={**ATTN_1L_PY.init_std, "layers.0.mlp.fc_out.weight": 512**-0.5},
    checkpoint_steps=(0,),  # the control of its autoencoders: the same model before any training
    shipped_checkpoints=(0,),
)
RELU_1L_PY_SEED_1 = replace(
    RELU_1L_PY,
    name="relu-1l-py-seed-1",
    summary="relu-1l-py from another seed: which features does another model of the same data find?",
    seed=1,
    checkpoint_steps=(),
    shipped_checkpoints=(),
)

ATTN_4L_PY = replace(
    ATTN_1L_PY,
    name="attn-4l-py",
    summary="Four attention layers, no MLP: deep enough for circuits of several heads in a row, such as docstrings.",
    architecture={**ATTN_1L_PY.architecture, "n_layers": 4},
    checkpoint_steps=(),
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (ZERO_LAYER_PY, ATTN_1L_PY, ATTN_2L_PY, ATTN_4L_PY, RELU_1L_PY, RELU_1L_PY_SEED_1)
}
