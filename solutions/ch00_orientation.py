# %% [markdown]
# # 00 Orientation: open a model and look
#
# Below, a small transformer finishes a line of Python nine times: once with all of its eight attention heads, and
# once without each of them. Run the cells as you come to them. In this chapter you will learn to do what they do, with any
# transformer:
# - turn its output into predictions, and say how surprised it is by a text;
# - take its residual stream apart into what each head wrote, and see where each head looks;
# - switch a head off and measure what breaks.
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
#     progress,
#     show_solution,
# )
# from mi_tutor.models import continue_text
# from mi_tutor.views import (
#     attention_heads,
#     colored_tokens,
#     heatmap,
#     table,
#     token_label,
#     top_predictions,
# )
#
# device = choose_device()
# print(f"This chapter runs on {device_name(device)}.")
# model = load_model("attn-1l-py", device=device)
# tokenizer = model.tokenizer
# beginning = "def get(self):\n    return self.items['name"
# print(beginning)

# %% [markdown]
# **Predict first.** The string is open. All eight heads are trained together, on all of Python at once, and nobody told
# them who does what. If you take one away, will the model become a little worse at closing the string, whichever you
# take? Write your guess down.

# %% tags=["active-ipynb"]
# print(f"{'all heads':>14}: {continue_text(model, beginning, 8)!r}")
# for head in range(model.cfg.n_heads):
#     print(f"without head {head}: {continue_text(model, beginning, 8, silent_head=(0, head))!r}")

# %% [markdown]
# One line is not like the others. Seven of the heads can go and the string is closed all the same; without one of them
# the model writes on as if there had never been a quotation mark. Nobody put that there. Training did, and you have
# found it by *breaking* something, which is one of the oldest methods of biology.
#
# You cannot know yet what that head does. It may close strings. It may do something broader of which this is a part. It
# may merely tip a balance that the seven others have set. To tell these apart you need tools, and there are
# four, all in a few lines of code: *predictions*, *the residual stream*, *caches* and *hooks*.
#
# **How a chapter works.** You read, you predict, you write a function, you ask `check` about it. The card it shows
# says which mistake was made and on which input. `hint("top_k_predictions")` gives one hint at a time, and
# `show_solution("top_k_predictions")` shows ours. A demonstration that stands on a function you have not written yet says
# so, and waits. `progress()` shows what you have done and what is next, also after you have closed everything.
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
# For each token the model gives back one row of numbers, the *logits*: one for each token of the vocabulary, as a score
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

# %% tags=["active-ipynb"]
# figure = None
# with needs(top_k_predictions):
#     ids, probabilities = top_k_predictions(logits[0, -1], 8)
#     figure = top_predictions([token_label(tokenizer, i) for i in ids.tolist()], probabilities)
# figure

# %% [markdown]
# The longest bar is the token that closes both the string and the bracket: quotation mark and bracket are one token,
# because the two stand together so often. The short bars are not foolish either. Some end the string in another way, some
# make a longer name of it.
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
# **Predict first.** Here is a longer text. Which of its tokens will surprise the model least, and which most? Mark
# three of each, then run the cell. The stronger its colour, the more probable the model had found a token.

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
# view = None
# with needs(next_token_log_probs):
#     with torch.no_grad():
#         marks = next_token_log_probs(model(text), text)[0]
#     view = colored_tokens(labels[1:], marks.exp(), what="probability")
#     print(f"mean log-probability {marks.mean():.2f}: a loss of {-marks.mean():.2f} nats")
#     hardest = marks.sort().values[: len(marks) // 4].sum() / marks.sum()
#     print(f"the hardest quarter of the tokens makes up {hardest:.0%} of it")
# view

