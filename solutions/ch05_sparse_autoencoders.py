# %% [markdown]
# # 05 Sparse autoencoders: features that nobody named
#
# Below are eight stretches of Python in which one number, computed from the activations of a small language model, is
# largest. Nobody chose it. It is feature 913 of 2,048 that were found by an algorithm which saw activations and nothing
# else. **Look for** what the coloured tokens have in common, and at what comes after them.

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": false, "schema_version": 3, "solution": false, "task": false}
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import normalize

# %% tags=["active-ipynb"]
# from itertools import pairwise
#
# from torch.nn.functional import cross_entropy
#
# from mi_tutor import (
#     check,
#     choose_device,
#     corpus_tokens,
#     device_name,
#     hint,
#     load_model,
#     needs,
#     show_solution,
# )
# from mi_tutor.corpus.labels import LABELS, corpus_labels
# from mi_tutor.figures.blind_sheet import blind_units, sheet_text
# from mi_tutor.figures.dashboard import feature_dashboards, followers
# from mi_tutor.figures.sae_figures import always_true_f1, mlp_activations, probe_f1
# from mi_tutor.figures.stored import stored_table
# from mi_tutor.models import load_sae
# from mi_tutor.training.sae_toy import train_toy_saes
# from mi_tutor.training.toy import train_toy
# from mi_tutor.views import (
#     curves,
#     explore_features,
#     feature_contexts,
#     heatmap,
#     histogram,
#     table,
#     token_label,
#     tree,
# )
#
# HOOK = "blocks.0.mlp.hook_post"
# device = choose_device()
# print(f"This chapter runs on {device_name(device)}.")
# model = load_model("relu-1l-py", device=device)
# sae = load_sae("sae-relu-1l-py", seed=0, device=device)
# tokenizer = model.tokenizer
# W_out = model.W_out[0] - model.W_out[0].mean(-1, keepdim=True)  # the final norm takes the mean
# W_U = model.W_U
#
# heldout = corpus_tokens("heldout")
# truth = corpus_labels("heldout").labels
# places = torch.linspace(0, len(heldout) - 128, 240).long()[:, None] + torch.arange(128)
# windows, labels = heldout[places].to(device), truth[places].to(device)
# windows[:, 0], labels[:, 0] = tokenizer.bos_token_id, False
# x = mlp_activations(model, HOOK, windows)
# dashboards = feature_dashboards(
#     sae, x.view(*windows.shape, -1), windows, W_out @ W_U, labels, LABELS
# )
# feature_contexts(dashboards[913], tokenizer)

# %% [markdown]
# The feature is strongest on ` con`, `con` and `Con`, where they begin a longer word. It tells the model which piece of a
# word has just been read, so that ` convert` and ` constants` can follow.
#
# The model is `relu-1l-py`: one layer, 512 neurons behind a ReLU. In chapter 04 you saw why its neurons need not be the
# things to look at: a network can keep more features than it has dimensions, if they are sparse. So do not ask what a
# neuron means. Ask for *directions*, more of them than neurons, of which only a few are needed at a time. That is a
# *sparse autoencoder* (SAE). In this chapter you will be able to
# - build and train one, and test it where the truth is known before you believe it where it is not;
# - measure what it keeps of a model, read its features, and steer with them;
# - say for which of its features there is evidence, and which come from the method.
#
# Predict, write, `check`: chapters work as [00](00_orientation.ipynb) says, with `hint("sae_encode")` and
# `show_solution("sae_encode")` where you are stuck.
#
# ## 1. Can it find what is there?
#
# An SAE has two halves. The *encoder* reads an activation x and says how strongly each feature is there; a ReLU makes
# most of them exactly 0. The *decoder* has a direction for each feature, a row of `W_dec`, and adds up those that are
# active. `b_dec` is what it gives when none is; so the encoder takes that off first.
#
# ### Exercise: `sae_encode`
# *Difficulty 1 of 5, about 10 minutes.* Mind which shift comes where.


# %% nbgrader={"grade": false, "grade_id": "sae_encode", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sae_encode(
    x: Float[Tensor, "batch d_in"],
    W_enc: Float[Tensor, "d_in d_sae"],
    b_enc: Float[Tensor, "d_sae"],
    b_dec: Float[Tensor, "d_in"],
) -> Float[Tensor, "batch d_sae"]:
    """How strongly each feature is active on each input.

    Args:
        x: activations; an empty batch is allowed, and gives an empty result.
        b_dec: the decoder's bias, subtracted from x before anything else.

    Returns:
        ReLU((x - b_dec) W_enc + b_enc).
    """
    ### BEGIN SOLUTION
    return ((x - b_dec) @ W_enc + b_enc).relu()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_sae_encode", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(sae_encode)

# %% [markdown]
# ### Exercise: `sae_decode`
# *Difficulty 1 of 5, about 5 minutes.* The way back.


# %% nbgrader={"grade": false, "grade_id": "sae_decode", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sae_decode(
    f: Float[Tensor, "batch d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    b_dec: Float[Tensor, "d_in"],
) -> Float[Tensor, "batch d_in"]:
    """The activation that features add up to.

    Args:
        f: how strongly each feature is active; an empty batch is allowed, and gives an empty result.
        W_dec: row i is the direction of feature i.

    Returns:
        The rows, each as often as its feature says, plus b_dec.
    """
    ### BEGIN SOLUTION
    return f @ W_dec + b_dec
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_sae_decode", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(sae_decode)

# %% [markdown]
# What should it be trained for? To give x back, of course. But that alone makes nothing sparse. So every activation has
# a price. It must not be possible to dodge it: halve a feature, double its row, and the reconstruction is the same at
# half the price. Either the rows are held at length 1, as in 2023 (Bricken et al.), or each activation is weighted with
# the length of its row (Conerly et al. 2024). Here it is the second.
#
# ### Exercise: `sae_loss`
# *Difficulty 2 of 5, about 10 minutes.* Sums and means in the right places.


# %% nbgrader={"grade": false, "grade_id": "sae_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sae_loss(
    x: Float[Tensor, "batch d_in"],
    x_hat: Float[Tensor, "batch d_in"],
    f: Float[Tensor, "batch d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    l1_coefficient: float,
) -> Float[Tensor, ""]:
    """The loss an SAE is trained for.

    Args:
        x_hat: the reconstruction.
        f: how strongly each feature is active, never negative.
        W_dec: row i is the direction of feature i; a row of zeros costs nothing.
        l1_coefficient: the price of sparsity.

    Returns:
        Mean over the batch of [Σ (x - x_hat)² + l1_coefficient · Σ_i f_i ‖W_dec_i‖], the first sum
        over dimensions, the second over features. Gradients reach x_hat, f and, through the norms,
        W_dec.
    """
    ### BEGIN SOLUTION
    error = (x - x_hat).square().sum(-1)
    penalty = (f * W_dec.norm(dim=-1)).sum(-1)
    return (error + l1_coefficient * penalty).mean()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_sae_loss", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(sae_loss)

# %% [markdown]
# Before it meets a model whose features nobody knows, it should pass an examination. Take a toy model of chapter 04: 24
# features in 8 dimensions. Hide the features, and give the SAE only the 8 hidden numbers. We know the 24 directions: the
# columns of W. How many of them has it found? For each true direction, take the row of the decoder that comes nearest,
# and average the cosines: the *mean max cosine similarity* (Sharkey et al. 2022).
#
# ### Exercise: `mean_max_cosine`
# *Difficulty 2 of 5, about 10 minutes.* Max over what, mean over what?


# %% nbgrader={"grade": false, "grade_id": "mean_max_cosine", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mean_max_cosine(
    W_dec: Float[Tensor, "d_sae d_in"], truth: Float[Tensor, "feature d_in"]
) -> Float[Tensor, ""]:
    """How well a dictionary has found directions that are known.

    Args:
        W_dec: row i is the direction of feature i, of any length; a row of zeros has cosine 0 with
            everything.
        truth: a row for each true feature, of any length.

    Returns:
        The mean, over true features, of the largest cosine with any row. Signed; a row may serve
        several true features.
    """
    ### BEGIN SOLUTION
    cosines = normalize(truth, dim=-1) @ normalize(W_dec, dim=-1).T
    return cosines.amax(-1).mean()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_mean_max_cosine", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(mean_max_cosine)

# %% [markdown]
# **Predict first.** Your loss, your encoder, your decoder, 48 features for 24 true ones. What will the number be before
# training, when the rows point anywhere? After it? (Nothing is 0 in eight dimensions: of 48 random directions one always
# comes near.)

# %% tags=["active-ipynb"]
# sparsities = torch.tensor([0.02, 0.05, 0.1, 0.2, 0.4], device=device).repeat(3)  # three of each
# toys = train_toy(sparsities[:, None].expand(-1, 24), 8, torch.ones(24, device=device))
# W_toy = toys.W[1]  # each feature is active one time in twenty
#
#
# def hidden_activations(batch, generator):
#     u = torch.rand(batch, 24, generator=generator, device=device) / 0.05
#     return (1 - u).relu() @ W_toy.T
#
#
# figure = None
# with needs(sae_encode, sae_decode, sae_loss, mean_max_cosine):
#     draw = torch.Generator(device).manual_seed(0)
#     rows = torch.randn(48, 8, generator=draw, device=device)
#     W_dec = (0.3 * normalize(rows, dim=-1)).requires_grad_()
#     W_enc = W_dec.detach().T.clone().requires_grad_()
#     b_enc, b_dec = W_dec.new_zeros(48), W_dec.new_zeros(8)
#     b_enc, b_dec = b_enc.requires_grad_(), b_dec.requires_grad_()
#     optimiser = torch.optim.Adam([W_enc, b_enc, W_dec, b_dec], lr=3e-3)
#     curve = {"steps": [], "found": []}
#     for step in range(901):
#         h = hidden_activations(256, draw)
#         f = sae_encode(h, W_enc, b_enc, b_dec)
#         loss = sae_loss(h, sae_decode(f, W_dec, b_dec), f, W_dec, 0.3)
#         optimiser.zero_grad()
#         loss.backward()
#         optimiser.step()
#         if step % 100 == 0:
#             found = float(mean_max_cosine(W_dec.detach(), W_toy.T))
#             curve["steps"].append(step), curve["found"].append(found)
#     print(
#         f"mean max cosine: {curve['found'][0]:.2f} before, {curve['found'][-1]:.2f} after training"
#     )
#     print(f"features active at once: {float((f > 0).sum(-1).float().mean()):.1f}, in truth 1.2")
#     figure = curves(
#         {"trained": (curve["steps"], curve["found"])}, "step", "mean max cosine similarity"
#     )
# figure

# %% [markdown]
# It was given eight numbers at a time and never saw a label, and its rows end at the true directions. Sparsity was all
# it had to go by. (One thing is easier here than it will be: the true features *are* sparse and independent.) Not all is
# well: more features are active at once than in truth. In eight dimensions 24 directions overlap, one feature's activity
# looks like a little of others', and a weak echo costs little.
#
# Two choices were made for you, the size of the dictionary and the price. **Predict first:** what happens with too small
# a dictionary? Too large a one? Too low a price, too high a one?

