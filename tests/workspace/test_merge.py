"""A learner's notebook and a newer version of its chapter: everything that was written is in the merged one."""

import copy

from hypothesis import given, settings
from hypothesis import strategies as st
from learners_notebooks import as_bytes, cell_of, chapter, check, code, exercise, prose, sources

from mi_tutor.authoring.conventions import ANSWER_STUB
from mi_tutor.files import notebook_file
from mi_tutor.workspace.merge import GONE, OTHERWISE, REWRITTEN, merge

ANSWER = 'def double(x: int) -> int:\n    """Says what is asked."""\n    return 2 * x'
OLD = chapter(
    prose("# Small"), code("import math"), exercise("double"), check("double"), prose("Then:"), code("plot(1)")
)


def learners(base=OLD):
    return copy.deepcopy(base)


def answered(base=OLD, answer=ANSWER):
    mine = learners(base)
    cell_of(mine, "double")["source"] = answer
    return mine


def test_an_answer_moves_into_the_new_version_with_its_output_and_the_rest_is_new():
    mine = answered()
    printed = {"output_type": "stream", "name": "stdout", "text": "mine"}
    cell_of(mine, "double")["outputs"] = [printed]
    new = chapter(prose("# Small, again"), exercise("halve"), check("halve"), exercise("double"), check("double"))
    merged = merge(mine, OLD, new)
    assert sources(merged.notebook) == [*sources(new)[:3], ANSWER, sources(new)[4]]
    assert cell_of(merged.notebook, "double")["outputs"] == [printed]
    assert merged[1:] == (["double"], [], [])


def colabs(text):
    cell = code(text)
    return cell | {"id": "colab", "metadata": {"nbgrader": {"grade_id": "colab", "locked": True}}}


def test_a_version_with_colabs_cell_brings_it_and_a_later_one_replaces_it():
    first = chapter(OLD["cells"][0], colabs("install(1)"), *OLD["cells"][1:])
    merged = merge(answered(), OLD, first).notebook
    assert sources(merged) == ["# Small", "install(1)", "import math", ANSWER, "check(double)", "Then:", "plot(1)"]
    assert [cell["id"] for cell in merged["cells"]] == [cell["id"] for cell in first["cells"]]
    later = chapter(OLD["cells"][0], colabs("install(2)"), *OLD["cells"][1:])
    for base in (first, None):
        again = sources(merge(merged, base, later).notebook)
        assert again[:2] == ["# Small", "install(2)"]
        assert ANSWER in again
    assert "install(1)" not in sources(merge(merged, first, later).notebook)


def test_an_answer_in_prose_is_one_and_its_stub_is_none():
    marks = {"grade": True, "grade_id": "why", "locked": False, "points": 3, "schema_version": 3}
    question = prose(ANSWER_STUB) | {"metadata": {"nbgrader": marks | {"solution": True, "task": False}}}
    old, new = chapter(prose("Why?"), question), chapter(prose("Why, really?"), question, code("plot(1)"))
    assert merge(learners(old), old, new)[1:] == ([], [], [])
    for base in (old, None):
        mine = learners(old)
        cell_of(mine, "why")["source"] = "Because."
        merged = merge(mine, base, new)
        assert cell_of(merged.notebook, "why")["source"] == "Because."
        assert merged[1:] == (["why"], [], [])


def test_an_exercise_not_begun_gets_the_new_stub():
    new = chapter(prose("# Small"), exercise("double", "Asks for more."), check("double"))
    merged = merge(learners(), OLD, new)
    assert sources(merged.notebook) == sources(new)
    assert merged[1:] == ([], [], [])


def test_an_answer_that_was_begun_and_still_raises_counts_as_one():
    begun = cell_of(OLD, "double")["source"].replace("# Your code here", "y = x + x")
    new = chapter(exercise("double", "Asks for more."), check("double"))
    assert begun in sources(merge(answered(answer=begun), OLD, new).notebook)


def test_a_rewritten_exercise_keeps_the_answer_and_shows_the_new_wording_below_it():
    new = chapter(exercise("double", "Asks for more."), check("double"))
    merged = merge(answered(), OLD, new)
    kept, shown, checked = sources(merged.notebook)[:3]
    assert kept == ANSWER
    assert shown.startswith(REWRITTEN)
    assert cell_of(new, "double")["source"] in shown
    assert checked == "check(double)"
    assert merged.rewritten == ["double"]


def test_an_exercise_that_is_only_laid_out_otherwise_is_not_rewritten():
    laid_out = exercise("double")
    laid_out["source"] = laid_out["source"].replace("(x: int)", "(\n    x: int,\n)")
    assert merge(answered(), OLD, chapter(laid_out, check("double"))).rewritten == []


def test_only_the_latest_wording_is_shown_however_often_it_changes():
    second = chapter(exercise("double", "Asks for more."), check("double"))
    third = chapter(exercise("double", "Asks for still more."), check("double"))
    mine = merge(answered(), OLD, second).notebook
    merged = sources(merge(mine, second, third).notebook)
    assert len([text for text in merged if text.startswith(REWRITTEN)]) == 1
    assert "still more" in merged[1]
    unchanged = sources(merge(mine, second, chapter(*second["cells"], prose("More"))).notebook)
    assert len([text for text in unchanged if text.startswith(REWRITTEN)]) == 1


