"""The pretended GPU does what CUDA does, case by case. Where there is a GPU, the same cases run on it and tell."""

import numpy as np
import pytest
import torch
from torch import nn

pytestmark = pytest.mark.usefixtures("gpu")
OTHER_DEVICE = "same device"
GENERATOR = "device type for generator"
INDICES = "indices should be either"
NUMPY = "can't convert cuda:0 device type tensor to numpy"


def on_cpu(*shape: int) -> torch.Tensor:
    return torch.arange(1.0, 1 + int(np.prod(shape))).reshape(shape)


def on_gpu(*shape: int) -> torch.Tensor:
    return on_cpu(*shape).to("cuda")


def number(device: str) -> torch.Tensor:
    return torch.tensor(2.0, device=device)


def places(device: str) -> torch.Tensor:
    return torch.tensor([0, 1], device=device)


def cpu_generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def gpu_generator() -> torch.Generator:
    return torch.Generator("cuda").manual_seed(0)


def set_item(tensor: torch.Tensor, index: object, value: object) -> torch.Tensor:
    tensor[index] = value
    return tensor


ON_GPU = {
    "a factory": lambda: torch.zeros(2, device="cuda"),
    "a device by its number": lambda: torch.zeros(2, device=0),
    "like one there": lambda: torch.zeros_like(on_gpu(2)),
    "new from one there": lambda: on_gpu(2).new_ones(3),
    "moved by name": lambda: on_cpu(2).to("cuda"),
    "moved with a dtype": lambda: on_cpu(2).to("cuda", torch.float64),
    "moved to where another is": lambda: on_cpu(2).to(on_gpu(1)),
    "moved by keyword": lambda: on_cpu(2).to(device="cuda", dtype=torch.float16),
    "another dtype": lambda: on_gpu(2).double(),
    "a view": lambda: on_gpu(2, 3).T[1:].reshape(-1),
    "detached": lambda: on_gpu(2).detach(),
    "cloned": lambda: on_gpu(2).clone(),
    "computed": lambda: (on_gpu(2, 3) @ on_gpu(3, 2)).softmax(-1),
    "one of several results": lambda: on_gpu(4).topk(2).indices,
    "in place": lambda: on_gpu(2).mul_(3),
    "with a number of Python's": lambda: 1 - on_gpu(2),
    "with a number on the CPU": lambda: on_gpu(2) * number("cpu"),
    "a choice between numbers on the CPU": lambda: torch.where(on_gpu(2) > 1, number("cpu"), number("cpu")),
    "indexed by the CPU's": lambda: on_gpu(3)[places("cpu")],
    "indexed by a mask on the CPU": lambda: on_gpu(2)[torch.tensor([True, False])],
    "indexed by its own": lambda: on_gpu(3)[places("cuda")],
    "copied into from the CPU": lambda: on_gpu(3).copy_(on_cpu(3)),
    "a slice set from the CPU": lambda: set_item(on_gpu(3), slice(0, 2), on_cpu(2)),
    "places set to a number on the CPU": lambda: set_item(on_gpu(3), places("cpu"), number("cpu")),
    "drawn": lambda: torch.randn(2, generator=gpu_generator(), device="cuda"),
    "drawn in place": lambda: on_gpu(2).uniform_(generator=gpu_generator()),
    "drawn from what is there": lambda: torch.multinomial(on_gpu(3), 1, generator=gpu_generator()),
    "from a tensor there": lambda: torch.as_tensor(on_gpu(2)),
    "from a list": lambda: torch.tensor([1, 2], device="cuda"),
    "from NumPy": lambda: torch.as_tensor(np.ones(2), device="cuda"),
    "stacked": lambda: torch.stack([on_gpu(2), on_gpu(2)]),
    "a parameter": lambda: nn.Parameter(on_gpu(2)),
}
ON_CPU = {
    "brought back": lambda: on_gpu(2).cpu(),
    "brought back by name": lambda: on_gpu(2).to("cpu"),
    "like one there, asked for here": lambda: torch.ones_like(on_gpu(2), device="cpu"),
    "indexed by a number there": lambda: on_cpu(3)[torch.tensor(1, device="cuda")],
    "copied into from there": lambda: on_cpu(3).copy_(on_gpu(3)),
    "a slice set from there": lambda: set_item(on_cpu(3), slice(0, 2), on_gpu(2)),
    "a list of numbers there": lambda: torch.tensor([number("cuda"), number("cuda")]),
    "drawn": lambda: torch.randn(2, generator=cpu_generator()),
    "from NumPy": lambda: torch.from_numpy(on_gpu(2).cpu().numpy()),
}
REFUSED = {
    "added": (lambda: on_gpu(2) + on_cpu(2), OTHER_DEVICE),
    "added to a number there": (lambda: on_cpu(2) + number("cuda"), OTHER_DEVICE),
    "multiplied": (lambda: on_gpu(2, 2) @ on_cpu(2, 2), OTHER_DEVICE),
    "put one after the other": (lambda: torch.cat([on_gpu(2), on_cpu(2)]), OTHER_DEVICE),
    "stacked numbers": (lambda: torch.stack([number("cuda"), number("cpu")]), OTHER_DEVICE),
    "compared as wholes": (lambda: torch.equal(on_gpu(2), on_cpu(2)), OTHER_DEVICE),
    "written here from there": (lambda: on_cpu(2).add_(on_gpu(2)), OTHER_DEVICE),
    "a number here written from there": (lambda: number("cpu").add_(number("cuda")), OTHER_DEVICE),
    "a mask": (lambda: on_gpu(2).masked_fill(torch.tensor([True, False]), 0), "same device"),
    "gathered": (lambda: on_gpu(2).gather(0, places("cpu")), OTHER_DEVICE),
    "selected": (lambda: on_gpu(2).index_select(0, places("cpu")), OTHER_DEVICE),
    "embedded": (lambda: nn.functional.embedding(places("cpu"), on_gpu(2, 2)), OTHER_DEVICE),
    "a layer and its input": (lambda: nn.Linear(2, 2).to("cuda")(on_cpu(2)), OTHER_DEVICE),
    "the loss of targets here": (lambda: nn.functional.cross_entropy(on_gpu(2, 2), places("cpu")), OTHER_DEVICE),
    "indexed by those there": (lambda: on_cpu(3)[places("cuda")], INDICES),
    "indexed by a mask there": (lambda: on_cpu(2)[on_gpu(2) > 1], INDICES),
    "places set from here": (lambda: set_item(on_gpu(3), places("cuda"), on_cpu(2)), OTHER_DEVICE),
    "quantiles asked for here": (lambda: on_gpu(4).quantile(torch.tensor([0.5])), "same device"),
    "drawn there with a generator here": (lambda: torch.rand(2, generator=cpu_generator(), device="cuda"), GENERATOR),
    "drawn here with a generator there": (lambda: torch.rand(2, generator=gpu_generator()), GENERATOR),
    "drawn in place with a generator here": (lambda: on_gpu(2).normal_(generator=cpu_generator()), GENERATOR),
    "shuffled here with a generator there": (lambda: torch.randperm(3, generator=gpu_generator()), GENERATOR),
    "to NumPy": (lambda: on_gpu(2).numpy(), NUMPY),
    "to NumPy without asking": (lambda: np.asarray(on_gpu(2)), NUMPY),
    "to NumPy in a function": (lambda: np.sqrt(on_gpu(2)), NUMPY),
    "a device that is not there": (lambda: torch.zeros(2, device="cuda:99"), "invalid device ordinal"),
}


