# %% [markdown]
# # 04 Superposition: more features than dimensions
#
# Take a network with two hidden dimensions. Five numbers go in, are squeezed through the two, and all five are asked
# for again. Two dimensions have room for two numbers. Below is what training makes of that, twice: once when all five
# numbers are always there, and once when each is there one time in twenty and 0 otherwise. An arrow is the direction
# that a number is given in the plane.

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": false, "schema_version": 3, "solution": false, "task": false}
import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor

# %% tags=["active-ipynb"]
# import math
#
# from mi_tutor import check, choose_device, device_name, hint, needs, show_solution
# from mi_tutor.training.toy import best_of, peaks, train_abs, train_toy
# from mi_tutor.views import (
#     curves,
#     directions,
#     geometry,
#     heatmap,
#     histogram,
#     phase_diagrams,
#     slider,
#     table,
# )
#
# device = choose_device()
# print(f"This chapter runs on {device_name(device)}.")
#
#
# def same_for_all(probabilities, features, restarts=1):
#     """A row of probabilities for each model: the same for all features, each row several times."""
#     rows = torch.as_tensor(probabilities, device=device).repeat_interleave(restarts)
#     return rows[:, None].expand(-1, features)
#
#
# # Feature 0 matters most, feature 4 two thirds as much.
# falling = 0.9 ** torch.arange(5.0, device=device)
# opening = best_of(train_toy(same_for_all([1.0, 0.05], 5, 6), 2, falling), 6)
# directions({"always there": opening.W[0], "there one time in twenty": opening.W[1]})

# %% [markdown]
# On the left two features have an arrow each, at right angles, and the other three have none: the network keeps what
# fits and forgets the rest. On the right all five have one, a fifth of a turn apart. Nothing about the network has
# changed. Only the data has become *sparse*, mostly zeros, and that is enough to make a model with two dimensions keep
# five features. Elhage et al. (2022) call this *superposition*.
#
# Why should you care? If real networks do this, then a neuron need not mean one thing, and to look at neurons one by
# one is to look at the wrong thing. In this chapter you will be able to
# - train such models by the hundred and say what geometry they choose, and why;
# - predict from a formula when superposition pays, and find where the formula and training part;
# - tell a neuron that means one thing from one that means several, and say when the question makes no sense.
#
# Predict, write, `check`: chapters work as [00](00_orientation.ipynb) says, with `hint("sparse_features")` and
# `show_solution("sparse_features")` where you are stuck.
#
# ## 1. A network too small for its job
#
# A *feature* is meant to be something of the input that a network could want to know: this is a quotation mark, that
# is a French word. In a language model nobody has the list. So we make a world in which we have it. An input is a row
# of numbers, one for each feature: how strongly it is there. Three things about real features are built in. They are
# *sparse*: most are absent most of the time. They differ in *importance*. And there are more of them than dimensions.
#
# All through this chapter many models are trained at once, so there is an axis `instance`: instance i has its own
# weights, and its own probabilities.
#
# ### Exercise: `sparse_features`
# *Difficulty 2 of 5, about 10 minutes.* Whether a feature is there and how strongly are two different things.


# %% nbgrader={"grade": false, "grade_id": "sparse_features", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sparse_features(
    batch: int,
    feature_probability: Float[Tensor, "instance feature"],
    generator: torch.Generator,
) -> Float[Tensor, "batch instance feature"]:
    """Draw inputs whose features are mostly 0.

    Args:
        batch: how many samples; 0 gives an empty result.
        feature_probability: how often each feature of each instance is active, from 0 to 1.
        generator: the only source of random numbers, on the device of `feature_probability`.

    Returns:
        Each feature is active independently of all others, in each sample and instance, with its
        own probability. Its value is then uniform on [0, 1); otherwise it is 0. In the dtype of
        `feature_probability`, on its device.
    """
    ### BEGIN SOLUTION
    p = feature_probability
    shape = batch, *p.shape
    gate = torch.rand(shape, generator=generator, dtype=p.dtype, device=p.device)
    value = torch.rand(shape, generator=generator, dtype=p.dtype, device=p.device)
    return torch.where(gate < p, value, 0)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_sparse_features", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(sparse_features)

# %% [markdown]
# **Predict first.** Five features, each active one time in twenty. Of the samples in which anything is active at all,
# in how many are two or more active at once? Write a number down: everything that follows hangs on it.

# %% tags=["active-ipynb"]
# with needs(sparse_features):
#     draw = torch.Generator(device).manual_seed(0)
#     x = sparse_features(50_000, same_for_all([1.0, 0.5, 0.2, 0.05], 5), draw)
#     active = (x > 0).sum(-1)
#     for p, counts in zip([1.0, 0.5, 0.2, 0.05], active.T, strict=True):
#         something, several = (counts > 0).float().mean(), (counts > 1).float().mean()
#         print(
#             f"probability {p:4}: something is active in {something:4.0%} of the samples;",
#             f"more than one feature in {several / something:4.0%} of these",
#         )

# %% [markdown]
# At one in twenty, nine out of ten samples that hold anything hold a single feature. Two features that share a
# direction disturb each other only when they meet, and they hardly ever meet. That is the whole idea. What is left is
# to see what a network makes of it.
#
# The network is as small as it could be. W squeezes the features into `hidden` dimensions: a feature's direction is its
# *column* of W. The same W, transposed, takes them out again. A bias and a ReLU end it: x_hat = ReLU(Wᵀ W x + b).
#
# ### Exercise: `toy_model`
# *Difficulty 2 of 5, about 10 minutes.* The axis names do most of the work.


# %% nbgrader={"grade": false, "grade_id": "toy_model", "locked": false, "schema_version": 3, "solution": true, "task": false}
def toy_model(
    x: Float[Tensor, "batch instance feature"],
    W: Float[Tensor, "instance hidden feature"],
    b: Float[Tensor, "instance feature"],
) -> Float[Tensor, "batch instance feature"]:
    """What each instance makes of its inputs: ReLU(Wᵀ W x + b).

    Args:
        x: the features; an empty batch is allowed, and gives an empty result.
        W: a column is the direction of a feature in the hidden space, which is linear.
        b: added before the ReLU.

    Returns:
        The features as they come back, each instance by its own weights.
    """
    ### BEGIN SOLUTION
    down = "batch instance feature, instance hidden feature -> batch instance hidden"
    up = "batch instance hidden, instance hidden feature -> batch instance feature"
    return (einsum(einsum(x, W, down), W, up) + b).relu()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_toy_model", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(toy_model)