def test_a_note_of_ours_that_the_learner_wrote_into_stays():
    second = chapter(exercise("double", "Asks for more."), check("double"))
    mine = merge(answered(), OLD, second).notebook
    mine["cells"][1]["source"] += "\nI see."
    third = chapter(exercise("double", "Asks for still more."), check("double"))
    assert mine["cells"][1]["source"] in sources(merge(mine, second, third).notebook)


def test_an_answer_to_an_exercise_that_is_gone_is_kept_where_it_stood_and_comes_back_with_it():
    without = chapter(prose("# Small"), code("import math"), prose("Then:"), code("plot(1)"))
    merged = merge(answered(), OLD, without)
    assert sources(merged.notebook) == ["# Small", "import math", GONE, ANSWER, "Then:", "plot(1)"]
    assert merged.gone == ["double"]
    assert "nbgrader" not in cell_of(merged.notebook, ANSWER)["metadata"]

    again = chapter(*without["cells"][:2], prose("Between"), *without["cells"][2:])
    twice = merge(merged.notebook, without, again)
    assert sources(twice.notebook).count(GONE) == 1
    assert twice.gone == []

    back = merge(twice.notebook, again, OLD)
    assert sources(back.notebook) == [ANSWER if "def double" in text else text for text in sources(OLD)]
    assert cell_of(back.notebook, "double")["source"] == ANSWER


def test_an_exercise_that_is_gone_and_was_not_begun_goes():
    without = chapter(prose("# Small"))
    assert sources(merge(learners(), OLD, without).notebook) == ["# Small"]


def test_cells_that_were_added_stay_behind_the_cell_they_followed():
    mine = answered()
    mine["cells"].insert(0, prose("first of all") | {"id": "a"})
    mine["cells"].insert(4, code("helper = 1") | {"id": "b"})
    mine["cells"].append(prose("my notes") | {"id": "c"})
    new = chapter(code("import math"), prose("New"), exercise("double"), check("double"), code("plot(1)"), prose("End"))
    assert sources(merge(mine, OLD, new).notebook) == [
        *("first of all", "import math", "New", ANSWER, "helper = 1", "check(double)", "plot(1)", "my notes", "End"),
    ]


def test_a_demonstration_changed_by_the_learner_alone_stays_and_by_both_stands_below_the_new_one():
    mine = learners()
    cell_of(mine, "plot(1)")["source"] = "plot(2)"
    cell_of(mine, "Then:")["source"] = "Then: I guess 3"
    new = chapter(prose("# Small"), prose("Then:"), code("plot(1, colour=True)"), prose("End"))
    similar = chapter(*OLD["cells"][:5], code("plot(1) # now"))
    assert sources(merge(mine, OLD, new).notebook)[1] == "Then: I guess 3"
    assert sources(merge(mine, OLD, similar).notebook)[-3:] == ["plot(1) # now", OTHERWISE, "plot(2)"]


def test_a_check_is_always_the_chapters_without_what_an_older_checker_said():
    mine = answered()
    cell_of(mine, "check_double")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "right"}]
    new = chapter(*OLD["cells"], prose("End"))
    assert cell_of(merge(mine, OLD, new).notebook, "check_double")["outputs"] == []
    cell_of(mine, "check_double")["source"] = "check(double, seed=7)"
    merged = sources(merge(mine, OLD, new).notebook)
    assert merged[3:6] == ["check(double)", OTHERWISE, "check(double, seed=7)"]


def test_the_halves_of_a_split_answer_are_both_kept_and_nbgrader_sees_one():
    head, tail = ANSWER.rsplit("\n", 1)
    mine = answered(answer=tail)
    mine["cells"][2]["id"] = "second-half"
    mine["cells"].insert(2, mine["cells"][2] | {"source": head, "id": "first-half"})
    merged = merge(mine, OLD, chapter(*OLD["cells"], prose("End"))).notebook
    assert sources(merged)[2:4] == [head, tail]
    assert len([cell for cell in merged["cells"] if "double" in str(cell["metadata"].get("nbgrader"))]) == 2


def test_an_answer_without_its_nbgrader_mark_is_known_by_its_id_and_gets_the_mark_back():
    mine = answered()
    cell_of(mine, "double")["metadata"] = {}
    merged = merge(mine, OLD, chapter(*OLD["cells"], prose("End")))
    assert cell_of(merged.notebook, "double")["source"] == ANSWER


def test_an_answer_that_was_turned_into_prose_is_kept_and_the_exercise_can_be_answered_again():
    mine = answered()
    turned = prose(ANSWER) | {"id": "double", "metadata": cell_of(mine, "double")["metadata"]}
    mine["cells"][2] = turned
    merged = sources(merge(mine, OLD, chapter(*OLD["cells"], prose("End"))).notebook)
    assert merged[2:5] == [cell_of(OLD, "double")["source"], OTHERWISE, ANSWER]


