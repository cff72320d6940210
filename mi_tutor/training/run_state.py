"""What every training run keeps: the state from which it goes on after a kill, and a progress bar."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mi_tutor.files.tensor_file import write_tensors

if TYPE_CHECKING:
    import torch
    from torch import Tensor

STATE_FILE = "state.safetensors"


def save_state(
    folder: Path, mark: str, step: int, parameters: "Mapping[str, Tensor]", optimizer: "torch.optim.Optimizer"
) -> None:
    """Write weights and Adam's two moments, whole or not at all.

    Raises:
        OSError: when there is no room; the state saved before is still there.
    """
    tensors: dict[str, Tensor] = {}
    for name, parameter in parameters.items():
        tensors[f"weight/{name}"] = parameter.detach()
        tensors[f"mean/{name}"] = optimizer.state[parameter]["exp_avg"]
        tensors[f"square/{name}"] = optimizer.state[parameter]["exp_avg_sq"]
    write_tensors(folder / STATE_FILE, tensors, {"fingerprint": mark, "step": str(step)})


def restore_state(
    folder: Path, mark: str, parameters: "Mapping[str, Tensor]", optimizer: "torch.optim.Optimizer"
) -> int:
    """Put the saved state back into parameters and optimiser; returns the number of steps done, 0 where none is saved.

    Raises:
        ValueError: when the state is damaged or of a run with another fingerprint.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    if not (folder / STATE_FILE).exists():
        return 0
    try:
        with safe_open(folder / STATE_FILE, "pt") as file, torch.no_grad():
            saved = file.metadata() or {}
            if saved.get("fingerprint") != mark:
                raise ValueError(
                    f"{folder} holds a run of another recipe, corpus or tokenizer. Delete that folder to start again."
                )
            for name, parameter in parameters.items():
                parameter.copy_(file.get_tensor(f"weight/{name}"))
                optimizer.state[parameter] = {
                    "step": torch.tensor(float(saved["step"])),
                    "exp_avg": file.get_tensor(f"mean/{name}").to(parameter.device),
                    "exp_avg_sq": file.get_tensor(f"square/{name}").to(parameter.device),
                }
    except SafetensorError as error:
        raise ValueError(
            f"{folder / STATE_FILE} is damaged ({error}). Delete that folder to start the run again."
        ) from None
    return int(saved["step"])


@contextmanager
def training_progress(
    name: str, steps: int, tokens_per_step: int, first_step: int
) -> "Iterator[Callable[[float], None]]":
    """A progress bar on stderr with tokens per second and time left; call what it yields with each step's loss."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed or 0:,.0f} tokens/s")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %  loss {task.fields[loss]:.3f}"),
        Speed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=first_step >= steps) as progress:
        task = progress.add_task(name, total=steps * tokens_per_step, loss=float("nan"))
        progress.update(task, completed=first_step * tokens_per_step)
        yield lambda loss: progress.update(task, advance=tokens_per_step, loss=loss)