# %% [markdown]
# ### Exercise: `toy_loss`
# *Difficulty 1 of 5, about 5 minutes.* How wrong is what comes back? Errors in important features count more.


# %% nbgrader={"grade": false, "grade_id": "toy_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def toy_loss(
    x: Float[Tensor, "batch instance feature"],
    x_hat: Float[Tensor, "batch instance feature"],
    importance: Float[Tensor, "feature"],
) -> Float[Tensor, "instance"]:
    """The loss of each instance.

    Returns:
        The mean, over batch and features, of importance · (x - x_hat)².
    """
    ### BEGIN SOLUTION
    return (importance * (x - x_hat).square()).mean((0, 2))
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_toy_loss", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(toy_loss)

# %% [markdown]
# That is all you need. The next cell trains models with nothing but your three functions and PyTorch's own Adam, four from
# different beginnings at each of three probabilities, and shows the best of the four.
# **Predict first:** feature 0 is the most important, feature 4 the least. At a probability of 0.4, between the two of
# the opening, how many features will have a direction, and which?

# %% tags=["active-ipynb"]
# figure = None
# with needs(sparse_features, toy_model, toy_loss):
#     draw = torch.Generator(device).manual_seed(1)
#     probability = same_for_all([1.0, 0.4, 0.05], 5, 4)
#     W = (torch.randn(12, 2, 5, generator=draw, device=device) * 0.5).requires_grad_()
#     b = torch.zeros(12, 5, device=device, requires_grad=True)
#     late = torch.zeros(12, device=device)
#     optimiser = torch.optim.Adam([W, b], lr=2e-2)
#     for step in range(1500):
#         x = sparse_features(256, probability, draw)
#         losses = toy_loss(x, toy_model(x, W, b), falling)
#         optimiser.zero_grad()
#         losses.sum().backward()
#         optimiser.step()
#         if step >= 1400:
#             late += losses.detach() / 100
#     named = {}
#     for i, p in enumerate((1.0, 0.4, 0.05)):
#         group = late[4 * i : 4 * i + 4]
#         w = named[f"p = {p:g}"] = W[4 * i + int(group.argmin())].detach()
#         lengths = ", ".join(f"{v:.2f}" for v in w.norm(dim=0))
#         print(f"p = {p:g}: losses {', '.join(f'{v:.4f}' for v in group.sort().values)};")
#         print(f"   lengths of the best one's columns {lengths}")
#     figure = directions(named)
# figure

# %% [markdown]
# Four beginnings, and more than one loss: training goes downhill, and there are several valleys. In a worse one an
# important feature is left out and a less important one kept, and even the best of four may exchange two that matter nearly
# the same. Section 2 counts how often the best is found.
#
# In the middle, arrows lie opposite each other. Why that is a good way to share a dimension: when a is active and its
# opposite b is not, b is pushed *below* zero, and the ReLU cuts it off. Interference that points down costs nothing.
# Without the ReLU none of this would pay, and a linear model of this kind finds the two most important features, as
# principal components would.
#
# (Your training loop and the package's `train_toy` do the same sums. The package works the gradients out by hand and
# draws one random number where you draw two, so that hundreds of models train in seconds. Every following experiment
# uses it.)
#
# ## 2. What happens in between?
#
# Twelve probabilities, six models each from different beginnings, the best of the six kept. **Predict first:** as
# features become rarer, does the third arrow grow in slowly, or is there a moment at which the picture turns over?
# Then move the slider from left to right.

# %% tags=["active-ipynb"]
# RESTARTS = 6
# probabilities = [1.0, 0.8, 0.65, 0.55, 0.45, 0.35, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05]
# sweep = train_toy(same_for_all(probabilities, 5, RESTARTS), 2, falling)
# best = best_of(sweep, RESTARTS)
# slider(
#     "probability of being active",
#     probabilities,
#     lambda p: geometry(best.W[probabilities.index(p)]),
# )

# %% [markdown]
# Beside the arrows stands WᵀW: row j, column i says how much of feature i comes back as feature j, before bias and
# ReLU. A blue diagonal is what one wants. Orange beside it is a feature that pushes another one down.
#
# Nearly everywhere arrows jump. First two at right angles; then pairs that are opposite; at last the pentagon. Put it into
# words by computation: which features are kept (longer than a half), and what angles lie between them?

# %% tags=["active-ipynb"]
# def kept(W):
#     """Which columns are longer than a half."""
#     return W.norm(dim=-2) > 0.5
#
#
# def shape_of(W):
#     """The geometry of the kept columns of one model in the plane, by the angles between them."""
#     columns = W[:, kept(W)]
#     angles = torch.atan2(columns[1], columns[0]).rad2deg().sort().values
#     gaps = (angles.roll(-1) - angles) % 360
#     count, gaps = len(angles), sorted(gaps.round().tolist())
#     spread = gaps[-1] - gaps[0]
#     if count == 2 and abs(gaps[0] - 90) < 10:
#         return "two at right angles"
#     names = {3: "triangle", 4: "two antipodal pairs", 5: "pentagon"}
#     if count in names and spread < 12:
#         return names[count]
#     if count == 3 and abs(gaps[-1] - 180) < 15:
#         return "an antipodal pair, one at right angles"
#     return f"{count}, gaps of {', '.join(f'{g:.0f}' for g in gaps)} degrees"
#
#
# PUBLISHED = {1.0: "two at right angles", 0.2: "two antipodal pairs", 0.1: "pentagon"}
# rows = []
# for i, p in enumerate(probabilities):
#     again = [shape_of(w) for w in sweep.W[RESTARTS * i : RESTARTS * (i + 1)]]
#     found = shape_of(best.W[i])
#     rows.append([f"{p:g}", found, f"{again.count(found)} of {RESTARTS}", PUBLISHED.get(p, "")])
# table(rows, ["probability", "best model", "models that found it", "Elhage et al. 2022"])

