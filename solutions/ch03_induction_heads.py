# %% [markdown]
# # 03 Induction heads: what came after this, the last time?
#
# Below, two models read a line of Python that contains a name made up for this page, and then begin to read it again.
# Both were trained on the same text in the same order from the same first weights. One has one layer of attention, the
# other has two.
#
# At the end of this chapter you will be able to
# - find the two heads that make the difference: by where they look, by what breaks without them, by their weights;
# - build such a pair by hand, in two different ways, and show through which path it works;
# - watch it form, in sixteen checkpoints of a trained model and in one that you train yourself, in seconds.

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": false, "schema_version": 3, "solution": false, "task": false}
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformer_lens.model_bridge import TransformerBridge

# %% tags=["active-ipynb"]
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
#     show_solution,
# )
# from mi_tutor.figures.edges import clean_run, cut_edge
# from mi_tutor.figures.induction import code_repeats
# from mi_tutor.models import checkpoint_steps, training_curves
# from mi_tutor.models.build import parameters_of
# from mi_tutor.models.plain import plain_logits
# from mi_tutor.models.zoo import UnknownModelError
# from mi_tutor.views import (
#     attention_heads,
#     curves,
#     heatmap,
#     slider,
#     table,
#     together,
#     token_label,
# )
#
# torch.set_grad_enabled(False)  # until section 8 nothing is trained here
# device = choose_device()
# print(f"This chapter runs on {device_name(device)}.")
# model, control = load_model("attn-2l-py", device), load_model("attn-1l-py", device)
# tokenizer = model.tokenizer
# n_heads, d_vocab = model.cfg.n_heads, model.cfg.d_vocab
# BOS = tokenizer.bos_token_id
#
# line = "frobnitz_quexley = load('a.txt')\nprint(frobnitz_quexley"
# ids = model.to_tokens(line)
# again = ids.shape[1] - 10  # from here on the name comes for the second time
# start = ids[0].tolist().index(int(ids[0, again]))  # and here for the first
# rows = []
# for i in range(ids.shape[1] - again):
#     row = [token_label(tokenizer, int(ids[0, again + i]))]
#     for m in (control, model):
#         for place in (start + i, again + i):
#             row.append(f"{m(ids)[0, place - 1].softmax(-1)[ids[0, place]]:.1%}")
#     rows.append(row)
# columns = [f"{n} layer{'s' * (n > 1)}, {time} time" for n in (1, 2) for time in ("1st", "2nd")]
# table(rows, ["token that came", *columns])

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
# **Predict first.** Which of the three will help the model of two layers, and which the one of one layer? (The loss is
# a mean over all tokens of a copy but its first. A fair guess among all tokens would cost ln d_vocab.)

# %% tags=["active-ipynb"]
# PERIOD = 25
#
#
# def losses(m, sequences):
#     """Loss in nats of every token but BOS, [batch, position-1]."""
#     return cross_entropy(m(sequences)[:, :-1].mT, sequences[:, 1:], reduction="none")
#
#
# figure = None
# with needs(repeated_tokens):
#     draw = torch.Generator(device).manual_seed(0)
#     random = repeated_tokens(64, PERIOD, d_vocab, BOS, draw)
#     shuffled, other = random.clone(), random.clone()
#     order = torch.rand(64, PERIOD, generator=draw, device=device).argsort(1)
#     shuffled[:, 1 + PERIOD :] = random[:, 1 + PERIOD :].gather(1, order)
#     other[:, 1 + PERIOD :] = random[:, 1 + PERIOD :].roll(1, 0)
#     rows = []
#     for name, m in (("one layer", control), ("two layers", model)):
#         by_token = [losses(m, sequences) for sequences in (random, shuffled, other)]
#         second = [float(each[:, 1 + PERIOD :].mean()) for each in by_token]
#         rows.append([name, float(by_token[0][:, 1:PERIOD].mean()), *second])
#     print(f"a fair guess: ln {d_vocab} = {math.log(d_vocab):.2f} nats")
#     columns = ["loss on", "first copy", "again", "shuffled", "another block"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# Look at the upper row first. The model of one layer loses less on a second copy than on the first, and if you had seen
# only this gap, you might have reported that it learns from repetition. It does: but it does not matter in which order
# the tokens come again. It is a crowd effect, *these tokens are about*. **A gap alone never proves induction.** In the
# lower row the order matters, by several nats.
#
# Two plain facts about these numbers:
# - **Random tokens are off-distribution.** Both models were trained on Python. On the first copy they are far worse
#   than a fair guess, because they are sure of things that hold for Python; even the good second copy is not cheap. So
#   from here on we read *where heads look* and *what changes* on random tokens, and absolute losses on code.
# - **This is not memorising.** A memorised text is stored in the weights, and would be cheap in its first copy already.
#   Here nothing is stored: weights are the same before and after, and what is used stands in the context.
#
# Where in the sequence does it start? **Predict first:** draw the loss by position, and mark the second copy's first
# token.

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens):
#     places = list(range(1, 1 + 2 * PERIOD))
#     by_place = {
#         n: losses(m, random).mean(0) for n, m in (("one layer", control), ("two layers", model))
#     }
#     first = by_place["two layers"][PERIOD]
#     print(
#         f"two layers, first token of the second copy: {first:.1f} nats; next: {by_place['two layers'][PERIOD + 1]:.1f}"
#     )
#     lines = {name: (places, values.tolist()) for name, values in by_place.items()}
#     figure = curves(lines, "position of the token", "loss, nats", title="random tokens, twice")
# figure

# %% [markdown]
# The curve of two layers falls off a cliff, one token late. **The first token of the second copy cannot be predicted**:
# the block ends without notice, and before it begins again nothing has been repeated yet. From the second token on
# there is something to recognise.
#
# On real code the same, with blocks of held-out Python in place of random tokens. There both models know something in
# the first copy.