# %% tags=["active-ipynb"]
# figure = None
# SIZES, PRICES = [12, 24, 48, 96], [0.01, 0.03, 0.1, 0.3, 1.0]
# with needs(mean_max_cosine):
#     pairs = [(size, price) for size in SIZES for price in PRICES]
#     sweep = train_toy_saes(
#         W_toy.expand(len(pairs), -1, -1),
#         torch.full((len(pairs),), 0.05, device=device),
#         *zip(*pairs, strict=True),
#         steps=500,
#     )
#     found = torch.stack([mean_max_cosine(rows, W_toy.T) for rows in sweep.W_dec]).view(4, 5)
#     by_chance = [torch.randn(size, 8, generator=draw, device=device) for size in SIZES]
#     by_chance = [mean_max_cosine(rows, W_toy.T) for rows in by_chance]
#     for size, row, active, chance in zip(
#         SIZES, found, sweep.l0.view(4, 5), by_chance, strict=True
#     ):
#         best = int(row.argmax())
#         print(
#             f"{size:2} features: at best {row[best]:.2f}, at price {PRICES[best]} with {active[best]:.1f} active;",
#             f"random rows {chance:.2f}",
#         )
#     figure = heatmap(
#         found,
#         [str(price) for price in PRICES],
#         [str(size) for size in SIZES],
#         "price of sparsity",
#         "features in the dictionary",
#         what="mean max cosine",
#     )
# figure

# %% [markdown]
# Read the picture beside the last number of each line. A cosine of 0.7 sounds like something and is what random rows
# give. With 12 rows for 24 features the best cannot be good. With as many rows as features, or more, it comes close to
# 1, if the price is right; where sparsity is cheap, many features are active at once, and the rows are mixtures. Too
# many rows do no harm *to this number*: it asks whether every true feature is found, not whether every row is one. (Read
# how many are active with 96 rows: several share the work of one.) And with exactly 24 some are missed: a row that
# settles where another is leaves a feature without one, and there is none to spare.
#
# The other half of the question is the world. **Predict first:** if features are active two times in five instead of one
# time in fifty, is the truth easier to find or harder? (Chapter 04 warned you: a feature that the *model* has not kept,
# nobody finds. So only columns longer than a half count as truth. The cell trains three toy models of each world, with an
# SAE for each, and says how many features they keep, how many of these an SAE has found, with a row at a cosine of 0.95 or
# more, and what random rows score.)

# %% tags=["active-ipynb"]
# figure = None
# with needs(mean_max_cosine):
#     worlds = [(toy, size) for size in (24, 48) for toy in range(15)]
#     which = torch.tensor([toy for toy, _ in worlds], device=device)
#     sizes = [size for _, size in worlds]
#     world = train_toy_saes(toys.W[which], sparsities[which], sizes, [0.3] * 30, steps=500)
#     there = [columns[:, columns.norm(dim=0) > 0.5].T for columns in toys.W]
#     rows_of = [*zip(world.W_dec, which.tolist(), strict=True)]
#     scores = torch.stack([mean_max_cosine(rows, there[toy]) for rows, toy in rows_of])
#     by_chance = torch.stack(
#         [mean_max_cosine(torch.randn(48, 8, generator=draw, device=device), t) for t in there]
#     ).view(3, 5)
#     alike = [normalize(there[toy], dim=1) @ normalize(rows, dim=1).T for rows, toy in rows_of]
#     found = torch.stack([(cosines.amax(1) > 0.95).float().mean() for cosines in alike])
#     scores, found, active = (v.view(2, 3, 5) for v in (scores, found, world.l0))
#     probabilities = sparsities[:5].tolist()
#     for i, p in enumerate(probabilities):
#         print(
#             f"probability {p:.2f}: {'/'.join(str(len(t)) for t in there[i::5])} of 24 kept;",
#             f"48 rows score {scores[1, :, i].min():.3f} to {scores[1, :, i].max():.3f}",
#             f"and find {found[1, :, i].mean():.0%};",
#             f"{active[1, :, i].mean():.1f} active, in truth {24 * p:.1f}",
#         )
#     lines = {"48 rows": scores[1], "24 rows": scores[0], "48 random rows": by_chance}
#     figure = curves(
#         {name: (probabilities, values.mean(0)) for name, values in lines.items()},
#         "probability of each feature",
#         "mean max cosine, mean of three",
#         log_x=True,
#     )
# figure

# %% [markdown]
# Follow the upper line of the picture, then the shares in the lines above it. While features are rare, one time in ten or
# less, 48 rows find nearly all. At one time in five they miss many. At two in five the score is higher again, but look at
# the first numbers: the toy model has by then dropped a third of its features, so that the SAE has fewer to find and more
# rows for each. Two things have changed at once, and the right end of the line cannot be read as a law. What holds at every
# density is less: random rows are far below, and more features are active than in truth, with one exception, where the
# truth is half of all there are. (With exactly 24 rows there are none to spare, and accidents decide.)
#
# Note for later that *nothing in the loss says so*. At a probability of 0.2 the training runs just as well, and ends in
# rows that look like any others.
#
# ## 2. Neurons of a real model
#
# Now the 512 neurons of `relu-1l-py`. Nobody knows their features, so what can be measured? How few features an input
# needs, and how much of it they give back.
#
# ### Exercise: `l0`
# *Difficulty 1 of 5, about 5 minutes.* The count that the price stands in for.


# %% nbgrader={"grade": false, "grade_id": "l0", "locked": false, "schema_version": 3, "solution": true, "task": false}
def l0(f: Float[Tensor, "batch d_sae"]) -> Float[Tensor, ""]:
    """How many features are active at a time.

    Returns:
        The mean, over the batch, of the number of features above 0, however weakly; in the dtype of
        f.
    """
    ### BEGIN SOLUTION
    return (f > 0).to(f.dtype).sum(-1).mean()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_l0", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(l0)

# %% [markdown]
# ### Exercise: `explained_variance`
# *Difficulty 2 of 5, about 10 minutes.* 1 for a perfect reconstruction; 0 for one that is no better than always
# answering the mean.


# %% nbgrader={"grade": false, "grade_id": "explained_variance", "locked": false, "schema_version": 3, "solution": true, "task": false}
def explained_variance(
    x: Float[Tensor, "batch d_in"], x_hat: Float[Tensor, "batch d_in"]
) -> Float[Tensor, ""]:
    """The share of the activations' variance that a reconstruction accounts for.

    Args:
        x: activations, at least two that differ.

    Returns:
        1 - Σ‖x - x_hat‖² / Σ‖x - mean‖², both sums over the whole batch, the mean taken for each
        dimension; in the dtype of x. Negative when the reconstruction is worse than the mean.
    """
    ### BEGIN SOLUTION
    return 1 - (x - x_hat).square().sum() / (x - x.mean(0)).square().sum()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_explained_variance", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(explained_variance)

# %% tags=["active-ipynb"]
# with needs(l0, explained_variance):
#     few = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:4096]]
#     f = sae.encode(few)
#     print(f"neurons:  {l0(few):.1f} of {few.shape[1]} active at a time")
#     print(f"features: {l0(f):.1f} of {f.shape[1]},", end=" ")
#     print(f"which explain {explained_variance(few, sae.decode(f)):.1%} of the variance")
#     kept = few * (few >= few.topk(11).values[:, -1:])
#     print(f"the 11 strongest neurons explain {explained_variance(few, kept):.1%}")

# %% [markdown]
# The neurons are sparse themselves: this model has a ReLU, and most of its neurons are off most of the time. So be fair
# to them. The right question is not whether an SAE is sparser than neurons, but whether it is better *at the same
# number*. The last line asks it: keep the eleven strongest neurons, set the others to 0. And the answer is not the
# one that this chapter would like. In variance, eleven neurons keep a little more than eleven features do.
#
# Remember it. Where an activation has not been through a ReLU, as in a residual stream or after a GELU, hardly any entry
# is 0, and the strongest few are no such rival. Here the reason to go on is that features might be easier to *read* than
# neurons, and that must be shown (section 8).
#
# ## 3. Train one, and watch features die
#
# The SAE above took eight million tokens. Here you train a small one in half a minute, by the recipe of 2023: the rows
# of the decoder are held at length 1, and are made so again after every step. But then part of each step is wasted. A
# gradient that points along a row asks for it to become longer, which is undone at once, and Adam remembers it all the
# same. So that part is taken out first.
#
# ### Exercise: `remove_parallel_gradient`
# *Difficulty 2 of 5, about 10 minutes.* What is left is at right angles to the row. Write it for rows of any length.


# %% nbgrader={"grade": false, "grade_id": "remove_parallel_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def remove_parallel_gradient(
    W_dec: Float[Tensor, "d_sae d_in"], grad: Float[Tensor, "d_sae d_in"]
) -> Float[Tensor, "d_sae d_in"]:
    """A gradient without the part that would change the lengths of the decoder's rows.

    Args:
        W_dec: rows of any length.
        grad: the gradient of each row.

    Returns:
        For each row of grad what is left without its part along the row of W_dec. A row of zeros
        keeps its gradient.
    """
    ### BEGIN SOLUTION
    direction = normalize(W_dec, dim=-1)
    along = (grad * direction).sum(-1, keepdim=True)
    return grad - along * direction
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_remove_parallel_gradient", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(remove_parallel_gradient)

# %% [markdown]
# A second thing goes wrong with a ReLU. A feature that is never active gets no gradient, and stays as it is for ever.
#
# ### Exercise: `dead_features`
# *Difficulty 1 of 5, about 5 minutes.*


# %% nbgrader={"grade": false, "grade_id": "dead_features", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dead_features(f: Float[Tensor, "batch d_sae"]) -> Bool[Tensor, "d_sae"]:
    """Which features never are active.

    Args:
        f: how strongly each feature is active, never negative; the batch may be empty.

    Returns:
        True for features that are never above 0 in the batch, however weakly; in an empty batch all
        of them.
    """
    ### BEGIN SOLUTION
    return ~(f > 0).any(0)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_dead_features", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(dead_features)

# %% [markdown]
# What to do about them? Give them something to do: the inputs that are reconstructed worst. Bricken et al. pick one at
# random for each dead feature, with a probability in proportion to the *square* of its loss, and set the feature to it,
# with a weak encoder so that nothing is upset.
#
# ### Exercise: `resample_dead`
# *Difficulty 4 of 5, about 25 minutes.* The longest function of this chapter, one sentence after the other.