# %% [markdown]
# The first column of the paper's opening figure has a sparsity of 0 %, the second 80 %, the third 90 %: probabilities
# of 1, 0.2 and 0.1. At all three the same geometry comes out here. These are not shades of one picture but different
# pictures, and along most of the slider nothing happens. Between two pictures there is a short stretch, here around 0.65, where
# the new arrow is there and not yet long. A change of this kind, where the best solution turns over within a narrow range,
# is called a *phase change*.
#
# Look at the third column of the table, too. Not every run finds the best geometry: training goes downhill, and there
# are several valleys. Whoever trains one model and reports its picture reports a valley.
#
# ## 3. What does it cost, and how much room is there?
#
# Two features at right angles do not disturb each other. How much do the arrows of a pentagon? Take feature i. When
# feature j is active, it leaves something along the direction of i: the dot product of W_j with the unit vector along
# W_i. Square it, and sum over all j except i.
#
# ### Exercise: `interference`
# *Difficulty 3 of 5, about 15 minutes.* Only one of the two columns is made a unit vector. Mind a column of zero.


# %% nbgrader={"grade": false, "grade_id": "interference", "locked": false, "schema_version": 3, "solution": true, "task": false}
def interference(
    W: Float[Tensor, "instance hidden feature"],
) -> Float[Tensor, "instance feature"]:
    """How much the other features leave along the direction of each feature.

    Args:
        W: a column is a feature's direction. A column may be exactly 0; no other is shorter than
            a thousandth.

    Returns:
        For feature i the sum over j ≠ i of (unit W_i · W_j)². A zero column has none, never NaN;
        one feature alone has 0.
    """
    ### BEGIN SOLUTION
    unit = torch.nn.functional.normalize(W, dim=1)
    overlap = (unit.mT @ W).square()
    itself = torch.eye(W.shape[-1], dtype=torch.bool, device=W.device)
    return overlap.masked_fill(itself, 0).sum(-1)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_interference", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(interference)

# %% [markdown]
# **Predict first.** In a regular pentagon of arrows of length 1, is the interference of a feature below 1 or above?
# (Its own signal, squared, is 1.)

# %% tags=["active-ipynb"]
# def polygon(n):
#     """n unit vectors in the plane, evenly spread."""
#     turn = 2 * math.pi * torch.arange(n) / n
#     return torch.stack([turn.cos(), turn.sin()])
#
#
# with needs(interference):
#     for n in (2, 3, 4, 5):
#         print(f"regular, {n} arrows: {interference(polygon(n)[None])[0, 0]:.2f} for each")
#     for p in (1.0, 0.2, 0.05):
#         W = best.W[probabilities.index(p)]
#         found = interference(W[None])[0][kept(W)]
#         print(f"trained, probability {p:g}: {', '.join(f'{v:.2f}' for v in found)}")

# %% [markdown]
# Above 1. But the antipodal pair has 1 as well, more than the triangle, and it is what networks choose! The measure squares,
# so it counts what points down like what points up, and knows nothing of the ReLU that cuts the first off. It says what a
# reader along one direction would have to put up with if all features were active, with values of mean zero. And in the
# sparse world that is there only when two meet. (The two trained rows of sparse models lie above the regular ones: arrows there are a little
# longer than 1, to make up for a negative bias.)
#
# Now turn it round. A dimension that is shared is a dimension divided. How much of one does each feature have? Take the
# feature's own signal over everything along its direction, its own included.
#
# ### Exercise: `feature_dimensionality`
# *Difficulty 2 of 5, about 10 minutes.* You have the hard part already. Here, too, a zero column makes trouble.


# %% nbgrader={"grade": false, "grade_id": "feature_dimensionality", "locked": false, "schema_version": 3, "solution": true, "task": false}
def feature_dimensionality(
    W: Float[Tensor, "instance hidden feature"],
) -> Float[Tensor, "instance feature"]:
    """The share of a dimension that each feature has.

    Args:
        W: a column is a feature's direction. A column may be exactly 0; no other is shorter than
            a thousandth.

    Returns:
        ‖W_i‖² over the sum over all j, i included, of (unit W_i · W_j)². A zero column has 0,
        never NaN.
    """
    ### BEGIN SOLUTION
    length = W.square().sum(1)
    below = length + interference(W)
    return length / below.where(below > 0, 1)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_feature_dimensionality", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(feature_dimensionality)

# %% [markdown]
# **Predict first.** Three arrows of a triangle in the plane, four corners of a tetrahedron in space, the five of the
# pentagon: what share of a dimension does each have? There is a way to see it without the formula.

# %% tags=["active-ipynb"]
# def antiprism():
#     """Eight unit vectors in space: a cube whose upper face has been turned by an eighth."""
#     turn, height = math.pi * torch.arange(8) / 4, 3**-0.5
#     level = height * (-1.0) ** torch.arange(8)
#     round_ = (1 - level.square()).sqrt()
#     return torch.stack([round_ * turn.cos(), round_ * turn.sin(), level])
#
#
# corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]).T / 3**0.5
# SOLIDS = {
#     "tetrahedron": corners,
#     "triangle": polygon(3),
#     "antipodal pair": polygon(2)[:1],
#     "pentagon": polygon(5),
#     "square antiprism": antiprism(),
# }
# NAMED = {
#     f"{s.shape[0]}/{s.shape[1]}": (s.shape[0] / s.shape[1], name) for name, s in SOLIDS.items()
# }
# with needs(interference, feature_dimensionality):
#     for name, solid in SOLIDS.items():
#         shares = feature_dimensionality(solid[None])[0]
#         where = f"features {solid.shape[1]}, dimensions {solid.shape[0]}:"
#         print(f"{name:17} {where:28} {shares.mean():.3f} each, {shares.sum():.2f} together")
#     turned = polygon(5) * torch.tensor([1.0, -1, -1, 1, 1])
#     share = feature_dimensionality(turned[None])[0].mean()
#     print(f"a pentagon with two arrows turned round: {share:.3f} each")

