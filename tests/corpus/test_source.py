"""The corpus: the same files in the same splits, nothing lost, and errors that say what to do."""

from pathlib import Path

import pytest
import torch

from mi_tutor.corpus import cache as token_cache
from mi_tutor.corpus import source as corpus
from mi_tutor.corpus.source import CorpusError, Root, SourceFile, corpus_files, corpus_hash
from mi_tutor.corpus.tokenizer import BOS_ID, load_tokenizer
from mi_tutor.corpus.tokens import corpus_tokens


def tree(folder: Path, files: dict[str, str | bytes]) -> tuple[Root, ...]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return (Root("", folder),)


def program(seed: int, lines: int = 40) -> str:
    return "".join(f"value_{seed}_{line} = {line * seed}\n" for line in range(lines))


def test_the_splits_share_no_file_and_together_are_the_corpus() -> None:
    train, heldout = ({file.name for file in corpus_files(split)} for split in corpus.SPLITS)
    assert not train & heldout
    assert len(train | heldout) == corpus.corpus_manifest()["files"]
    assert 0.05 < len(heldout) / len(train | heldout) < 0.15


def test_reading_again_gives_the_same_files_in_sorted_order() -> None:
    first, first_hash = corpus_files("train"), corpus_hash()
    corpus._read.cache_clear()
    corpus._hash.cache_clear()
    assert corpus_files("train") == first
    assert corpus_hash() == first_hash
    assert [file.name for file in first] == sorted(file.name for file in first)


def test_neither_tests_nor_packages_nor_tables_are_read() -> None:
    names = {file.name for split in corpus.SPLITS for file in corpus_files(split)}
    parts = {part for name in names for part in name.split("/")}
    assert not parts & {"test", "tests", "idle_test", "site-packages", "encodings", "pydoc_data"}
    assert {"ast.py", "os.py", "json/decoder.py"} <= names


def test_installed_packages_join_the_library_under_their_own_names() -> None:
    roots = corpus.with_packages(("rich", "mpmath"))
    names = {file.name for split in corpus.SPLITS for file in corpus_files(split, roots)}
    assert {"ast.py", "rich/table.py", "mpmath/ctx_mp.py"} <= names
    manifest = corpus.corpus_manifest(roots)
    assert manifest["packages"].keys() == {"rich", "mpmath"}
    assert manifest["files"] == len(names)
    assert corpus_hash(roots) != corpus_hash()


def test_what_records_a_packages_build_is_left_out(tmp_path: Path) -> None:
    (root,) = tree(tmp_path, {"version.py": program(1), "sub/_version.py": program(2), "versions.py": program(3)})
    names = {file.name for split in corpus.SPLITS for file in corpus_files(split, (Root("package", root.folder),))}
    assert names == {"package/versions.py"}


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(CorpusError, match=r"no_such_package.*pip install"):
        corpus.with_packages(("rich", "no_such_package"))


def test_a_name_stays_in_its_split_when_the_library_around_it_changes(tmp_path: Path) -> None:
    few = tree(tmp_path / "few", {f"m{i}.py": program(i) for i in range(1, 30)})
    many = tree(tmp_path / "many", {f"m{i}.py": program(i + 7) for i in range(1, 90)})
    heldout_of_few = {file.name for file in corpus_files("heldout", few)}
    assert heldout_of_few
    assert heldout_of_few <= {file.name for file in corpus_files("heldout", many)}


def test_near_duplicates_are_kept_once_and_neighbours_in_style_are_kept_all(tmp_path: Path) -> None:
    text = program(3, 200)
    vendored = "# vendored\n" + text.replace("value_3_7 ", "VALUE ")
    roots = tree(tmp_path, {"a.py": text, "vendor/a.py": vendored, "b.py": program(4, 200)})
    names = {file.name for split in corpus.SPLITS for file in corpus_files(split, roots)}
    assert names == {"a.py", "b.py"}