def test_cells_with_an_id_that_others_have_are_kept_under_another():
    mine = learners()
    mine["cells"] += [prose(f"note {n}") | {"id": "twice"} for n in range(2)] + [prose("note") | {"id": "double"}]
    merged = merge(mine, OLD, chapter(prose("# Small"), exercise("double"))).notebook
    assert {"note 0", "note 1", "note"} <= set(sources(merged))
    assert len({cell["id"] for cell in merged["cells"]}) == len(merged["cells"])


def test_without_the_version_it_began_from_whatever_differs_is_kept():
    mine = answered()
    cell_of(mine, "Then:")["source"] = "Then: I guess 3"
    new = chapter(prose("# Small, again"), exercise("double", "Asks for more."), check("double"), code("plot(1)"))
    merged = merge(mine, None, new)
    assert {"# Small", "import math", ANSWER, "Then: I guess 3"} | set(sources(new)[:1]) <= set(
        sources(merged.notebook)
    )
    assert merged.rewritten == ["double"]


def test_an_answer_found_in_the_released_file_itself_is_no_stub():
    """In a clone a learner may have worked in chapters/ itself, and that was brought as if it were a release."""
    base = answered()
    new = chapter(exercise("double", "Asks for more."), check("double"))
    assert ANSWER in sources(merge(learners(base), base, new).notebook)


def test_the_learners_kernel_and_widget_state_stay():
    mine = answered()
    mine["metadata"] |= {"kernelspec": {"display_name": "Mine", "name": "mine"}, "widgets": {"state": {}}}
    merged = merge(mine, OLD, chapter(prose("New"))).notebook
    assert merged["metadata"]["kernelspec"]["name"] == "mine"
    assert merged["metadata"]["widgets"] == {"state": {}}


TEXTS = st.sampled_from(["", "x = 1", "plot(1)", "a note", "print('☃')", "```", "raise NotImplementedError"]) | st.text(
    max_size=12
)
NAMES = st.sampled_from(["double", "halve", "square"])
PIECES = st.one_of(
    st.builds(prose, TEXTS),
    st.builds(code, TEXTS),
    st.builds(exercise, NAMES, st.sampled_from(["This.", "That.", "Other."])),
    st.builds(check, NAMES),
)


@st.composite
def chapters(draw):
    cells, seen = [], set()
    for cell in draw(st.lists(PIECES, max_size=9)):
        name = cell.get("id")
        if name is None or name not in seen:
            seen.add(name)
            cells.append(cell)
    return chapter(*copy.deepcopy(cells))


@st.composite
def worked_on(draw, made_from):
    """The chapter after a learner edited, removed, added, doubled and moved cells."""
    cells = copy.deepcopy(made_from["cells"])
    for cell in cells:
        if draw(st.booleans()):
            cell["source"] = draw(TEXTS)
    cells = [cell for cell in cells if draw(st.integers(0, 5))]
    for n in range(draw(st.integers(0, 3))):
        copied = draw(st.sampled_from(cells)) if cells and draw(st.booleans()) else draw(PIECES)
        ids = st.sampled_from([f"own-{n}", "no good id!", *(cell["id"] for cell in made_from["cells"])])
        cells.insert(draw(st.integers(0, len(cells))), copy.deepcopy(copied) | {"id": draw(ids)})
    if draw(st.booleans()):
        cells = draw(st.permutations(cells))
    return made_from | {"cells": cells}


@settings(deadline=None)
@given(st.data())
def test_nothing_written_is_lost_and_the_result_is_a_sound_notebook(data):
    """Through two new versions, with and without the version that was begun from."""
    base = data.draw(chapters())
    mine = data.draw(worked_on(base))
    for _ in range(2):
        new = data.draw(chapters())
        merged = merge(mine, data.draw(st.sampled_from([base, None])), new).notebook
        written = {text for text in sources(mine) if text.strip()} - set(sources(base))
        ours = {cell["source"] for cell in mine["cells"] if notebook_file.exercise_of_note(cell)}
        assert written - ours <= set(sources(merged))
        chapters_ids = [cell["id"] for cell in new["cells"]]
        assert [cell["id"] for cell in merged["cells"] if cell["id"] in chapters_ids] == chapters_ids
        marks = [cell["metadata"]["nbgrader"]["grade_id"] for cell in merged["cells"] if "nbgrader" in cell["metadata"]]
        assert len(marks) == len(set(marks))
        assert notebook_file.is_valid(merged)
        assert notebook_file.read(as_bytes(merged)) == merged
        base, mine = new, data.draw(worked_on(merged))


@settings(deadline=None)
@given(st.data())
def test_who_wrote_nothing_gets_the_new_version(data):
    base, new = data.draw(chapters()), data.draw(chapters())
    assert sources(merge(copy.deepcopy(base), base, new).notebook) == sources(new)


@settings(deadline=None)
@given(st.data())
def test_merging_again_changes_nothing(data):
    base, new = data.draw(chapters()), data.draw(chapters())
    once = merge(data.draw(worked_on(base)), base, new).notebook
    assert merge(once, new, new).notebook == once
