"""A zip that is not what it should be changes nothing, and says why."""

import io
import json
import zipfile

import pytest
from keeping import everything

from mi_tutor.workspace import archive
from mi_tutor.workspace.keep import restore_work

pytestmark = pytest.mark.usefixtures("newcomer")


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], manifest: object = None, progress: bytes = b"") -> bytes:
    """A zip with these entries and, where not None, what makes it look like ours."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        if manifest is not None:
            file.writestr(archive.MANIFEST, json.dumps(manifest))
            file.writestr(archive.PROGRESS, progress)
        for name, content in entries:
            file.writestr(name, content)
    return buffer.getvalue()


OURS = {"format": 1, "id": "x", "saved": "2026-11-21T10:00:00+00:00"}


def link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("work/link.ipynb")
    entry.external_attr = 0o120777 << 16
    return entry


def claiming_too_much() -> bytes:
    """A zip whose directory says that an entry of ten bytes is two gigabytes."""
    made = bytearray(zipped(("work/a", b"0123456789"), manifest=OURS))
    entry = made.rindex(b"PK\x01\x02")
    made[entry + 24 : entry + 28] = (2_000_000_000).to_bytes(4, "little")
    return bytes(made)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: b"", "no whole zip file"),
        (lambda: b"PK\x03\x04 and no more", "no whole zip file"),
        (lambda: zipped(("a.txt", b"a")), "not made by save_work()"),
        (lambda: zipped(("/etc/evil", b"a"), manifest=OURS), "'/etc/evil'"),
        (lambda: zipped(("work//etc/evil", b"a"), manifest=OURS), "does not put there"),
        (lambda: zipped(("work/../evil", b"a"), manifest=OURS), "does not put there"),
        (lambda: zipped(("work/a/../../evil", b"a"), manifest=OURS), "does not put there"),
        (lambda: zipped(("work/..\\evil", b"a"), manifest=OURS), "does not put there"),
        (lambda: zipped(("work/C:evil", b"a"), manifest=OURS), "does not put there"),
        (lambda: zipped(("work/.jupyter/evil.py", b"a"), manifest=OURS), "does not put there"),
        (lambda: zipped(("work/.mi-tutor/lock", b"a"), manifest=OURS), "does not put there"),
        (lambda: zipped(("work/folder/", b""), manifest=OURS), "does not put there"),
        (lambda: zipped((link(), b"/etc/passwd"), manifest=OURS), "does not put there"),
        (lambda: zipped(("work/a", b"a"), ("work/a", b"b"), manifest=OURS), "does not put there"),
        (claiming_too_much, "more than save_work() ever puts into one"),
        (lambda: zipped(manifest=OURS | {"format": 2}), "another version of mi-tutor"),
        (lambda: zipped(manifest=[1]), "does not say what it is"),
        (lambda: zipped((archive.MANIFEST, b"{}")), "holds no progress.jsonl"),
    ],
)
def test_a_zip_that_is_not_as_it_should_be_changes_nothing_and_says_why(make, says, folder, tmp_path):
    (tmp_path / "bad.zip").write_bytes(make())
    before = everything(folder)
    kept = restore_work(tmp_path / "bad.zip", folder=folder)
    assert kept.path is None
    assert says in str(kept)
    assert everything(folder) == before
    assert not (tmp_path / "evil").exists()
