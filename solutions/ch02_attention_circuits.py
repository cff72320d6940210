# %% [markdown]
# # 02 Attention circuits: read a head out of its weights
#
# In chapter 00 you found out what a head is for by breaking it. This chapter begins at the other end: the model is not
# run at all. Below, four of its matrices are multiplied, and what comes out is what head 1 writes when it looks at a
# token.
#
# At the end of this chapter you will be able to
# - say exactly which sum a one-layer transformer computes, and read each of its terms as a table of tokens;
# - predict from these tables what a token does to a later prediction, and test it on the model;
# - see heads pull against each other, tell that from deleting, and tell where attention misleads.

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": false, "schema_version": 3, "solution": false, "task": false}
import torch
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor
from transformer_lens import FactoredMatrix

# %% tags=["active-ipynb"]
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
#     show_solution,
# )
# from mi_tutor.figures.deletion import taken_back
# from mi_tutor.views import attention_heads, heatmap, scatter, table, token_label
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
# E = after_norm(W_E)
# for text in ("['", " while", " try", " if", "{", "from"):
#     writes = E[token(text)] @ W_V[1] @ W_O[1] @ W_U
#     print(f"when head 1 reads {text!r:9} it raises  {names(writes.topk(5).indices)}")

# %% [markdown]
# Nothing was run. ` try` raises ` except`, ` if` raises ` else` and comparisons, an opening quotation mark with its
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
# The embedding goes into the stream, heads add to it, the sum is unembedded. What a head adds at a position is a
# weighted mean: it shares out its attention among the tokens up to here, and each of these sends what the head makes of
# it. So there are two steps, and the first is the weights.
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
#
#
# def turned(x, steps):
#     """Rotary positions: every pair of numbers is turned by so many steps of its own speed."""
#     speed = model.cfg.rotary_base ** (-torch.arange(0, d_head, 2, device=device) / d_head)
#     angle = torch.as_tensor(steps, device=device)[..., None] * speed
#     a, b = x[..., 0::2], x[..., 1::2]
#     pairs = a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()
#     return torch.stack(pairs, -1).flatten(-2)
#
#
# def queries_and_keys(tokens):
#     """What a layer compares: from embeddings to turned queries and keys."""
#     axes = "batch position d_model, head d_model d_head -> batch position head d_head"
#     steps = torch.arange(tokens.shape[1])[:, None]
#     q = turned(einsum(E[tokens], W_Q, axes) + b_Q, steps)
#     return q, turned(einsum(E[tokens], W_K, axes) + b_K, steps)
#
#
# with needs(attention_pattern):
#     pattern = attention_pattern(*queries_and_keys(text))
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
        The direct path (embedding, unembedding) plus, over heads, the pattern-weighted sum of what
        each source token sends: embedding, W_V, W_O, unembedding. No norms, biases or positions; no
        tensor of d_vocab × d_vocab is made.
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
# `W_U`: then 0 means "no better than the average token". **Predict first.** With all this put in, how much will be left
# over?

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

# %% [markdown]
# Rounding. This is the *path expansion* (Elhage et al. 2021): the logits are a sum over all ways from a token to the
# output, a direct one and one through each head. What is frozen in it is the pattern and the scale. Given these two,
# everything is linear, and every term can be looked at alone.
#
# How much does each part bring? Add them up one after the other on held-out text, and take the loss each time.
# **Predict first:** is it the direct path or the heads that brings more?

# %% tags=["active-ipynb"]
# heldout = corpus_tokens("heldout")
# starts = torch.arange(60) * (len(heldout) // 60)
# stretches = heldout[starts[:, None] + torch.arange(64)].to(device)
# stretches[:, 0] = tokenizer.bos_token_id
#
#
# def loss(logits):
#     log_probs = logits[:, :-1].log_softmax(-1)
#     return -log_probs.gather(-1, stretches[:, 1:, None]).mean()
#
#
# with needs(one_layer_logits):
#     real, seen = model.run_with_cache(stretches)
#     still = seen["ln_final.hook_scale"]
#     direct = (constant + W_E[stretches]) @ W_U
#     by_heads = one_layer_logits(stretches, seen["pattern", 0], E, W_V, W_O, W_U)
#     by_heads = by_heads - E[stretches] @ W_U
#     print(f"constant alone    {loss(constant @ W_U / still):.2f} nats")
#     print(f"and direct path   {loss(direct / still):.2f}")
#     print(
#         f"and eight heads   {loss((direct + by_heads) / still):.2f}, the model: {loss(real):.2f}"
#     )

