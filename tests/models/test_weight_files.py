"""Weights on disk: what is written is read, small or not, and a damaged file is named."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mi_tutor.models.weight_files import WeightsError, read_weights, write_checkpoint, write_weights


def drawn() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "tok_embed.weight": torch.randn(50, 8, generator=generator) * torch.logspace(-3, 1, 50)[:, None],
        "layers.0.attn.q.weight": torch.randn(8, 8, generator=generator),
        "layers.0.attn.q.bias": torch.zeros(8),
        "head.weight": torch.zeros(50, 8),
    }


def test_weights_come_back_in_float16(tmp_path: Path) -> None:
    write_weights(tmp_path / "a.safetensors", drawn())
    for name, value in read_weights(tmp_path / "a.safetensors").items():
        assert torch.equal(value, drawn()[name].half())


def test_a_checkpoint_is_smaller_and_every_row_is_near(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a.safetensors", drawn())
    found = read_weights(tmp_path / "a.safetensors")
    assert found.keys() == drawn().keys()
    assert torch.equal(found["layers.0.attn.q.weight"], drawn()["layers.0.attn.q.weight"].half())
    error = (found["tok_embed.weight"] - drawn()["tok_embed.weight"]).abs()
    assert (error <= 0.006 * drawn()["tok_embed.weight"].abs().amax(1, keepdim=True)).all()
    assert not found["head.weight"].any()
    sizes = []
    for write in (write_weights, write_checkpoint):
        write(tmp_path / "b.safetensors", {"tok_embed.weight": torch.randn(500, 100)})
        sizes.append((tmp_path / "b.safetensors").stat().st_size)
    assert sizes[1] < 0.55 * sizes[0]


@pytest.mark.parametrize("damage", ["truncated", "empty", "missing", "overwritten"])
def test_a_damaged_file_is_named_with_what_to_do(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_weights(path, drawn())
    if damage == "missing":
        path.unlink()
    else:
        whole = path.read_bytes()
        path.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "overwritten": b"\xff" * 400}[damage])
    with pytest.raises(WeightsError, match=r"model.safetensors cannot be read .*Install mi-tutor again"):
        read_weights(path)


def test_no_room_leaves_the_file_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    write_weights(path, drawn())
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mi_tutor.files.safe_write.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_weights(path, {name: value + 1 for name, value in drawn().items()})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
