"""Units that can be told in a word are told, those that cannot are not, and what is chosen is scored elsewhere."""

import json
import string

import pytest
import torch
from torch import Tensor

from mi_tutor.assets import ASSETS
from mi_tutor.corpus.labels import LABELS
from mi_tutor.figures.blind_sheet import DRAWN, blind_units, sheet_text
from mi_tutor.figures.readability import KINDS, Text, read_units
from mi_tutor.figures.stored import stored_table


def text(seed: int) -> Text:
    draw = torch.Generator().manual_seed(seed)
    windows = torch.randint(1, 40, (30, 128), generator=draw)
    windows[:, 0] = 0
    labels = torch.rand(30, 128, len(LABELS), generator=draw) < torch.linspace(0.05, 0.9, len(LABELS))
    labels[:, 0] = False
    return Text(windows, labels)


def units(of: Text, draw: torch.Generator) -> Tensor:
    """Told by a token, by the token before, by the second label, by nothing."""
    before = of.windows.roll(1, 1)
    noise = torch.rand(of.windows.shape, generator=draw) < 0.3
    return torch.stack([of.windows == 7, before == 9, of.labels[..., 1], noise], dim=-1).float().flatten(0, 1)


def test_each_unit_is_told_by_what_it_follows() -> None:
    draw = torch.Generator().manual_seed(5)
    choose, score = ((half, units(half, draw)) for half in (text(0), text(1)))
    found = read_units(lambda x: x, choose, score)
    assert [KINDS[i] for i in found.kind[:3]] == ["token", "token before", "label"]
    assert torch.allclose(found.score[:3], torch.ones(3))
    assert abs(float(found.score[3])) < 0.1
    assert float(found.label_f1[1]) == pytest.approx(1.0)


def test_a_unit_that_is_always_on_is_not_told_by_a_label_that_most_tokens_have() -> None:
    choose, score = ((half, torch.ones(half.windows.numel(), 1)) for half in (text(0), text(1)))
    found = read_units(lambda x: x, choose, score)
    assert abs(float(found.score[0])) < 1e-6
    assert float(found.label_f1[-1]) > 0.9


class Letters:
    def decode(self, ids: Tensor) -> str:
        return "".join(string.ascii_letters[i] for i in ids.tolist())


def test_a_sheet_shows_every_drawn_unit_and_does_not_say_what_it_is() -> None:
    draw = torch.Generator().manual_seed(0)
    values = {kind: torch.rand(30 * 128, 9, generator=draw).sub(0.9).relu() for kind in ("feature", "neuron")}
    columns = {kind: (9, lambda i, table=table: table[:, i]) for kind, table in values.items()}
    drawn = blind_units(columns, text(0).windows, Letters(), {"feature": 4, "neuron": 3}, draw)
    assert sorted(unit.kind for unit in drawn) == ["feature"] * 4 + ["neuron"] * 3
    assert len({(unit.kind, unit.unit) for unit in drawn}) == 7
    assert all(unit.strongest[0].startswith("1.0 ") and len(unit.any) == 7 for unit in drawn)
    sheet = sheet_text(drawn)
    assert sheet.count("#") == 7
    assert "feature" not in sheet
    assert "neuron" not in sheet


def test_the_stored_tables_hold_what_the_chapter_reads() -> None:
    rating = stored_table("blind-rating")
    kinds = [unit["kind"] for unit in rating["units"]]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == DRAWN
    assert {row["kind"] for row in stored_table("frontier")} == {"L1", "TopK", "JumpReLU", "shipped", "neurons"}
    assert all(len(row["label_f1"]) == len(LABELS) for row in stored_table("sites"))
    for file in (ASSETS / "sae-relu-1l-py").glob("*.json"):
        json.loads(file.read_text(encoding="utf-8"))