# %% [markdown]
# The constant is no more than a list of frequent tokens. The direct path takes off about a nat and a half, and the
# heads as much again: what one token knows, and what it takes others to know. (All three are divided by the scale of
# the full run. So the middle number is not that of a model that was trained without heads; such a one, as in chapter
# 01, would make more of the direct path.)
#
# ## 2. What does a head do with what it reads?
#
# Look at one term: head h, reading a source token a. It contributes `E[a] @ W_V[h] @ W_O[h] @ W_U`, times the
# attention. For all a at once this is a table, a row for each source token, a column for each output token. It is the
# *OV circuit* of the head. It says what attending to a token does, if it is attended to at all.
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
# **Predict first.** Below are rows of this table for several heads. In chapter 00 head 4 repeated earlier names and
# head 6 ended import lines. What should the rows of ` class` in head 4 and of `import` in head 6 hold?

# %% tags=["active-ipynb"]
# with needs(ov_circuit):
#     ov = [ov_circuit(E, W_V[h], W_O[h], W_U) for h in range(n_heads)]
#     print(f"{ov[0]}: {ov[0].A.numel() + ov[0].B.numel():,} numbers for {d_vocab**2:,} entries")
#     readings = [(4, " class"), (4, " yield"), (4, "self"), (6, "import"), (6, " isinstance")]
#     readings += [(0, " except"), (1, " while"), (1, "("), (5, "\n       ")]
#     for head, source in readings:
#         row = ov[head].A[token(source)] @ ov[head].B
#         raised, lowered = row.topk(6).indices, (-row).topk(4).indices
#         print(f"head {head} reads {source!r:14} raises  {names(raised)}")
#         print(f"{'':27} lowers  {names(lowered)}")

# %% [markdown]
# Head 4 copies: ` class` raises `class`, ` class` and ` cls`, ` yield` raises ` yield`. Head 6 answers `import` with
# ends of lines, ` isinstance` with the names of types, and head 0 answers ` except` with the names of exceptions.
#
# The second line of each is as telling. Head 1, when it reads `(`, *lowers* line breaks: in an open bracket no line
# ends. And head 5, when it reads a line break with seven spaces, lowers other line breaks. Keep these two in mind; they
# come back in section 6.
#
# (The numbers behind these rows have still to be multiplied by the attention, and divided by the final scale.)
#
# ## 3. Where does it look?
#
# The same for the other half. A query is made from the token that reads, a key from the token that is read. Put all
# tokens on both sides, and there is a table again: a row for each query token, a column for each key token. This is the
# *QK circuit*.
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
# On the model we pass it matrices that have been prepared, and what is done to them matters more than the product:
# - **Biases folded in.** A column of ones beside `E` and a row `b_Q` under `W_Q` is the same as adding `b_Q`.
# - **Keys centred.** A softmax does not notice what is added to a whole row. So for every query the mean over all key
#   tokens is taken out: otherwise the columns are ruled by queries that score high with *everything*. That takes `b_K`
#   out, too, which is the same for every key.
# - **Turned to an offset.** The key of a token that stands `offset` back is turned by `offset` steps against the query.
#   A rotary table that is not turned, offset 0, describes a token that looks at itself; no pair of different positions
#   is like that.
#
# So a table is for *one* distance. How much of what a head does can such a table tell? Take the scores on held-out
# text. Centre each query's over the keys that it sees; leave the first token aside, and queries that see fewer than
# eight. Now predict them from a table, which knows the two tokens and not how far apart they are. Which share of their
# variance does it explain?
#
# **Predict first:** at which distance is the table most useful, and will it reach a half?