# %% nbgrader={"grade": false, "grade_id": "resample_dead", "locked": false, "schema_version": 3, "solution": true, "task": false}
def resample_dead(
    x: Float[Tensor, "batch d_in"],
    x_hat: Float[Tensor, "batch d_in"],
    W_enc: Float[Tensor, "d_in d_sae"],
    b_enc: Float[Tensor, "d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    dead: Bool[Tensor, "d_sae"],
    generator: torch.Generator,
) -> tuple[Float[Tensor, "d_in d_sae"], Float[Tensor, "d_sae"], Float[Tensor, "d_sae d_in"]]:
    """Dead features begin anew, at inputs that are reconstructed badly.

    For each dead feature, independently and with replacement, one input is drawn with probability
    proportional to (‖x - x_hat‖²)².

    Args:
        x, x_hat: inputs and their reconstructions; no input that can be drawn is zero.
        dead: which features are dead.
        generator: the only source of random numbers, on the device of the tensors.

    Returns:
        New W_enc, b_enc and W_dec. A dead feature's decoder row is its input (not the residual, not
        centred) at norm 1, its encoder column the same direction at 0.2 of the mean norm of the
        living encoder columns (of 1 when none lives), its encoder bias 0. Living features keep
        their weights bit for bit. Copies of all three when nothing is dead or every loss is 0.
    """
    ### BEGIN SOLUTION
    loss = (x - x_hat).square().sum(-1)
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    if not dead.any() or not loss.any():
        return W_enc, b_enc, W_dec
    chances = (loss / loss.max()).square()
    chosen = torch.multinomial(chances, int(dead.sum()), replacement=True, generator=generator)
    direction = normalize(x[chosen], dim=-1)
    living = W_enc[:, ~dead].norm(dim=0)
    size = 0.2 * (living.mean() if len(living) else 1.0)
    W_dec[dead], W_enc[:, dead], b_enc[dead] = direction, size * direction.T, 0
    return W_enc, b_enc, W_dec
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_resample_dead", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(resample_dead)

# %% [markdown]
# **Predict first.** With a high rate and a high price features die by the hundred. One run is left alone. In the other,
# the dead are resampled once, at step 100. (Adam's memory of their weights is erased then: it holds averages of gradients
# that belong to the old ones.) What will happen to the number of dead features right after that? And to the loss by the
# end?

# %% tags=["active-ipynb"]
# figure = None
# draw = torch.Generator().manual_seed(0)
# train = corpus_tokens("train")
# starts = torch.randint(len(train) - 128, (300,), generator=draw)
# stretches = train[starts[:, None] + torch.arange(128)].to(device)
# stretches[:, 0] = tokenizer.bos_token_id
# X = mlp_activations(model, HOOK, stretches)
# X = X[torch.randperm(len(X), generator=draw)]
# X = X * (512 / X.square().sum(-1).mean()).sqrt()  # as recipes want it: mean square 1
#
#
# def train_2023(resample_at=None, price=6.0, rate=1e-2, mend_at=None, d_sae=768, seed=0):
#     """The recipe of 2023 in small; returns curves. From step `mend_at` on the rate is 0.002."""
#     batch, steps = 384, 160
#     draw = torch.Generator(device).manual_seed(seed)
#     rows = normalize(torch.randn(d_sae, 512, generator=draw, device=device), dim=-1)
#     w = {
#         "W_enc": rows.T.clone(),
#         "b_enc": torch.zeros(d_sae, device=device),
#         "W_dec": rows,
#         "b_dec": X.mean(0),
#     }
#     for weight in w.values():
#         weight.requires_grad_()
#     optimiser = torch.optim.Adam(w.values(), lr=rate)
#     fired, seen = torch.zeros(d_sae, device=device), []
#     for step in range(1, steps + 1):
#         x = X[step * batch % (len(X) - batch) :][:batch]
#         f = sae_encode(x, w["W_enc"], w["b_enc"], w["b_dec"])
#         x_hat = sae_decode(f, w["W_dec"], w["b_dec"])
#         loss = sae_loss(x, x_hat, f, w["W_dec"], price * min(1, step / 40))
#         optimiser.zero_grad()
#         loss.backward()
#         with torch.no_grad():
#             w["W_dec"].grad = remove_parallel_gradient(w["W_dec"], w["W_dec"].grad)
#             optimiser.step()
#             w["W_dec"].copy_(normalize(w["W_dec"], dim=-1))
#             fired += f.sum(0)
#             if step % 20 == 0:
#                 dead = dead_features(fired[None])
#                 explained = float(explained_variance(x, x_hat))
#                 seen.append((step, explained, float(l0(f)), int(dead.sum()), float(loss)))
#                 if step == mend_at:
#                     optimiser.param_groups[0]["lr"] = 2e-3
#                 if step == resample_at:
#                     new = resample_dead(
#                         x, x_hat, w["W_enc"], w["b_enc"], w["W_dec"], dead, draw
#                     )
#                     places = {"W_enc": (slice(None), dead), "b_enc": dead, "W_dec": dead}
#                     for (name, place), value in zip(places.items(), new, strict=True):
#                         w[name].copy_(value)
#                         for average in ("exp_avg", "exp_avg_sq"):
#                             optimiser.state[w[name]][average][place] = 0
#                 fired.zero_()
#     return list(zip(*seen, strict=True))
#
#
# with needs(
#     sae_encode,
#     sae_decode,
#     sae_loss,
#     remove_parallel_gradient,
#     dead_features,
#     resample_dead,
#     l0,
#     explained_variance,
# ):
#     runs = {"left alone": train_2023(), "resampled at 100": train_2023(100)}
#     for name, (_, explained, active, dead, loss) in runs.items():
#         print(
#             f"{name}: {dead[-1]} of 768 dead at the end, L0 {active[-1]:.1f},",
#             f"explained {explained[-1]:.1%}, loss {loss[-1]:.0f}",
#         )
#     figure = curves(
#         {name: (run[0], run[3]) for name, run in runs.items()}, "step", "dead features"
#     )
# figure

# %% [markdown]
# "Dead" is counted over the last twenty steps, so the point at 100 is from before and the one at 120 from after. Follow
# the two lines: for twenty steps there are fewer dead than in the run that was left alone, and at the end there are more.
# The loss, price included, is higher too. The new features begin where the loss was worst, all in one step, at the same
# rate and price that killed the old ones; and many of the "dead" were only rare, for twenty steps are a short look.
#
# So when does it help? The cure does not remove the cause. Remove it, then. In the next two runs the rate is ten times
# what it should be for sixty steps, by mistake, and is then put right. The price is lower. **Predict first:** do the dead
# features of the run that is left alone come back by themselves? Is resampling at step 60 worth it now?

# %% tags=["active-ipynb"]
# figure = None
# with needs(
#     sae_encode,
#     sae_decode,
#     sae_loss,
#     remove_parallel_gradient,
#     dead_features,
#     resample_dead,
#     l0,
#     explained_variance,
# ):
#     mended = {"price": 2.0, "rate": 2e-2, "mend_at": 60}
#     runs = {
#         "left alone": train_2023(**mended),
#         "resampled at 60": train_2023(60, **mended),
#     }
#     for name, (_, explained, active, dead, loss) in runs.items():
#         print(
#             f"{name}: {dead[-1]} of 768 dead at the end, L0 {active[-1]:.1f},",
#             f"explained {explained[-1]:.1%}, loss {loss[-1]:.0f}",
#         )
#     figure = curves(
#         {name: (run[0], run[1]) for name, run in runs.items()},
#         "step",
#         "explained variance of the batch",
#     )
# del X
# figure

# %% [markdown]
# They do not come back: a feature without a gradient does not know that the rate has changed. Resampled, more than half of
# them live, and from step 80 on that line lies above the other, a little at first. It also has more features active, which
# costs; so look at the loss, where that price is included: it is lower. (Is it with `seed=1`, in both runs? With `seed=2`?)
# That is what resampling is for, and what it is not: it repairs what an accident killed, and does nothing about what keeps
# killing. Bricken et al. call a neuron dead that was silent for 12,500 steps, and resample four times in all.
#
# The shipped SAEs were made by the recipe of 2024: no unit rows, the price weighted by norms, warmed up slowly. On the
# tokens of its card (`mi-tutor models sae-relu-1l-py`) hardly a feature is dead, and nothing was resampled. Do not mix the two: with
# the weighted price rows may have any length, and there is nothing to remove from their gradient.

# %% [markdown]
# ## 4. What does the model lose?
#
# So much of the variance sounds like a lot. But variance is not what the model cares about: the missing part might be what
# it needs. So put the reconstruction in the activation's place, let the model run on, and see what it predicts.
#
# ### Exercise: `splice`
# *Difficulty 2 of 5, about 10 minutes.* A hook that returns something else.


# %% nbgrader={"grade": false, "grade_id": "splice", "locked": false, "schema_version": 3, "solution": true, "task": false}
def splice(
    model,
    tokens: Int[Tensor, "batch position"],
    hook_name: str,
    W_enc: Float[Tensor, "d_in d_sae"],
    b_enc: Float[Tensor, "d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    b_dec: Float[Tensor, "d_in"],
) -> Float[Tensor, "batch position d_vocab"]:
    """The model's logits when an activation is replaced by its reconstruction.

    Args:
        model: a TransformerBridge; its hooks, mode and parameters stay as they are.
        hook_name: the activation, [batch position d_in], replaced at every position.
        W_enc, b_enc, W_dec, b_dec: the autoencoder, as in `sae_encode` and `sae_decode`.
    """

    ### BEGIN SOLUTION
    def reconstruct(x, hook):
        return sae_decode(sae_encode(x, W_enc, b_enc, b_dec), W_dec, b_dec)

    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, reconstruct)])
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_splice", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(splice)

# %% [markdown]
# ### Exercise: `loss_recovered`
# *Difficulty 1 of 5, about 5 minutes.* The loss goes up a little. Is that little much? Hold it against what it costs to
# take the activation away.


# %% nbgrader={"grade": false, "grade_id": "loss_recovered", "locked": false, "schema_version": 3, "solution": true, "task": false}
def loss_recovered(
    clean: Float[Tensor, ""], spliced: Float[Tensor, ""], ablated: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """How much of what an ablation costs the reconstruction saves.

    Args:
        clean: the model's loss.
        spliced: its loss with the reconstruction.
        ablated: its loss without the activation, another number than `clean`.

    Returns:
        1 where nothing is lost, 0 where the ablation does as well; below 0 and above 1 are
        possible, and not cut off.
    """
    ### BEGIN SOLUTION
    return (ablated - spliced) / (ablated - clean)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_loss_recovered", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(loss_recovered)

# %% [markdown]
# "Take away" can mean two things: 0 in its place, or its mean over the data. Published code mostly takes 0. We take the
# mean. It removes what differs from token to token, which is all that the activation can tell, and leaves the rest of the
# model in the range it knows. Where later layers never see a 0, a 0 breaks more than it takes away, and a yardstick that is
# too long makes every loss look small. (Behind a ReLU 0 is what most neurons are. Which of the two costs more here stands
# in the cell's first line.)
# **Predict first:** of 100 parts of loss that mean ablation costs, how many does the SAE save? With an L0 of about eleven
# out of 2,048?

# %% tags=["active-ipynb"]
# test = windows[::6]
#
#
# def loss_of(logits, tokens):
#     return cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
#
#
# def loss_with(value, hook_name=HOOK):
#     """The model's loss when the same vector stands in for an activation everywhere."""
#     put_in = [(hook_name, lambda old, hook: value.expand_as(old))]
#     return loss_of(model.run_with_hooks(test, fwd_hooks=put_in), test)
#
#
# figure = None
# with torch.no_grad(), needs(splice, loss_recovered, l0, explained_variance):
#     clean = loss_of(model(test), test)
#     by_mean, by_zero = loss_with(x.mean(0)), loss_with(torch.zeros(512, device=device))
#     print(f"the model {clean:.2f} nats; mean in its place {by_mean:.2f}; zeros {by_zero:.2f}")
#     rows = []
#     for name, which in (
#         ("4x, seed 0", sae),
#         ("4x, seed 1", load_sae("sae-relu-1l-py", 1, device)),
#     ):
#         weights = which.W_enc, which.b_enc, which.W_dec, which.b_dec
#         spliced = loss_of(splice(model, test, HOOK, *weights), test)
#         f = sae_encode(few, which.W_enc, which.b_enc, which.b_dec)
#         explained = explained_variance(few, sae_decode(f, which.W_dec, which.b_dec))
#         recovered = [float(loss_recovered(clean, spliced, base)) for base in (by_mean, by_zero)]
#         rows.append([name, float(l0(f)), float(explained), float(spliced), *recovered])
#
#     def strongest(value, hook, n=11):
#         return value * (value >= value.topk(n).values[..., -1:])
#
#     spliced = loss_of(model.run_with_hooks(test, fwd_hooks=[(HOOK, strongest)]), test)
#     recovered = [float(loss_recovered(clean, spliced, base)) for base in (by_mean, by_zero)]
#     explained = explained_variance(few, strongest(few, None))
#     rows.append(["11 neurons", 11.0, float(explained), float(spliced), *recovered])
#     figure = table(
#         rows,
#         [
#             "SAE",
#             "L0",
#             "explained variance",
#             "loss, nats",
#             "recovered (mean)",
#             "recovered (zero)",
#         ],
#     )
# figure

# %% [markdown]
# More than nine parts in ten, by either yardstick: at this site they hardly differ. Three things stand against being
# content with that. What is lost is nats: take the model's loss, in the line above the table, from the fourth column. Then
# the last row: its eleven strongest neurons, a baseline that took no training, recover more. And a high figure says that the
# features *together* carry what the model uses. It says nothing about any one of them.
#
# ## 5. Other ways to be sparse
#
# The price has a side effect. It asks every feature to be a little weaker than it should be (*shrinkage*). Two remedies are
# widely used. *TopK* (Gao et al. 2024) drops the price, and keeps the k largest of each input.
#
# ### Exercise: `top_k_activation`
# *Difficulty 3 of 5, about 15 minutes.* Exactly k candidates, also when some are equal.


# %% nbgrader={"grade": false, "grade_id": "top_k_activation", "locked": false, "schema_version": 3, "solution": true, "task": false}
def top_k_activation(pre: Float[Tensor, "batch d_sae"], k: int) -> Float[Tensor, "batch d_sae"]:
    """Keep the largest values of each row.

    Args:
        pre: what the encoder gives before its activation function; an empty batch is allowed.
        k: how many candidates each row keeps, from 0 to d_sae.

    Returns:
        ReLU of exactly k candidates, the largest of each row, in their places; the rest is 0. Of
        equal values any may be chosen.
    """
    ### BEGIN SOLUTION
    best = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values.relu())
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_top_k_activation", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(top_k_activation)