# %% [markdown]
# Dimensions over features: where all features are alike, they share the dimensions evenly, and the shares add up to
# what there is. So a share of 2/5 is what a pentagon has. It does not say *pentagon*, as the last line shows: any equal arrows
# that are spread evenly over their space have dimensions over features (a *tight frame*), and a share does not see which way
# an arrow points. A share makes you look; what names a shape is its angles. (The antiprism is a cube whose upper face has
# been turned by an eighth, so that its corners stand above the edges of the lower one.)
#
# For a whole model there is a simpler number. A kept feature has a column of about length 1, a lost one of length 0, so
# the sum of all squared lengths counts features.
#
# ### Exercise: `dimensions_per_feature`
# *Difficulty 1 of 5, about 5 minutes.*


# %% nbgrader={"grade": false, "grade_id": "dimensions_per_feature", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dimensions_per_feature(
    W: Float[Tensor, "instance hidden feature"],
) -> Float[Tensor, "instance"]:
    """Hidden dimensions for each feature that an instance keeps.

    Returns:
        The number of hidden dimensions over the squared Frobenius norm of W, the sum of the
        squares of all its entries. An all-zero instance, which keeps nothing, has inf.
    """
    ### BEGIN SOLUTION
    return W.shape[1] / W.square().sum((1, 2))
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_dimensions_per_feature", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(dimensions_per_feature)

# %% [markdown]
# Now larger models: 40 features of equal importance in 10 dimensions, at twenty probabilities. **Predict first:** as
# 1/p grows, what will the curve of dimensions per feature look like? A slope? Steps? At which heights?

# %% tags=["active-ipynb"]
# figure = None
# with needs(dimensions_per_feature):
#     inverse = torch.logspace(0, math.log10(12), 20, device=device)
#     equal = torch.ones(40, device=device)
#     wide = train_toy(same_for_all(1 / inverse, 40), 10, equal, steps=1500, batch=256)
#     per_feature = dimensions_per_feature(wide.W)
#     near_half = (per_feature - 0.5).abs() < 0.05
#     flat = inverse[near_half]
#     print(f"at p = 1: {per_feature[0]:.2f} dimensions per feature")
#     print(f"between 0.45 and 0.55 from 1/p = {flat.min():.1f} to {flat.max():.1f}")
#     last = int(kept(wide.W)[-1].sum())
#     print(f"at 1/p = {inverse[-1]:.0f}: {per_feature[-1]:.2f}, with {last} of 40 features kept")
#     figure = curves(
#         {"trained": (inverse, per_feature), "one half": ([1.0, 12.0], [0.5, 0.5])},
#         "1 / probability",
#         "dimensions per feature",
#         log_x=True,
#     )
# figure

# %% [markdown]
# It begins at 1, each feature with a dimension of its own; it falls, and rests near one half, where all features lie in
# antipodal pairs; then it goes on down. The paper shows such a plot for 400 features in 30 dimensions, with rests at 1
# and at 1/2. To the right nothing is left to take in: nearly all 40 features are kept, with columns a little longer
# than 1, and that is what ends the curve.
#
# What stands between the rests? Look at features one by one. To see single solids, take small spaces: many models with
# six features in the plane or ten in space, at probabilities from nearly always to one in seven, more of them near the
# dense end where much happens. The dimensionality of every kept feature goes into one histogram. The lines are not
# drawn by hand: the cell smooths the values, looks for local maxima, and gives each to the nearest simple fraction.

# %% tags=["active-ipynb"]
# figure = None
# with needs(interference, feature_dimensionality):
#     dense, rest = (
#         torch.linspace(1.1, 1.5, 32),
#         torch.logspace(math.log10(1.5), math.log10(7), 48),
#     )
#     inverse = torch.cat([dense, rest])
#     shares = []
#     for hidden, features in ((2, 6), (3, 10)):
#         equal = torch.ones(features, device=device)
#         small = train_toy(same_for_all(1 / inverse, features), hidden, equal, batch=384)
#         shares.append(feature_dimensionality(small.W)[kept(small.W)])
#     shares = torch.cat(shares)
#     found = {}
#     for place, share in peaks(shares):
#         fraction = min(NAMED, key=lambda name: abs(NAMED[name][0] - place))
#         value, solid = NAMED[fraction]
#         if abs(value - place) < 0.015:
#             found[fraction] = place
#             said = f"{fraction} = {value:.3f}, {solid}"
#         else:
#             said = "none of the solids above"
#         print(f"a peak at {place:.3f} with {share:.0%} of all values: {said}")
#     figure = histogram(shares, 90, "feature dimensionality", found)
# figure

# %% [markdown]
# The sharp peaks sit where solids would be, at the fractions that the paper names: 1/2, 2/5, 3/8. To the right, lower and
# broader, are 2/3 and 3/4, and I would not believe those two from this picture alone: around them smoothing finds peaks that
# are no solid at all and weigh as much; the list above says which. That is the dense end, where features are only half taken
# in and arrows are uneven. How high a peak is says little, for it depends on which probabilities were tried.
#
# In space there is a mixture worth knowing: seven features, five with 2/5 and two with 1/2. Are they a pentagon, which fills a
# plane, and an antipodal pair in the third dimension? The cell finds them by their shares, and then measures the angles: two
# neighbours in a pentagon have a cosine of 0.309, two others of -0.809. Solids in spaces at right angles to each other do not interfere, so
# large models are built of small solids (the paper calls it a *tegum product*). That is why fractions of two and three
# dimensions turn up in models with thirty.

# %% tags=["active-ipynb"]
# with needs(interference, feature_dimensionality):
#     shares_in_space = feature_dimensionality(small.W)
#     pentagon = (polygon(5).mT @ polygon(5)).sort(-1).values
#     mixtures, by_angles = 0, 0
#     for w, s in zip(small.W.cpu(), shares_in_space.cpu(), strict=True):
#         values = s[kept(w)]
#         pair, five = (values - 0.5).abs() < 0.02, (values - 0.4).abs() < 0.03
#         if pair.sum() == 2 and five.sum() == 5 and len(values) == 7:
#             mixtures += 1
#             unit = torch.nn.functional.normalize(w[:, kept(w)], dim=0)
#             cosine = (unit[:, pair].mT @ unit[:, five]).abs().max()
#             angles = (unit[:, five].mT @ unit[:, five]).sort(-1).values
#             opposite = (unit[:, pair].mT @ unit[:, pair]).min() < -0.95
#             by_angles += bool(opposite and (angles - pentagon).abs().max() < 0.1)
#     print(f"{mixtures} of {len(inverse)} models in space have these shares;")
#     print(f"{by_angles} of them are a pentagon and an antipodal pair by their angles, too")
#     if mixtures:
#         print(f"largest cosine between the two parts in the last of them: {cosine:.3f}")