# %% tags=["active-ipynb"]
# OFFSET = 8
# ones = torch.ones(d_vocab, 1, device=device)
# E_1 = torch.cat([E, ones], 1)
# W_Q1 = torch.cat([W_Q, b_Q[:, None]], 1) / d_head**0.5
# mean_key = (E @ W_K).mean(1, keepdim=True)
# W_K1 = torch.cat([W_K, -mean_key], 1)
#
#
# def circuits_at(offset):
#     """The QK circuit of every head for a key so many tokens back, keys centred, scores scaled."""
#     return [qk_circuit(E_1, W_Q1[h], turned(W_K1[h], -offset)) for h in range(n_heads)]
#
#
# visible = torch.ones(64, 64, device=device).tril()
# visible[:, 0], visible[:8] = 0, 0
#
#
# def centred(scores):
#     mean = (scores * visible).sum(-1, keepdim=True) / visible.sum(-1, keepdim=True).clamp(min=1)
#     return (scores - mean) * visible
#
#
# figure = None
# with needs(qk_circuit):
#     q, k = queries_and_keys(stretches)
#     axes = "batch query head d_head, batch key head d_head -> head batch query key"
#     scores = centred(einsum(q, k, axes) / d_head**0.5)
#     rows = []
#     for offset in (0, 1, 2, 4, 8, 16, 32):
#         shares = []
#         for circuit, real_scores in zip(circuits_at(offset), scores, strict=True):
#             told = centred(circuit.A[stretches] @ circuit.B.T[stretches].mT)
#             missed = (real_scores - told).square().sum() / real_scores.square().sum()
#             shares.append(f"{1 - missed:z.0%}")
#         rows.append([f"{offset} back", *shares])
#     figure = table(rows, ["table for", *(f"head {h}" for h in range(n_heads))])
#     qk = circuits_at(OFFSET)
# figure

# %% [markdown]
# A table for the token itself, or for the one before, tells much less, and for some heads it is worse than knowing
# nothing (a negative share). At 8 back the tables are at their best, with a third to a little over a half. The rest is
# distance: how far back a key stands, which the table takes for 8 wherever it is. Head 1 is told least.
#
# So from here on: `qk` are the tables at 8 back, they hold a third to a half of the story, and what they say has to be
# tested.
#
# ## 4. Skip-trigrams
#
# Put the halves together. If *source* stands somewhere before, and *destination* is the current token, and the
# destination's query likes the source's key (QK), then what the source raises (OV) goes up. "source … destination →
# output": Elhage et al. call this a *skip-trigram*, and a one-layer model made of attention a list of bigrams and
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
        softmax. Outputs: the k largest entries, with their sign, of row `source` of `ov`. Ids,
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
#         print(f"head {head}  {source!r:13} … {names(destinations)}")
#         print(f"{'':21} → {names(outputs)}")

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
# **Predict first:** twelve sources, five destinations, five outputs, three hundred claims. How many hold? How many would
# pass in each of the three controls? (The 25 claims of one source share a token and a head. So count by source, not by claim:
# the error is that of a mean of twelve.)