# %% tags=["active-ipynb"]
# heldout = corpus_tokens("heldout")
# CODE_PERIOD = 50
# code = code_repeats(heldout, CODE_PERIOD, 32).to(device)
# rows = []
# for name, m in (("one layer", control), ("two layers", model)):
#     by_token = losses(m, code)
#     rows.append(
#         [
#             name,
#             float(by_token[:, 1:CODE_PERIOD].mean()),
#             float(by_token[:, 1 + CODE_PERIOD :].mean()),
#         ]
#     )
# table(rows, ["loss on real code", "first copy", "second copy"])

# %% [markdown]
# About half of the loss is gone with two layers; with one, a tenth of it. The rest of this chapter takes that apart.
#
# ## 2. Who looks where?
#
# Write a sequence down, `BOS a b c a b c`, positions 0 to 6, and stand on the second `a`, position 4. You want to say
# `b`. From where could you read it? From position 2, where `b` stood: *the position after the earlier occurrence of my
# own token*. In general, from a query q in the second copy that is q - period + 1. A head that looks there matches what
# came before it, the prefix; the name of the measure is *prefix matching* (Olsson et al. 2022).
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
        The mean, over the batch and all `period` positions q of the second copy, the last included, of
        the attention from q to q - period + 1.
    """
    ### BEGIN SOLUTION
    q = torch.arange(1 + period, 1 + 2 * period, device=pattern.device)
    return pattern[:, :, q, q - period + 1].mean((0, -1))
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_prefix_matching_score", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(prefix_matching_score)

# %% [markdown]
# **Predict first.** There are sixteen heads. On random tokens, how many will score high? And on real code, where the
# same token may stand in several places?

# %% tags=["active-ipynb"]
# def patterns(m, sequences):
#     """Attention of all heads, [layer batch head query key]."""
#     _, cache = m.run_with_cache(
#         sequences, names_filter=lambda name: name.endswith("hook_pattern")
#     )
#     return torch.stack([cache["pattern", layer] for layer in range(m.cfg.n_layers)])
#
#
# def head_table(values, what, title, limits=None):
#     """A number for each head of each layer, as colours."""
#     count = values.shape[1]
#     labels = [f"head {i}" for i in range(count)], [f"layer {i}" for i in range(len(values))]
#     return heatmap(values, *labels, title=title, what=what, limits=limits)
#
#
# def ranked(values, k=3):
#     """The largest of a table [layer head], readable."""
#     best = values.flatten().topk(k)
#     named = zip(best.values.tolist(), best.indices.tolist(), strict=True)
#     return ", ".join(f"{i // values.shape[1]}.{i % values.shape[1]}: {v:.3f}" for v, i in named)
#
#
# figure = None
# with needs(repeated_tokens, prefix_matching_score):
#     on_random, on_code = patterns(model, random), patterns(model, code)
#     prefix = torch.stack([prefix_matching_score(p, PERIOD) for p in on_random])
#     prefix_code = torch.stack([prefix_matching_score(p, CODE_PERIOD) for p in on_code])
#     q = torch.arange(1 + PERIOD, 1 + 2 * PERIOD)
#     print(f"a head that looks everywhere alike would have {(1 / (q + 1)).mean():.3f}")
#     print(f"random tokens: {ranked(prefix)}")
#     print(f"real code:     {ranked(prefix_code)}")
#     figure = head_table(prefix, "prefix-matching score", "random tokens, period 25", (0, 1))
# figure

# %% [markdown]
# One cell. Head 6 of layer 1, from here on 1.6, gives half of its attention to exactly that position; on code, where it
# has other matches to choose from, more than a third; and no other head comes near. A head that attends so *and* raises
# the token it looks at is called an **induction head**. That second half we have not seen yet.
#
# Here is its pattern on one of the sequences, beside a head of layer 0 that you will meet at once, and another of each
# layer to compare. Click on 1.6, and **look for** a stripe in the lower half: parallel to the diagonal and 24 positions
# to the left of it, period - 1.

# %% tags=["active-ipynb"]
# view = None
# with needs(repeated_tokens, prefix_matching_score):
#     one = random[0]
#     labels = [f"{i}:{tokenizer.decode([t])}" for i, t in enumerate(one)]
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
        query at 1, which looks at BOS, counts.
    """
    ### BEGIN SOLUTION
    return pattern.diagonal(-1, dim1=-2, dim2=-1).mean((0, -1))
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_previous_token_score", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(previous_token_score)

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, previous_token_score):
#     previous = torch.stack([previous_token_score(p) for p in patterns(model, random)])
#     print(f"random tokens: {ranked(previous)}")
#     print(
#         f"real code:     {ranked(torch.stack([previous_token_score(p) for p in patterns(model, code)]))}"
#     )
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
        first included (logits at period … 2·period-1), when this head's `hook_z` is zero at every
        position. One head at a time; b_O stays. The model's dtype.
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
# **Predict first.** If the hypothesis is right, how should the table look? Would a head with a high score have to have
# a large effect? Would a head with a large effect have to have a score?

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, ablation_effects):
#     effects = ablation_effects(model, random[:24], PERIOD)
#     effects_code = ablation_effects(model, code, CODE_PERIOD)
#     print(f"random tokens: {ranked(effects, 4)} nats")
#     print(f"   least of all heads {float(effects.min()):+.2f}")
#     print(f"real code:     {ranked(effects_code, 4)} nats")
#     figure = head_table(
#         effects_code, "rise in loss, nats", "real code: second copy without this head"
#     )
# figure