# %% [markdown]
# ## 4. When does it pay?
#
# So far you have watched. Now predict. Take the smallest case: two features, one dimension, the first feature of
# importance 1, the second of another. There are three things a model can do. It can give the dimension to the first. It
# can give it to the second. Or it can put both on it, in opposite directions. Work out what each costs.
#
# Two things to mind. A feature that is left out is still answered by its bias, and the best answer is not 0. And the
# sums here run over the two features, as in the paper, while `toy_loss` is a mean: half as large.
#
# ### Exercise: `strategy_losses`
# *Difficulty 4 of 5, about 25 minutes.* Paper and pencil; the code is three lines. The mean of x² for a uniform x is
# 1/3.


# %% nbgrader={"grade": false, "grade_id": "strategy_losses", "locked": false, "schema_version": 3, "solution": true, "task": false}
def strategy_losses(probability: float, importance: float) -> Float[Tensor, "3"]:
    """The expected loss of three ways to put two features into one dimension.

    The model is x_hat = ReLU(Wᵀ W x + b). Both features are active independently with
    `probability` and then uniform on [0, 1). The first has importance 1.

    Args:
        probability: from 0 to 1.
        importance: of the second feature, 0 or more.

    Returns:
        Expected losses, exact, summed over the two features, float32: with only the first kept,
        W = (1, 0), and the best bias; with only the second kept, W = (0, 1), and the best bias;
        with both, W = (1, -1), and no bias.
    """
    ### BEGIN SOLUTION
    lost = probability / 3 - probability**2 / 4  # the variance, which the best bias leaves
    both = (1 + importance) * probability**2 / 6  # min(x1, x2)² when they meet
    return torch.tensor([importance * lost, lost, both])
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_strategy_losses", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(strategy_losses)

# %% [markdown]
# To lose a feature costs in proportion to p, to share costs in proportion to p²: only when two meet. So for small
# enough p sharing wins, whatever the importance. **Predict first:** sketch the map. Importance of the second feature
# from a tenth to ten across, probability from 1 down to 0.03. Where does each strategy win? Then compare with training:
# four models at each point, the best one kept, read by which of its two weights are longer than a half.

# %% tags=["active-ipynb"]
# figure = None
# SIZE, STATES = 13, ["neither", "first", "second", "both"]
# densities = torch.logspace(0, -1.5, SIZE, device=device)
# weights = torch.logspace(-1, 1, SIZE, device=device)
# with needs(strategy_losses):
#     losses = torch.stack(
#         [torch.stack([strategy_losses(float(p), float(w)) for w in weights]) for p in densities]
#     )
#     losses = losses.to(device)
#     theory = losses.argmin(-1) + 1
#
#     grid_p = densities[:, None].expand(SIZE, SIZE).flatten().repeat_interleave(4)
#     grid_w = weights.repeat(SIZE).repeat_interleave(4)
#     importances = torch.stack([torch.ones_like(grid_w), grid_w], -1)
#     many = train_toy(
#         same_for_all(grid_p, 2), 1, importances, steps=1200, batch=256, learning_rate=2e-2
#     )
#     chosen = best_of(many, 4)
#     trained = (kept(chosen.W) * torch.tensor([1, 2], device=device)).sum(-1).reshape(SIZE, SIZE)
#     differ = trained != theory
#     print(
#         f"{len(many.W)} models trained; theory and training differ at {int(differ.sum())} of"
#         f" {differ.numel()} points, {differ.float().mean():.1%}"
#     )
#     weaker = chosen.W.abs().amin(-1).flatten()
#     between = ((weaker > 0.15) & (weaker < 0.6)).float().mean()
#     print(
#         f"the weaker of the two weights is below 0.15 at {(weaker <= 0.15).float().mean():.0%},"
#     )
#     print(f"above 0.6 at {(weaker >= 0.6).float().mean():.0%}, and between at {between:.0%}")
#     labels = [f"{w:.2g}" for w in weights], [f"{p:.2g}" for p in densities]
#     figure = phase_diagrams(
#         {"theory": theory, "trained": trained},
#         STATES,
#         *labels,
#         "importance of the second",
#         "probability",
#     )
# figure

# %% [markdown]
# Two maps with the same three countries, and nothing was fitted. The border is sharp, too: hardly any model lies
# between, with a second arrow that is there and not yet long. In the paper two such maps stand side
# by side; how far they differ is not given there as a number. Here it is, above.
#
# Where do they differ, and who is right? At these points, compute the exact expected loss of the trained model, on a
# fine grid instead of samples, and hold it against the best of the three strategies.

# %% tags=["active-ipynb"]
# midpoints = (torch.arange(24, device=device) + 0.5) / 24
# levels = torch.cat([midpoints.new_zeros(1), midpoints])  # inactive, or one of 24 values
# pairs = torch.cartesian_prod(levels, levels)
#
#
# def chances(p):
#     """How probable each pair of levels is: [..., pair]."""
#     p = torch.as_tensor(p, device=device)[..., None]
#     one = torch.cat([1 - p, (p / 24).expand(*p.shape[:-1], 24)], -1)
#     return (one[..., :, None] * one[..., None, :]).flatten(-2)
#
#
# def expected_errors(W, b):
#     """The squared errors of both features for every pair of levels: [model, pair, feature]."""
#     h = einsum(pairs, W[:, 0], "pair feature, model feature -> model pair")
#     return ((h[..., None] * W + b[:, None]).relu() - pairs).square()
#
#
# with needs(strategy_losses):
#     all_chances = chances(densities).repeat_interleave(SIZE, 0)
#     squares = expected_errors(chosen.W, chosen.b)
#     errors = einsum(squares, all_chances, "model pair feature, model pair -> model feature")
#     exact = (errors[:, 0] + weights.repeat(SIZE) * errors[:, 1]).reshape(SIZE, SIZE)
#     best_strategy = losses.amin(-1)
#     lower = exact[differ] < best_strategy[differ]
#     more = (trained == 3) & (theory != 3)
#     print(
#         f"of {int(differ.sum())} points that differ, {int(more.sum())} share where theory does not"
#     )
#     print(f"the trained model's loss is the lower one at {int(lower.sum())} of them")
#     ratio = (exact / best_strategy)[trained == 3]
#     print(f"where models share, their loss is {ratio.mean():.2f} of the strategy's, on average")