# %% tags=["active-ipynb"]
# pick = torch.Generator().manual_seed(0)
# first = torch.randint(len(heldout) - 32, (12,), generator=pick)
# contexts = heldout[first[:, None] + torch.arange(20)].to(device)
# contexts[:, 0] = tokenizer.bos_token_id
# frequent = heldout.bincount(minlength=d_vocab).topk(300).indices.to(device)
#
#
# def last_logits(ids, silenced):
#     """The logits at the last position: of the model, then without a head, for each silenced one."""
#     keep = ["blocks.0.hook_resid_post", "blocks.0.attn.hook_z"]
#     _, cache = model.run_with_cache(ids, names_filter=keep)
#     stream, z = (cache[name][:, -1] for name in keep)
#     left = [stream, *(stream - z[:, head] @ W_O[head] for head in silenced)]
#     return after_norm(torch.stack(left)) @ W_U
#
#
# def changes(source, destinations, silenced=(), offset=OFFSET):
#     """What the source does to all logits after each destination: [model or silenced, destination, d_vocab]."""
#     before = contexts.repeat(len(destinations), 1)
#     before[:, -1] = destinations.repeat_interleave(len(contexts))
#     with_source = before.clone()
#     with_source[:, -1 - offset] = source
#     change = last_logits(with_source, silenced) - last_logits(before, silenced)
#     return change.unflatten(1, (len(destinations), len(contexts))).mean(2)
#
#
# def pass_of(change, outputs):
#     """Which of the outputs rise more than nineteen in twenty tokens do: [destination, output]."""
#     return change[:, outputs] > change.quantile(0.95, dim=-1, keepdim=True)
#
#
# def tested(head, source, destinations, outputs):
#     """Whether each claim holds, how much its output rises, and the rates of the three controls."""
#     change, silenced = changes(source, destinations, [head])
#     [elsewhere] = changes(source, frequent[torch.randint(300, (5,), generator=pick)])
#     others = [
#         top_skip_trigrams(ov[h], qk[h], source, 5)[1] for h in range(n_heads) if h != head
#     ]
#     controls = [
#         pass_of(elsewhere, outputs),
#         torch.cat([pass_of(change, theirs) for theirs in others]),
#         pass_of(silenced, outputs),
#     ]
#     rises = float(change[:, outputs].mean()), float(elsewhere[:, outputs].mean())
#     return pass_of(change, outputs), rises, [float(c.float().mean()) for c in controls]
#
#
# figure = None
# with needs(ov_circuit, qk_circuit, top_skip_trigrams):
#     rates, rows, rises, misses = {"these twelve": [], "twelve drawn": []}, [], [], []
#     for (head, source), (destinations, outputs) in claims.items():
#         holds, rise, controls = tested(head, token(source), destinations, outputs)
#         rates["these twelve"].append([float(holds.float().mean()), *controls])
#         rises.append(rise)
#         for i, j in (~holds).nonzero()[:2]:
#             misses.append(
#                 f"{source!r} … {names(destinations[i : i + 1])} → {names(outputs[j : j + 1])}"
#             )
#         row = rates["these twelve"][-1]
#         rows.append([f"head {head}, {source!r}", *(f"{rate:.0%}" for rate in row)])
#     for head in [head for head, _ in claims]:
#         source = int(frequent[torch.randint(300, (1,), generator=pick)])
#         holds, _, controls = tested(
#             head, source, *top_skip_trigrams(ov[head], qk[head], source, 5)
#         )
#         rates["twelve drawn"].append([float(holds.float().mean()), *controls])
#     for which, each in rates.items():
#         each = torch.tensor(each)
#         errors = zip(each.mean(0), each.std(0) / len(each) ** 0.5, strict=True)
#         rows.append(
#             [f"mean of {which}", *(f"{mean:.0%} ± {error:.0%}" for mean, error in errors)]
#         )
#     claimed, elsewhere = torch.tensor(rises).mean(0)
#     print(
#         f"mean rise of a claimed output: {claimed:.2f}; after other destinations {elsewhere:.2f}"
#     )
#     print("some that do not hold:", *misses, sep="\n  ")
#     columns = ["passes", "claim", "other destinations", "other heads' outputs", "head silenced"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
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
# ### A bug that cannot be avoided
#
# Take head 7 and the source ` def`. In a definition, what comes after `__(`? And after `):`? Both stand high among head
# 7's destinations for ` def`, further down than the five above, and what follows them stands high among its outputs
# (the table gives these ranks, of two thousand, from 0). Count how often each pairing occurs in the training text, with
# a ` def` at most 16 tokens before, then see how much each output rises when ` def` is put in.

# %% tags=["active-ipynb"]
# def followed_by(source, destinations, outputs, text, within=16):
#     """After a source shortly before: how often each destination is followed by each output."""
#     hits = (text == source).long().cumsum(0)
#     lately = torch.zeros(len(text), dtype=torch.bool)
#     lately[within:] = hits[within - 1 : -1] > torch.cat(
#         [hits.new_zeros(1), hits[: -within - 1]]
#     )
#     here = lately[:-1]
#     shares = [
#         [(text[1:][here & (text[:-1] == d)] == o).float().mean() for o in outputs]
#         for d in destinations
#     ]
#     return torch.tensor(shares)
#
#
# figure = None
# with needs(ov_circuit, qk_circuit, top_skip_trigrams):
#     source, destinations, outputs = " def", ["__(", "):"], ["self", "\n       "]
#     ends = torch.tensor([token(d) for d in destinations]), [token(o) for o in outputs]
#     likes, raises = qk[7].A @ qk[7].B[:, token(source)], ov[7].A[token(source)] @ ov[7].B
#     text_says = followed_by(token(source), *ends, corpus_tokens("train"))
#     model_says, without_7 = changes(token(source), ends[0], [7])[:, :, ends[1]]
#     rows = []
#     for row, d in enumerate(destinations):
#         for column, o in enumerate(outputs):
#             pair = token_label(tokenizer, token(d)), token_label(tokenizer, token(o))
#             ranks = [
#                 int((all_ > all_[i]).sum())
#                 for all_, i in ((likes, token(d)), (raises, token(o)))
#             ]
#             rows.append(
#                 [
#                     *pair,
#                     *ranks,
#                     f"{text_says[row, column]:.0%}",
#                     f"{model_says[row, column]:+.2f}",
#                     f"{without_7[row, column]:+.2f}",
#                 ]
#             )
#     columns = ["destination", "output", "QK rank", "OV rank", "in the text", "rise"]
#     columns += ["without head 7"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
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
# that occur at least twenty times in the held-out text. **Predict first:** which heads will have a score near 1, and
# will the two columns agree?