# %% [markdown]
# Two cells out of sixteen, the same two on random tokens and on code, and each of them alone takes away nearly all that
# the second copy had won. All others stay within a fifth of a nat on code, with one exception, which will come back:
# 0.3 has a small share.
#
# **Zeroing is off-distribution.** No head ever writes zeros while the model is trained, so what you measure is the loss
# of the head *and* the surprise of everything that reads it. On random tokens some heads even "help" by being silenced:
# the least effect there is below zero.
# A gentler question: replace what the head writes by its own mean, over sequences and positions, so that it says what
# it usually says, but nothing about this text.
#
# And a question that the table left open: is it the *repeating* that needs these heads, or would any text miss them? The
# first copy is the control. **Predict first:** what will 0.2 and 1.6 cost there?

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, ablation_effects):
#
#     def copies(hooks):
#         """The loss on both copies of code, each without its first token."""
#         logits = model.run_with_hooks(code, fwd_hooks=hooks)
#         by_token = cross_entropy(logits[:, :-1].mT, code[:, 1:], reduction="none")
#         first, second = by_token[:, 1:CODE_PERIOD], by_token[:, 1 + CODE_PERIOD :]
#         return torch.stack([first.mean(), second.mean()])
#
#     def mean_effect(layer, head):
#         """The rise in loss on either copy of code when a head writes its mean everywhere."""
#
#         def flatten(z, hook):
#             z = z.clone()
#             z[:, :, head] = z[:, :, head].mean((0, 1))
#             return z
#
#         rises = copies([(f"blocks.{layer}.attn.hook_z", flatten)]) - clean
#         return [f"{rise:+z.2f}" for rise in rises]
#
#     clean = copies([])
#     chosen = [(0, 2), (0, 3), (0, 1), (1, 6), (1, 0)]
#     rows = [
#         [f"{i}.{h}", f"{effects_code[i, h]:+.2f}", *mean_effect(i, h)[::-1]] for i, h in chosen
#     ]
#     columns = ["head", "to zero: second copy", "to its mean: second copy", "and first copy"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# The picture stays: 0.2 and 1.6, and behind them 0.3. But 0.1, whose silence had seemed to *help*, turns out to matter not
# at all: what helped was the zeros, not the head's absence. A result that survives a second kind of ablation is worth more
# than one that does not.
#
# On the first copy the same two heads are missed as well, for code repeats itself without our help. But on the second copy
# they are missed more than five times as much, and 1.0 about equally on both.
#
# ## 4. Through which path?
#
# Both heads matter. That 1.6 *reads the notes of 0.2* is still not shown: 0.2 might serve something else. A head reads
# the stream three times, for its queries, its keys and its values, and what an earlier head wrote can matter in each of
# the three. Elhage et al. (2021) call it Q-, K- and V-composition. Our hypothesis says where: in the **keys**, where
# the notes are searched, and not in the queries.
#
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
# **Predict first:** our hypothesis needs three of them. Which? And what should the others cost?

# %% tags=["active-ipynb"]
# figure = None
# names_of = {"k": "keys", "q": "queries", "v": "values"}
# INTO = ["token", *(f"0.{h}" for h in range(n_heads))]
# with needs(repeated_tokens, prefix_matching_score):
#     runs = {"random": clean_run(model, random[:32]), "code": clean_run(model, code)}
#     cuts = {
#         (what, source, reader): cut_edge(run, source, 6, reader)
#         for what, run in runs.items()
#         for source in INTO
#         for reader in "kqv"
#     }
#     across = [(what, reader) for what in runs for reader in "kqv"]
#     rows = [[s, *(f"{cuts[w, s, r].added_loss:+z.2f}" for w, r in across)] for s in INTO]
#     for what, period in (("random", PERIOD), ("code", CODE_PERIOD)):
#         uncut = {"random": prefix, "code": prefix_code}[what][1, 6]
#         left = [
#             float(prefix_matching_score(cuts[what, "0.2", reader].pattern[:, None], period))
#             for reader in "kq"
#         ]
#         print(
#             f"{what}: prefix score of 1.6 {uncut:.3f}; 0.2 out of its keys {left[0]:.3f}, out of its queries {left[1]:.3f}"
#         )
#     columns = ["out of 1.6's", *(f"{names_of[r]}, {w}" for w, r in across)]
#     figure = table(rows, columns, "second copy's loss, nats, when an edge is cut")
# figure

# %% [markdown]
# Read it by columns, first on random tokens, then on code:
# - **Values.** The token itself, and no head: 1.6 says what stands where it looks.
# - **Queries.** The token itself, above all: 1.6 searches for its own token.
# - **Keys.** 0.2 above all, and with it the stripe is gone. Cutting this *one* edge costs nearly as much as silencing
#   either head outright. So what 0.2 does for the rest of the model, on this text, is small beside it.
#
# These are the three edges of the hypothesis. What one head wrote is read in another's keys: this is **K-composition**, and
# the pair is the *induction circuit*. Most of the other edges are the control, and cost next to nothing.
#
# Most, not all. 0.3 in the keys costs a quarter of what 0.2 does, and in the queries both of them are read a little. That
# was not in the hypothesis, and we go after it at once. And an edge may cost less than nothing: where 1.6's keys do not say
# which token they are, the loss *falls*. Perhaps some tokens are usually worth looking at and others not, which is of no
# use where everything comes again; we have not looked into it.
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
# Which positions does it read? Here is the attention by distance, on random tokens. **Predict first:** the token before is
# noted by 0.2 already. What could be worth a second note?

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, prefix_matching_score):
#     by_distance = torch.stack(
#         [on_random[0].diagonal(-back, dim1=-2, dim2=-1).mean((0, -1)) for back in range(6)]
#     )
#     others = [h for h in range(n_heads) if h not in (2, 3)]
#     rows = [
#         [f"{back} back", *(f"{v:.2f}" for v in (at[2], at[3], at[others].mean()))]
#         for back, at in enumerate(by_distance)
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
# **Predict first:** the share of the right one in 1.6 as it is; without 0.3; and, as the control, without 0.0.

