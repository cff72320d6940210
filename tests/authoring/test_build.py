import ast
import json
import re
import runpy
from pathlib import Path

import jupytext
import nbformat
import pytest

from mi_tutor.authoring import build
from mi_tutor.authoring.build import clone_root, run_build
from mi_tutor.authoring.conventions import ANSWER_STUB
from mi_tutor.check.outline import read_chapter


def chapter(clone: Path):
    return nbformat.read(clone / "chapters" / "01_stand_in.ipynb", as_version=4)


def change(clone: Path, before: str, after: str) -> None:
    source = clone / "solutions" / "ch01_stand_in.py"
    text = source.read_text()
    assert before in text
    source.write_text(text.replace(before, after))


def test_a_chapter_is_the_same_bytes_at_every_build(clone):
    assert run_build(root=clone) == 0
    first = (clone / "chapters" / "01_stand_in.ipynb").read_bytes()
    (clone / "chapters" / "01_stand_in.ipynb").unlink()
    assert run_build(root=clone) == 0
    assert (clone / "chapters" / "01_stand_in.ipynb").read_bytes() == first


def test_a_stub_keeps_signature_and_docstring_and_ends_in_not_implemented(clone):
    run_build(root=clone)
    stub = next(cell for cell in chapter(clone).cells if cell.id == "double")
    assert stub.source == (
        'def double(x: int) -> int:\n    """Twice x."""\n    # Your code here\n    raise NotImplementedError'
    )


def test_a_cell_for_prose_keeps_nothing_of_what_a_grader_looks_for(clone):
    run_build(root=clone)
    assert next(cell.source for cell in chapter(clone).cells if cell.id == "in_words") == ANSWER_STUB


def test_ids_come_from_nbgrader_or_from_name_and_position(clone):
    run_build(root=clone)
    ids = [cell.id for cell in chapter(clone).cells]
    assert ids[:6] == ["01_stand_in-0", "colab", "01_stand_in-1", "01_stand_in-2", "double", "check_double"]


def test_colabs_cell_is_read_only_and_shown_as_one_line(clone):
    run_build(root=clone)
    cell = chapter(clone).cells[1]
    assert (cell.metadata.editable, cell.metadata.deletable) == (False, False)
    assert cell.metadata.nbgrader.locked
    assert cell.metadata.jupyter.source_hidden
    assert cell.source.splitlines()[0].startswith("# Google Colab only")


def test_in_a_chapter_without_a_title_colabs_cell_comes_first(clone, stand_in):
    (clone / "solutions" / "ch01_stand_in.py").write_text(stand_in[stand_in.index("# %%\n") :])
    run_build(root=clone)
    assert [cell.id for cell in chapter(clone).cells[:2]] == ["colab", "01_stand_in-0"]


@pytest.mark.parametrize("source", sorted((clone_root() / "solutions").glob("ch*.py")), ids=lambda path: path.stem)
def test_a_source_that_is_saved_as_a_notebook_stays_as_it_is(source):
    text = source.read_text(encoding="utf-8")
    assert jupytext.writes(jupytext.reads(text, fmt="py:percent"), fmt="py:percent") == text


def test_nothing_of_jupytext_or_of_this_interpreter_is_left(clone):
    run_build(root=clone)
    text = (clone / "chapters" / "01_stand_in.ipynb").read_text()
    for trace in ("jupytext", "lines_to_next_cell", "active-ipynb", '"version"', "BEGIN SOLUTION", "the_answer"):
        assert trace not in text
    assert chapter(clone).metadata.kernelspec.name == "python3"


def test_demonstrations_and_checks_run_in_the_notebook_and_not_on_import(clone, capsys):
    run_build(root=clone)
    assert "for n in range(3):\n    print(n, math.sqrt(n))" in [cell.source for cell in chapter(clone).cells]
    module = runpy.run_path(str(clone / "solutions" / "ch01_stand_in.py"))
    assert module["double"](4) == 8
    assert "0 0.0" not in capsys.readouterr().out


def test_check_cells_cannot_be_edited_and_solutions_cannot_be_deleted(clone):
    run_build(root=clone)
    cells = {cell.id: cell.metadata for cell in chapter(clone).cells}
    assert cells["check_double"].editable is False
    assert cells["double"].deletable is False
    assert "editable" not in cells["double"]


def test_solved_notebooks_keep_solutions_and_markers(clone):
    assert run_build(solved=clone / "source", root=clone) == 0
    text = (clone / "source" / "01_stand_in.ipynb").read_text()
    assert "the_answer" in text
    assert "### BEGIN SOLUTION" in text
    assert not (clone / "chapters").exists()


def test_check_passes_on_what_was_just_built(clone, capsys):
    run_build(root=clone)
    capsys.readouterr()
    assert run_build(check=True, root=clone) == 0
    assert capsys.readouterr().out == ""