def test_files_are_decoded_by_their_cookie_or_left_out(tmp_path: Path) -> None:
    files = {
        "latin.py": "# -*- coding: latin-1 -*-\nname = 'é'\n".encode("latin-1"),
        "broken.py": b"name = '\xe9'\n",
        "unknown.py": b"# -*- coding: no-such-codec -*-\n",
        "windows.py": b"x = 1\r\ny = 2\r\n",
        "blank.py": b"\n\n",
    }
    roots = tree(tmp_path, {**files})
    texts = {file.name: file.text for split in corpus.SPLITS for file in corpus_files(split, roots)}
    assert set(texts) == {"latin.py", "windows.py"}
    assert "é" in texts["latin.py"]
    assert texts["windows.py"] == "x = 1\ny = 2\n"


def test_the_hash_sees_names_and_texts(tmp_path: Path) -> None:
    roots = [
        tree(tmp_path / "1", {"a.py": "x = 1\n", "b.py": "y = 2\n"}),
        tree(tmp_path / "2", {"a.py": "x = 1\n", "b.py": "y = 3\n"}),
        tree(tmp_path / "3", {"a.py": "x = 1\n", "c.py": "y = 2\n"}),
    ]
    assert len({corpus_hash(each) for each in roots}) == 3
    assert corpus_hash(roots[0]) == corpus_hash(tree(tmp_path / "elsewhere", {"a.py": "x = 1\n", "b.py": "y = 2\n"}))


def test_other_roots_can_be_added(tmp_path: Path) -> None:
    package = Root("package", tree(tmp_path, {"core.py": program(5)})[0].folder)
    names = {
        file.name for split in corpus.SPLITS for file in corpus_files(split, (*corpus.standard_library(), package))
    }
    assert {"os.py", "package/core.py"} <= names


def test_every_file_is_in_the_tokens_once_after_its_bos() -> None:
    tokens = corpus_tokens("heldout")
    starts = (tokens == BOS_ID).nonzero().flatten().tolist()
    pieces = [tokens[a + 1 : b] for a, b in zip(starts, [*starts[1:], len(tokens)], strict=True)]
    texts = [load_tokenizer().decode(piece) for piece in pieces]
    assert tokens.dtype == torch.int64
    assert texts == [file.text for file in corpus_files("heldout")]


def test_a_bos_written_out_in_a_file_is_plain_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_cache, "cache_folder", lambda: tmp_path / "cache")
    roots = tree(tmp_path / "source", {"a.py": "bos = '<|bos|>'\n"})
    (split,) = (split for split in corpus.SPLITS if corpus_files(split, roots))
    assert (corpus_tokens(split, roots) == BOS_ID).sum() == 1


def test_a_damaged_missing_or_unwritable_cache_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_cache, "cache_folder", lambda: tmp_path / "cache")
    roots = tree(tmp_path / "source", {f"m{i}.py": program(i) for i in range(1, 9)})
    tokens = corpus_tokens("train", roots)
    (stored,) = (tmp_path / "cache").iterdir()
    whole = stored.read_bytes()
    for damage in (b"", whole[: len(whole) // 2], b"x" * len(whole), whole[:-1]):
        stored.write_bytes(damage)
        assert torch.equal(corpus_tokens("train", roots), tokens)
    assert stored.read_bytes() == whole

    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setattr(token_cache, "cache_folder", lambda: tmp_path / "file" / "cache")
    assert torch.equal(corpus_tokens("train", roots), tokens)


def test_changing_the_returned_tokens_changes_nobody_elses() -> None:
    corpus_tokens("heldout").zero_()
    assert corpus_tokens("heldout").any()


@pytest.mark.parametrize("split", ["test", "", "Train"])
def test_an_unknown_split_is_refused_with_the_names_of_the_splits(split: str) -> None:
    with pytest.raises(CorpusError, match="'train' and 'heldout'"):
        corpus_tokens(split)


def test_a_python_without_its_source_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "standard_library", lambda: (Root("", tmp_path / "python.zip"),))
    with pytest.raises(CorpusError, match="zipped or without its source"):
        corpus_files("train")


def test_source_files_hold_nothing_of_the_machine() -> None:
    assert [*SourceFile.__annotations__] == ["name", "text"]
    assert not any(Path(file.name).is_absolute() for file in corpus_files("train"))