# %% [markdown]
# *JumpReLU* (Rajamanoharan et al. 2024) gives every feature a threshold of its own. What is above passes whole.
#
# ### Exercise: `jump_relu`
# *Difficulty 2 of 5, about 5 minutes.*


# %% nbgrader={"grade": false, "grade_id": "jump_relu", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jump_relu(
    pre: Float[Tensor, "batch d_sae"], threshold: Float[Tensor, "d_sae"]
) -> Float[Tensor, "batch d_sae"]:
    """Let through what is above a threshold.

    Args:
        pre: what the encoder gives before its activation function; an empty batch is allowed.
        threshold: one for each feature, 0 or more.

    Returns:
        pre where pre > threshold, strictly, and 0 elsewhere.
    """
    ### BEGIN SOLUTION
    return torch.where(pre > threshold, pre, 0)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_jump_relu", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(jump_relu)

# %% [markdown]
# Which is best? There is no number to compare as long as L0 differs: more features nearly always reconstruct better. So train
# each method at several strengths and draw all in one picture, L0 across, loss recovered upwards: a *frontier*. Nine
# SAEs while you wait have to be small. These sit one step later, where the MLP writes its 128 numbers into the stream,
# with 320 features and 180 steps each.
#
# (A threshold has no gradient: a step is flat. JumpReLU is trained with a pretended one in a narrow window around the
# step, a *straight-through estimator*, and pays for the number of active features itself.)
#
# **Predict first:** at equal L0, which of the three recovers most?

# %% tags=["active-ipynb"]
# OUT = "blocks.0.hook_mlp_out"
#
#
# class Step(torch.autograd.Function):
#     """1 above the threshold; backwards, a window of that width around it."""
#
#     @staticmethod
#     def forward(ctx, pre, threshold, width):
#         ctx.save_for_backward(pre, threshold)
#         ctx.width = width
#         return (pre > threshold).to(pre.dtype)
#
#     @staticmethod
#     def backward(ctx, grad):
#         pre, threshold = ctx.saved_tensors
#         window = ((pre - threshold).abs() < ctx.width / 2).to(pre.dtype) / ctx.width
#         return None, -(grad * window).sum(0), None
#
#
# def train_small(kind, strength, Y, d_sae=320, batch=384, steps=180):
#     """Weights of one SAE on the activations Y, and the function that makes its features."""
#     draw = torch.Generator(device).manual_seed(0)
#     rows = normalize(torch.randn(d_sae, 128, generator=draw, device=device), dim=-1)
#     w = [
#         rows.T.clone(),
#         rows.new_zeros(d_sae),
#         rows.clone(),
#         Y.mean(0),
#         rows.new_full((d_sae,), -1.0),
#     ]
#     for weight in w:
#         weight.requires_grad_()
#     W_enc, b_enc, W_dec, b_dec, log_threshold = w
#
#     def features(y):
#         pre = (y - b_dec) @ W_enc + b_enc
#         if kind == "TopK":
#             return top_k_activation(pre, int(strength))
#         return pre.relu() if kind == "L1" else jump_relu(pre, log_threshold.exp())
#
#     groups = [{"params": w[:4], "lr": 3e-3}, {"params": w[4:], "lr": 3e-2}]
#     optimiser = torch.optim.Adam(groups)
#     for step in range(steps):
#         y = Y[step * batch % (len(Y) - batch) :][:batch]
#         f = features(y)
#         y_hat = f @ W_dec + b_dec
#         loss = (y - y_hat).square().sum(-1).mean()
#         if kind == "L1":
#             loss = loss + strength * (f * W_dec.norm(dim=-1)).sum(-1).mean()
#         if kind == "JumpReLU":
#             threshold = log_threshold.exp()
#             on = Step.apply((y - b_dec) @ W_enc + b_enc, threshold, 0.5)
#             # The gate acts on the error as well: a feature that is switched on brings its value.
#             gate = (on - on.detach()) * threshold.detach()
#             loss = (y - y_hat - gate @ W_dec.detach()).square().sum(-1).mean()
#             loss = loss + strength * on.sum(-1).mean()
#         groups[0]["lr"] = 3e-3 * min(1, 3 * (1 - step / steps))
#         optimiser.zero_grad()
#         loss.backward()
#         optimiser.step()
#     return features, W_dec.detach(), b_dec.detach()
#
#
# figure = None
# with needs(top_k_activation, jump_relu, l0, loss_recovered):
#     Y = mlp_activations(model, OUT, stretches)
#     y_mean, y_scale = Y.mean(0), (128 / Y.square().sum(-1).mean()).sqrt()
#     Y = Y[torch.randperm(len(Y), generator=torch.Generator().manual_seed(0))] * y_scale
#     ablated = loss_with(y_mean, OUT)
#     STRENGTHS = {"L1": [1.0, 2.0, 5.0], "TopK": [32, 16, 8], "JumpReLU": [0.5, 1.5, 4.0]}
#     frontier = {}
#     for kind, strengths in STRENGTHS.items():
#         points = []
#         for strength in strengths:
#             features, rows, bias = train_small(kind, strength, Y)
#             with torch.no_grad():
#                 counts = []
#
#                 def rebuild(y, hook, features=features, rows=rows, bias=bias, counts=counts):
#                     f = features(y.flatten(0, 1) * y_scale)
#                     counts.append(l0(f))
#                     return ((f @ rows + bias) / y_scale).view_as(y)
#
#                 spliced = loss_of(model.run_with_hooks(test, fwd_hooks=[(OUT, rebuild)]), test)
#                 points.append(
#                     (float(counts[0]), float(loss_recovered(clean, spliced, ablated)))
#                 )
#         points.sort()
#         frontier[kind] = tuple(zip(*points, strict=True))
#         print(kind, ", ".join(f"L0 {a:.1f}: {b:.1%}" for a, b in points))
#     figure = curves(frontier, "L0", "loss recovered")
#     del Y
# figure

# %% [markdown]
# In the papers TopK and JumpReLU lie above L1, and one reason is shrinkage: their features may be as strong as they are.
# See whether your nine agree, and mind what they are: three points a method, one seed, 180 steps of 384 tokens. In so short a
# training the price has not had the time to sort features out.
#
# Is the picture that of the methods, or that of the 180 steps? `python -m mi_tutor.training.sae_frontier` trained the same
# three at the same place, 512 features each, on a million tokens, at four strengths, with one seed. It left a table, and put two
# yardsticks into it: the shipped SAE, and the model with none but its strongest neurons left. **Predict first:** which of
# the three methods has moved most?

# %% tags=["active-ipynb"]
# longer = {}
# for point in sorted(stored_table("frontier"), key=lambda point: point["l0"]):
#     actives, up = longer.setdefault(point["kind"], ([], []))
#     actives.append(point["l0"]), up.append(point["recovered"])
# for kind, (actives, shares) in longer.items():
#     print(kind, ", ".join(f"L0 {a:.1f}: {b:.1%}" for a, b in zip(actives, shares, strict=True)))
# curves(longer, "L0", "loss recovered")

# %% [markdown]
# L1 has moved most. With some twelve features active it had about half after 180 steps, and has nine parts in ten after a
# million tokens: what the first picture showed was mostly the 180 steps. Not all of it. At every L0 the line of L1 is the
# lowest, as in the papers, and TopK and JumpReLU lie close together (one seed: make nothing of what is between them). The
# shipped SAE, L1 with eight million tokens and its decoder fitted again, lies above that line.
#
# Then the yardstick that needs no training. With four or eight active, TopK and JumpReLU recover more than the strongest
# neurons do; with a dozen or more, the neurons are ahead. So an SAE pays, in loss, where few features are allowed. A
# frontier is worth as much as the tuning of its worst method, and as the simplest thing that is drawn beside it.
#
# ## 6. Read a feature
#
# Back to the shipped SAE. What does one of its 2,048 features mean? Look at where it is strongest. Not at the strongest
# *tokens*, for they may all stand in one text: one from each sequence.
#
# ### Exercise: `max_activating`
# *Difficulty 2 of 5, about 10 minutes.*


# %% nbgrader={"grade": false, "grade_id": "max_activating", "locked": false, "schema_version": 3, "solution": true, "task": false}
def max_activating(
    f: Float[Tensor, "batch position"], k: int
) -> tuple[Float[Tensor, "k"], Int[Tensor, "k 2"]]:
    """Where a feature is strongest, one place in each sequence.

    Args:
        f: one feature's activation at every position.
        k: how many sequences, from 1 to the number that there are.

    Returns:
        The k largest of the sequences' maxima, best first, and for each the pair
        (sequence, position).
    """
    ### BEGIN SOLUTION
    peaks = f.max(dim=1)
    best = peaks.values.topk(k)
    return best.values, torch.stack([best.indices, peaks.indices[best.indices]], dim=1)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_max_activating", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(max_activating)

# %% [markdown]
# And what does it *do*? Its decoder row is a pattern of neurons. These write into the stream through `W_out`, and `W_U`
# turns that into logits: the direct path, as in chapter 02. In a model of one layer there is no other, but for the final
# norm's scale. Hand it a `W_out` whose rows have lost their means, since that norm takes them.
#
# ### Exercise: `feature_logits`
# *Difficulty 1 of 5, about 5 minutes.*