def test_check_shows_the_changed_lines_of_a_stale_chapter_and_changes_nothing(clone, capsys):
    run_build(root=clone)
    before = (clone / "chapters" / "01_stand_in.ipynb").read_bytes()
    change(clone, "# # A stand-in", "# # Another title")
    capsys.readouterr()
    assert run_build(check=True, root=clone) == 1
    out = capsys.readouterr().out
    assert "\n-# A stand-in\n+# Another title\n" in out
    assert "make chapters" in out
    assert (clone / "chapters" / "01_stand_in.ipynb").read_bytes() == before


def test_check_fails_on_a_missing_chapter(clone, capsys):
    assert run_build(check=True, root=clone) == 1
    assert "chapters/01_stand_in.ipynb" in capsys.readouterr().out


def test_check_fails_on_a_chapter_without_a_source(clone, capsys):
    run_build(root=clone)
    (clone / "chapters" / "02_gone.ipynb").write_text("{}")
    assert run_build(check=True, root=clone) == 1
    assert "chapters/02_gone.ipynb: comes from no source" in capsys.readouterr().out


def test_check_fails_on_a_committed_output(clone, capsys):
    run_build(root=clone)
    path = clone / "chapters" / "01_stand_in.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][3]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["0 0.0"]}]
    path.write_text(json.dumps(notebook))
    assert run_build(check=True, root=clone) == 1
    assert '-{"name": "stdout"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('"grade_id": "double"', '"grade_id": "twice"', "twice: the grade_id of a solution is the function it defines"),
        ('"check_double"', '"test_double"', "test_double: the grade_id of a check cell is check_"),
        ('"points": 2', '"points": 2.5', "check_double: points are a whole number above 0, not 2.5"),
        ('"points": 2', '"points": 0', "check_double: points are a whole number above 0, not 0"),
        ('"grade_id": "square"', '"grade_id": "double"', "double: the grade_id stands on 2 cells"),
        ("    ### END SOLUTION\n\n\n# %% tags", "# %% tags", "wants one `### BEGIN SOLUTION` and after it one"),
        (
            "    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION",
            "    return x * x",
            "no `### BEGIN SOLUTION`",
        ),
        ('"""Twice x."""', "", "double: no docstring is left"),
        ("    return x * x\n    ### END SOLUTION", "    ### END SOLUTION\n    return x * x", "square: code follows"),
        ("def square(x: int) -> int:\n", "### BEGIN SOLUTION\ndef square(x: int) -> int:\n", "square: wants one"),
        ("# 4.0 if square", "4.0 if square", "would run whenever the solutions are imported"),
        ('tags=["active-ipynb"] nbgrader', "nbgrader", 'check_double: a check cell needs tags=["active-ipynb"]'),
        ("# # A stand-in", "# BEGIN SOLUTION", "a solution marker outside a solution cell"),
        ("def square(x: int) -> int:", "def square(x: int -> int:", "not valid Python"),
        ('"grade_id": "square"', '"grade_id": "colab"', "colab: the grade_id stands on 2 cells"),
        (
            "# for n in range(3):",
            '# predict("n", number=True)\n# for n in range(3):',
            "n: predicted, and no reveal('n', …) follows",
        ),
        (
            "# for n in range(3):",
            '# reveal("n", 2)\n# for n in range(3):',
            "n: revealed, and no predict('n', …) stands",
        ),
        (
            "# for n in range(3):",
            '# predict("n", 1)\n# predict("n", 2)\n# reveal("n", 2)\n# for n in range(3):',
            "n: predicted twice",
        ),
        ("# # A stand-in", "# # A stand-in\n# <details><summary>Why</summary>\n# no end", "a fold is"),
        (
            "# # A stand-in",
            "# # A stand-in\n# <details><summary>Why</summary>\n#\n# ### Exercise: `double`\n#\n# </details>",
            "a heading stands in a fold",
        ),
        ("# ### END SOLUTION", "", "in_words: wants what a grader looks for between"),
    ],
)
def test_a_mistake_in_a_source_is_named_and_nothing_is_written(clone, capsys, before, after, sentence):
    change(clone, before, after)
    assert run_build(root=clone) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("ch01_stand_in.py: ")
    assert not (clone / "chapters").exists()


def test_a_solution_without_its_check_is_named(clone, capsys, stand_in):
    (clone / "solutions" / "ch01_stand_in.py").write_text(stand_in[: stand_in.rindex("# %% tags")])
    assert run_build(root=clone) == 1
    assert "square: no check cell with the grade_id check_square" in capsys.readouterr().err


