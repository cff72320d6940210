"""What grading keeps: seeds that tell nothing of each other, an edition that changes with whatever decides about a mark."""

import pytest

from mi_tutor.check.draw import MODELS
from mi_tutor.grading import records
from mi_tutor.grading.records import BadRecords, Records, derived_seed, edition
from mi_tutor.running.confine import Limits

MARK = {"points": 2, "max_points": 3, "mistake": "transposed", "message": "mean_kl: transposed."}


def no_warning(text):
    raise AssertionError(text)


def test_a_seed_is_reproduced_from_the_secret_and_says_nothing_of_another():
    secret = b"s" * 32
    seeds = {
        derived_seed(key, student, content)
        for key in (secret, b"t" * 32)
        for student in map(str, range(50))
        for content in ("first attempt", "second attempt")
    }
    assert len(seeds) == 200
    assert derived_seed(secret, "0", "first attempt") in seeds
    assert {seed % MODELS for seed in seeds} == {derived_seed(key, "x", "y") % MODELS for key in (secret, b"t" * 32)}
    assert MODELS <= min(seeds) < max(seeds) < 10**15  # what a spreadsheet keeps of a number
    # Whoever knows one attempt's seed, and all the differences seen so far, knows nothing of the next.
    steps = [
        derived_seed(secret, str(n), "second attempt") - derived_seed(secret, str(n), "first attempt")
        for n in range(200)
    ]
    assert len(set(steps)) == 200


def test_each_attempt_of_each_student_has_its_own_and_a_given_one_is_everybodys(tmp_path):
    kept = Records(tmp_path / ".mi-tutor", no_warning)
    again = Records(tmp_path / ".mi-tutor", no_warning)
    asked = [("ada", b"1"), ("ada", b"2"), ("bea", b"1")]
    seeds = [kept.key(name, raw, None, "bubblewrap", Limits()).seed for name, raw in asked]
    assert len(set(seeds)) == 3
    assert seeds == [again.key(name, raw, None, "bubblewrap", Limits()).seed for name, raw in asked]
    assert {kept.key(name, raw, 7, "bubblewrap", Limits()).seed for name, raw in asked} == {7}
    elsewhere = Records(tmp_path / "other", no_warning)
    assert elsewhere.key("ada", b"1", None, "bubblewrap", Limits()).seed not in seeds


def test_marks_come_back_as_they_were_and_hold_for_what_they_were_given_for(tmp_path):
    kept = Records(tmp_path / ".mi-tutor", no_warning)
    key = kept.key("ada", b"1", None, "bubblewrap", Limits())
    kept.keep("ada", ["a", "mean_kl"], {"mean_kl": MARK, "a": MARK | {"mistake": None}}, key)
    found = Records(tmp_path / ".mi-tutor", no_warning).marks("ada", key)
    assert list(found) == ["a", "mean_kl"]
    assert found["mean_kl"] == MARK | {"key": key}
    assert found["a"]["mistake"] is None
    for other in (
        key._replace(content="x"),
        key._replace(seed=1),
        key._replace(edition="x"),
        key._replace(isolation="not isolated"),
        key._replace(seconds=1.0),
        key._replace(memory_bytes=1),
    ):
        assert kept.marks("ada", other) == {}
    assert kept.marks("bea", key) == {}
    assert kept.marks("ada").keys() == found.keys()


@pytest.mark.parametrize("room", ["exercises", "solutions", "check", "running"])
def test_the_edition_changes_with_any_file_that_decides_about_a_mark(tmp_path, monkeypatch, room):
    """Files in folders of rooms, too: where the declarations are."""
    before = edition()
    find = records.importlib.util.find_spec

    class Found:
        def __init__(self, name):
            real = find(name)
            self.submodule_search_locations = list(real.submodule_search_locations)
            if name == f"mi_tutor.{room}":
                (tmp_path / "deep").mkdir(exist_ok=True)
                (tmp_path / "deep" / "one.py").write_text("x = 1")
                self.submodule_search_locations.append(str(tmp_path))

    monkeypatch.setattr(records.importlib.util, "find_spec", Found)
    assert records.edition.__wrapped__() != before


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadRecords, match="cannot be read or written"):
        Records(tmp_path / "file", no_warning)