# %% tags=["active-ipynb"]
# figure = None
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
#         share = right / (right + wrong)
#         error = share.std() / len(share) ** 0.5
#         return [
#             f"{right.mean() / 2:.2f}",
#             f"{wrong.mean() / 2:.2f}",
#             f"{share.mean():.2f} ± {error:.2f}",
#         ]
#
#     whole = cut_edge(run, "0.0", 6, "k", instead=lambda part: part)  # nothing is cut
#     rows = [["nothing", *shares(whole.pattern)]]
#     for source, reader in (("0.3", "k"), ("0.3", "q"), ("0.0", "k"), ("0.0", "q")):
#         cut = cut_edge(run, source, 6, reader)
#         rows.append([f"{source} out of the {names_of[reader]}", *shares(cut.pattern)])
#     columns = ["cut", "to the right one", "to the other", "share of the right one"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# As it is, 1.6 gives the right place about seven tenths of it. Without 0.3 in its keys it hardly knows which is which,
# and without it in the queries it knows less. The control changes nothing. So 0.3 is a helper: 1.6 matches the last token
# by the notes of 0.2, and what stood before it, roughly, by those of 0.3. Induction is not always about one token.

# %% [markdown]
# ## 5. Can it be seen in the weights?
#
# 0.2 writes through its `W_V W_O`. The keys of 1.6 read through `W_K W_Qᵀ`. If what one writes lies where the other
# reads, their product is large for its size; if they are unrelated, it is small. Elhage et al. measure it so:
#
# ‖W_A W_B‖ / (‖W_A‖ ‖W_B‖), with Frobenius norms.
#
# ### Exercise: `composition_score`
# *Difficulty 1 of 5, about 5 minutes.*


# %% nbgrader={"grade": false, "grade_id": "composition_score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def composition_score(
    W_A: Float[Tensor, "d_in d_mid"], W_B: Float[Tensor, "d_mid d_out"]
) -> Float[Tensor, ""]:
    """How much of what one matrix writes another one reads.

    Returns:
        ‖W_A W_B‖ / (‖W_A‖ ‖W_B‖) in Frobenius norms, from 0 to 1; no baseline is subtracted. 0 when either
        is zero. A Python float is fine too.
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
        Rows: heads of layer 1; columns: heads of layer 0. W_A is W_V W_O of the early head. W_B is, of the
        late head, W_Q W_Kᵀ for "Q", W_K W_Qᵀ for "K", W_V W_O for "V". Raw weights: no biases, folding,
        centring or rotation. A head of zeros scores 0. In the model's dtype.
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
# What would chance give? Take the model itself, and turn what layer 0 writes by a random rotation: every head stays what it
# is, but nobody reads where it writes. The largest of 64 pairs there is what the largest here has to beat. And TransformerLens
# offers the same scores, which should agree to the last digits. **Predict first:** in which of the three tables is there a
# cell to see?

# %% tags=["active-ipynb"]
# figures = [None] * 3
# with needs(composition_score, composition_scores):
#     draw = torch.Generator(device).manual_seed(0)
#     twin = load_model("attn-2l-py", device=device)
#     written = parameters_of(twin)["layers.0.attn.o.weight"]  # [d_model, head * d_head]
#     square = torch.randn(len(written), len(written), generator=draw, device=device)
#     written.copy_(torch.linalg.qr(square)[0] @ written)
#     composed = {kind: composition_scores(model, kind) for kind in "QKV"}
#     rows = []
#     for kind, scores in composed.items():
#         theirs = model.all_composition_scores(kind)[0, :, 1, :].T
#         print(f"{kind}: from TransformerLens's {float((scores - theirs).abs().max()):.0e}")
#         turned, others = composition_scores(twin, kind), scores[[0, 1, 2, 3, 4, 5, 7]]
#         best = int(scores.argmax())
#         where = f"0.{best % n_heads} → 1.{best // n_heads}"
#         rows.append([kind, f"{scores.max():.3f} ({where})"])
#         for part in (turned, scores[6, [2, 3]], others[:, [2, 3]]):
#             rows[-1].append(f"{part.min():.3f} to {part.max():.3f}")
#     early, late = [f"0.{h}" for h in range(n_heads)], [f"1.{h}" for h in range(n_heads)]
#     columns = ["kind", "largest", "64 pairs, turned", "0.2 and 0.3 → 1.6", "→ the other seven"]
#     figures = [
#         heatmap(
#             s, early, late, "early head", "late head", f"{k}-composition", "score", (0, 0.21)
#         )
#         for k, s in composed.items()
#     ]
#     figures.append(table(rows, columns))
# figures[1]

# %% tags=["active-ipynb"]
# together(figures[0], figures[2]) if figures[0] else None

# %% tags=["active-ipynb"]
# figures[-1]

# %% [markdown]
# In the table for keys one row stands out, that of 1.6, in two cells: 0.2, the head of the hypothesis, and 0.3, the helper.
# Both lie far above anything that 64 turned pairs reach. Behaviour, cuts and weights point at the same heads.
#
# In the tables for queries and values the largest score is at most a little above the largest of the turned model. *Below*
# chance is telling, too: look at the columns 0.2 and 0.3. What these two write is kept out of everybody's values, out of
# most heads' queries, and out of the keys of nearly all heads but 1.6.
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
# Look at it at work, with your own knife: `pattern_without` on layer 1 of the head you have just built. **Predict
# first:** what does the pattern look like when the keys have lost their notes?

# %% tags=["active-ipynb"]
# def run_by_hand(weights, sequences):
#     """A hand-built model: the stream before layer 1, what layer 0 wrote, and the logits."""
#     W_Q, W_K, W_V, W_O = (weights[name][:, 0] for name in ("W_Q", "W_K", "W_V", "W_O"))
#     x, wrote = weights["W_E"][sequences] + weights["W_pos"][: sequences.shape[1]], []
#     streams = []
#     for layer in range(2):
#         streams.append(x)
#         pattern = pattern_without(x, 0 * x, W_Q[layer], W_K[layer], "K")  # nothing is cut
#         wrote.append(pattern @ x @ W_V[layer] @ W_O[layer])
#         x = x + wrote[layer]
#     return streams[1], wrote[0], x @ weights["W_U"]
#
#
# def cut_patterns(weights, sequence):
#     """Layer 1's pattern as it is, and with layer 0 cut from its keys and from its queries."""
#     stream, wrote, _ = run_by_hand(weights, sequence[None])
#     args = weights["W_Q"][1, 0], weights["W_K"][1, 0]
#     whole = pattern_without(stream, 0 * wrote, *args, "K")
#     return torch.cat([whole, *(pattern_without(stream, wrote, *args, path) for path in "KQ")])
#
#
# view = None
# names = ["whole", "K cut", "Q cut"]
# letters = ["BOS", *"abcdefg", *"abcdefg"]
# sequence = torch.tensor([0, *range(1, 8), *range(1, 8)])
# with needs(pattern_without, build_induction_head):
#     shown = cut_patterns(build_induction_head(8, 15), sequence)
#     view = attention_heads(shown, [f"{i}:{letter}" for i, letter in enumerate(letters)], names)
# view