# %% nbgrader={"grade": false, "grade_id": "feature_logits", "locked": false, "schema_version": 3, "solution": true, "task": false}
def feature_logits(
    decoder_row: Float[Tensor, "d_mlp"],
    W_out: Float[Tensor, "d_mlp d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> Float[Tensor, "d_vocab"]:
    """What a feature of activation 1 adds to each logit by the direct path.

    Args:
        decoder_row: the pattern of neurons that the feature stands for, used as given.

    Returns:
        No final norm, no centring, no bias.
    """
    ### BEGIN SOLUTION
    return decoder_row @ W_out @ W_U
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_feature_logits", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(feature_logits)

# %% tags=["active-ipynb"]
# with torch.no_grad(), needs(sae_encode, max_activating, feature_logits):
#     for feature in (684, 1342, 200):
#         f = sae_encode(x, sae.W_enc[:, [feature]], sae.b_enc[[feature]], sae.b_dec).view(
#             windows.shape
#         )
#         values, where = max_activating(f, 4)
#         logits = feature_logits(sae.W_dec[feature], W_out, W_U)
#         raised = (logits - logits.mean()).topk(6).indices
#         print(f"feature {feature}, active on {float((f > 0).float().mean()):.2%} of the tokens")
#         for value, (row, at) in zip(values, where.tolist(), strict=True):
#             before, this = windows[row, max(0, at - 7) : at], windows[row, at : at + 1]
#             print(f"   {value:5.1f}  {tokenizer.decode(before)!r} → {tokenizer.decode(this)!r}")
#         print("   raises", " ".join(token_label(tokenizer, i) for i in raised))

# %% [markdown]
# Maxima flatter. They show a feature at its purest, and it spends most of its life at a fraction of that. So a dashboard
# has a histogram too, and it should have a number: how well does the feature predict something that can be looked up? In
# Python we can: `tokenize` and `ast` know of every token whether it is in a string, a comment, a default argument …
#
# **Type the number of a feature** (0 to 2,047) into the box. Look at ten of them. Of how many can you say what they mean,
# and would somebody else have said the same? Then look at feature 1021, which is active on one token in ten.

# %% tags=["active-ipynb"]
# some = [913, 684, 200, 37, 512, 777, 1100, 1500, 1900, 1021]
# explore_features(dashboards, tokenizer, feature=1342, examples=some)

# %% [markdown]
# ## 7. Features against the truth
#
# A label is a question with an exact answer: *is this token inside a docstring?* A feature answers by being active above
# a threshold. F1 says how good the answer is, and leaves out what is rightly not claimed, since for a rare label that is
# nearly everything.
#
# ### Exercise: `best_feature_f1`
# *Difficulty 3 of 5, about 15 minutes.* All features at once.


# %% nbgrader={"grade": false, "grade_id": "best_feature_f1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_feature_f1(
    f: Float[Tensor, "token d_sae"], label: Bool[Tensor, "token"], threshold: float
) -> tuple[int, Float[Tensor, ""]]:
    """The feature that predicts a label best.

    Args:
        f: how strongly each feature is active on each token; at least one token and one feature.
        label: the truth.
        threshold: a feature predicts the label where it is above this, strictly.

    Returns:
        The best feature, a Python int, the lowest on ties, and its F1,
        2TP / (2TP + FP + FN), in the dtype of f, which is 0 when that is 0/0.
    """
    ### BEGIN SOLUTION
    hits = (f[label] > threshold).sum(0)
    together = (f > threshold).sum(0) + label.sum()  # 2 TP + FP + FN
    f1 = 2 * hits.to(f.dtype) / together.clamp(min=1)
    best = int(f1.argmax())
    return best, f1[best]
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_best_feature_f1", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(best_feature_f1)

# %% [markdown]
# Choosing the best of 2,048 and reporting its score on the same tokens would flatter it. So feature and threshold are
# chosen on stretches of seven windows and scored on others, with a gap between. Beside it stand: the best single *neuron*, chosen in the same
# way; a linear *probe*, which may use all neurons and has seen the labels; the best feature of an SAE trained on the same
# model *before* its training; and what saying "yes" always earns, 2p / (1 + p).
#
# **Predict first.** Order the five. Where will features beat neurons?

# %% tags=["active-ipynb"]
# number = torch.arange(len(windows))
# to_choose, to_score = ((number // 10 % 2 == half) & (number % 10 < 7) for half in (0, 1))
#
#
# def split(values):
#     """Rows for the tokens to choose on and for those to score on, all but BOS."""
#     values = values.view(*windows.shape, -1)[:, 1:]
#     return values[to_choose].flatten(0, 1), values[to_score].flatten(0, 1)
#
#
# figure = None
# untrained_model = load_model("relu-1l-py", device=device, checkpoint=0)
# untrained_sae = load_sae("sae-relu-1l-py-untrained", device=device)
# with torch.no_grad(), needs(best_feature_f1):
#     x_untrained = mlp_activations(untrained_model, HOOK, windows)
#     label_choose, label_score = split(labels)
#     scores, chosen, on = {}, {}, {}
#     for name, encode, values in (
#         ("feature", sae.encode, x),
#         ("neuron", lambda part: part, x),
#         ("untrained", untrained_sae.encode, x_untrained),
#     ):
#         part_choose, part_score = split(values)
#         on_score = encode(part_score) > 0
#         f = encode(part_choose)
#         if name != "untrained":
#             on[name] = f > 0, on_score
#         for i, label in enumerate(LABELS):
#             tried = [(*best_feature_f1(f, label_choose[:, i], t), t) for t in (0.0, 2.0)]
#             best, _, threshold = max(tried, key=lambda found: float(found[1]))
#             chosen[name, label] = best, threshold
#         del f, on_score
#         f, scores[name] = encode(part_score), []
#         for i, label in enumerate(LABELS):
#             best, threshold = chosen[name, label]
#             f1 = best_feature_f1(f[:, best : best + 1], label_score[:, i], threshold)[1]
#             scores[name].append(float(f1))
#         del f, part_choose, part_score
#     x_choose, x_score = split(x)
#     with torch.enable_grad():
#         probe = probe_f1(x_choose, label_choose, x_score, label_score, steps=20)
#     del x_choose, x_score, x_untrained
#     floor = always_true_f1(label_score)
#     counts = label_score.sum(0).tolist()
#     rows = [
#         [
#             label,
#             counts[i],
#             chosen["feature", label][0],
#             *(scores[name][i] for name in scores),
#             float(probe[i]),
#             float(floor[i]),
#         ]
#         for i, label in enumerate(LABELS)
#     ]
#     columns = [
#         "label",
#         "tokens",
#         "best feature",
#         "its F1",
#         "best neuron",
#         "feature, untrained",
#         "probe",
#         "always yes",
#     ]
#     ahead = [label for label, *_, f, n, u, p, always in rows if f > n]
#     below = [label for label, *_, f, n, u, p, always in rows if f < always]
#     print(f"the best feature beats the best neuron on {len(ahead)} of {len(LABELS)} labels:")
#     print(f"   {', '.join(ahead)}")
#     print(f"and stays under the floor on {len(below)}: {', '.join(below)}")
#     figure = table(rows, columns)
# figure

# %% [markdown]
# This is not the table one hopes for. On the broadest labels (strings, docstrings, brackets, deep indentation) no feature
# comes up to the floor. Neurons do better there, and the probe is ahead of both. Where features win, the label is rare and
# narrow, such as a default argument or the name in a definition; and the second column says that some of these rows rest on
# a few dozen tokens. They are anecdotes, and with the library of another Python they may change places. The untrained
# control is far below on everything broad; where a label is one that a single token gives away, a random function of the
# token goes some of the way.
#
# Does that mean that the features are bad, or that they are *narrow*? Test it. A narrow feature is right when it is
# active and silent most of the time: high precision, low recall. Then *several* of them together should do what one
# cannot. Take for every label all features that are right in at least seven of ten cases on the half to choose on, and say
# "yes" where any of them is active. **Predict first:** for which labels will many beat the best one?

# %% tags=["active-ipynb"]
# figure = None
# with needs(best_feature_f1):
#     rows = []
#     for name in ("feature", "neuron"):
#         on_choose, on_score = on[name]
#         hits = on_choose.float().T @ label_choose.float()
#         often = on_choose.sum(0)[:, None]
#         precise = (hits / often.clamp(min=1) > 0.7) & (hits >= 5)
#         for i, label in enumerate(LABELS):
#             says = on_score[:, precise[:, i]].any(1)[:, None].float()
#             f1 = float(best_feature_f1(says, label_score[:, i], 0.5)[1])
#             entry = [int(precise[:, i].sum()), f1]
#             rows.append([label, *entry]) if name == "feature" else rows[i].extend(entry)
#     for i, row in enumerate(rows):
#         row += [scores["feature"][i], float(probe[i]), float(floor[i])]
#     columns = [
#         "label",
#         "precise features",
#         "F1 of any of them",
#         "precise neurons",
#         "F1 of any neuron",
#         "best feature",
#         "probe",
#         "always yes",
#     ]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# Read the third column against the sixth. For the broad labels, strings, docstrings, brackets, indentation, dozens of
# features together do what no single one can, and come over the floor: the label is spread over them, and each knows a piece.
# "Inside a string" is not one direction *of this dictionary*, but many, a few words each. It is a direction of the space: the
# probe's, in the last column but one, does better alone than all of them together. That is what you get when a dictionary is
# asked to be sparse. For narrow labels it is mostly the other way round: hardly any feature is right in seven
# of ten cases, and the best single one, though often wrong, is ahead. And the probe beats both nearly everywhere. For a
# property that you can name, it is the better instrument, as others have found for large models (Kantamneni et al. 2025).
#
# (The labels are *lexical*: they test whether a feature follows the grammar of Python, not whether it follows what the
# program means.)

# %% [markdown]
# ## 8. Easier to read?
#
# The labels spoke for the neurons. But the claim on which all of this rests is another: that somebody who looks at where a
# feature is active sees *one* thing, more often than with a neuron. In 2023 a rater compared the two without knowing which
# was which (Bricken et al.). That last part matters. Whoever knows sees what they expect.
#
# So be the rater. Here are six units of this model, features and neurons, shuffled. Each shows four of its strongest places, one a
# text, and below the line four drawn from *all* places where it is active; the number is the share of its maximum. **Rate
# first,** on paper: do a few words fit the upper four? Do the same words fit the lower four? And what is it, feature or
# neuron?

# %% tags=["active-ipynb"]
# def strength_of(i):
#     return ((x - sae.b_dec) @ sae.W_enc[:, i] + sae.b_enc[i]).relu().cpu()
#
#
# blind = blind_units(
#     {"feature": (2048, strength_of), "neuron": (512, lambda i: x[:, i].cpu())},
#     windows.cpu(),
#     tokenizer,
#     {"feature": 3, "neuron": 3},
#     torch.Generator().manual_seed(0),
# )
# print(sheet_text(blind, lines=4))

# %% tags=["active-ipynb"]
# print("; ".join(f"#{i} is {unit.kind} {unit.unit}" for i, unit in enumerate(blind)))

# %% [markdown]
# Six are too few. The table below is of 125, rated in the same way, from a sheet with six and seven places each that
# `python -m mi_tutor.figures.blind_sheet` writes, together with a key that was opened when all ratings stood. The strongest
# places got 0 (nothing in common) to 3 (a few words fit all six), and 2 or more counts as clear. The others got 0 to 3 for
# how many of the seven the same words fit, and 2 stands for three or more. There was one rater, a language model, which
# had written the sheet's program and knew the question: no more than a first look. The command draws a new sheet for a
# second. A third kind is on it: features of the SAE of the model *before* training. **Predict first:** for how many of a hundred neurons are the strongest places
# clear? Of a hundred features? Of the untrained model's?

# %% tags=["active-ipynb"]
# rated = stored_table("blind-rating")["units"]
# rows = []
# for kind in ("feature", "neuron", "untrained"):
#     given = torch.tensor([(u["strongest"], u["any"]) for u in rated if u["kind"] == kind])
#     clear, holds = (given >= 2).float().mean(0).tolist()
#     rows.append([kind, len(given), clear, holds, float(given.float().sum(1).mean())])
# both = torch.tensor(
#     [u["strongest"] + u["any"] for u in rated if u["kind"] != "untrained"], dtype=torch.float
# )
# is_feature = torch.tensor([u["kind"] == "feature" for u in rated if u["kind"] != "untrained"])
# draw = torch.Generator().manual_seed(0)
# shuffled = torch.stack([both[torch.randperm(100, generator=draw)] for _ in range(5000)])
# gaps = (shuffled[:, :50].mean(1) - shuffled[:, 50:].mean(1)).abs()
# gap = float(both[is_feature].mean() - both[~is_feature].mean())
# print(
#     f"features lead by {gap:.2f} points of 6; shuffled names lead by {float(gaps.max()):.2f} at most"
# )
# table(rows, ["units", "rated", "strongest clear", "others fit, too", "mean of 0 to 6"])

# %% [markdown]
# So the published finding is here, and our labels had hidden it. Read the third column and then the fourth: most neurons with
# a clear theme at their maxima lose it below, most clear features keep it. What they are about is narrow, as section 7 has
# it, and no label of ours: 541 is on for the new line after a function's head, 1244 for plurals in prose, 404 for the last
# piece of a class's name.
#
# And then the last row. The features of a model that has learned *nothing* are the easiest to read of all, for most of them
# are one token each: `OR`, ` de`, `ed`. Easy to read is a fact about the pictures that an SAE draws, before it is one about
# the model.
#
# One rater may be led by a hunch, so here is a count that has none. Take as descriptions all that can be looked up: "the
# token is ` con`", "the token before is `self`", the twelve labels. Give each unit the description that fits best on half of the
# held-out files, and score it on the rest: F1, as the share of the way from what "always yes" earns to 1. A unit is *told by
# a word* if that is more than a half. The same can be asked at other sites and of other dictionaries.
#
# **Predict first.** The neurons have an axis each, and a ReLU on it. In the residual stream nothing singles out the axes:
# turn the whole space, and but for the mean that the norm takes the model computes the same. Where will features gain more over the axes?

# %% tags=["active-ipynb"]
# rows, sites = [], stored_table("sites")
# for row in sites:
#     f1 = torch.tensor(row["label_f1"])
#     own = next(r for r in sites if r["site"] == row["site"])  # the axes stand first
#     won = int((f1 > torch.tensor(own["label_f1"])).sum())
#     ahead = "" if row is own else f"{won} of {len(LABELS)}"
#     used = [row["active"], row["used"], row["above_half"]]
#     rows.append([row["site"], row["units"], *used, float(f1.mean()), ahead])
# made = next(row for row in sites if row["units"] == "TopK, 512 features")["label_f1"]
# lost = [
#     label for label, f, axis in zip(LABELS, made, sites[0]["label_f1"], strict=True) if f < axis
# ]
# print(f"the stream's 512 features lose to its axes on {', '.join(lost)}")
# table(
#     rows,
#     ["site", "units", "L0", "units used", "told by a word", "mean label F1", "labels won"],
# )

# %% [markdown]
# Begin with the streams of the two trained models. Their axes are told by a word as seldom as random directions, a few in
# a hundred or fewer. Of the features it is from three in ten to more than half. On labels they are well ahead, too: compare the
# mean F1. (Do not count wins. The last column has random directions ahead of the axes on as many as nine of twelve, by
# almost nothing.) What the line above the table names as lost is broad.
#
# Now the neurons. Random directions are as hard to tell there as in the stream, but the neurons themselves are told four times
# as often. The likely reason is the ReLU. It acts on each axis alone, so training can give an axis a use of its own; and it
# has, for the untrained model's neurons are told half as often. That is a rival that a stream does not offer. Features are told still more often, twice and more, and go on losing on labels: with
# 256 features or 4,096 (of which fewer than a thousand are used), TopK or L1, a million tokens or eight. So neither the
# size of the dictionary nor the method has decided section 7. The site has, and what was asked.
#
# Last, the rows of the untrained model. Its features at the neurons are told by a word more often than any others in this
# table; their mean F1 on labels is the lowest of all dictionaries'. Keep these two columns apart. To be told by a word takes
# no learning: tokens are enough. To follow a label takes some. A method that is praised for readable features should be
# asked for the second column as well.
#
# (What this count cannot see: a description of more than one token, such as "a digit", or of what comes next. It was made
# by `python -m mi_tutor.training.sae_sites`, with one seed; each dictionary keeps 12 features of an input.)
#
# ## 9. Twice the dictionary
#
# With 4,096 features in place of 2,048, what becomes of the old ones? Do they stay, and new ones join? Or do they *split*?
# To say which features belong together we need a way to match two dictionaries: by what they do on the same tokens.
#
# ### Exercise: `match_features`
# *Difficulty 3 of 5, about 15 minutes.* A table of correlations, and the best of each row.


# %% nbgrader={"grade": false, "grade_id": "match_features", "locked": false, "schema_version": 3, "solution": true, "task": false}
def match_features(
    f_a: Float[Tensor, "token d_a"], f_b: Float[Tensor, "token d_b"]
) -> tuple[Int[Tensor, "d_a"], Float[Tensor, "d_a"]]:
    """For each feature of one dictionary the most similar one of another.

    Args:
        f_a, f_b: activations of both dictionaries on the same tokens, at least two of them.

    Returns:
        For each feature of a, the feature of b with the highest Pearson correlation over tokens,
        and that correlation, signed. A feature that never changes correlates 0 with all. Several
        features of a may have the same match.
    """

    ### BEGIN SOLUTION
    def standardised(f):
        constant = (f == f[0]).all(0)
        return normalize((f - f.mean(0)).masked_fill(constant, 0), dim=0)

    best = (standardised(f_a).T @ standardised(f_b)).max(dim=1)
    return best.indices, best.values
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_match_features", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(match_features)

# %% [markdown]
# Each feature of the large dictionary is given to the feature of the small one that it correlates with most: its parent.
# **Predict first:** how many children will a feature have on average? The large one has twice as many rows; has it twice as
# many that are ever active? And how many children has 913, of ` con`?

# %% tags=["active-ipynb"]
# figure = None
# larger = load_sae("sae-relu-1l-py-8x", device=device)
#
#
# def no_bos(values):
#     """The rows of every tenth window without its BOS, which is the same everywhere."""
#     return values.view(len(windows) // 10, windows.shape[1], -1)[:, 1:].flatten(0, 1)
#
#
# sample = no_bos(x.view(*windows.shape, -1)[::10])  # 3,048 tokens
# sample_tokens = windows[::10, 1:].flatten()
# ENOUGH = 5  # active on so many of these tokens, or a correlation says nothing
#
#
# def living(which, values=sample):
#     """Features that are active often enough here, and what they do."""
#     f = which.encode(values)
#     often = ((f > 0).sum(0) >= ENOUGH).nonzero()[:, 0]
#     return often, f[:, often]
#
#
# def described(f, raised_by):
#     """Where a feature is on most, and what it raises, in a few words."""
#     counts = torch.bincount(sample_tokens[f > 0], minlength=tokenizer.vocab_size)
#     seen = " ".join(token_label(tokenizer, i) for i in counts.topk(3).indices if counts[i])
#     raised = " ".join(token_label(tokenizer, i) for i in raised_by.topk(3).indices)
#     return f"on {seen}, raises {raised}"
#
#
# with torch.no_grad(), needs(match_features, feature_logits):
#     small_ids, small_f = living(sae)
#     large_ids, large_f = living(larger)
#     parent, likeness = match_features(large_f, small_f)
#     close = likeness > 0.5  # section 10 says how far chance and tokens get
#     children = torch.bincount(parent[close], minlength=len(small_ids))
#     print(
#         f"{len(small_ids)} features of the small one and {len(large_ids)} of the large one are active often enough"
#     )
#     print(
#         f"{float((likeness > 0.9).float().mean()):.0%} of the large one's correlate with their parent above 0.9,"
#     )
#     print(
#         f"{float(close.float().mean()):.0%} above 0.5; children: "
#         + ", ".join(f"{n} for {int((children == n).sum())}" for n in range(4))
#         + f", more for {int((children > 3).sum())}; {float(children.float().mean()):.2f} on average"
#     )
#     print(f"913 has {int(children[small_ids == 913])}")
#     nodes = []
#     wide = (children >= 2).nonzero()[:, 0]
#     order = small_f[:, wide].sum(0).argsort(descending=True)
#     for i in wide[order][:4].tolist():
#         logits = feature_logits(sae.W_dec[small_ids[i]], W_out, W_U)
#         below = ((parent == i) & close).nonzero()[:, 0]
#         below = below[likeness[below].argsort(descending=True)][:5]
#         kids = [
#             (
#                 f"{int(large_ids[j])} ({likeness[j]:.2f}) "
#                 + described(
#                     large_f[:, j], feature_logits(larger.W_dec[large_ids[j]], W_out, W_U)
#                 ),
#                 [],
#             )
#             for j in below.tolist()
#         ]
#         nodes.append((f"feature {int(small_ids[i])} {described(small_f[:, i], logits)}", kids))
#     figure = tree(
#         nodes, "features of 4x, and below each its children in 8x with their correlation"
#     )
# figure

# %% [markdown]
# Read a branch from above. In a true split what the parent is on for is shared out among the children, by the token that is
# read or by what comes next: compare the three tokens that each is on for most, and what each raises. This is *feature
# splitting*. It puts a question to every feature you have looked at: is it a thing of the model, or a thing of a dictionary
# of this size? But not every branch is a split. Where two children are on for the same tokens and both correlate with their
# parent at 0.98, the larger dictionary has kept the same feature twice, at no cost to its loss. How many of your
# four branches are of this kind?
#
# One more test of the same question. How many features are nothing but a single token? The vocabulary has 2,048 of them,
# and a dictionary that is large enough can have a row for each.

# %% tags=["active-ipynb"]
# figure = None
# with torch.no_grad(), needs(match_features):
#
#     def of_one_token(ids, f):
#         """The share of features nine tenths of whose activity is on one token."""
#         if not len(ids):
#             return 0.0
#         counts = torch.stack(
#             [torch.bincount(sample_tokens[c > 0], minlength=2048) for c in f.T]
#         )
#         return float((counts.amax(1) > 0.9 * counts.sum(1)).float().mean())
#
#     sample_untrained = no_bos(mlp_activations(untrained_model, HOOK, windows[::10]))
#     kinds = {"4x": (small_ids, small_f), "8x": (large_ids, large_f)}
#     kinds["untrained model, 4x"] = living(untrained_sae, sample_untrained)
#     rows = []
#     for name, (ids, f) in kinds.items():
#         often = (f > 0).sum(0)
#         by_use = [
#             of_one_token(ids[at], f[:, at])
#             for low, high in ((5, 9), (10, 19), (20, 60))
#             for at in [(often >= low) & (often <= high)]
#         ]
#         l0_here = float((f > 0).sum(1).float().mean())
#         rows.append([name, l0_here, len(ids), of_one_token(ids, f), *by_use])
#     columns = ["SAE", "L0", "living features", "of one token", "on 5-9", "on 10-19", "on 20-60"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# Read the fourth column first. Not many, in either. The control matters most: the SAE of the model *before* training has a
# larger share of them. It has also fewer features active at a time (second column), and how often a feature is active has
# to do with on how many tokens it can be. So the last three columns compare features that are active equally often, on 5 to
# 9 tokens of this text, 10 to 19, 20 to 60. Among the rarest there is hardly a difference; among the others it is larger
# still. The untrained model's activations are a random function of the tokens, and tokens are sparse. So that an SAE finds
# something readable does not show that the model has learned it (Heap et al. 2025).
#
# ## 10. Twice the training
#
# If features were the model's own, then training an SAE again, from another beginning, should find them again. There are
# two seeds of the 4x SAE. Match them by activations. (Cosines of decoder rows would do within one model. Between two models
# they mean nothing: each has a basis of its own.) And a match needs something to be held against. The *permuted null* is
# the same two tables with the tokens of one shuffled, where every match is chance. It is easily beaten: two features that
# are both on for ` def`, and know nothing else, match. So ask for more. Shuffle only *among equal tokens*, so that
# each activation lands on the same token in another context. Match with *one token*: a column that is 1 where the token is
# read and 0 elsewhere. And match with the SAE of the *untrained* model, which has learned nothing.
#
# There is also a second model, of the same recipe from another seed, with an SAE of its own. **Predict first:** what share
# of features has a match above 0.5 in the other SAE? In the other model? In each of the four nulls?

# %% tags=["active-ipynb"]
# figure = None
# with torch.no_grad(), needs(match_features):
#     _, other_f = living(load_sae("sae-relu-1l-py", 1, device))
#     shuffle = torch.randperm(len(other_f), generator=torch.Generator().manual_seed(0))
#     _, across = match_features(small_f, other_f)
#     _, null = match_features(small_f, other_f[shuffle])
#     _, by_neuron = match_features(small_f, sample)
#
#     # Stricter: the same token in another context; nothing but the token; no training at all.
#     common = torch.bincount(sample_tokens, minlength=2048)[sample_tokens] >= ENOUGH
#     ids = sample_tokens[common]
#     lots = torch.rand(len(ids), generator=torch.Generator().manual_seed(1)).to(device)
#     place, swapped = ids.argsort(stable=True), (ids + lots).argsort()
#     among_equals = torch.empty_like(place).index_put_((place,), swapped)
#     _, equal = match_features(small_f[common], other_f[common][among_equals])
#     one_hot = (sample_tokens[:, None] == ids.unique()).float()
#     _, by_token = match_features(small_f, one_hot)
#     _, by_untrained = match_features(small_f, kinds["untrained model, 4x"][1])
#     other_model = load_model("relu-1l-py-seed-1", device=device)
#     x_other = no_bos(mlp_activations(other_model, HOOK, windows[::10]))
#     _, model_f = living(load_sae("sae-relu-1l-py-seed-1", device=device), x_other)
#     _, across_models = match_features(small_f, model_f)
#     _, neurons_across = match_features(sample, x_other)
#     measured = {
#         "the other seed": across,
#         "another model": across_models,
#         "permuted": null,
#         "among equal tokens": equal,
#         "one token": by_token,
#         "the untrained model": by_untrained,
#         "the best neuron": by_neuron,
#         "neurons of two models": neurons_across,
#     }
#     for name, values in measured.items():
#         shares = ", ".join(
#             f"above {t}: {float((values > t).float().mean()):.0%}" for t in (0.5, 0.7, 0.9)
#         )
#         print(f"{name:22} {shares}; median {values.median():.2f}")
#     easy = torch.maximum(by_token, by_untrained)
#     shared = across_models > 0.5
#     beyond = shared & (across_models > easy + 0.1)
#     print(
#         f"(among equal tokens: on the {float(common.float().mean()):.0%} read {ENOUGH} times or more)"
#     )
#     print(
#         f"in another model above 0.5, and by 0.1 above one token and the untrained model:"
#         f" {float(beyond.float().mean()):.0%}"
#     )
#     del model_f, x_other, one_hot
#     figure = histogram(
#         across,
#         40,
#         "correlation with the best match in the other seed",
#         {"median": float(across.median()), "highest of the null": float(null.max())},
#     )
# figure

# %% [markdown]
# Within one model far above every null, and above what its neurons offer (though a best match among a thousand features
# is easier to find than one among 512 neurons). But see how much the bar has risen: with the activations shuffled among
# equal tokens nearly half of the features still have a match above 0.5. That much is the token and nothing else. Between
# two models there is less, and the nulls take more of it: the SAE of a model that has learned nothing matches a third. The
# last line of the list says for how many features the other model's match is above 0.5 *and* well above both the token and
# the untrained model. That is the share for which there is evidence, clearly fewer than the plain null would have let pass,
# and still more than the neurons of the two models have in common, as Bricken et al. found.
#
# "Universal" would still be too large a word: the correlations fill the whole range. There are features that both trainings
# find, and some that only one has. Which ones? Show some of each. (A feature with a low match need not be noise: the other
# dictionary may have cut the same thing in two.)

# %% tags=["active-ipynb"]
# with torch.no_grad(), needs(match_features, feature_logits):
#     share = (small_f > 0).float().mean(0)
#     groups = {"found by both": across > 0.95, "not found again": across < 0.4}
#     for name, group in groups.items():
#         ids = group.nonzero()[:, 0]
#         print(
#             f"{name}: {len(ids)}, active on {float(share[ids].mean()):.2%} of the tokens on average"
#         )
#         for i in ids[torch.linspace(0, len(ids) - 1, 5).long()].tolist() if len(ids) else []:
#             logits = feature_logits(sae.W_dec[small_ids[i]], W_out, W_U)
#             print(
#                 f"   {int(small_ids[i]):4} ({across[i]:.2f}) {described(small_f[:, i], logits)}"
#             )

# %% [markdown]
# The second kind is active on fewer tokens, and with few tokens a correlation is a noisy number: part of the difference is
# that. Of those in the first kind, ask how many are a token and nothing more.
#
# ## 11. Push
#
# All of this was looking. If a feature is a cause, then adding it should change what the model says, in the way its
# logits promise.
#
# ### Exercise: `steer`
# *Difficulty 2 of 5, about 5 minutes.* A hook again, and a polite one: the tensor it is given is not its own.


# %% nbgrader={"grade": false, "grade_id": "steer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def steer(
    model,
    tokens: Int[Tensor, "batch position"],
    hook_name: str,
    direction: Float[Tensor, "d_in"],
    coefficient: float,
) -> Float[Tensor, "batch position d_vocab"]:
    """The model's logits when a direction is added to an activation.

    Args:
        model: a TransformerBridge; its hooks, mode and parameters stay as they are.
        hook_name: the activation, [batch position d_in].
        direction: added as given, at every position of every sequence.
        coefficient: how much of it.

    Returns:
        Logits. The hook returns a new tensor and leaves the one it is given alone.
    """

    ### BEGIN SOLUTION
    def add(x, hook):
        return x + coefficient * direction

    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, add)])
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_steer", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(steer)