# %% tags=["active-ipynb"]
# figure = None
# with needs(ov_circuit, copying_score):
#     common = (heldout.bincount(minlength=d_vocab) >= 20).nonzero()[:, 0]
#     rows, clouds = [], {}
#     for h in range(n_heads):
#         own = (ov[h].A * ov[h].B.T).sum(-1)
#         blocks = [
#             (ov[h].A[part] @ ov[h].B > own[part, None]).sum(-1) for part in common.split(256)
#         ]
#         rank = torch.cat(blocks).float()
#         score = float(copying_score(E, W_V[h], W_O[h], W_U))
#         top = f"{(rank < 10).float().mean():.0%}"
#         rows.append([f"head {h}", score, top, int(rank.median())])
#         if h in (0, 3, 4):
#             values = ov[h].eigenvalues
#             clouds[f"head {h}"] = values.real.tolist(), values.imag.tolist()
#     mixed = torch.randperm(d_vocab, generator=torch.Generator().manual_seed(0)).to(device)
#     score = float(copying_score(E[mixed], W_V[4], W_O[4], W_U))
#     row = ["chance: tokens shuffled", score, f"{10 / d_vocab:.1%}", d_vocab // 2]
#     rows.append(row)  # a token then has any rank of all
#     figure = table(
#         rows, ["head", "copying score", "own token among the first 10", "median rank"]
#     )
#     picture = scatter(clouds, "real part", "imaginary part", "eigenvalues of three OV circuits")
# figure

# %% tags=["active-ipynb"]
# with needs(ov_circuit, copying_score):
#     figure = picture
# figure

# %% [markdown]
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
# ## 6. Pulling against each other
#
# The heads of one layer read the same stream, and none of them can read what another writes there. Their outputs meet
# only in the sum. How can one make good what another spoils, then? By lowering what the other raises. To see it, split the
# logit of a token into what each part of the stream brought: *direct logit attribution*.
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
        Each component less its own mean over d_model, divided by the scale, dotted with the
        direction.
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
# **Predict first.** Below a function and an `if` are open, so 7 is right. Which head could know, and from which token?

# %% tags=["active-ipynb"]
# def parts(text):
#     """What each part wrote at the last position: direct path, heads, constant; and the cache."""
#     ids = model.to_tokens(text)
#     logits, cache = model.run_with_cache(ids)
#     z_axes = "head key, key head d_head, head d_head d_model -> head d_model"
#     wrote = einsum(cache["pattern", 0][0, :, -1], E_values(ids), W_O, z_axes)
#     return torch.cat([W_E[ids[0, -1:]], wrote, constant[None]])[:, None], ids, logits, cache
#
#
# def E_values(ids):
#     return einsum(E[ids[0]], W_V, "key d_model, head d_model d_head -> key head d_head")
#
#
# PARTS = ["direct path", *(f"head {h}" for h in range(n_heads)), "constant"]
#
#
# def attributed(text, outputs):
#     """The logits of some outputs, taken apart: [part, output]."""
#     components, _, _, cache = parts(text)
#     scale = cache["ln_final.hook_scale"][:, -1]
#     columns = [direct_logit_attribution(components, scale, W_U[:, token(o)]) for o in outputs]
#     return torch.cat(columns, 1)
#
#
# figure = None
# breaks = ["\n" + " " * spaces for spaces in (3, 7, 11, 15, 19)]
# opened = "def read(path):\n    if path is None:"
# with needs(direct_logit_attribution):
#     shares = attributed(opened, breaks)
#     sums = [
#         f"{int(o.count(' '))} spaces: {s:.1f}"
#         for o, s in zip(breaks, shares.sum(0), strict=True)
#     ]
#     print(f"{opened}\nlogits, all parts together: {', '.join(sums)}")
#     labels = [token_label(tokenizer, token(o)) for o in breaks]
#     figure = heatmap(shares, labels, PARTS, "line break", "part of the stream", what="logit")
# figure

# %% [markdown]
# The direct path and the constant raise all line breaks, for a colon ends a line; they cannot know which. Head 6 does
# the same once more, the deep ones most. And head 5 is orange in every column but one: it lowers the wrong depths, and
# leaves the right one.
#
# What do the two look at? And can you see head 5's rule in its weights? Here is where they look, who looks at a line
# break in head 5 by its QK circuit, and the part of its OV circuit that leads from line breaks to line breaks.

