"""One notebook that shows everything a learner can be shown, once: every public view, and what checks and progress say.

It runs in a kernel of its own and is never kept. Its numbers come from the bundled models.
"""

import os
from pathlib import Path
from typing import Any

import nbformat

SETUP = """
import os
import torch
from types import SimpleNamespace
from mi_tutor import check, corpus_tokens, hint, load_model, needs, progress, show_solution
from mi_tutor.models import load_sae
from mi_tutor.corpus.bigrams import training_bigram_counts
from mi_tutor.figures.dashboard import feature_dashboards
from mi_tutor.corpus.labels import LABELS, corpus_labels
from mi_tutor.figures.sae_figures import mlp_activations
from mi_tutor.views import *

model = load_model("attn-2l-py", device="cpu")
tokenizer = model.tokenizer
heldout = corpus_tokens("heldout")
tokens = heldout[200:220].clone()
tokens[0] = tokenizer.bos_token_id
words = [tokenizer.decode([i]) for i in tokens.tolist()]
with torch.no_grad():
    logits, cache = model.run_with_cache(tokens[None])
    losses = torch.nn.functional.cross_entropy(logits[0, :-1].double(), tokens[1:], reduction="none")
    probabilities = logits[0, -1].softmax(-1)
pattern = cache["pattern", 1][0]

relu, sae = load_model("relu-1l-py", device="cpu"), load_sae("sae-relu-1l-py", seed=0, device="cpu")
places = torch.linspace(0, len(heldout) - 128, 24).long()[:, None] + torch.arange(128)
windows, labels = heldout[places], corpus_labels("heldout").labels[places]
windows[:, 0], labels[:, 0] = tokenizer.bos_token_id, False
x = mlp_activations(relu, "blocks.0.mlp.hook_post", windows)
W_out = relu.W_out[0] - relu.W_out[0].mean(-1, keepdim=True)
dashboards = feature_dashboards(sae, x.view(*windows.shape, -1), windows, W_out @ relu.W_U, labels, LABELS)

counts = training_bigram_counts("zero-layer-py")
counted = (counts.double() + 0.1).log()
counted = counted - counted.logsumexp(-1, keepdim=True)
zero = load_model("zero-layer-py", device="cpu")
trained = (zero.W_E @ zero.W_U).log_softmax(-1).double()
W = torch.stack([torch.tensor([0, 72, 144, 216, 288.0]).deg2rad().cos(), torch.tensor([0, 72, 144, 216, 288.0]).deg2rad().sin()])
W = W * torch.tensor([1.1, 1.0, 0.9, 0.8, 0.05])
ids = torch.tensor([tokenizer.encode(word, add_special_tokens=False)[0] for word in ("self", ".", "(", ")", " not", "import")])
"""

