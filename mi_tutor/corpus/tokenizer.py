"""The tokenizer of every bundled model: byte-level BPE with 2,048 ids, trained on the corpus's training split."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mi_tutor.assets import ASSETS
from mi_tutor.corpus.source import SourceFile, corpus_files, corpus_manifest

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

D_VOCAB = 2048
BOS_TOKEN = "<|bos|>"
BOS_ID = 0
FOLDER = ASSETS / "tokenizer"

# How text is cut before merging; no token reaches over a cut. GPT-2's pattern with two changes for code:
# - no contractions ("'s", "'t", ...): in code a quote opens a string, and 'self' would be cut as 's | elf';
# - digits stand alone, so that no part of a small vocabulary goes to arbitrary numbers and a number's length shows.
_CUTS = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def load_tokenizer() -> "PreTrainedTokenizerBase":
    """The bundled tokenizer, as `transformers` opens it: offline, silently.

    Like GPT-2's it adds nothing of its own: `load_tokenizer().encode("import os")` holds no BOS (id 0), while a
    model's `to_tokens("import os")` puts one in front. "<|bos|>" written out in a text is read as that token.
    """
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(FOLDER), local_files_only=True)


def encode_plain(text: str) -> list[int]:
    """The ids of a text in which nothing is special: "<|bos|>" written out is seven characters."""
    return _plain().encode(text).ids


@lru_cache(maxsize=1)
def tokenizer_hash() -> str:
    """A hash (64 hexadecimal digits) of the tokenizer's definition."""
    return hashlib.sha256((FOLDER / "tokenizer.json").read_bytes()).hexdigest()


def train_tokenizer(files: tuple[SourceFile, ...]) -> "Tokenizer":
    """Byte-level BPE (Sennrich et al., 2016; bytes as in GPT-2) with `D_VOCAB` ids, the same for the same files."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CUTS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=D_VOCAB,
        special_tokens=[BOS_TOKEN],  # the first id
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),  # all 256 bytes: every text can be encoded
        show_progress=False,
    )
    tokenizer.train_from_iterator((file.text for file in files), trainer)
    return tokenizer


def write_tokenizer(folder: Path = FOLDER) -> None:
    """Train on the training split and write what `AutoTokenizer.from_pretrained(folder)` and `card.json` need."""
    folder.mkdir(parents=True, exist_ok=True)
    train_tokenizer(corpus_files("train")).save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS_TOKEN,
        # As in GPT-2, one token serves for all three. Without them TransformerLens would add a token of its own,
        # with an id that the embedding does not have.
        "eos_token": BOS_TOKEN,
        "pad_token": BOS_TOKEN,
        "padding_side": "right",
        "clean_up_tokenization_spaces": False,  # decoding gives back the text, spaces before commas included
        "model_max_length": 1_000_000_000,  # the length is the model's affair
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / "card.json").write_text(json.dumps({"corpus": corpus_manifest()}, indent=2) + "\n", encoding="utf-8")


@lru_cache(maxsize=1)
def _plain() -> "Tokenizer":
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    return tokenizer