# %% [markdown]
# Steering is easy to be impressed by, so measure. Add a feature's row at the strength of its own maximum, everywhere. How
# much probability do its ten promised tokens gain? Then the controls, at the same length: four random directions, and,
# since no activation behind a ReLU ever looks like a random direction, the rows of eight *other features*. And what does
# it cost: how much higher is the model's loss? **Predict first** for feature 1342, which is on in default
# arguments.

# %% tags=["active-ipynb"]
# figure = None
# with torch.no_grad(), needs(steer, feature_logits):
#     prompts = windows[5::30]
#     base = model(prompts)
#     draw = torch.Generator(device).manual_seed(0)
#
#     def effect(direction, coefficient, promised):
#         """Mean probability of the promised tokens, and the loss."""
#         logits = steer(model, prompts, HOOK, direction, coefficient)
#         mass = logits.softmax(-1)[..., promised].sum(-1).mean()
#         return float(mass), float(loss_of(logits, prompts))
#
#     some_alive = ((dashboards.share > 0.001) & (dashboards.share < 0.03)).nonzero()[:, 0]
#     others = some_alive[
#         torch.randperm(len(some_alive), generator=torch.Generator().manual_seed(2))
#     ]
#     rows = []
#     for feature in (1342, 913, 684, 1019, 1021):
#         row = sae.W_dec[feature]
#         promised = feature_logits(row, W_out, W_U).topk(10).indices
#         strength = dashboards[feature].peak
#         before = float(base.softmax(-1)[..., promised].sum(-1).mean())
#         after, cost = effect(row, strength, promised)
#         random = [
#             effect(
#                 normalize(torch.randn(512, generator=draw, device=device), dim=0) * row.norm(),
#                 strength,
#                 promised,
#             )
#             for _ in range(4)
#         ]
#         chance, random_cost = torch.tensor(random).T
#         as_long = normalize(sae.W_dec[others[:8]], dim=-1) * row.norm()
#         theirs = [effect(other, strength, promised) for other in as_long]
#         gained, other_cost = torch.tensor(theirs).T
#         name = f"{feature}: {' '.join(token_label(tokenizer, i) for i in promised[:3])}"
#         rows.append(
#             [
#                 name,
#                 strength,
#                 before,
#                 after,
#                 float(gained.mean()),
#                 float(gained.max()),
#                 float(chance.max()),
#                 cost,
#                 float(other_cost.mean()),
#                 float(random_cost.mean()),
#             ]
#         )
#     columns = [
#         "feature, raises",
#         "strength",
#         "before",
#         "steered",
#         "others, mean",
#         "others, most",
#         "random, most",
#         "loss",
#         "loss, others",
#         "loss, random",
#     ]
#     print(f"loss before: {float(loss_of(base, prompts)):.2f} nats")
#     figure = table(rows, columns)
# figure