def test_a_source_with_another_name_is_named(clone, capsys):
    (clone / "solutions" / "chapter_two.py").touch()
    assert run_build(root=clone) == 1
    assert "chapter_two.py: a chapter's source is named chNN_topic.py" in capsys.readouterr().err


def test_without_nbgrader_the_extra_is_named(clone, capsys, monkeypatch):
    real = build.find_spec
    monkeypatch.setattr(build, "find_spec", lambda name: None if name == "nbgrader" else real(name))
    assert run_build(root=clone) == 1
    assert "pip install 'mi-tutor[course]'" in capsys.readouterr().err


def test_the_committed_chapters_are_what_their_sources_give(capsys):
    assert run_build(check=True) == 0, capsys.readouterr().out


def test_the_example_in_the_builds_own_words_builds(tmp_path, capsys):
    lines = [line[4:] for line in ast.get_docstring(ast.parse(Path(build.__file__).read_text())).splitlines()]
    example = "\n".join(lines[next(n for n, line in enumerate(lines) if line.startswith("# %%")) :])
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "ch09_example.py").write_text(example + "\n")
    assert run_build(root=tmp_path) == 0, capsys.readouterr().err


INDEX = """# %% [markdown]
# # The chapters
#
# <!-- the table of chapters -->

# %% tags=["active-ipynb"]
# from mi_tutor import progress
#
# progress()
"""
README = """| chapter | what you will have done | hours |
|---|---|---|
| [01 Stand-in](chapters/01_stand_in.ipynb) [![Binder](https://a.example/b.svg)](https://a.example/) | doubled `x` and more | 2 |
"""


@pytest.fixture
def with_index(clone):
    (clone / "solutions" / "index.py").write_text(INDEX)
    (clone / "README.md").write_text(README)
    return clone


def test_the_table_of_chapters_is_readmes_without_badges_and_its_links_hold_in_the_folder(with_index):
    assert run_build(root=with_index) == 0
    index = nbformat.read(with_index / "chapters" / "index.ipynb", as_version=4)
    assert [cell.id for cell in index.cells] == ["index-0", "index-1"]
    assert (
        index.cells[0].source.splitlines()[-1] == "| [A stand-in](01_stand_in.ipynb) | doubled `x` and more | 3 | 2 |"
    )
    assert index.cells[1].source == "from mi_tutor import progress\n\nprogress()"
    assert run_build(check=True, root=with_index) == 0
    (with_index / "README.md").write_text(README.replace("and more", "and less"))
    assert run_build(check=True, root=with_index) == 1


def test_the_table_of_chapters_is_no_assignment(with_index):
    run_build(solved=with_index / "source", root=with_index)
    assert [path.name for path in (with_index / "source").iterdir()] == ["01_stand_in.ipynb"]


def test_a_chapter_that_readme_does_not_list_stops_the_build_with_the_line_to_write(with_index, capsys):
    (with_index / "README.md").write_text("\n".join(README.splitlines()[:2]) + "\n")
    assert run_build(root=with_index) == 1
    sentence, line = capsys.readouterr().err.strip().rsplit("\n", 1)
    assert "README.md's table of chapters wants a line with 01_stand_in.ipynb" in sentence
    with (with_index / "README.md").open("a") as readme:
        readme.write(line.replace("HOURS", "2") + "\n")
    assert run_build(root=with_index) == 0
    index = nbformat.read(with_index / "chapters" / "index.ipynb", as_version=4)
    assert index.cells[0].source.endswith("| [A stand-in](01_stand_in.ipynb) | WHAT A LEARNER WILL HAVE DONE | 3 | 2 |")


def test_the_courses_own_table_lists_every_chapter_that_there_is():
    chapters = build.clone_root() / "chapters"
    index = nbformat.read(chapters / "index.ipynb", as_version=4).cells[0].source
    assert {f"({path.name})" for path in chapters.glob("[0-9]*.ipynb")} <= set(re.findall(r"\([^)]*ipynb\)", index))


def test_a_starred_exercise_is_checked_and_earns_nothing(clone):
    graded = '"grade": true, "grade_id": "check_square", "locked": true, "points": 4,'
    change(clone, graded, '"grade": false, "grade_id": "check_square", "locked": true,')
    assert run_build(root=clone) == 0
    stub, cell = (next(c for c in chapter(clone).cells if c.id == name) for name in ("square", "check_square"))
    assert "raise NotImplementedError" in stub.source
    assert (cell.metadata.nbgrader.grade, cell.metadata.nbgrader.locked) == (False, True)
    outline = read_chapter("01_stand_in.ipynb", (clone / "solutions" / "ch01_stand_in.py").read_text())
    assert [task.name for task in outline.tasks] == ["double", "larger_root"]
    assert [(task.name, task.points) for task in outline.starred] == [("square", 0)]