# %% [markdown]
# Without notes in the keys all scores are equal, and attention is spread over everything so far: the third picture is
# the first one again, the second is fog.
#
# The contract asks for distinct ids in a block. Why? Take a block in which a token comes twice, `a b a c`, and ask what
# follows `a`.

# %% tags=["active-ipynb"]
# with needs(pattern_without, build_induction_head):
#     weights, spelled = build_induction_head(5, 9), ["BOS", "a", "b", "c", "d"]
#     twice = torch.tensor([[0, 1, 2, 1, 3, 1, 2, 1, 3]])  # BOS a b a c  a b a c
#     _, _, by_hand = run_by_hand(weights, twice)
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
# shift.
#
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
#     view = attention_heads(shown, [f"{i}:{letter}" for i, letter in enumerate(letters)], names)
# view

# %% [markdown]
# The first picture is the one from before, to the eye. What the head attends to cannot tell the two circuits apart; the
# cuts can, and they have changed places. The self-match costs nothing: it points one past the query, into the future,
# where the mask hides it.
#
# Which of the two does training find? In our model, with rotary positions, the first; you have measured it. Could it have
# been the second? A pointer is made of positions, in the values that layer 0 reads, and a rotary model adds none to its
# embeddings. **Predict first:** how well does a linear map read the position from the stream, before layer 0 and behind it?
# (It is fitted on half of the windows of held-out code and scored on the others, as the share of variance explained, R².)

# %% tags=["active-ipynb"]
# starts = torch.linspace(0, len(heldout) - 256, 64).long()
# windows = heldout[starts[:, None] + torch.arange(256)].to(device)
# windows[:, 0] = BOS
#
#
# def position_read(stream, position):
#     """R² of a linear map to the position: fitted on every other window, scored on the rest."""
#     x = torch.cat([stream, torch.ones_like(stream[..., :1])], -1)[:, 1:]  # without BOS
#     x, y, test = x[::2].flatten(0, 1), position[::2].flatten(), x[1::2].flatten(0, 1)
#     fitted = torch.linalg.lstsq(x, y[:, None]).solution
#     true = torch.arange(1.0, 256, device=device).repeat(len(windows) // 2)
#     return 1 - float((test @ fitted - true[:, None]).square().mean() / true.var())
#
#
# position = torch.arange(1.0, 256, device=device).repeat(len(windows), 1)
# drawn = torch.rand(
#     position.shape, generator=torch.Generator(device).manual_seed(0), device=device
# )
# behind = model(windows, stop_at_layer=1)
# rows = [
#     ["embeddings, before layer 0", position_read(model.W_E[windows], position)],
#     ["the stream behind layer 0", position_read(behind, position)],
#     [
#         "the same, fitted to shuffled positions",
#         position_read(behind, position.gather(1, drawn.argsort(1))),
#     ],
# ]
# table([[name, f"{r2:z.2f}"] for name, r2 in rows], ["the position is read from", "R²"])

# %% [markdown]
# Before layer 0, nothing: what a fit finds there does not hold on other windows. So layer 0's values have no position that a
# pointer could be made of. Behind layer 0 some of it can be read, since attention leaves traces of how much there was to look
# at. A deeper rotary model could build on that, and "rotary models know no positions" would be wrong of it. GPT-2 has learned
# positions from the start. Olsson et al. define an induction head by what it does, so that both kinds are.
#
# ## 7. Watch it form
#
# Sixteen copies of the model were kept while it trained, and its measures at ninety-five moments. To follow context by
# one number, Olsson et al. take the loss late in a sequence less the loss early in it.
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
# scatter by nats, so beside the score of one pair of columns stands the mean over many pairs. **Predict first:** is the
# score of the model with one layer zero?