# %% [markdown]
# Three things to read. A feature moves *its* tokens, and neither random directions nor other features' rows of the same
# length do it as much. But look at the first row: its tokens are a comma and brackets, which are common, and one of eight
# other features gets most of the way. Second, the loss: pushing everywhere costs. Random pushes cost least, in most rows,
# for they go where the model seldom looks; other features' rows cost about as much as the feature itself, so it is the fair
# one of the two controls. Third, the last feature, 1021, which is on nearly everywhere: its maximum is low, so its push is
# weak, and it moves little. Compare features at equal strength before you call one more powerful than another.
#
# And as text, one step at a time. What does the model expect after these words, as it is and pushed? Guess before each
# line whether the pushed feature's tokens will win.

# %% tags=["active-ipynb"]
# with torch.no_grad(), needs(steer):
#     for text in ("def read(self, size", "    # this is", "from os import "):
#         ids = model.to_tokens(text)
#         print(repr(text))
#         for name, feature in (("as it is", None), ("1342", 1342), ("913", 913), ("684", 684)):
#             amount = 0.0 if feature is None else dashboards[feature].peak
#             logits = steer(model, ids, HOOK, sae.W_dec[feature or 0], amount)
#             best = logits[0, -1].softmax(-1).topk(5)
#             said = " ".join(
#                 f"{token_label(tokenizer, i)} {p:.0%}" for p, i in zip(*best, strict=True)
#             )
#             print(f"   {name:9} {said}")

# %% [markdown]
# Sometimes the promised tokens win, and sometimes something else does: the push is added to what the text says, a
# final norm scales the sum, and which token comes out on top is decided between them. A promise is a direction in the
# logits, no sentence. That is why the table above counts over many places and this list is for looking only.
#
# ## 12. Chains
#
# A feature raises tokens. The token that comes is read, and is itself what another feature is on for. So features follow
# each other, and one can walk from one to the next. Bricken et al. (2023) found such systems in a one-layer model and
# compared them with finite-state automata. Two conditions make a link from A to B. After A, B is active far more often
# than usual. And A promises it: on the tokens where B is active, A's own logits are high.

# %% tags=["active-ipynb"]
# with torch.no_grad(), needs(feature_logits):
#     after = followers(dashboards.active, windows).float()
#     often = dashboards.active.ends.diff().float()
#     chance = often / windows.numel()
#     usable = (often > 40) & (chance < 0.03)  # neither too rare to count nor dense
#     given = after / often.clamp(min=1)[:, None]
#     lift = given / chance.clamp(min=1e-9)
#     token_of = windows.flatten()[dashboards.active.token]
#     weight = torch.zeros(len(dashboards), 2048, device=device).index_put_(
#         (dashboards.active.feature, token_of), dashboards.active.value, accumulate=True
#     )
#     weight = weight / weight.sum(1, keepdim=True).clamp(
#         min=1e-9
#     )  # on which tokens each is active
#     promise = (dashboards.logits - dashboards.logits.mean(1, keepdim=True)) @ weight.T
#     promise = promise / dashboards.logits.std(1, keepdim=True)
#     links = (lift > 10) & (given > 0.3) & usable[:, None] & usable
#     del after, lift
#     mixed = torch.randperm(windows.numel(), generator=torch.Generator().manual_seed(0)).to(
#         device
#     )
#     out_of_order = dashboards.active._replace(token=mixed[dashboards.active.token])
#     by_luck = followers(out_of_order, windows).float() / often.clamp(min=1)[:, None]
#     luck = (by_luck > 10 * chance) & (by_luck > 0.3) & usable[:, None] & usable
#     del by_luck
#     print(
#         f"{int(links.sum())} links where B follows A at least ten times as often as usual, and three times in ten;",
#         f"with the tokens in any order {int(luck.sum())}",
#     )
#     print(
#         f"A's logits lie {float(promise[links].mean()):.1f} standard deviations higher on B's tokens, on any feature's {float(promise.mean()):.1f}"
#     )
#
#
# def is_on(feature):
#     return token_label(tokenizer, int(weight[feature].argmax()))
#
#
# with torch.no_grad(), needs(feature_logits):
#     score = torch.where(links & (promise > 1), given, 0.0)
#     score.fill_diagonal_(0)
#     shown, used = 0, set()
#     for start in score.amax(1).argsort(descending=True).tolist():
#         chain, current = [start], start
#         while len(chain) < 5:
#             options = score[current].clone()
#             options[chain] = 0
#             if float(options.max()) == 0:
#                 break
#             current = int(options.argmax())
#             chain.append(current)
#         if len(chain) < 4 or used & set(chain):
#             continue
#         used |= set(chain)
#         steps = [f"{a} {is_on(a)} -{float(given[a, b]):.0%}→" for a, b in pairwise(chain)]
#         print(" ".join(steps), f"{chain[-1]} {is_on(chain[-1])}")
#         shown += 1
#         if shown == 6:
#             break