# %% tags=["active-ipynb"]
# figure = None
# with needs(ov_circuit, qk_circuit, top_skip_trigrams, direct_logit_attribution):
#     _, ids, logits, cache = parts(opened)
#     askers, _ = top_skip_trigrams(ov[5], qk[5], token(breaks[0]), 8)
#     print(
#         f"destinations of {token_label(tokenizer, token(breaks[0]))} in head 5:  {names(askers)}"
#     )
#     for head in (5, 6):
#         row = cache["pattern", 0][0, head, -1]
#         key = int(row.argmax())
#         print(
#             f"head {head} reads {token_label(tokenizer, ids[0, key])}, {row[key]:.0%} of its attention"
#         )
#     for head in (None, 5, 6):
#         changed = logits if head is None else zero_ablate_head(model, ids, 0, head)
#         best = changed[0, -1].softmax(-1).topk(2)
#         said = [f"{token_label(tokenizer, i)} {p:.0%}" for p, i in zip(*best, strict=True)]
#         print("all heads:     " if head is None else f"without head {head}:", ", ".join(said))
#     inside = torch.tensor([token(o) for o in breaks])
#     block = ov[5].A[inside] @ ov[5].B[:, inside]
#     figure = heatmap(
#         block, labels, labels, "output", "head 5 reads", what="entry of the OV circuit"
#     )
# figure

# %% [markdown]
# Head 6 reads ` if`: a block begins here. Head 5 reads the last line break: this is how deep we are. Without head 5 the
# model cannot tell one step from two. And the rule is in the weights. Those who look at a line break are the tokens
# that end in a colon. What they get stands in the picture: go along a row, and one cell is blue, just right of the
# diagonal; all others are orange. *One step deeper than this line*, it says, mostly by lowering every other depth. (In
# the last row, 19 spaces, the step deeper is outside the picture.)
#
# That was one prompt. If it is a rule, it holds wherever a line ends in a colon. Here are eighty such places from held-out
# text: how often is the right depth the highest of the five? **Predict first:** without head 5, and without any of the others?

# %% tags=["active-ipynb"]
# figure = None
# with needs(ov_circuit, qk_circuit, top_skip_trigrams, direct_logit_attribution):
#     colons = torch.tensor([tokenizer.decode([i]).endswith(":") for i in range(d_vocab)])
#     ends_line = (colons[heldout[40:-1]] & torch.isin(heldout[41:], inside)).nonzero()[:, 0]
#     some = ends_line[torch.randint(len(ends_line), (80,), generator=pick)]
#     places = heldout[some[:, None] + torch.arange(1, 42)].to(device)
#     lines, follows = places[:, :-1].clone(), places[:, -1]
#     lines[:, 0] = tokenizer.bos_token_id
#     rows = []
#     for head in (None, *range(n_heads)):
#         said = model(lines) if head is None else zero_ablate_head(model, lines, 0, head)
#         best = inside.to(device)[said[:, -1, inside].argmax(-1)]
#         right = (best == follows).float().mean()
#         rows.append(["all heads" if head is None else f"without head {head}", f"{right:.0%}"])
#     rows.append(["always the commonest", f"{follows.bincount().max() / len(follows):.0%}"])
#     figure = table(rows, ["who says", "right depth first"])
# figure

# %% [markdown]
# Without head 5 half of the depths are right; without any other head, nearly all. It is a rule, and it is head 5's. You have
# read an algorithm out of two tables.
#
# Now the bug of section 4. ` def` in head 7 has `self` among its destinations and a new line among its outputs, so that
# after `def pop(self` head 7 asks for a new line, inside an open bracket. **Predict first:** who pays?

# %% tags=["active-ipynb"]
# figure = None
# method = "class Stack:\n    def pop(self"
# with needs(direct_logit_attribution):
#     continuations = ["\n       ", ",", "):"]
#     shares = attributed(method, continuations)
#     _, ids, logits, cache = parts(method)
#     for head in (1, 7):
#         row = cache["pattern", 0][0, head, -1]
#         key = int(row.argmax())
#         print(
#             f"head {head} reads {token_label(tokenizer, ids[0, key])}, {row[key]:.0%} of its attention"
#         )
#     break_before = logits[0, -1].softmax(-1)[token(continuations[0])]
#     break_after = zero_ablate_head(model, ids, 0, 1)[0, -1].softmax(-1)[token(continuations[0])]
#     print(f"probability of the new line: {break_before:.1g}; without head 1: {break_after:.1g}")
#     others = [zero_ablate_head(model, ids, 0, h)[0, -1] for h in range(n_heads) if h != 1]
#     most = max(float(o.softmax(-1)[token(continuations[0])]) for o in others)
#     print(f"without any other head at most {most:.1g}")
#     labels = [token_label(tokenizer, token(o)) for o in continuations]
#     figure = heatmap(shares, labels, PARTS, "output", "part of the stream", what="logit")
# figure