# %% tags=["active-ipynb"]
# figure = None
# with needs(in_context_learning_score):
#     rows, each = [], {}
#
#     def with_error(by_window):
#         """A mean over windows and its standard error."""
#         return f"{by_window.mean():.2f} ± {by_window.std() / len(by_window) ** 0.5:.2f}"
#
#     def compared(loss):
#         """Late less early in one pair of columns, and in the mean of 30 pairs."""
#         score = float(in_context_learning_score(loss, 49, 249))
#         single = with_error(loss[:, 249] - loss[:, 49])
#         return f"{score:.2f}: {single}", with_error((loss[:, 224:254] - loss[:, 30:60]).mean(1))
#
#     for name, m in (("one layer", control), ("two layers", model)):
#         each[name] = torch.cat([losses(m, part) for part in windows.split(16)])
#         rows.append([name, *compared(each[name])])
#     rows.append(["two less one", *compared(each["two layers"] - each["one layer"])])
#     columns = ["loss late less early, nats", "your score; ± standard error", "mean of 30 pairs"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# One pair of columns is noise at this size, and even the mean of thirty pairs leaves each model's own score uncertain by a
# tenth of a nat: the end of a window can be harder or easier than its beginning for reasons that have nothing to do with
# context. But these reasons are the same for both models. Take the difference window by window, and what is hard for both
# drops out: the last row is more than three standard errors from zero. Two layers gain from context what one does
# not. (The figures of the whole training, below, come from more windows and wider bands.)
#
# Now the moment itself. A rise has a steepest stretch. On a training run ten steps mean much at the beginning and
# nothing at the end, so slopes are taken against the logarithm of the step.
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
        Over consecutive checkpoints a and b, the step_b of the largest, signed, (score_b - score_a) /
        ln(step_b / step_a); of equal slopes the earliest. A Python int.
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
# compute is the steepest rise of *a score*. They should meet, if the story holds. **Predict first:** which comes first,
# the head that takes notes, or the head that reads them? Notes that nobody reads are worth nothing; readers without
# notes find nothing. Here is the record of the training, the best score of any head at every moment.

# %% tags=["active-ipynb"]
# history = training_curves("attn-2l-py")
# at = history["step"][1:]
# lines = {
#     "best previous-token score": (at, history["best_previous_token_score"][1:]),
#     "best prefix-matching score": (at, history["best_prefix_matching_score"][1:]),
# }
# curves(lines, "training step", "score", log_x=True)

# %% [markdown]
# So the notes begin early? In this picture the token before is looked at from a few hundred steps on, and the stripe comes
# a thousand steps and more later. It is tempting to report that. But the record holds the best of *sixteen* heads, and a
# maximum does not say whose it is. **Predict first:** which head is the best at step 1,000, and can 1.6 read what it writes?

# %% tags=["active-ipynb"]
# figure = None
# with needs(repeated_tokens, prefix_matching_score, previous_token_score):
#     few, kept, seen_at, notes, stripes = random[:16], checkpoint_steps("attn-2l-py"), {}, [], []
#     for step in kept:
#         seen_at[step] = patterns(load_model("attn-2l-py", device=device, checkpoint=step), few)
#         notes.append(torch.stack([previous_token_score(p) for p in seen_at[step]]))
#         stripes.append(float(prefix_matching_score(seen_at[step][1], PERIOD)[6]))
#     for step in (1000, 2000, 2400, 2600, 3000):
#         now = notes[kept.index(step)]
#         print(f"step {step}: best previous-token heads {ranked(now)}; 0.2 {now[0, 2]:.3f}")
#     lines = {
#         "previous token, best of layer 0": (kept[1:], [float(n[0].max()) for n in notes[1:]]),
#         "previous token, best of layer 1": (kept[1:], [float(n[1].max()) for n in notes[1:]]),
#         "prefix matching, 1.6": (kept[1:], stripes[1:]),
#     }
#     figure = curves(lines, "training step", "score", log_x=True)
# figure

# %% [markdown]
# The early ones, the dashed line, are heads of *layer 1*, 1.1 and 1.2. They stand beside 1.6 and not below it: it cannot read
# what they write.
# In layer 0, where notes for 1.6 have to be taken, nothing happens until step 1,000; there the score is what it was at step
# 0. At 2,000 it has begun, in 0.2, and until 2,600 it is not even the best of the sixteen. So the notes do not begin early.
# They begin about when the reader does, and in these checkpoints they are a little ahead.
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
#     ends = f"{of_layer_0[0]:.2f}", f"{of_layer_0[-1]:.2f}"
#     bump = induction_bump(some, of_layer_0.cpu())
#     rows = [["best previous-token score, layer 0", *ends, bump, "not kept"]]
#     for name, (key, sign) in measures.items():
#         values = torch.tensor(history[key])
#         ends = f"{values[0]:.2f}", f"{values[-1]:.2f}"
#         of_all = induction_bump(every, sign * values)
#         rows.append([name, *ends, induction_bump(some, sign * values[at_kept]), of_all])
#     among = [f"steepest, {len(kept)} checkpoints", f"steepest, all {len(every)}"]
#     figure = table(rows, ["measure", "at step 0", "at the end", *among])
# figure

# %% [markdown]
# Read the column of the sixteen checkpoints first. All of them rise, or fall, most steeply within a few hundred
# steps of each other, the notes no later than their reader. (Sixteen points cannot say more about the order than their
# spacing allows, and this is one run.)
#
# Then the last column, and be warned. Of ninety-five checkpoints the late ones are a hundredth apart on the logarithmic
# axis, and a wobble divided by a hundredth is a steep slope: what is found there is mostly noise, and the learning
# rate, which falls over the last third. A steepest slope depends on how finely one looks. Say which checkpoints you
# used.
#
# One more doubt. At step 2,000 the stripe is hardly there. Does 0.2 take its notes for somebody else, then? You have the
# tools: cut the edges from 0.2 at that checkpoint, into the keys, queries and values of every head of layer 1, and look at
# the weights. **Predict first:** who reads it?

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

# %% [markdown]
# Nobody else, as far as the edges into layer 1 tell: the next costs a tenth as much. (The unembedding reads 0.2 as well; that
# edge is not cut here.) When the pair hardly works yet, it is there, in the cuts and in the weights.
#
# Move the slider. First comes the pattern of 1.6 on one sequence of random tokens, then the prefix-matching score of
# all heads, and last two curves of the whole training, with a mark where you are. It opens in the middle of the change.
# **Look for** the steps at which all three move, and for what has already moved before.

# %% tags=["active-ipynb"]
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
# that it only sharpens. Olsson et al. saw it in models of many sizes, and called it a *phase change*. What you have here
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
# twice, and the entropy is a little below ln(period). To get below it, one has to know the order. **Predict first:** draw
# both curves, of one layer and of two, with the floor between them.