# %% [markdown]
# Each number is how often the next feature is active on the token after the last one. In brackets of quotation marks
# stands the token on which a feature is active most. A chain is a correlation, and text is full of these: ` import` follows
# a module's name whether or not a feature says so. The promise makes it more: A's logits come from weights alone, though on
# which tokens B is active had to be counted. To make it a cause, push: take five links, the most frequent ones among those
# with a promise, add A at half of its maximum everywhere, and see whether the tokens of B gain. **Predict first:** by a factor
# of two, or ten?

# %% tags=["active-ipynb"]
# with torch.no_grad(), needs(steer):
#     flat = (score * often[:, None]).flatten().argsort(descending=True)[:40].tolist()
#     first_links = [divmod(i, len(dashboards)) for i in flat[::8]]
#     draw = torch.Generator(device).manual_seed(1)
#     for a, b in first_links:
#         promised = weight[b].topk(5).indices
#         row, strength = sae.W_dec[a], dashboards[a].peak / 2
#         before = float(base.softmax(-1)[..., promised].sum(-1).mean())
#         as_long = normalize(sae.W_dec[others[8:16]], dim=-1) * row.norm()
#         noise = (
#             normalize(torch.randn(2, 512, generator=draw, device=device), dim=-1) * row.norm()
#         )
#         mass, *pushed = (effect(v, strength, promised)[0] for v in (row, *as_long, *noise))
#         theirs, random = torch.tensor(pushed[:8]), max(pushed[8:])
#         print(
#             f"push {a} {is_on(a)}: the tokens of {b} {is_on(b)} go from {before:.1%} to {mass:.1%};",
#             f"random {random:.1%} at most; of 8 other features {int((theirs >= mass).sum())} do as much,",
#             f"the median {float(theirs.median()):.1%}",
#         )

# %% [markdown]
# In most lines more than any random push and than all or nearly all of eight other features, and not by much. (Look at
# the medians: the ends of lines gain a little from *any* push, so a random direction alone would have been too kind a
# control.) So the link is real and weak: A raises B's tokens a little wherever it is added, while
# in text B follows A three times in ten or more. Most of a chain is in the text, and in what else the model knows at that
# place. Had you read the chains and not pushed, you would have drawn an automaton.
#
# ## 13. Where not to believe it
#
# **Dense features.** Half of the features are on for fewer than one token in several hundred; a few are on for one in ten.
# What do these mean?

# %% tags=["active-ipynb"]
# share = dashboards.share
# densest = share.argsort(descending=True)[:20]
# print(
#     f"median share {float(share.median()):.2%}; the 20 densest: {float(share[densest].min()):.1%} to {float(share.max()):.1%}"
# )
# print(f"these 20 make up {float(share[densest].sum() / share.sum()):.0%} of L0")
# dense_f1 = dashboards.f1[densest].max()
# print(
#     f"the best F1 that any of them has for any label: {float(dense_f1):.2f}; of all features {float(dashboards.f1.max()):.2f}"
# )
# histogram(
#     share[share > 0].log10(), 40, "log10 of the share of tokens on which a feature is active"
# )

# %% [markdown]
# One feature in a hundred makes up a tenth of all activity. You looked at 1021: ` the`, ` of`, ` for`, and what it
# raises is odds and ends. The price is a compromise, and where activations do vary in some direction all the time, it is
# cheapest to have a feature that is always a little on. It explains variance. It need not be anything, and where it comes out as a
# label's "best feature", as in section 7, look at the floor beside it.
#
# **Absorption.** Suppose one feature stands for "a number". For the number `0` there is a feature of its own as well. When
# `0` comes, both would be active, at twice the price; it is cheaper to let the row of `0` contain some of "number", and
# keep the general feature silent. Then the general feature has holes, and nobody who looks at its top texts sees them
# (Chanin et al. 2024). Take the best feature of each label, and look at the tokens that have it. On which is the general
# feature silent, and who speaks instead? Asked of many tokens, some will show a hole by chance. So feature, token and
# speaker are chosen on one half of the text, and what they do is read off the other. **Predict first:** how many of the
# holes will still be there?

# %% tags=["active-ipynb"]
# figure = None
# with torch.no_grad(), needs(best_feature_f1):
#     x_choose, x_score = split(x)
#     f_choose, f_score = sae.encode(x_choose), sae.encode(x_score)
#     ids_choose, ids_score = (part[:, 0] for part in split(windows))
#     del x_choose, x_score
#     rows = []
#     for label in ("in_number", "in_default", "in_definition_name", "in_attribute", "in_import"):
#         has, has_score = (part[:, LABELS.index(label)] for part in (label_choose, label_score))
#         general, _ = best_feature_f1(f_choose, has, 0.0)
#         overall = float((f_score[has_score, general] > 0).float().mean())
#         often = torch.stack(
#             [
#                 torch.bincount(ids[of], minlength=2048)
#                 for ids, of in ((ids_choose, has), (ids_score, has_score))
#             ]
#         )
#         enough = (often.amin(0) >= 5).nonzero()[:, 0]  # on both halves
#         recalls = [
#             float((f_choose[has & (ids_choose == t), general] > 0).float().mean())
#             for t in enough
#         ]
#         if not recalls:
#             continue
#         silent = enough[min(range(len(recalls)), key=recalls.__getitem__)]
#         here, here_score = has & (ids_choose == silent), has_score & (ids_score == silent)
#         instead, _ = best_feature_f1(f_choose[has], here[has], 0.0)
#         _, its_f1 = best_feature_f1(
#             f_score[has_score][:, [instead]], here_score[has_score], 0.0
#         )
#         cosine = normalize(sae.W_dec[general], dim=0) @ normalize(sae.W_dec[instead], dim=0)
#         rows.append(
#             [
#                 label,
#                 general,
#                 overall,
#                 f"{token_label(tokenizer, int(silent))} ({int(here_score.sum())})",
#                 min(recalls),
#                 float((f_score[here_score, general] > 0).float().mean()),
#                 instead,
#                 float(its_f1),
#                 float(cosine),
#             ]
#         )
#     columns = [
#         "label",
#         "best feature",
#         "its recall",
#         "silent on",
#         "recall there, chosen",
#         "recall there, fresh",
#         "who speaks",
#         "its F1, fresh",
#         "cosine of rows",
#     ]
#     figure = table(rows, columns)
#     unit = normalize(sae.W_dec, dim=1)
#     cosines = (unit[:200] @ unit.T).flatten()
#     low, high = (float(cosines.quantile(q)) for q in (0.05, 0.95))
#     print(f"nine in ten cosines between any two rows lie between {low:.2f} and {high:.2f}")
# del f_choose, f_score
# figure

# %% [markdown]
# The fifth column is what a search on one text finds: for most labels a token on which the general feature is rarely on.
# (Where it says 1, there was no hole to find.) The sixth is the same on fresh text, on as many tokens as the brackets say.
# Some holes have closed: they were chosen for being empty, and there was nothing else to them.
# Where the recall stays near 0 and the speaker's F1 stays high, a general feature is silent where it should
# speak, and a special one speaks: from outside that is absorption. The last column asks for the inside. Does the special row
# contain the general one? Hold it against the line above the table. A cosine within that range speaks against absorption
# in the strict sense: then the two are simply two features, and the "general" one was never general. Had you looked at top
# texts alone, you would have called it *the* feature for its label.
#
# **The size of the dictionary.** Section 9 is the third reason. Split often enough, and every feature is a token in a
# context. There is no size at which the list is complete.
#
# ## What is simplified here, and what is known to be wrong
#
# - **One layer.** What a feature raises is nearly its whole effect here. Deeper down it is read by other layers first.
# - **A sparse site.** These neurons are behind a ReLU and rarely on, so an SAE has less to win than in GPT-2 or Llama, with
#   their smooth activations and their residual streams. That neurons do as well on labels is a fact about this site.
# - **Reconstruction is not the goal.** L0, variance, loss recovered all measure the sum of the features. SAEBench
#   (Karvonen et al. 2025) measures what single features are good for, and finds that the two do not go together.
# - **The shipped decoder** was fitted once more by least squares after training, without the price. That removes most of
#   the shrinkage, so the L1 point of the shipped SAE is not a plain one.
# - **Labels are lexical,** and F1 asks a yes or no of something that has a strength.
# - **Small trainings.** Section 3 and the first picture of section 5 train for seconds. They show how things move, not
#   where they end.
#
# ## Sources
#
# - Bricken et al., [Towards Monosemanticity](https://transformer-circuits.pub/2023/monosemantic-features/index.html), 2023:
#   SAEs on the neurons of a one-layer model; resampling, splitting, universality, finite-state automata. Their site is the
#   same as here.
# - Cunningham et al., [Sparse Autoencoders Find Highly Interpretable Features in Language
#   Models](https://arxiv.org/abs/2309.08600), 2023.
# - Sharkey, Braun and Millidge, [Taking features out of superposition with sparse
#   autoencoders](https://www.alignmentforum.org/posts/z6QQJbtpkEAX3Aojj), 2022: mean max cosine similarity.
# - Conerly et al., [Update on how we train SAEs](https://transformer-circuits.pub/2024/april-update/index.html), 2024.
# - Gao et al., [Scaling and evaluating sparse autoencoders](https://arxiv.org/abs/2406.04093), 2024: TopK.
# - Rajamanoharan et al., [Jumping Ahead](https://arxiv.org/abs/2407.14435), 2024: JumpReLU.
# - Chanin et al., [A is for Absorption](https://arxiv.org/abs/2409.14507), 2024.
# - Heap et al., [Sparse autoencoders can interpret randomly initialized transformers](https://arxiv.org/abs/2501.17727),
#   2025: the control.
# - Kantamneni et al., [Are Sparse Autoencoders Useful?](https://arxiv.org/abs/2502.16681), 2025: beside probes.
# - Karvonen et al., [SAEBench](https://arxiv.org/abs/2503.09532), 2025.
# - Wright and Sharkey, [Addressing feature suppression in
#   SAEs](https://www.alignmentforum.org/posts/3JuSjTZyMzaSeTxKk), 2024.
#
# ## An open question
#
# Two seeds of one recipe agree on some features and not on others, and a larger dictionary splits what a smaller one has.
# Is there a set of features that the *model* has, of which these are pictures? Or is a dictionary like a map, whose scale
# we choose? What would you measure, on this model, that came out differently in the two cases? (Begin with features that
# are found again in the other seed *and* in the larger dictionary. What do they have that others lack?)

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# A point each for: a measurement that comes out differently in the two cases (does a larger dictionary's splitting stop at features
# that stay, or go on at every size?); a control by chance agreement, or by the untrained model; a reading that keeps what is stable because
# of the data apart from what is stable because of the model.
# ### END SOLUTION