# %% [markdown]
# Where the trained model's loss is the lower one, the theory is too simple. It fixed W = (1, -1) and the bias 0. A trained model
# moves both, and then sharing is cheaper than the formula says. Where it is *training* that does worse, it has stayed in a valley.
#
# A claim about why two maps differ should be tested. Repair the theory: begin at W = (1, -1) and b = 0 and go downhill
# on the *exact* loss, in both weights and both biases. What this ends at is the best that sharing can do near there,
# with no random numbers in it. Do the maps come closer?

# %% tags=["active-ipynb"]
# with needs(strategy_losses):
#     free = torch.tensor([1.0, -1.0, 0.0, 0.0], device=device)
#     free = free.repeat(SIZE * SIZE, 1).requires_grad_()
#     optimiser = torch.optim.Adam([free], lr=1e-2)
#     for _ in range(200):
#         squares = expected_errors(free[:, None, :2], free[:, 2:])
#         parts = einsum(squares, all_chances, "model pair feature, model pair -> model feature")
#         sharing = parts[:, 0] + weights.repeat(SIZE) * parts[:, 1]
#         optimiser.zero_grad()
#         sharing.sum().backward()
#         optimiser.step()
#     free, sharing = free.detach().reshape(SIZE, SIZE, 4), sharing.detach().reshape(SIZE, SIZE)
#     shares_still = (free[..., :2].abs() > 0.5).all(-1) & (sharing < losses[..., :2].amin(-1))
#     repaired = torch.where(shares_still, 3, losses[..., :2].argmin(-1) + 1)
#     still = trained != repaired
#     print(
#         f"theory as in the exercise:    {int(differ.sum())} of {differ.numel()} points differ"
#     )
#     new = int((still & ~differ).sum())
#     print(f"with trained scale and bias:  {int(still.sum())}, {new} of them new")
#     gain = (losses.amin(-1) - sharing).where(shares_still & (theory != 3), 0)
#     row, column = divmod(int(gain.argmax()), SIZE)  # where the repair changes most
#     numbers = ", ".join(f"{v:.2f}" for v in free[row, column])
#     print(
#         f"at p = {densities[row]:.2g}, importance {weights[column]:.2g}: W and b become {numbers},"
#     )
#     print(f"and the loss goes from {losses[row, column, 2]:.4f} to {sharing[row, column]:.4f}")

# %% [markdown]
# At that point both arrows are shorter than 1 or the biases are not 0, which the formula does not allow. The second
# number is what the reason does not account for. A point that differs well inside the country of sharing is a valley: four
# beginnings, and all of them ended with one feature. Along the border it is also a matter of our threshold, how long an
# arrow has to be to count.
#
# ## 5. What if features come together?
#
# Up to here features did not know of each other. Real ones do: a bracket that opens is soon followed by one that
# closes; a word is either a noun or a verb. Two kinds of company, in pairs of neighbours 2i and 2i+1. *Correlated*
# features are active together or not at all.
#
# ### Exercise: `correlated_features`
# *Difficulty 2 of 5, about 10 minutes.* What do two partners share, and what not?