# %% [markdown]
# Head 7 reads ` def` and raises the new line as much as it raises the comma and the bracket, which are right. Head 1
# reads the open bracket and lowers it by most of that: in its row for `(`, in section 2, line breaks stood after
# "lowers". One head makes the bug, another outvotes it, and neither can see the other: they stand in one layer. They were
# only trained together.
# Do not make too much of it, though: without head 1 the new line is more than a hundred times as probable, and still
# improbable. What the direct path raises, comma and bracket, lies far above it.
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
# **Predict first:** how much of it will the most thorough deleter take back?

# %% tags=["active-ipynb"]
# begins = torch.arange(24) * (len(heldout) // 25)
# longer = heldout[begins[:, None] + torch.arange(128)].to(device)
# longer[:, 0] = tokenizer.bos_token_id
# rows = []
# for name, writing in (("attn-2l-py", 0), ("attn-4l-py", 2)):
#     deep = load_model(name, device=device)
#     square = torch.randn(2 * [deep.cfg.d_model], generator=torch.Generator().manual_seed(0))
#     turn = torch.linalg.qr(square)[0].to(device)
#     chosen = int(taken_back(deep, longer[::2], writing, writing + 1).argmin())
#     early, late = divmod(chosen, deep.cfg.n_heads)
#     found = taken_back(deep, longer[1::2], writing, writing + 1)
#     control = taken_back(deep, longer[1::2], writing, writing + 1, turn)
#     pair = f"{writing}.{early} → {writing + 1}.{late}"
#     change = f"{found[early, late]:+.3f}"
#     rows.append([name, pair, change, f"{control.min():+.3f} to {control.max():+.3f}"])
# table(rows, ["model", "pair", "change along what was written", "64 pairs, turned"])

# %% [markdown]
# In attn-4l-py there is one: 3.0 takes back an eighth of what 2.1 wrote, more than five times what any turned pair loses.
# In attn-2l-py the best takes back less than a twentieth, about twice the control. So our models do delete, in one pair
# clearly, and only in part: most of what such a head writes is still there behind the next layer. (These are the last two
# layers of attn-4l-py. In the others we found nothing that stands out; put other numbers for `writing` and `writing + 1`
# to see.)
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
        pattern[head, query, key] times the Euclidean norm of v[key, head] @ W_O[head]. No bias;
        rows are not brought back to 1. A key that writes nothing gets 0.
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
# from each token of the vocabulary, 0 for the least. **Predict first:** where will `<|bos|>` stand?

# %% tags=["active-ipynb"]
# figure = None
# with needs(value_weighted_pattern):
#     written = einsum(E, W_V, W_O, "token m, head m d, head d n -> head token n").norm(dim=-1)
#     bos = tokenizer.bos_token_id
#     values = einsum(E[stretches], W_V, "batch key m, head m d -> batch key head d")
#     triples = zip(seen["pattern", 0], values, strict=True)
#     weighted = torch.stack([value_weighted_pattern(p, v, W_O) for p, v in triples])
#     plain, late = seen["pattern", 0][:, :, 8:], weighted[:, :, 8:]
#     rows = []
#     for h in range(n_heads):
#         looked, carried = plain[:, h, :, 0].mean(), late[:, h, :, 0].sum() / late[:, h].sum()
#         rank = int((written[h] < written[h, bos]).sum())
#         rows.append([f"head {h}", f"{looked:.0%}", f"{carried:.0%}", rank])
#     columns = ["head", "attention to <|bos|>", "share of what is written", "rank from below"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# Of all two thousand tokens, `<|bos|>` is the one from which every head but one writes least, and there only one token
# writes less. It is a *resting place*: a softmax has to look somewhere, and training has made a place where looking
# does no harm. Xiao et al. (2023) found the same habit in large models, and named it *attention sink*. Here is the
# picture of chapter 00 once more, the same program and the same heads, with every cell weighted. **Look for** the first
# column: where it was dark, it is faint. (One scale for all heads: head 4 writes most.)

