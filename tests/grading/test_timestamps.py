"""A timestamp.txt is read whoever wrote it; where it cannot be, nothing is late and a sentence says so."""

import os
from datetime import datetime

import pytest

from mi_tutor.grading.timestamps import stamp_of

NOON = datetime(2026, 1, 9, 12)


@pytest.mark.parametrize(
    "content",
    [
        b"2026-01-09 12:00:00 UTC",
        b"\xef\xbb\xbf2026-01-09 12:00:00 UTC\r\n",
        "2026-01-09 12:00:00 UTC\r\n".encode("utf-16"),
        "2026-01-09 12:00:00 UTC".encode("utf-16-le"),
        "2026-01-09 12:00:00 UTC".encode("utf-16-be"),
        "2026-01-09 12:00:00 UTC".encode("utf-32"),
        b"2026-01-09T14:00:00+02:00",
        "Friday, January 9, 2026 12:00:00 PM\r\n".encode("utf-16"),
        b"2026-01-09 13:00:00 Europe/Berlin",
    ],
)
def test_in_any_writing(tmp_path, content):
    (tmp_path / "timestamp.txt").write_bytes(content)
    assert stamp_of(tmp_path) == (NOON, "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Freitag, 9. Jänner 2026, 12 Uhr".encode("cp1252"), "no date that can be read"),
        ("二〇二六年一月九日".encode(), "no date that can be read"),
        (b"\x81\x8d\xff\xfe", "no date that can be read"),
        (b"9" * 300, "no date that can be read"),
        (b"\0" * 300, "no date that can be read"),
        (b"2026-01-09 12:00:00 UTC\n" * 10**5, "no date that can be read"),
        (b" \r\n", "is empty"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_date_counts_as_none_and_is_told(tmp_path, content, words):
    (tmp_path / "timestamp.txt").write_bytes(content)
    stamp = stamp_of(tmp_path)
    assert stamp.when is None
    assert words in stamp.warning
    assert "Write it like 2027-01-31 23:59:00 UTC" in stamp.warning


@pytest.mark.parametrize("content", [b"2026-01-09 12:00:00 MEZ", b"Friday January 9 2026 12:00:00 XYZ"])
def test_a_time_zone_that_is_not_known_is_told(tmp_path, content):
    (tmp_path / "timestamp.txt").write_bytes(content)
    stamp = stamp_of(tmp_path)
    assert stamp.when == NOON
    assert "time zone is not known" in stamp.warning


def test_no_file_is_no_timestamp_and_nothing_to_tell(tmp_path):
    assert stamp_of(tmp_path) == (None, "")
    assert stamp_of(tmp_path / "nowhere") == (None, "")


def test_neither_a_pipe_nor_a_link_nor_a_folder_is_read(tmp_path):
    for name in ("pipe", "link", "folder"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "pipe" / "timestamp.txt")
    (tmp_path / "real.txt").write_text("2026-01-09 12:00:00 UTC")
    (tmp_path / "link" / "timestamp.txt").symlink_to(tmp_path / "real.txt")
    (tmp_path / "folder" / "timestamp.txt").mkdir()
    for name in ("pipe", "link", "folder"):
        stamp = stamp_of(tmp_path / name)
        assert stamp.when is None
        assert "left aside" in stamp.warning
