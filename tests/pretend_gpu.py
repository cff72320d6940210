"""A GPU to test with where there is none: tensors that lie in memory and are held to the rules of a CUDA device.

Under `PretendGpu` a tensor made on, or moved to, "cuda" stays an ordinary tensor, but its storage is marked, and with
it every view of it and everything computed from it. What CUDA refuses is refused in CUDA's words: operands on
two devices, a generator of another device, `.numpy()`. Generators on it give other numbers than the CPU's for the same
seed, as real ones do, so that a sentence which only holds for one stream of random numbers is found out.

What it cannot show: how a GPU rounds (TF32, the order of sums), which operations a backend lacks, and what Python code
does inside a backward pass, where PyTorch lets no mode look on. Float16 autocast on it is the CPU's.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

CUDA, CPU = torch.device("cuda", 0), torch.device("cpu")
NAME = "Pretend GPU"
_MARK = "on_pretend_gpu"
_CpuGenerator = torch.Generator
_cpu_autocast = torch.autocast

# fmt: off
# Where CUDA takes operands of both devices: copies. Indices, which may be on the CPU, have a rule of their own below.
_ANY_DEVICES = {
    "copy_", "set_", "data.__set__", "is_set_to", "is_same_size", "broadcast_tensors", "atleast_1d", "atleast_2d",
    "_has_compatible_shallow_copy_type", "can_cast", "result_type", "promote_types", "view_as", "expand_as",
    "reshape_as", "type_as", "tensor_split", "backward",
}
# Where not even a single number on the CPU is taken beside tensors on the GPU: only elementwise operations take one.
_NO_CPU_NUMBERS = {
    "stack", "cat", "concat", "concatenate", "hstack", "vstack", "gather", "index_select", "take", "take_along_dim",
    "scatter", "scatter_", "scatter_add", "scatter_add_", "scatter_reduce_", "index_add", "index_add_", "index_copy",
    "index_copy_", "equal", "dot", "quantile", "nanquantile", "repeat_interleave", "embedding", "block_diag",
}
_RANDOM = {
    "rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson", "rand_like", "randn_like",
    "randint_like", "normal_", "uniform_", "bernoulli_", "exponential_", "random_", "geometric_", "cauchy_",
    "log_normal_", "dropout", "dropout_", "alpha_dropout", "feature_dropout", "kaiming_uniform_", "kaiming_normal_",
    "xavier_uniform_", "xavier_normal_", "trunc_normal_", "orthogonal_", "rrelu", "gumbel_softmax",
}
# fmt: on
_NOT_TO_NUMPY = (
    "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
)


def on_gpu(tensor: Tensor) -> bool:
    """Whether the tensor is said to be on the pretended GPU."""
    return _MARK in _home(tensor).__dict__


def _home(tensor: Tensor) -> Any:
    """What carries the mark: the storage, which views share; a sparse tensor has none and carries it itself."""
    return tensor.untyped_storage() if tensor.layout == torch.strided else tensor


def _put_on_gpu(tensor: Tensor) -> Tensor:
    setattr(_home(tensor), _MARK, True)
    return tensor


class Generator(_CpuGenerator):
    """`torch.Generator`, also on the pretended GPU: there the same seed begins another stream."""

    _device = CPU

    def __new__(cls, device: Any = "cpu") -> "Generator":
        made = super().__new__(cls, "cpu")
        made._device = _device(device)
        made._seed = super(Generator, made).initial_seed()
        return made

    def __init__(self, device: Any = "cpu") -> None:
        super().__init__()

    @property
    def device(self) -> torch.device:
        return self._device

    def manual_seed(self, seed: int) -> "Generator":
        self._seed = seed
        # What is mixed in is arbitrary; it only has to give another stream.
        super().manual_seed(seed if self._device == CPU else (seed * 0x9E3779B97F4A7C15 + 0x7F4A7C15) % 2**63)
        return self

    def initial_seed(self) -> int:
        return self._seed

    def seed(self) -> int:
        self._seed = super().seed()
        return self._seed


class PretendGpu(TorchFunctionMode):
    """While this is active, there is a CUDA device."""

    def __init__(self) -> None:
        super().__init__()
        self.random_state = Generator("cuda").manual_seed(0).get_state()
        """The GPU's own global random state."""

    def __enter__(self) -> "PretendGpu":
        self._patches = ExitStack()
        for where, name, value in self._patched():
            self._patches.enter_context(patch.object(where, name, value, create=True))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._patches.close()

    def _patched(self) -> Iterator[tuple[Any, str, Any]]:
        cuda = torch.cuda
        # Each a function of its own: torch.compile's tables, which optimisers load, take no function under two names.
        answers = [
            (None, ("synchronize", "empty_cache", "init", "_lazy_init", "reset_peak_memory_stats", "set_device")),
            (True, ("is_available", "is_initialized", "is_bf16_supported")),
            (1, ("device_count",)),
            (0, ("memory_allocated", "max_memory_allocated", "memory_reserved", "current_device")),
            (NAME, ("get_device_name",)),
            ((8, 0), ("get_device_capability",)),
        ]
        for answer, names in answers:
            for name in names:
                yield cuda, name, lambda *args, _answer=answer, **kwargs: _answer
        yield cuda, "get_rng_state", lambda device=None: self.random_state.clone()
        yield cuda, "get_rng_state_all", lambda: [self.random_state.clone()]
        yield cuda, "set_rng_state", lambda state, device=None: self._set_random(state)
        yield cuda, "set_rng_state_all", lambda states: self._set_random(states[0])
        yield cuda, "manual_seed", lambda seed: self._seed(seed)
        yield cuda, "manual_seed_all", lambda seed: self._seed(seed)
        seed_cpu = torch.manual_seed

        def manual_seed(seed: int) -> Any:
            self._seed(seed)
            return seed_cpu(seed)

        for module in (torch, torch.random):
            yield module, "manual_seed", manual_seed
        yield torch, "Generator", Generator
        for module in (torch, torch.amp):
            yield module, "autocast", _autocast

    def _set_random(self, state: Tensor) -> None:
        self.random_state = state.clone()

    def _seed(self, seed: int) -> None:
        self.random_state = Generator("cuda").manual_seed(int(seed)).get_state()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = _name(func)
        special = _SPECIAL.get(name)
        if special is not None:
            return special(self, func, args, kwargs)
        return self._general(func, name, args, kwargs)

    def _general(self, func: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
        tensors = _tensors((args, kwargs))
        marked = [on_gpu(tensor) for tensor in tensors]
        if any(marked) and not all(marked) and name not in _ANY_DEVICES:
            _refuse_mixture(name, args, tensors, marked)
        kwargs.pop("pin_memory", None)  # there is no driver to lock memory with
        asked = kwargs.get("device")
        if asked is not None:
            kwargs["device"] = CPU
        gpu = _device(asked) == CUDA if asked is not None else any(marked)
        _refuse_generator(kwargs.get("generator"), gpu)
        known = {id(_home(tensor)) for tensor in tensors}
        result = self._drawn(func, args, kwargs) if gpu and name in _RANDOM else func(*args, **kwargs)
        if gpu:
            for tensor in _tensors(result):
                # What shares its memory with an argument is where that is: a copy into the CPU stays there.
                if id(_home(tensor)) not in known:
                    _put_on_gpu(tensor)
        return result

    def _drawn(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """A draw from the GPU's global stream, unless a generator is given."""
        if kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        before = torch.get_rng_state()
        torch.set_rng_state(self.random_state)
        try:
            return func(*args, **kwargs)
        finally:
            self.random_state = torch.get_rng_state()
            torch.set_rng_state(before)


@functools.lru_cache(maxsize=4096)
def _name(func: Any) -> str:
    """`add_`, or `device.__get__` for a property."""
    name = getattr(func, "__name__", str(func))
    return f"{func.__self__.__name__}.{name}" if name in ("__get__", "__set__", "__delete__") else name


def _device(asked: Any) -> torch.device:
    """A device as CUDA would name it: the one GPU has an index, and no other is there."""
    if isinstance(asked, int):
        asked = f"cuda:{asked}"
    device = torch.device(asked)
    if device.type != "cuda":
        return CPU if device.type == "cpu" else device
    if device.index not in (None, 0):
        raise RuntimeError("CUDA error: invalid device ordinal")
    return CUDA


def _tensors(value: Any) -> list[Tensor]:
    """All tensors in there, in lists, tuples and dictionaries too."""
    found: list[Tensor] = []
    rest = [value]
    while rest:
        part = rest.pop()
        if isinstance(part, (tuple, list)):
            rest += reversed(part)
        elif isinstance(part, dict):
            rest += reversed(part.values())
        elif isinstance(part, Tensor):
            found.append(part)
    return found


def _refuse_generator(generator: torch.Generator | None, gpu: bool) -> None:
    wanted = "cuda" if gpu else "cpu"
    if generator is not None and generator.device.type != wanted:
        found = generator.device.type
        raise RuntimeError(f"Expected a '{wanted}' device type for generator but found '{found}'")


def _refuse_mixture(name: str, args: Any, tensors: list[Tensor], marked: list[bool]) -> None:
    """One number on the CPU may stand beside tensors on the GPU in elementwise operations; all else may not."""
    elsewhere = [tensor for tensor, mark in zip(tensors, marked, strict=True) if not mark]
    in_place = name.endswith("_") and (not name.endswith("__") or name.startswith("__i"))
    written = in_place and isinstance(args[0], Tensor) and not on_gpu(args[0])
    if written or name in _NO_CPU_NUMBERS or any(tensor.ndim for tensor in elsewhere):
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! "
            f"(when checking arguments of {name})"
        )


def _autocast(device_type: str, *args: Any, **kwargs: Any) -> Any:
    """CUDA's autocast, by the CPU's, which casts the same products."""
    if device_type == "cuda" and not args and "dtype" not in kwargs:
        kwargs["dtype"] = torch.float16
    return _cpu_autocast("cpu" if device_type == "cuda" else device_type, *args, **kwargs)


# What follows stands in for single functions: (mode, function, args, kwargs) -> result.


def _where(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> Any:
    return CUDA if on_gpu(args[0]) else func(*args, **kwargs)


def _is_cuda(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> bool:
    return on_gpu(args[0])


def _is_cpu(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> bool:
    return not on_gpu(args[0])


def _get_device(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> int:
    return 0 if on_gpu(args[0]) else -1


def _type(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> Any:
    result = mode._general(func, "type", args, kwargs)
    return result.replace("torch.", "torch.cuda.", 1) if isinstance(result, str) and on_gpu(args[0]) else result


def _moved(mode: PretendGpu, tensor: Tensor, gpu: bool) -> Tensor:
    """A copy on the other device, part of the graph; the tensor itself where it is there already."""
    if on_gpu(tensor) == gpu:
        return tensor
    copy = tensor.clone()
    return _put_on_gpu(copy) if gpu else copy


def _to(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> Tensor:
    tensor, *rest = args
    if rest and isinstance(rest[0], Tensor):
        kwargs["other"] = rest.pop(0)
    elif rest and (rest[0] is None or isinstance(rest[0], (str, torch.device, int))):
        kwargs["device"] = rest.pop(0)
    kwargs |= zip(("dtype", "non_blocking", "copy"), rest, strict=False)
    if (other := kwargs.pop("other", None)) is not None:
        kwargs |= {"device": CUDA if on_gpu(other) else CPU, "dtype": other.dtype}
    asked = kwargs.pop("device", None)
    there = _moved(mode, tensor, on_gpu(tensor) if asked is None else _device(asked) == CUDA)
    kwargs = {name: value for name, value in kwargs.items() if value is not None and name != "non_blocking"}
    if there is not tensor:
        kwargs.pop("copy", None)  # it is one
    return mode._general(func, "to", (there, kwargs.pop("dtype", there.dtype)), kwargs) if kwargs else there


def _cuda(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> Tensor:
    _device(kwargs.get("device") or (args[1] if len(args) > 1 and args[1] is not None else "cuda"))
    return _moved(mode, args[0], True)


def _cpu(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> Tensor:
    return _moved(mode, args[0], False)


def _numpy(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> Any:
    if not on_gpu(args[0]):
        return func(*args, **kwargs)
    if func.__name__ == "numpy" and kwargs.get("force"):
        return func(args[0].clone(), force=True)
    raise TypeError(_NOT_TO_NUMPY)


def _pin_memory(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> Tensor:
    if on_gpu(args[0]):
        raise RuntimeError("cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned")
    return args[0].clone()


def _from_data(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> Tensor:
    """`torch.tensor` and its like: the device asked for, else that of a tensor; of a list, whatever it holds, the CPU."""
    data, *rest = args if args else (kwargs.pop("data", None) if "data" in kwargs else kwargs.pop("obj"),)
    asked = kwargs.pop("device", None)
    from_tensor = isinstance(data, Tensor)
    gpu = _device(asked) == CUDA if asked is not None else from_tensor and on_gpu(data)
    if from_tensor and func.__name__ != "tensor":
        data = _moved(mode, data, gpu)
    made = func(data, *rest, **kwargs)
    if gpu and not on_gpu(made):
        made = made if from_tensor and func.__name__ == "tensor" else _fresh(made)
        _put_on_gpu(made)
    return made


def _fresh(tensor: Tensor) -> Tensor:
    """A leaf of its own, so that no list or NumPy array shares its memory with the GPU's."""
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)


def _index_parts(index: Any) -> list[Tensor]:
    return [
        part for part in (index if isinstance(index, (tuple, list)) else (index,)) if isinstance(part, (Tensor, list))
    ]


def _refuse_indices(tensor: Tensor, index: Any) -> None:
    parts = _tensors(_index_parts(index))
    # A single whole number is read, wherever it lies, like an int.
    whole = {torch.int64, torch.int32, torch.int16, torch.int8}
    if not on_gpu(tensor) and any(on_gpu(part) and not (part.ndim == 0 and part.dtype in whole) for part in parts):
        raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")


def _getitem(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> Any:
    tensor, index = args
    _refuse_indices(tensor, index)
    result = func(tensor, index)
    return _put_on_gpu(result) if on_gpu(tensor) else result


def _setitem(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> None:
    tensor, index, value = args
    _refuse_indices(tensor, index)
    gathered = any(part.ndim or part.dtype == torch.bool for part in _tensors(_index_parts(index)))
    gathered = gathered or any(isinstance(part, list) for part in _index_parts(index))
    # Slices are copied into, from anywhere; what tensors pick out needs the value beside it, or a single number.
    if gathered and isinstance(value, Tensor) and value.ndim and on_gpu(value) != on_gpu(tensor):
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! "
            "(when checking arguments of index_put_)"
        )
    func(tensor, index, value)


def _index_put(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> Tensor:
    tensor, indices, value = (*args, kwargs.pop("values"))[:3] if "values" in kwargs else args[:3]
    _refuse_indices(tensor, list(indices))
    if on_gpu(value) != on_gpu(tensor) and (value.ndim or on_gpu(value)):
        _refuse_mixture("index_put", (tensor,), [tensor, value], [on_gpu(tensor), on_gpu(value)])
    result = func(tensor, indices, value, *args[3:], **kwargs)
    return _put_on_gpu(result) if on_gpu(tensor) else result


def _repr(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> str:
    text = func(*args, **kwargs)
    if not on_gpu(args[0]):
        return text
    rest = min(
        (at for tail in (", dtype=", ", size=", ", grad_fn=", ", requires_grad=") if (at := text.rfind(tail)) > 0),
        default=len(text) - text.endswith(")"),
    )
    return f"{text[:rest]}, device='cuda:0'{text[rest:]}"


def _by_device(mode: PretendGpu, func: Any, args: Any, kwargs: Any) -> Any:
    """How optimisers group their tensors."""
    groups = func(*args, **kwargs)
    named = {}
    for (device, dtype), (lists, places) in groups.items():
        there = any(on_gpu(tensor) for tensor in _tensors(lists)[:1])
        named[(CUDA if there else device, dtype)] = (lists, places)
    return named


_SPECIAL: dict[str, Callable[..., Any]] = {
    "device.__get__": _where,
    "is_cuda.__get__": _is_cuda,
    "is_cpu.__get__": _is_cpu,
    "get_device": _get_device,
    "type": _type,
    "to": _to,
    "cuda": _cuda,
    "cpu": _cpu,
    "numpy": _numpy,
    "__array__": _numpy,
    "pin_memory": _pin_memory,
    "tensor": _from_data,
    "as_tensor": _from_data,
    "asarray": _from_data,
    "__getitem__": _getitem,
    "__setitem__": _setitem,
    "index_put": _index_put,
    "index_put_": _index_put,
    "__repr__": _repr,
    "_group_tensors_by_device_and_dtype": _by_device,
}
for _property in ("shape", "dtype", "ndim", "requires_grad", "grad_fn", "is_leaf", "layout", "names", "is_sparse"):
    _SPECIAL[f"{_property}.__get__"] = lambda mode, func, args, kwargs: func(*args, **kwargs)
for _method in ("size", "dim", "numel", "stride", "item", "tolist", "__len__", "__bool__", "__float__", "__int__"):
    _SPECIAL[_method] = lambda mode, func, args, kwargs: func(*args, **kwargs)
for _query in (
    "untyped_storage",
    "is_floating_point",
    "is_contiguous",
    "data_ptr",
    "__index__",
    "__format__",
    "device",
):
    _SPECIAL[_query] = lambda mode, func, args, kwargs: func(*args, **kwargs)