# %% tags=["active-ipynb"]
# view = None
# with needs(value_weighted_pattern):
#     _, again = model.run_with_cache(text)
#     labels = [f"{i}:{tokenizer.decode([t])}" for i, t in enumerate(text[0])]
#     weighted = value_weighted_pattern(again["pattern", 0][0], E_values(text), W_O)
#     view = attention_heads(weighted, labels, what="attention times length of what is written")
# view

# %% [markdown]
# That was an easy case, for nobody would take `<|bos|>` for a reason. Now a hard one. After `if not self` in a method
# the model expects a dot. Head 7 looks back at the `self` in the list of parameters, with nearly all of its attention.
# It is a lovely explanation: *this is the object, so an attribute comes*. **Predict first:** without head 7, what
# happens to the dot?

# %% tags=["active-ipynb"]
# figure = None
# caller = "def keyrelease_event(self, event):\n        if not self"
# with needs(value_weighted_pattern, direct_logit_attribution):
#     _, ids, logits, cache = parts(caller)
#     pattern = cache["pattern", 0][0]
#     weighted = value_weighted_pattern(pattern, E_values(ids), W_O)
#     best = logits[0, -1].softmax(-1)
#     dot = token(".")
#     shares, next_best = attributed(caller, [".", "._"]).T
#     print(f"the dot has {best[dot]:.0%}, `._` {best[token('._')]:.0%}; the dot's logit is")
#     print(
#         f"direct path {shares[0]:.1f}, constant {shares[-1]:.1f}, all heads {shares[1:-1].sum():.1f}"
#     )
#     part = weighted[7, -1].sum() / weighted[:, -1].sum()
#     print(f"of all that is written here, by length, head 7 writes {part:.0%}")
#     rows = []
#     for h in range(n_heads):
#         key = int(pattern[h, -1].argmax())
#         after = zero_ablate_head(model, ids, 0, h)[0, -1].softmax(-1)
#         moved = f"{(best - after).abs().sum() / 2:.1%}"
#         read = f"{key} {token_label(tokenizer, ids[0, key])}"
#         sizes = weighted[h, -1, key].item(), weighted[h, -1].sum().item()
#         looked = f"{pattern[h, -1, key]:.0%}"
#         brought = f"{shares[1 + h]:+.1f}", f"{next_best[1 + h]:+.1f}"
#         rows.append([f"head {h}", read, looked, *sizes, *brought, moved, f"{after[dot]:.0%}"])
#     columns = [
#         "head",
#         "reads most",
#         "attention",
#         "weighted",
#         "whole row",
#         "logit of .",
#         "logit of ._",
#         "moves",
#         "dot left",
#     ]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# Head 7's attention is by far the sharpest of the eight. Weighted, the picture turns round: its whole row is among the
# smaller ones, less than an eighth of what the heads write, and most of the others write more, from attention that is
# spread over many tokens or rests on `<|bos|>`. Attribution seems to contradict: the dot owes head 7 more than it owes
# any head but one. But `._`, the runner-up, owes it nearly as much, and a softmax reads differences. The ablation
# settles it: without head 7 hardly any probability moves, and heads 4 and 6, which look at nothing in particular, move
# several times as much. Where does the dot come from? From no single head: the direct path of the last `self`, the
# constant, which favours frequent tokens anywhere, and all heads together each bring a good part. Head 7 looked, and told
# the model what it knew already: *an attribute, of some kind.*
#
# So there are three pictures of one thing, from weak to strong: the pattern says what is *read*; the value-weighted
# pattern how much is *written*; an attribution or an ablation what that *does* to this answer. Do not stop at the
# second: head 7's one entry is still the largest single entry in the column "weighted". How long a vector is does not
# say whether anybody listens in its direction. Nor at one logit: attribute to the *difference* of two answers, or ablate.
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
# ## 8. And in a large model?
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
# - **One layer.** Here queries, keys and values are made from single tokens. From the second layer on they are made
#   from what heads have written, and tables of tokens no longer tell the whole story. Chapter 03 begins
#   there, with induction heads.
#
# ## Sources
#
# - Elhage et al., [A Mathematical Framework for Transformer
#   Circuits](https://transformer-circuits.pub/2021/framework/index.html), 2021, section "One-Layer Attention-Only
#   Transformers": path expansion, QK and OV circuits, skip-trigrams and their bugs, eigenvalues and copying, and what
#   they do not prove. (Vectors are columns there, and positions are not rotary.)
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