# %% [markdown]
# What grammar and habit dictate comes out strong: the indentation after a colon, the rest of `json` once its first
# letter stands there, ` as`, the closing `']`. Names, and words that begin something, are pale: anything could have stood
# there. The *loss* is the mean of minus these log-probabilities, and the thing to remember is how uneven it is: a few
# places, where many things could have come, make up much of it.
#
# ## 2. What is inside: a sum
#
# Each token enters as a vector, its row of the *embedding*. This vector is the *residual stream* of its position. A layer
# reads the stream, computes something, and *adds* the result to it. Nothing is ever overwritten. At the end the stream is
# normalised and the *unembedding* turns it into logits. (Most transformers have an *MLP* in each layer beside the
# attention: a small network that reads one position at a time and adds to the stream as well. Ours has none.)
#
# Our model has one layer, and in it eight attention heads. Each head h makes at every position a small vector `z`, of
# d_head numbers: a weighted mean of what it read at the positions it looked at. The matrix `W_O[h]` turns that into a
# vector as long as the stream, and it is added. So you can ask what each head wrote, one by one.
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
# for name in (
#     "hook_embed",
#     "blocks.0.attn.hook_pattern",
#     "blocks.0.attn.hook_z",
#     "blocks.0.hook_attn_out",
#     "blocks.0.hook_resid_post",
# ):
#     print(f"{name:28} {list(cache[name].shape)}")
# print(f"… and {len(cache) - 5} more")

# %% [markdown]
# `blocks.0.attn.hook_z` is what the exercise calls `z`. Now the claim above can be tested: does the stream after the
# layer really equal the embedding, plus what the eight heads wrote, plus a bias, and nothing else?

# %% tags=["active-ipynb"]
# with needs(head_outputs), torch.no_grad():
#     wrote = head_outputs(cache["blocks.0.attn.hook_z"], model.W_O[0])
#     total = cache["hook_embed"] + wrote.sum(2) + model.b_O[0]
#     left = (cache["blocks.0.hook_resid_post"] - total).abs().max()
#     print(f"largest entry of the stream: {total.abs().max():.2f}; unexplained: {left:.1g}")

# %% [markdown]
# What is left is rounding. This is why the field can speak of *what a head does*: the model is, by construction, a sum of
# parts that one can look at one at a time. (The final norm and the softmax are not sums. Later chapters meet the trouble
# that they make.)
#
# ## 3. Where does a head look?
#
# Each head decides for every position how much to read from each earlier one and from itself. These weights are its *attention
# pattern*: a row for each position that reads, called the *query*, a column for each position that is read, the *key*.
# A row sums to 1, and nothing to the right of the diagonal is ever read, since that is the future. Pictures of it often
# say *destination* for the query, where the information arrives, and *source* for the key.
#
# How does a head know which token came first? Before they are compared, queries and keys are turned through an angle
# that grows with the position (*rotary positions*, Su et al. 2021), so that how far apart two tokens stand counts as well
# as what they are. Nothing about positions was added to the stream, which is why the sum above needed no such term.
#
# ### Exercise: `head_pattern`
# *Difficulty 1 of 5, about 5 minutes.* It is in the cache. (Take the pattern: in TransformerLens's native models, which
# ours are, `cache["attn_scores", 0]` equals it, though the name promises the scores before the softmax.)


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
# Here are all eight at once, on the program above. Hover over a head to enlarge it and over a cell to see which token reads
# which; each label begins with the token's place. These few lines, load a model, run it with a cache, draw its heads, open
# almost every investigation; with a network they work on `load_model("gpt2")` as they stand.
#
# **Look for** what nearly all heads share in the first column. Then click on the head whose loss showed in the opening,
# and read its rows: where does it look from `38:name`? From `12:path`? From `28:on`, the end of the second `json`?

# %% tags=["active-ipynb"]
# places = [f"{place}:{label}" for place, label in enumerate(labels)]
# attention_heads(cache["pattern", 0][0], places)

# %% [markdown]
# The first column is `0:<|bos|>`. Attention has to sum to 1, so a head that finds nothing to read must look somewhere.
# Large language models learn the same habit: in most of their layers much of the attention goes to the first token,
# whatever it is, and Xiao et al. (2023) call it an *attention sink*. The head from the opening looks there, too, now and
# then. But in its row `38:name` nearly all of the weight lies in column `37:['`, and in many other rows one cell holds
# more than half.
#
# Put numbers on it. First, at the position where the closing token is due: which three tokens does each head read most?
# Then, along the program: what does our head read whenever it reads one thing above all?