# %% nbgrader={"grade": false, "grade_id": "correlated_features", "locked": false, "schema_version": 3, "solution": true, "task": false}
def correlated_features(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Float[Tensor, "batch feature"]:
    """Draw features that are active in pairs.

    Args:
        batch: how many samples; 0 gives an empty result.
        n_pairs: half of the number of features.
        probability: how often a pair is active, from 0 to 1.
        generator: the only source of random numbers; the result is on its device.

    Returns:
        float32, [batch, 2 · n_pairs]. Features 2i and 2i+1 are active together, with
        `probability`; pairs and samples are independent. Every active value is its own draw,
        uniform on [0, 1); the rest is 0.
    """
    ### BEGIN SOLUTION
    device = generator.device
    gate = torch.rand(batch, n_pairs, generator=generator, device=device) < probability
    value = torch.rand(batch, 2 * n_pairs, generator=generator, device=device)
    return torch.where(gate.repeat_interleave(2, dim=1), value, 0)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_correlated_features", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(correlated_features)

# %% [markdown]
# *Anticorrelated* features exclude each other: at most one of two partners is active.
#
# ### Exercise: `anticorrelated_features`
# *Difficulty 3 of 5, about 15 minutes.* Each of the two is active with `probability`, not the pair. Silencing one after
# both were drawn makes it rarer; how can one random number decide for both?


# %% nbgrader={"grade": false, "grade_id": "anticorrelated_features", "locked": false, "schema_version": 3, "solution": true, "task": false}
def anticorrelated_features(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Float[Tensor, "batch feature"]:
    """Draw features of which at most one in each pair is active.

    Args:
        batch: how many samples; 0 gives an empty result.
        n_pairs: half of the number of features.
        probability: how often each single feature is active, from 0 to 0.5.
        generator: the only source of random numbers; the result is on its device.

    Returns:
        float32, [batch, 2 · n_pairs]. Of features 2i and 2i+1 at most one is active, each with
        `probability`; pairs and samples are independent. Active values are uniform on [0, 1); the
        rest is 0.
    """
    ### BEGIN SOLUTION
    device = generator.device
    u = torch.rand(batch, n_pairs, generator=generator, device=device)
    first, second = u < probability, (probability <= u) & (u < 2 * probability)
    value = torch.rand(batch, 2 * n_pairs, generator=generator, device=device)
    return torch.where(torch.stack([first, second], -1).flatten(1), value, 0)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_anticorrelated_features", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(anticorrelated_features)

# %% [markdown]
# **Predict first.** Two pairs, two dimensions, each feature active one time in ten. Four independent features make two
# antipodal pairs; who lies opposite whom is chance. Which features will lie opposite each other when partners come
# together? And when they exclude each other? Then give correlated features less room: three pairs, four pairs, still
# two dimensions.

# %% tags=["active-ipynb"]
# figure = None
# with needs(correlated_features, anticorrelated_features):
#
#     def pairs_in_the_plane(n_pairs, draw_pairs=None, runs=8):
#         """The best of several models of pairs in two dimensions."""
#
#         def inputs(batch, generator):
#             return draw_pairs(batch, n_pairs, 0.1, generator).T[None]
#
#         source = inputs if draw_pairs else None
#         probability = same_for_all([0.1], 2 * n_pairs, runs)
#         ones = torch.ones(2 * n_pairs, device=device)
#         return best_of(
#             train_toy(probability, 2, ones, steps=1200, batch=256, source=source), runs
#         )
#
#     cases = {
#         "independent, 2 pairs": (2, None),
#         "correlated, 2 pairs": (2, correlated_features),
#         "correlated, 3 pairs": (3, correlated_features),
#         "correlated, 4 pairs": (4, correlated_features),
#         "anticorrelated, 2 pairs": (2, anticorrelated_features),
#     }
#     models = {name: pairs_in_the_plane(*case) for name, case in cases.items()}
#     rows = []
#     for name, model in models.items():
#         W = model.W[0]
#         unit = W / W.norm(dim=0)
#         cosines = unit.mT @ unit
#         within = [f"{cosines[2 * i, 2 * i + 1]:+.2f}" for i in range(W.shape[1] // 2)]
#         length = f"{W.norm(dim=0).min():.2f} to {W.norm(dim=0).max():.2f}"
#         rows.append([name, ", ".join(within), length, f"{float(model.loss[0]):.5f}"])
#     figure = table(rows, ["features", "cosine of the partners", "lengths of columns", "loss"])
# figure

# %% tags=["active-ipynb"]
# figure = None
# with needs(correlated_features, anticorrelated_features):
#     shown = "correlated, 2 pairs", "correlated, 3 pairs", "anticorrelated, 2 pairs"
#     figure = directions({name: models[name].W[0] for name in shown})
# figure

# %% [markdown]
# (Feature 0 is blue and its partner orange; 2 is green, 3 pink; 4 light blue, 5 red.) Correlated partners stand at
# right angles, where they cannot disturb each other: they would meet every time. Each takes as its opposite a feature
# of the *other* pair, one that it seldom meets. With three pairs the plane is too small. Some partners then move
# towards each other, so that what one adds to the other is positive, and one pair falls onto a single direction, with
# columns of about 0.71 each: what comes back is the mean of the two. With four pairs all partners have done so. The
# model has stopped telling them apart and keeps what they have in common, as a principal component would.
#
# Anticorrelated partners lie opposite each other, and the loss is 0 to all digits shown: four features in two
# dimensions, *nothing* lost. They never meet, so sharing is free. That is the order the paper reports: correlated
# features prefer to be orthogonal, then to interfere positively, and share one direction when room is short;
# anticorrelated features prefer to interfere negatively.
#
# Keep the collapsed pair in mind when you read chapter 05. No method that looks at activations can
# find two features where the model has kept one.
#
# ## 6. Which basis? Neurons that mean several things
#
# Nothing above has spoken of neurons. The hidden space was linear, and there a neuron is an axis that *we* drew: turn
# the whole space, and every dot product is as before. Then "what does hidden dimension 1 mean?" is no question about
# the model. A ReLU on the hidden layer changes that. It acts on each axis by itself, and so the axes become special: a
# *privileged basis*. Now it makes sense to ask whether a neuron means one thing.
#
# ### Exercise: `neuron_purity`
# *Difficulty 1 of 5, about 5 minutes.* A number between 0 and 1: how much of a neuron belongs to its strongest feature.


# %% nbgrader={"grade": false, "grade_id": "neuron_purity", "locked": false, "schema_version": 3, "solution": true, "task": false}
def neuron_purity(
    W: Float[Tensor, "instance neuron feature"],
) -> Float[Tensor, "instance neuron"]:
    """How far each neuron belongs to a single feature.

    Args:
        W: a row is a neuron, its entries how strongly it reads each feature. A row may be exactly
            0; no other is shorter than a thousandth.

    Returns:
        The largest |weight| over the sum of the |weights|, over features. A silent neuron, whose
        weights are all 0, has 0, never NaN.
    """
    ### BEGIN SOLUTION
    size = W.abs()
    total = size.sum(-1)
    return size.amax(-1) / total.where(total > 0, 1)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_neuron_purity", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(neuron_purity)

# %% [markdown]
# Ten features in five dimensions, each active seven times in ten, too dense for superposition. Two models: one with a
# linear hidden layer, one with a ReLU on it, x_hat = ReLU(Wᵀ ReLU(W x) + b). **Predict first:** which of the two has
# the lower loss? Whose neurons are purer? And what happens to the loss of each if you turn its hidden space by a random
# rotation?

# %% tags=["active-ipynb"]
# with needs(neuron_purity):
#     weights_10 = 0.75 ** torch.arange(10.0, device=device)
#     dense = same_for_all([0.7], 10, 6)
#     turn = torch.randn(5, 5, generator=torch.Generator(device).manual_seed(0), device=device)
#     turn = torch.linalg.qr(turn).Q
#     fresh = torch.Generator(device).manual_seed(1)
#     u = torch.rand(20_000, 10, generator=fresh, device=device)
#     x = torch.where(u < 0.7, u / 0.7, 0)
#     for name, with_relu in (("linear hidden layer", False), ("ReLU on it", True)):
#         model = best_of(
#             train_toy(dense, 5, weights_10, steps=1500, batch=256, relu_hidden=with_relu), 6
#         )
#         for what, W in (("as trained", model.W[0]), ("turned", turn @ model.W[0])):
#             h = (x @ W.T).relu() if with_relu else x @ W.T
#             loss = (weights_10 * ((h @ W + model.b[0]).relu() - x).square()).mean()
#             purity = ", ".join(f"{v:.2f}" for v in neuron_purity(W[None])[0].sort().values)
#             print(f"{name:20} {what:11} loss {loss:.4f}, purity {purity}")

# %% [markdown]
# As trained, the two lose the same, and keep the same features. But behind the ReLU each neuron has become one feature,
# while the linear model's neurons are mixtures, and *arbitrary* ones: turning them changes nothing. Turn the other
# model and it breaks. So low purity alone proves nothing about superposition. It may only say that you are looking
# along the wrong axes.
#
# Now let features be rarer, and the network do something: not copy its input but take absolute values. Inputs lie
# between -1 and 1, and |x| = ReLU(x) + ReLU(-x), so an honest solution spends two neurons on a feature. Twelve features
# of falling importance, eight neurons: h = ReLU(W_in x), answer = ReLU(W_out h + b).
#
# **Predict first.** Count the *sides* of features, x and -x: there are 24. With dense features eight neurons should
# serve eight sides. What will they do when features are rare? How many sides will be answered, and what happens to the
# neurons' purity?

# %% tags=["active-ipynb"]
# figure = None
# with needs(neuron_purity):
#     rarity = [1.0, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05]
#     weights_12 = 0.8 ** torch.arange(12.0, device=device)
#     absolute = best_of(train_abs(same_for_all(rarity, 12, 6), 8, weights_12, batch=384), 6)
#     purity = neuron_purity(absolute.W_in)
#     pure = (purity > 0.9).sum(-1)
#     # A side of a feature, its value alone at 1 or at -1, is answered if it moves the answer by a half.
#     each = torch.eye(12, device=device)
#     alone = torch.cat([each, -each, each.new_zeros(12, 1)], 1)
#     answers = absolute.W_out @ (absolute.W_in @ alone).relu() + absolute.b[..., None]
#     moved = answers.relu()[..., :24] - answers.relu()[..., 24:]
#     taken = (moved.unflatten(-1, (2, 12)).diagonal(dim1=1, dim2=3) > 0.5).sum((1, 2))
#     rows = [
#         [f"{p:g}", int(n), float(mean), float(least), int(t)]
#         for p, n, mean, least, t in zip(
#             rarity, pure, purity.mean(-1), purity.amin(-1), taken, strict=True
#         )
#     ]
#     columns = [
#         "probability",
#         "neurons purer than 0.9",
#         "mean purity",
#         "least",
#         "sides answered, of 24",
#     ]
#     figure = table(rows, columns)
# figure

# %% tags=["active-ipynb"]
# figure = None
# with needs(neuron_purity):
#     both = torch.cat([absolute.W_in[0], absolute.W_in[rarity.index(0.05)]])
#     names = [f"{what} {i}" for what in ("always", "rare") for i in range(8)]
#     figure = heatmap(
#         both, [str(i) for i in range(12)], names, "feature", "neuron", what="weight in W_in"
#     )
# figure

# %% [markdown]
# The upper half of the picture is the model of dense features. Every row has one strong cell, and features come in
# twos, once blue and once orange: a neuron for x, one for -x. That model you can read neuron by neuron. In the lower
# half, with features at one in twenty, neurons read several features each, features are spread over several neurons,
# and the table says that more sides are answered than there are neurons. The neurons have gone from *monosemantic* to
# *polysemantic*, and the network computes on features that it has no room for. (The paper shows this for 100 features
# and 40 neurons, with a stage between in which both kinds of neuron live side by side. At which probability do you see
# it in your table?)
#
# > **What you may have read.**
# > - *"A polysemantic neuron shows superposition."* It shows that the axis is not a feature. The linear model above has
# >   impure axes and no superposition. And Lecomte et al. (2023) make polysemantic neurons where there are neurons
# >   enough for all features: chance at the beginning of training, with some regularisation or noise, suffices.
# > - *"Superposition happens when there are more features than dimensions."* At p = 1 there were five features for two
# >   dimensions, and none. It takes sparsity, and a nonlinearity that cuts interference off.
# > - *"Features in superposition are almost orthogonal."* In a plane they are opposite, or 72 degrees apart. In hundreds
# >   of dimensions there is room for very many nearly orthogonal directions; that is geometry and no finding about a
# >   network.
# > - *"This is how language models work."* It is how these models work. That real ones do something like it is a
# >   hypothesis. What speaks for it is that dictionaries of more directions than dimensions can be found in them and
# >   read, as in chapter 05; what speaks for caution is in that chapter as well.
#
# ## What is simplified here, and what is known to be wrong
#
# - **We knew the features.** They were one-dimensional, independent or in pairs, uniform, and all the model was asked
#   for. None of this is known of a real network's features, not even that there is a list of them.
# - **Best of several.** Pictures and maps show the best of four to eight runs. Single runs end in other valleys; the
#   second table says how often.
# - **Small.** Five, ten, forty features. The plateaus come from small spaces on purpose. In larger ones values between
#   the plateaus are more frequent.
# - **Our thresholds.** "Kept" is a column longer than a half; "pure" is above 0.9. At the borders these decide.
# - **Training.** 1,200 to 2,000 steps with a falling rate. All instances of a run read the same random numbers, each
#   through its own probabilities; they are not independent repetitions.
# - **The dense end.** With features that are always positive, p = 1 is special: a bias alone answers the mean,
#   and a ReLU on the hidden layer need never bend, so that purity says little there.
#
# ## Sources
#
# - Elhage et al., [Toy Models of Superposition](https://transformer-circuits.pub/2022/toy_model/index.html), 2022:
#   the model and its loss, the phase diagrams for theory and training, feature dimensionality and its plateaus,
#   correlated features, the absolute-value model, privileged bases. The exercises follow its definitions.
# - Scherlis et al., [Polysemanticity and Capacity in Neural Networks](https://arxiv.org/abs/2210.01892), 2022: the
#   share of a dimension as something a model hands out by marginal gain.
# - Lecomte et al., [What Causes Polysemanticity? An Alternative Origin Story of Mixed Selectivity from Incidental
#   Causes](https://arxiv.org/abs/2312.03096), 2023.
#
# ## An open question
#
# Everything in this chapter was read from W, because we knew which column belongs to which feature. Suppose you are
# given only the *hidden activations* of one of these models, samples of h = W x, and neither W nor x. From which
# properties of these points could you tell how many features there are, and whether they are in superposition? Which
# of the geometries above would your method take for another one? Write down a method and the case that breaks it;
# chapter 05 begins with this question.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# A point each for: a property of the points h alone that counts directions (rays from the origin, many kurtotic directions, sparse
# coding error against the number of atoms); why more directions than dimensions means superposition, and what density of
# features spoils it; a geometry that the method takes for another one (an antipodal pair for one signed feature, say).
# ### END SOLUTION