SHOWN: dict[str, str] = {
    "attention_heads": "attention_heads(pattern, words, names=[f'1.{i}' for i in range(len(pattern))])",
    "attention_heads with a switch": (
        "attention_heads(pattern, words, also={'attention times length': pattern * cache['v', 1][0].norm(dim=-1).T[:, None]})"
    ),
    "attention_heads of both signs": "attention_heads(pattern[:2] - pattern[2:4], words, what='difference')",
    "colored_tokens": "colored_tokens(words[1:], losses - losses.mean(), what='loss above the mean, nats')",
    "token_activations": (
        "token_activations(words, torch.stack([cache['resid_post', i][0, :, :3] for i in range(2)], 1),"
        " axes=('layer', 'dimension'))"
    ),
    "compare_scatter": "compare_scatter(counted, trained, counts, tokenizer, points=600)",
    "compare_tables": "compare_tables({'counted': counted, 'trained': trained}, ids, tokenizer)",
    "explore_successors": (
        "explore_successors({'counted': counted, 'trained': trained}, tokenizer, examples=('self', 'import'))"
    ),
    "curves": (
        "curves({f'line {i}': (list(range(1, 9)), [i + 1 + (4 + i) / step for step in range(1, 9)]) for i in range(6)},"
        " 'step', 'loss, nats', title='Six curves', log_x=True)"
    ),
    "curves over names": (
        "curves({'trained': (['12', '0.01', '1e-3'], [0.2, 0.5, 0.9])}, 'price', 'share', chance=(0.25, 'one in four'))"
    ),
    "scatter": (
        "scatter({f'head {i}': (pattern[i, 5:, 0].tolist(), pattern[i, 5:, 3].tolist()) for i in range(6)},"
        " 'to the first token', 'to the fourth', title='Six clouds')"
    ),
    "heatmap of one sign": (
        "heatmap(pattern[0], [str(i) for i in range(len(words))], words, 'key', 'query', 'One head', 'attention')"
    ),
    "heatmap of both signs": (
        "heatmap(model.W_E[ids, :10].detach(), None, [tokenizer.decode([i]) for i in ids], 'dimension', 'token',"
        " 'Embeddings', 'entry')"
    ),
    "heatmap of names like numbers": (
        "heatmap([[0.1, 0.2, 0.9], [0.5, 0.4, 0.3]], ['12', '0.01', '1e-3'], ['1', '100'], 'price', 'size', 'Names')"
    ),
    "heatmap of forty names": (
        "heatmap(model.W_E[:4, :40].detach(), [f'{i}: a token' for i in range(40)], None, 'token', 'row', 'Forty names')"
    ),
    "heatmap of more names than fit": (
        "heatmap(model.W_E[:30, :110].detach(), [f'{i}: a token' for i in range(110)], None, 'token', 'row', 'Many names')"
    ),
    "table of everything": (
        "table([['head 6, \\' if\\'', 0.1234, '45% ± 3%', 3], ['a sentence that is long enough to need a second line', 12.3, '5%',"
        " 12]], ['what is asked of whom, in some words', 'nats', 'share of the whole thing, per cent', 'in_call_arguments'])"
    ),
    "table": (
        "table([[readable(word), token_label(tokenizer, i), loss] for word, i, loss in"
        " zip(words[1:7], tokens[1:7], losses[:6])], ['token', 'as a literal', 'loss, nats'], 'Tokens and their loss')"
    ),
    "top_predictions": (
        "top = probabilities.topk(8)\n"
        "top_predictions([tokenizer.decode([i]) for i in top.indices], top.values, 'What comes next', chance=0.1)"
    ),
    "histogram": "histogram(losses, 12, 'loss, nats', {'mean': float(losses.mean()), 'median': float(losses.median())})",
    "directions": "directions({'five': W, 'three': W[:, :3]})",
    "geometry": "geometry(W)",
    "phase_diagrams": (
        "phase_diagrams({'theory': torch.arange(24).reshape(4, 6) % 6, 'trained': torch.arange(24).reshape(4, 6) // 4},"
        " [f'state {i}' for i in range(6)], [f'{i}' for i in range(6)], [f'{i}' for i in range(4)], 'sparsity', 'importance')"
    ),
    "feature_contexts": "feature_contexts(dashboards[1342], tokenizer)",
    "feature_dashboard": "feature_dashboard(dashboards[1342], tokenizer)",
    "explore_features": "explore_features(dashboards, tokenizer, feature=1342, examples=[913])",
    "explore": (
        "import ipywidgets\n"
        "explore(lambda head: heatmap(pattern[head], x_title='key', y_title='query', what='attention'),"
        " head=ipywidgets.IntSlider(0, 0, len(pattern) - 1, description='head'))"
    ),
    "slider": (
        "slider('head', range(4), lambda head: together(heatmap(pattern[head], title=f'head {head}', what='attention'),"
        " curves({'mass': (list(range(20)), pattern[head].sum(0).tolist())}, 'key', 'attention received')))"
    ),
    "together": (
        "together(heatmap(pattern[0], title='a head'), table([['a', 1.0]], ['word', 'number']), tree([('root', [])]),"
        " widths=(420, 200, 160))"
    ),
    "tree": "tree([('model', [('layer 0', [('head 0.0', [])]), ('layer 1', [])]), (' not', [])], 'A tree')",
    "check, not attempted": "def count_bigrams(tokens, d_vocab):\n    raise NotImplementedError\ncheck(count_bigrams)",
    "check, wrong": (
        "def count_bigrams(tokens, d_vocab):\n"
        "    print('counting')\n"
        "    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.int64)\n"
        "    counts[tokens[:-1], tokens[1:]] += 1\n"
        "    return counts\n"
        "check(count_bigrams)"
    ),
    "check, raises": "def count_bigrams(tokens, d_vocab):\n    return tokens['no such place']\ncheck(count_bigrams)",
    "check, right": (
        "def count_bigrams(tokens, d_vocab):\n"
        "    pairs = tokens[:-1] * d_vocab + tokens[1:]\n"
        "    return torch.bincount(pairs, minlength=d_vocab**2).reshape(d_vocab, d_vocab)\n"
        "check(count_bigrams)"
    ),
    "hint": "hint('count_bigrams')",
    "show_solution": "show_solution('count_bigrams')",
    "progress": "progress()",
    "needs": (
        "def bigram_log_probs(counts):\n    raise NotImplementedError\n"
        "with needs(bigram_log_probs):\n    bigram_log_probs(counts)"
    ),
}
"""By name: the source of the cell whose output shows it."""


def gallery(folder: Path) -> Any:
    """The gallery, run in `folder`; a cell for each entry of `SHOWN`, named in its metadata."""
    from nbclient import NotebookClient

    cells = [nbformat.v4.new_code_cell(SETUP, id="setup")]
    for i, (name, source) in enumerate(SHOWN.items()):
        cells.append(nbformat.v4.new_code_cell(source, id=f"shown-{i}", metadata={"shown": name}))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    alone = os.environ | {"MI_TUTOR_PROGRESS": str(folder / "progress.jsonl")}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.store_widget_state = False
    client.execute(env=alone)
    return notebook