# %% tags=["active-ipynb"]
# PERIODS, CONTEXT, SMALL = range(6, 24), 48, 64
#
#
# def sequences_with_periods(count, generator):
#     """BOS and a random block until the context is full, each row with a period of its own."""
#     draw = partial(torch.randint, generator=generator, device=device)
#     period = draw(PERIODS[0], PERIODS[-1] + 1, (count, 1))
#     block = draw(1, SMALL, (count, PERIODS[-1]))
#     body = block.gather(1, torch.arange(CONTEXT - 1, device=device) % period)
#     return torch.cat([body.new_zeros(count, 1), body], dim=1), period
#
#
# @torch.enable_grad()
# def train_small(layers, training_steps=140, rate=5e-3):
#     """The loss at every step on tokens that could be known: all but the first copy and what begins the second."""
#     draw = partial(torch.randn, generator=torch.Generator(device).manual_seed(0), device=device)
#     sizes = {"n_layers": layers, "n_heads": 2, "normalization_type": "LNPre", "attn_only": True}
#     weights = {"tok_embed.weight": draw(SMALL, SMALL) / 2}
#     for at in (f"layers.{i}.attn.{part}" for i in range(layers) for part in "qkvo"):
#         weights[f"{at}.weight"] = draw(SMALL, SMALL) / 8
#         weights[f"{at}.bias"] = torch.zeros(SMALL, device=device)
#     weights["head.weight"] = draw(SMALL, SMALL) / 50
#     parameters = [w.requires_grad_() for w in weights.values()]
#     optimizer = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
#     data, curve = torch.Generator(device).manual_seed(1), []
#     for step in range(training_steps):
#         rows, period = sequences_with_periods(48, data)
#         loss = cross_entropy(
#             plain_logits(sizes, weights, rows)[:, :-1].mT, rows[:, 1:], reduction="none"
#         )
#         optimizer.zero_grad()
#         loss.mean().backward()
#         torch.nn.utils.clip_grad_norm_(parameters, 1.0)
#         optimizer.param_groups[0]["lr"] = rate * min(1, (step + 1) / 20)
#         optimizer.step()
#         known = torch.arange(1, CONTEXT, device=device) > period + 1
#         curve.append(float(loss.detach()[known].mean()))
#     return curve
#
#
# def copying_floor(count=4000):
#     """The entropy of blocks as bags, each weighted by its tokens that could be known, as in the curves."""
#     rows, period = sequences_with_periods(count, torch.Generator(device).manual_seed(2))
#     place = torch.arange(CONTEXT, device=device)
#     block = (place >= 1) & (place <= period)
#     often = torch.zeros(count, SMALL, device=device).scatter_add_(1, rows, block.float())
#     share = often / period
#     entropy, known = torch.special.entr(share).sum(-1), CONTEXT - 2 - period[:, 0]
#     return float((entropy * known).sum() / known.sum())
#
#
# small = {f"{n} layer{'s' * (n > 1)}": train_small(n) for n in (1, 2)}
# floor = copying_floor()
# at_step = list(range(1, len(small["1 layer"]) + 1))
# lines = {name: (at_step, curve) for name, curve in small.items()}
# lines["copying floor, the bag's entropy"] = [1, at_step[-1]], [floor, floor]
# crossed = next(i for i, value in zip(at_step, small["2 layers"], strict=True) if value < floor)
# print(
#     f"floor {floor:.2f}; after {at_step[-1]} steps one layer {small['1 layer'][-1]:.2f}, two {small['2 layers'][-1]:.2f}"
# )
# print(f"two layers fall below the floor at step {crossed}")
# curves(lines, "training step", "loss on known tokens, nats")

# %% [markdown]
# Both learn the same thing at first: *these tokens are about*, which is what one layer can know; two layers a little faster.
# It leads towards the floor, which such knowledge cannot pass. With two layers the curve turns down at some step, within a
# few dozen more it is through the floor, and it goes on falling. Below the floor there is no explanation by crowd; that
# is why the floor is drawn.
#
# Try: `train_small(2, 400, rate=2e-3)`, for with a smaller rate the wait is longer; or one period only,
# `PERIODS = range(12, 13)`. With a single period a head can learn the distance instead, and one layer is enough: the same
# loss, and no induction.
#
# ## 9. What to believe, and what not
#
# Three things you might now say of a head, and for each an experiment that makes it false.
#
# **"Its prefix score is high, so it does induction."** The score is about where a head looks. Give head 1.1 the eyes of
# 1.6: copy the query and key weights over, and leave 1.1 its own values and output. **Predict first:** its score, and
# the effect of silencing it.

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
#     rows = [[f"1.{h}", float(was[h]), float(scores[h]), f"{costs[h]:+.2f}"] for h in (6, 1, 0)]
#     figure = table(
#         rows,
#         ["head", "score before", "score with 1.6's eyes in 1.1", "cost of silencing, nats"],
#     )
# figure

# %% [markdown]
# The same score to the last digit, and nothing is lost without it (the model even gains a little, as with 0.1 above): it
# looks at the right token and has nothing to say about it. A prefix score is a reason to look closer, and an ablation is
# the closer look. The reverse holds, too: 0.2 has no prefix score at all, and without it everything falls.
#
# **"Their composition score is high, so they work together."** The score looks at raw weights, in all directions of the
# stream alike. But not all directions are read. The norm before each layer takes away the mean, so whatever is written
# along (1, 1, …, 1) is gone before anybody reads it. Take two heads that have nothing to do with each other, 0.4 and
# 1.5. Let 0.4 write something along that direction, and let the keys of 1.5 read it. **Predict first:** the score, and
# the change in the logits.

