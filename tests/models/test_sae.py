"""An SAE on disk: SAELens's layout, and a sentence for every file that is not one."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mi_tutor.models.sae import CONFIG_FILE, WEIGHTS_FILE, Sae, SaeFileError, read_sae, save_sae
from mi_tutor.models.sae_recipes import SAE_RECIPES
from mi_tutor.models.sae_zoo import load_sae
from mi_tutor.models.zoo import UnknownModelError


def drawn() -> Sae:
    generator = torch.Generator().manual_seed(0)
    return Sae(
        W_enc=torch.randn(5, 8, generator=generator),
        b_enc=torch.randn(8, generator=generator),
        W_dec=torch.randn(8, 5, generator=generator),
        b_dec=torch.randn(5, generator=generator),
        model="relu-1l-py",
        hook_name="blocks.0.mlp.hook_post",
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    sae = drawn()
    save_sae(sae, tmp_path)
    again = read_sae(tmp_path)
    x = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(again.encode(x), sae.encode(x), atol=0.02)
    assert torch.allclose(again.decode(again.encode(x)), sae.decode(sae.encode(x)), atol=0.05)
    assert (again.model, again.hook_name) == (sae.model, sae.hook_name)
    assert load_sae(str(tmp_path), device="cpu").W_enc.shape == (5, 8)


def test_encode_and_decode_take_any_leading_axes_and_none_of_it_is_negative() -> None:
    sae = drawn()
    f = sae.encode(torch.randn(2, 3, 5))
    assert f.shape == (2, 3, 8)
    assert (f >= 0).all()
    assert sae.decode(f).shape == (2, 3, 5)
    assert sae.encode(torch.zeros(0, 5)).shape == (0, 8)


@pytest.mark.parametrize("damage", ["no config", "no weights", "truncated", "not json", "wrong shape", "another kind"])
def test_a_folder_that_holds_no_such_sae_is_refused_in_a_sentence(damage: str, tmp_path: Path) -> None:
    save_sae(drawn(), tmp_path)
    config, weights = tmp_path / CONFIG_FILE, tmp_path / WEIGHTS_FILE
    if damage == "no config":
        config.unlink()
    elif damage == "no weights":
        weights.unlink()
    elif damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:-10])
    elif damage == "not json":
        config.write_text("{")
    elif damage == "wrong shape":
        save_file({**load_file(weights), "b_enc": torch.zeros(9)}, weights)
    else:
        config.write_text(json.dumps({**json.loads(config.read_text()), "architecture": "jumprelu"}))
    with pytest.raises(SaeFileError, match=str(tmp_path)):
        read_sae(tmp_path)


def test_an_unknown_name_or_seed_is_refused_with_those_there_are() -> None:
    for name, seed in [("gpt2-small-res-jb", 0), *((name, 77) for name in SAE_RECIPES)]:
        with pytest.raises(UnknownModelError, match=f"no bundled SAE '{name}' with seed {seed}") as caught:
            load_sae(name, seed)
        assert all(each in str(caught.value) for each in SAE_RECIPES)