@pytest.mark.parametrize("case", ON_GPU)
def test_it_is_on_the_gpu(case):
    tensor = ON_GPU[case]()
    assert (tensor.device.type, tensor.is_cuda, tensor.get_device()) == ("cuda", True, 0)
    assert tensor.device == torch.device("cuda", 0)


@pytest.mark.parametrize("case", ON_CPU)
def test_it_is_on_the_cpu(case):
    tensor = ON_CPU[case]()
    assert (tensor.device.type, tensor.is_cuda, tensor.is_cpu) == ("cpu", False, True)


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_in_these_words(case):
    run, words = REFUSED[case]
    with pytest.raises((RuntimeError, TypeError), match=words):
        run()


def test_numbers_and_lists_are_read_from_anywhere():
    tensor = on_gpu(2)
    assert tensor.tolist() == [1.0, 2.0]
    assert [float(value) for value in tensor] == [1.0, 2.0]
    assert (tensor.sum().item(), f"{tensor[1]:.1f}", bool((tensor > 0).all())) == (3.0, "2.0", True)
    assert ["a", "b", "c"][torch.tensor(1, device="cuda")] == "b"
    assert "device='cuda:0'" in repr(tensor)


def test_a_copy_is_a_copy_and_what_is_there_stays():
    here = on_cpu(2)
    there = here.cuda()
    there += 1
    assert here.tolist() == [1.0, 2.0]
    assert there.cuda() is there.to("cuda") is there
    assert here.cpu() is here