# %% tags=["active-ipynb"]
# with needs(head_pattern), torch.no_grad():
#     for head in range(model.cfg.n_heads):
#         row = head_pattern(model, tokens, 0, head)[0, -1]
#         read = ", ".join(
#             f"{token_label(tokenizer, int(tokens[0, key]))} {row[key]:.0%}"
#             for key in row.topk(3).indices
#         )
#         print(f"head {head} reads {read}")
#     ours = 1  # the head whose loss showed
#     print(f"\nhead {ours} along the program:")
#     for query, row in enumerate(head_pattern(model, text, 0, ours)[0]):
#         key = int(row.argmax())
#         if row[key] > 0.5 and key not in (0, query):
#             read = f"{key} {labels[key]!r}, {query - key} before, {row[key]:.0%}"
#             print(f"  {query} {labels[query]!r} reads {read}")

# %% [markdown]
# `['` from `name`, `(` from `path` and from `file`; but also ` =` from what is assigned, `def` from the name that is
# defined, and the end of the last line from the first word of a new one. "It closes strings" was too small a guess. It
# looks as if this head asked, *where did the thing that I am inside begin?* And closing a string is one use of the answer.
#
# That is a fine hypothesis. It is also a trap. A pattern says what a head *reads*, not what it does with it, nor whether
# anything downstream cares. A head may look hard at one token and change next to nothing by it: you will find such a case
# in a moment. For an effect you have to intervene.
#
# ## 4. What if it had not?
#
# A *hook* is a function that the model calls in the middle of a run, with the value that has just been computed. It may
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
# fall when the head is gone? **Predict first:** will a head's row be filled evenly, or by a few tokens?

# %% tags=["active-ipynb"]
# figure = None
# with needs(next_token_log_probs, zero_ablate_head), torch.no_grad():
#     intact = next_token_log_probs(model(text), text)[0]
#     falls = torch.stack(
#         [
#             intact - next_token_log_probs(zero_ablate_head(model, text, 0, head), text)[0]
#             for head in range(model.cfg.n_heads)
#         ]
#     )
#     small, large = (falls.abs() < 0.5).float().mean(), (falls.abs() > 2).float().mean()
#     print(f"{small:.0%} of the cells are below half a nat, {large:.0%} above two")
#     figure = heatmap(
#         falls,
#         x_labels=[
#             f"{i} {token_label(tokenizer, int(t))}" for i, t in enumerate(text[0, 1:], 1)
#         ],
#         y_labels=[f"head {head}" for head in range(model.cfg.n_heads)],
#         x_title="token that is predicted",
#         y_title="head that is silent",
#         what="fall in log-probability, nats",
#     )
# figure

# %% [markdown]
# Most of the table is pale. A head matters a great deal for a few tokens and little for the rest. In the row `head 1`, our
# head, the strongest cell stands in column `39 "']"`, the closing token. What have the row's strong cells in common? Some
# cells have the other sign: there the model does *better* without the head. Nothing in training asked for a head to be
# useful on every token, only on average.
#
# Now back to the trap. Here are all places in the program where some head puts more than 80% of its weight on one token
# (other than `<|bos|>` and the token it stands on). Silence that head: how much of the probability of the next token
# moves to other tokens? **Predict first:** will the heads that look hardest move most?

# %% tags=["active-ipynb"]
# with needs(head_pattern, zero_ablate_head), torch.no_grad():
#     before, cases = model(text)[0].softmax(-1), []
#     for head in range(model.cfg.n_heads):
#         after = zero_ablate_head(model, text, 0, head)[0].softmax(-1)
#         moved = (before - after).abs().sum(-1) / 2
#         for query, row in enumerate(head_pattern(model, text, 0, head)[0]):
#             key = int(row.argmax())
#             if row[key] > 0.8 and key not in (0, query):
#                 cases.append((float(moved[query]), float(row[key]), head, query, key))
#     for share, weight, head, query, key in sorted(cases):
#         read = f"{query} {labels[query]!r} reads {key} {labels[key]!r}, {weight:.0%}"
#         print(f"{share:4.0%} moves without head {head}, where {read}")

