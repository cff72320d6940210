"""Train one autoencoder on stored activations with one library, in the environment of that library; say how fast.

python sae_runner.py LIBRARY FOLDER    with LIBRARY one of ours, dictionary_learning, sae_lens, sae_lens_bfloat16

FOLDER holds activations.safetensors (x, [step batch d_in]) and settings.json; LIBRARY.safetensors and LIBRARY.json are
written there. Every library trains the same loss, sum of squares plus l1 * sum_i f_i |W_dec_i|, with Adam, the same
rate and the same schedules, which all three offer.
"""

import json
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def ours(x, settings):
    from mi_tutor.models.sae_recipes import SaeRecipe
    from mi_tutor.training.sae_train import initial_parameters, sae_step

    steps, batch, d_in = x.shape
    recipe = SaeRecipe(
        name="benchmark",
        summary="",
        model="",
        expansion=settings["d_sae"] // d_in,
        seeds=(0,),
        tokens=steps * batch,
        batch=batch,
        learning_rate=settings["learning_rate"],
        l1_coefficient=settings["l1"],
        l1_warmup_share=settings["l1_warmup_steps"] / steps,
        decay_share=settings["decay_steps"] / steps,
    )
    parameters = initial_parameters(recipe, d_in, torch.device("cpu"))
    optimizer = torch.optim.Adam([parameter.requires_grad_() for parameter in parameters], lr=0.0, fused=True)

    def train():
        with torch.no_grad():
            for step in range(steps):
                sae_step(recipe, parameters, optimizer, x[step].float(), step)

    def weights():
        W_enc, b_enc, W_dec, b_dec = (tensor[0].detach() for tensor in parameters)
        return {"W_enc": W_enc.T, "b_enc": b_enc, "W_dec": W_dec, "b_dec": b_dec}

    return train, weights


def dictionary_learning(x, settings):
    from dictionary_learning.trainers.standard import StandardTrainerAprilUpdate
    from dictionary_learning.training import trainSAE

    steps, _, d_in = x.shape
    kept = []

    class Trainer(StandardTrainerAprilUpdate):
        def __init__(self, **arguments):
            super().__init__(**arguments)
            kept.append(self.ae)

    config = {
        "trainer": Trainer,
        "steps": steps,
        "activation_dim": d_in,
        "dict_size": settings["d_sae"],
        "layer": 0,
        "lm_name": "benchmark",
        "lr": settings["learning_rate"],
        "l1_penalty": settings["l1"],
        "warmup_steps": 1,
        "sparsity_warmup_steps": settings["l1_warmup_steps"],
        "decay_start": steps - settings["decay_steps"],
        "seed": 0,
        "device": "cpu",
    }

    def train():
        batches = (rows.float() for rows in x)
        trainSAE(data=batches, trainer_configs=[config], steps=steps, device="cpu", save_dir=None)

    def weights():
        ae = kept[0]
        found = {"W_enc": ae.encoder.weight.T, "b_enc": ae.encoder.bias, "W_dec": ae.decoder.weight.T, "b_dec": ae.bias}
        return {name: value.detach() for name, value in found.items()}

    return train, weights


def sae_lens(x, settings, autocast=False):
    from sae_lens.config import SAETrainerConfig
    from sae_lens.saes.standard_sae import StandardTrainingSAE, StandardTrainingSAEConfig
    from sae_lens.training.sae_trainer import SAETrainer

    steps, batch, d_in = x.shape
    torch.manual_seed(0)
    sae = StandardTrainingSAE(
        StandardTrainingSAEConfig(
            d_in=d_in,
            d_sae=settings["d_sae"],
            l1_coefficient=settings["l1"],
            l1_warm_up_steps=settings["l1_warmup_steps"],
            apply_b_dec_to_input=True,
            normalize_activations="none",
        )
    )
    config = SAETrainerConfig(
        total_training_samples=steps * batch,
        train_batch_size_samples=batch,
        lr=settings["learning_rate"],
        lr_end=0.0,
        lr_decay_steps=settings["decay_steps"],
        device="cpu",
        autocast=autocast,
    )
    trainer = SAETrainer(config, sae, data_provider=(rows.float() for rows in x))

    def weights():
        return {name: getattr(sae, name).detach() for name in ("W_enc", "b_enc", "W_dec", "b_dec")}

    return trainer.fit, weights


def main():
    library, folder = sys.argv[1], Path(sys.argv[2])
    settings = json.loads((folder / "settings.json").read_text())
    x = load_file(folder / "activations.safetensors")["x"]
    makers = {
        "ours": ours,
        "dictionary_learning": dictionary_learning,
        "sae_lens": sae_lens,
        "sae_lens_bfloat16": lambda x, settings: sae_lens(x, settings, autocast=True),
    }
    train, weights = makers[library](x, settings)
    start = time.perf_counter()
    train()
    seconds = time.perf_counter() - start
    save_file(
        {name: value.float().contiguous() for name, value in weights().items()}, folder / f"{library}.safetensors"
    )
    (folder / f"{library}.json").write_text(json.dumps({"seconds": seconds, "tokens": x.shape[0] * x.shape[1]}))


if __name__ == "__main__":
    main()
