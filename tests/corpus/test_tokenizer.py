"""The tokenizer: loses nothing, is what its recipe makes, and is the one TransformerLens sees."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_tutor.corpus import source as corpus
from mi_tutor.corpus.tokenizer import (
    BOS_ID,
    BOS_TOKEN,
    D_VOCAB,
    FOLDER,
    encode_plain,
    load_tokenizer,
    tokenizer_hash,
    train_tokenizer,
)

TOKENIZER = load_tokenizer()


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text
    assert TOKENIZER.decode(encode_plain(text)) == text


@settings(deadline=None)
@given(st.binary())
def test_every_byte_string_comes_back_through_latin_1(data: bytes) -> None:
    assert TOKENIZER.decode(encode_plain(data.decode("latin-1"))).encode("latin-1") == data


@pytest.mark.parametrize("text", ["", " ", "  a , b .", "\t\n\r\n", "x  ", "'self' don't", "\x00", f"a{BOS_TOKEN}b"])
def test_spaces_quotes_and_written_out_specials_come_back(text: str) -> None:
    assert TOKENIZER.decode(encode_plain(text)) == text


def test_each_of_the_256_bytes_is_a_token_of_its_own() -> None:
    # A code point below 128 is one byte; the continuation and lead bytes of UTF-8 make up the others that can occur.
    texts = [chr(code) for code in range(0x800)]
    assert all(ids and max(ids) < D_VOCAB for ids in map(encode_plain, texts))
    assert sum(len(token) == 1 for token in TOKENIZER.get_vocab()) == 256


def test_there_are_2048_ids_and_bos_is_the_first() -> None:
    assert sorted(TOKENIZER.get_vocab().values()) == list(range(D_VOCAB))
    assert TOKENIZER.convert_tokens_to_ids(BOS_TOKEN) == BOS_ID == TOKENIZER.bos_token_id
    assert len(TOKENIZER) == D_VOCAB


def test_plain_encoding_is_the_tokenizers_except_for_a_written_out_bos() -> None:
    text = corpus.corpus_files("heldout")[0].text
    assert encode_plain(text) == TOKENIZER.encode(text)
    assert TOKENIZER.encode(BOS_TOKEN) == [BOS_ID]
    assert BOS_ID not in encode_plain(BOS_TOKEN)


def test_digits_stand_alone_and_quotes_do_not_split_words() -> None:
    assert [TOKENIZER.decode([id]) for id in encode_plain("x = 2048")][-4:] == [" 2", "0", "4", "8"]
    assert "self" in [TOKENIZER.decode([id]) for id in encode_plain("'self'")]


def test_training_again_gives_the_same_tokenizer() -> None:
    files = corpus.corpus_files("heldout")
    assert train_tokenizer(files).to_str() == train_tokenizer(files).to_str()


def test_the_shipped_tokenizer_is_what_its_recipe_makes() -> None:
    card = json.loads((FOLDER / "card.json").read_text())
    if corpus.corpus_hash() != card["corpus"]["hash"]:
        pytest.skip("this Python's library is not the one the tokenizer was trained on")
    remade = json.loads(train_tokenizer(corpus.corpus_files("train")).to_str())
    assert remade == json.loads((FOLDER / "tokenizer.json").read_text())
    assert len(tokenizer_hash()) == 64


def test_loading_is_silent_and_needs_no_network() -> None:
    code = (
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('no network here')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from mi_tutor.models import load_tokenizer\n"
        "load_tokenizer().encode('import os')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
