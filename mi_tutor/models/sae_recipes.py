"""The recipes of the bundled sparse autoencoders: data, read by the loop in sae_train.py."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class SaeRecipe:
    """Everything that decides the weights of sparse autoencoders trained together on one model's activations."""

    name: str
    """The name of their folder in assets/."""
    summary: str
    """What they are and what they are for, in one line, for their card."""
    model: str
    """The bundled model whose activations they learn; read at `blocks.0.mlp.hook_post`."""
    untrained: bool = False
    """Whether the model is taken with its initial weights: the control."""
    expansion: int
    """Features for each neuron."""
    seeds: tuple[int, ...]
    """One autoencoder for each; trained side by side on the same batches."""
    tokens: int
    """How many tokens to train on in all."""
    batch: int = 4096
    """Tokens a step."""
    learning_rate: float
    """Adam's rate before it decays."""
    decay_share: float = 0.2
    """Share of the steps, at the end, in which the rate falls to zero linearly."""
    l1_coefficient: float
    """Weight of the penalty, for activations scaled to a mean squared length of d_in."""
    l1_warmup_share: float = 0.05
    """Share of the steps, at the start, in which that weight rises from zero."""
    refit_tokens: int = 1_000_000
    """Further tokens on which, at the end, the decoder is fitted without the penalty; 0 leaves it as it was trained."""
    clip: float = 1.0
    """The largest norm of an autoencoder's gradient; longer ones are scaled down to it."""
    save_every: int = 500
    """Steps between two saves of the state from which a killed run goes on."""

    @property
    def steps(self) -> int:
        """How many steps the training takes."""
        return max(1, self.tokens // self.batch)


SAE_RELU_1L_PY = SaeRecipe(
    name="sae-relu-1l-py",
    summary="Sparse autoencoders with 4 features for each neuron of relu-1l-py, from two seeds.",
    model="relu-1l-py",
    expansion=4,
    seeds=(0, 1),
    tokens=8_000_000,
    learning_rate=1e-3,
    l1_coefficient=6.0,
)
SAE_RELU_1L_PY_8X = replace(
    SAE_RELU_1L_PY,
    name="sae-relu-1l-py-8x",
    summary="A sparse autoencoder with 8 features for each neuron of relu-1l-py: which features split?",
    expansion=8,
    seeds=(0,),
)
SAE_RELU_1L_PY_UNTRAINED = replace(
    SAE_RELU_1L_PY,
    name="sae-relu-1l-py-untrained",
    summary="The control: a sparse autoencoder of relu-1l-py with its initial weights, before any training.",
    untrained=True,
    seeds=(0,),
)
SAE_RELU_1L_PY_SEED_1 = replace(
    SAE_RELU_1L_PY,
    name="sae-relu-1l-py-seed-1",
    summary="A sparse autoencoder of relu-1l-py-seed-1: which features do two models share?",
    model="relu-1l-py-seed-1",
    seeds=(0,),
)

SAE_RECIPES: dict[str, SaeRecipe] = {
    recipe.name: recipe
    for recipe in (SAE_RELU_1L_PY, SAE_RELU_1L_PY_8X, SAE_RELU_1L_PY_UNTRAINED, SAE_RELU_1L_PY_SEED_1)
}