# %% tags=["active-ipynb"]
# with needs(repeated_tokens, composition_score, composition_scores):
#     twin = load_model("attn-2l-py", device=device)
#     own = parameters_of(twin)
#     before = composition_scores(twin, "K")[5, 4]
#     written = own["layers.0.attn.o.weight"].unflatten(1, (n_heads, -1))[
#         :, 4
#     ]  # [d_model, d_head]
#     read = own["layers.1.attn.k.weight"].unflatten(0, (n_heads, -1))[5]  # [d_head, d_model]
#     written += 0.5  # every output of the head gets the same addition: along (1, 1, …, 1)
#     read += 0.5  # every input counts the same: the sum of a stream whose mean is 0
#     after = composition_scores(twin, "K")[5, 4]
#     change = (twin(random[:16]) - model(random[:16])).abs().max()
#     print(f"composition score of 0.4 → 1.5: {before:.3f} before, {after:.3f} after")
#     print(f"largest change of any logit: {change:.0e}")

# %% [markdown]
# The highest score in the table, by far, and nothing has changed but rounding. It comes from one direction out of 256:
# a score that one direction of two matrices decides says little about the rest. Here we put it there. In a trained
# model nobody keeps such directions clean, and you do not know beforehand which they are. (Taking the mean out of the
# weights first would mend this case. It would not mend the next one.) A score is a hint where to cut.
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
# def loss_without(keys):
#     """The loss on code when 1.6 loses its attention to <|bos|>, or as much of that to others."""
#
#     def look_away(pattern, hook):
#         pattern = pattern.clone()
#         resting, looking = pattern[:, 6, :, :1].clone(), pattern[:, 6, :, 1:]
#         if keys == "<|bos|>":
#             pattern[:, 6, :, :1] = 0
#         else:
#             looking *= (1 - resting / looking.sum(-1, keepdim=True).clamp(min=1e-9)).clamp(
#                 min=0
#             )
#         return pattern
#
#     hooks = [("blocks.1.attn.hook_pattern", look_away)]
#     return cross_entropy(model.run_with_hooks(code, fwd_hooks=hooks)[:, :-1].mT, code[:, 1:])
#
#
# clean = losses(model, code).mean()
# print(f"loss without the attention to <|bos|>: {loss_without('<|bos|>') - clean:+.3f} nats")
# print(f"without as much of the attention to others: {loss_without('others') - clean:+.3f}")

# %% [markdown]
# Most of the attention in the first copy goes to a token from which less than a quarter as much is carried as from
# others. Without it next to nothing changes; without as much of the attention to others, ten times as much. It is the
# **resting place** of chapters 00 and 02. For an induction head it has a meaning of its own: *no match found*. A softmax
# cannot look nowhere.
#
# ## 10. And in a model that others trained?
#
# The same two scores, on random tokens of its own vocabulary, need nothing but a name. With a network the cell below
# fetches a model of six layers from the Hugging Face hub (some 350 MB, once); without one it says so, and nothing is
# lost. Put `"gpt2"` in its place if you have time and memory.
#
# **Predict first:** in which layers will the previous-token heads be, and in which the induction heads? In which order
# must they be?

# %% tags=["active-ipynb"]
# HUB_MODEL = "distilgpt2"
# figure = None
# with needs(repeated_tokens, prefix_matching_score, previous_token_score):
#     try:
#         large = load_model(HUB_MODEL, device=device)
#     except UnknownModelError as reason:
#         print(f"Skipped: {str(reason).split('. ')[0].rstrip('.')}.")
#     else:
#         draw = torch.Generator(device).manual_seed(0)
#         start = large.tokenizer.bos_token_id
#         rows = repeated_tokens(4, PERIOD, large.cfg.d_vocab, start, draw)
#         by_token = losses(large, rows)
#         print(
#             f"first copy {by_token[:, 1:PERIOD].mean():.2f} nats, second {by_token[:, 1 + PERIOD :].mean():.2f}"
#         )
#         seen = patterns(large, rows)
#         found = torch.stack([prefix_matching_score(p, PERIOD) for p in seen])
#         notes = torch.stack([previous_token_score(p) for p in seen])
#         print(f"prefix matching: {ranked(found, 5)}\nprevious token:  {ranked(notes, 5)}")
#         layer, head = divmod(int(found.argmax()), large.cfg.n_heads)
#
#         def silence(z, hook):
#             z = z.clone()
#             z[:, :, head] = 0
#             return z
#
#         logits = large.run_with_hooks(
#             rows, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", silence)]
#         )
#         loss = cross_entropy(logits[:, PERIOD:-1].mT, rows[:, 1 + PERIOD :])
#         print(
#             f"second copy without {layer}.{head}: {loss - by_token[:, PERIOD:].mean():+.2f} nats"
#         )
#         figure = head_table(found, "prefix-matching score", HUB_MODEL)
# figure

# %% [markdown]
# If you see it: compare the fall from copy to copy with that of our model, and the effect of silencing one head with
# what you saw in section 3. Where several heads do the same, silencing one of them shows little. That is not a failure
# of the method, it is a fact about redundancy, and chapter 06, which is planned, begins there.
#
# > **What you may have read.**
# > - *"Induction heads are found in two-layer models."* They need **at least** two layers, so that somebody can take
# >   notes before somebody reads them. Olsson et al. measure them in larger models, too.
# > - *"An induction head copies the token after the last occurrence."* This one weighs the occurrences by what stood
# >   before them (section 4). Olsson et al. describe softer forms in large models as well, which match what is similar and
# >   not only what is equal, and argue that they carry a good part of in-context learning. For large models their evidence
# >   is correlational, and they say so.
# > - *"Loss falls on repeated text, so the model has induction heads."* The upper row of section 1's first table, and
# >   the one-layer curve of section 8, fall too.
#
# ## What is simplified here, and what is known to be wrong
#
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
#   matching and copying as the definition, the in-context-learning score, the bump and the phase change, and which of
#   their arguments are correlational.
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