def test_a_module_moves_with_its_parameters_and_buffers_and_they_stay_themselves():
    module = nn.BatchNorm1d(3)
    before = list(module.parameters())
    module.to("cuda")
    assert all(new is old for new, old in zip(module.parameters(), before, strict=True))
    assert {tensor.device.type for tensor in (*module.parameters(), *module.buffers())} == {"cuda"}
    assert module(on_gpu(4, 3)).is_cuda
    assert not any(tensor.is_cuda for tensor in module.cpu().parameters())


@pytest.mark.parametrize("optimiser", [torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD])
def test_gradients_and_what_optimisers_remember_are_there_too(optimiser):
    weight = on_gpu(3).requires_grad_()
    kept = optimiser([weight], lr=0.1)
    (weight.square().sum() + weight.to("cpu").sum()).backward()
    assert weight.grad.is_cuda
    assert weight.grad.tolist() == [3.0, 5.0, 7.0]
    nn.utils.clip_grad_norm_([weight], 1.0)
    kept.step()
    assert weight.is_cuda
    assert all(value.is_cuda for state in kept.state.values() for value in state.values() if value.ndim)
    [gradient] = torch.autograd.grad(weight.exp().sum(), [weight])
    assert gradient.is_cuda


def test_the_same_seed_is_another_stream_there_and_the_same_one_again():
    here = torch.rand(4, generator=cpu_generator())
    there, again = (torch.rand(4, generator=gpu_generator(), device="cuda").cpu() for _ in range(2))
    assert torch.equal(there, again)
    assert not torch.equal(here, there)
    generator = gpu_generator()
    assert (generator.device.type, generator.initial_seed()) == ("cuda", 0)
    twin = torch.Generator(generator.device)
    twin.set_state(generator.get_state())
    assert torch.equal(*(torch.rand(4, generator=g, device="cuda") for g in (generator, twin)))


def test_each_device_has_a_global_stream_of_its_own():
    torch.manual_seed(3)
    here = torch.get_rng_state()
    one = torch.rand(3, device="cuda")
    assert torch.equal(torch.get_rng_state(), here)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(3, device="cuda"), one)
    there = torch.cuda.get_rng_state_all()
    torch.rand(3)
    assert all(torch.equal(a, b) for a, b in zip(there, torch.cuda.get_rng_state_all(), strict=True))


def test_autocast_rounds_products_and_leaves_weights_alone():
    weight, x = on_gpu(2, 2), on_gpu(2, 2)
    with torch.autocast("cuda", torch.bfloat16):
        product = x @ weight
    assert (product.dtype, product.is_cuda, weight.dtype) == (torch.bfloat16, True, torch.float32)


def test_a_gpu_is_found_and_named():
    assert torch.cuda.is_available()
    assert torch.cuda.device_count() >= 1
    assert torch.cuda.get_device_name()