# %% [markdown]
# The list is sorted by effect, the smallest first. In its first line a head gives most of its attention to one token, and
# the prediction hardly notices when it is gone; in its last line a pattern about as sharp decides nearly everything. Our
# own head stands near both ends. The picture of the patterns could not have told you which is which.
#
# And one text is an anecdote. Take a hundred stretches of *held-out* text, from files that were kept out of training, so
# that the model cannot know them by heart. For which tokens does each head matter most? Every row below is one of them:
# its probability with the head and without it, whether the same token stood earlier in the stretch, a dozen tokens of
# context, and the token itself between bars. (`↵` is a line break; spaces are left as they are.) Below stand shares: which
# kinds of token make up a head's hundred largest falls, and which make up the text as a whole.
#
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
#     kinds = {
#         "line break": lambda row, p: came[row][p].startswith("\n"),
#         "quote or closing bracket": lambda row, p: came[row][p][0] in "\"')]}",
#         "begins with a letter": lambda row, p: came[row][p].lstrip(" ")[:1].isalpha(),
#         "stood earlier": lambda row, p: came[row][p] in came[row][1:p],
#     }
#
#     def shares(places):
#         found = [sum(is_one(*place) for place in places) for is_one in kinds.values()]
#         return [f"{number / len(places):.0%}" for number in found]
#
#     intact = next_token_log_probs(model(stretches), stretches)
#     print("with → without  earlier?  context │token│")
#     everywhere = [(row, p) for row in range(100) for p in range(1, 64)]
#     counted = [["all text", *shares(everywhere)]]
#     for head in range(model.cfg.n_heads):
#         silent = next_token_log_probs(zero_ablate_head(model, stretches, 0, head), stretches)
#         fall = intact - silent
#         worst = [divmod(int(i), 63) for i in fall.flatten().topk(100).indices]
#         counted.append([f"head {head}", *shares([(row, p + 1) for row, p in worst])])
#         print(f"head {head}, mean fall {fall.mean():+.2f} nats")
#         for row, p in worst[:5]:
#             numbers = f"{intact[row, p].exp():.2f} → {silent[row, p].exp():.4f}"
#             earlier = "yes" if kinds["stood earlier"](row, p + 1) else "no"
#             context = "".join(came[row][max(1, p - 11) : p + 1])[-48:]
#             shown = f"{context:>48}│{came[row][p + 1]}│".replace("\n", "↵")
#             print(f"  {numbers}  {earlier:3}  {shown}")
#     figure = table(counted, ["hundred largest falls", *kinds])
# figure

# %% [markdown]
# <details><summary>Which head is which? Open this when you have decided.</summary>
#
# - Head 1 closes: a quotation mark in four of its five rows, the underscores of a name in the other. It is also first by far
#   in the column that counts quotes and brackets.
# - Head 4 repeats. Most of its hundred stood earlier in the stretch, more than for any other head; ` option` and `mt` of
#   `fmt` are names that come again.
# - Heads 2, 3, 5 and 7 have pieces of words among their rows (`kn│ow`, `_mutu│ally`, `langu│age`, `os.sym│link`). But the
#   line "all text" warns you: most tokens begin with a letter anyway. Head 3's shares are much like those of the text; its
#   five rows do not add up to a job, and nothing says that every head must have one.
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
# met a stream without this head, so some of the damage may come from the oddity. Better controls, such as the head's mean,
# or its output on another text, are the subject of a later chapter.

# %% [markdown]
# ### Starred: `mean_ablation_costs`
# *Difficulty 3 of 5, about 25 minutes.*


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
# ## 5. The map
#
# What you did is *mechanistic interpretability*: to explain a trained network's behaviour by the parts and steps that
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
# Chapter 01 takes away the layer that you have just looked into, and reads what is left completely. Chapter 02
# puts it back, and reads what its heads do out of their weights, without running the model at all.
#
# ## What is simplified here
# - One model, one layer, no MLPs, eight heads, small enough for single heads to stand for single jobs. In large models a job is
#   often spread over many parts, and when one is cut others may take over (McGrath et al. 2023).
# - Zero ablation, for the reason above.
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
