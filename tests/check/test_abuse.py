"""Whatever a function does, a check ends with a sentence, and the notebook is as it was."""

import os
import signal
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch

from mi_tutor import check
from mi_tutor.check import call as calling
from mi_tutor.check.errors import LearnerError, NotAFunction, UnknownExercise


@pytest.fixture(autouse=True)
def short_time(monkeypatch):
    monkeypatch.setattr(calling, "SECONDS", 1.0)


def report_of(function, name="direct_path_logits"):
    report = check(function, name)
    assert not report.passed
    assert report.points < report.max_points
    assert "Traceback" not in str(report)
    return report


def right(W_E, W_U):
    return W_E @ W_U


def test_a_hang_is_stopped():
    def function(W_E, W_U):
        while True:
            pass

    assert report_of(function).mistake == "time"


def test_a_hang_that_swallows_exceptions_is_stopped():
    def function(W_E, W_U):
        while True:
            try:  # noqa: SIM105
                time.sleep(0.001)
            except:  # noqa: E722
                pass

    assert report_of(function).mistake == "time"


def test_endless_recursion():
    def function(W_E, W_U):
        return function(W_E, W_U)

    report = report_of(function)
    assert "calls itself without end" in report.message
    assert "return function(W_E, W_U)" in report.message


@pytest.mark.parametrize("grow", [lambda: torch.zeros(10**12), lambda: [0] * 10**11], ids=["torch", "python"])
def test_too_much_memory_at_once(grow):
    def function(W_E, W_U):
        grow()

    assert report_of(function).mistake == "memory limit"


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")
def test_memory_allocated_without_end(monkeypatch):
    monkeypatch.setattr(calling, "SECONDS", 30.0)
    monkeypatch.setattr(calling, "MEMORY_BYTES", 2**29)

    def function(W_E, W_U):
        kept = []
        while True:
            kept.append(torch.ones(10**6))

    assert report_of(function).mistake == "memory limit"


def test_megabytes_printed(capfd):
    def function(W_E, W_U):
        while True:
            print("x" * 1000)

    assert report_of(function).mistake == "printing"
    assert capfd.readouterr() == ("", "")


def test_a_little_printing_is_no_mistake_and_is_shown(capfd):
    def function(W_E, W_U):
        print("looking at", W_E.shape)
        return W_E @ W_U

    assert check(function, "direct_path_logits").passed
    assert capfd.readouterr() == ("", "")

    def wrong(W_E, W_U):
        print("seen")
        return W_E @ W_U + 1

    assert "seen" in report_of(wrong).printed


def test_exit():
    def function(W_E, W_U):
        sys.exit(0)

    assert report_of(function).mistake == "exit"


def test_a_keyboard_interrupt_of_its_own():
    def function(W_E, W_U):
        raise KeyboardInterrupt

    assert report_of(function).mistake == "interrupt"


def test_a_persons_interrupt_reaches_the_person():
    def function(W_E, W_U):
        time.sleep(5)

    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        check(function, "direct_path_logits")
    timer.join()


def test_a_custom_base_exception_with_a_hostile_text():
    class Odd(BaseException):
        def __str__(self):
            raise RuntimeError("no text for you")

    def function(W_E, W_U):
        raise Odd

    report = report_of(function)
    assert report.mistake == "exception"
    assert "Odd" in report.message


def test_an_exception_is_shown_with_the_learners_own_line():
    def function(W_E, W_U):
        wrong_way_round = W_U @ W_E.T.T.T
        return wrong_way_round.nothing

    report = report_of(function)
    assert "wrong_way_round" in report.message
    assert "mi_tutor" not in report.message


@pytest.mark.parametrize(
    ("result", "kind", "word"),
    [
        (lambda x: None, "type", "return"),
        (lambda x: x.tolist(), "type", "list"),
        (lambda x: np.asarray(x), "type", "NumPy"),
        (lambda x: x.to_sparse(), "type", "dense"),
        (lambda x: 1.0, "type", "float"),
        (lambda x: x.to("meta"), "type", "dense"),
        (lambda x: x.double(), "dtype", "float32"),
        (lambda x: x.half(), "dtype", "float32"),
        (lambda x: x.long(), "dtype", "float32"),
        (lambda x: x[:-1], "shape", "shape"),
        (lambda x: x[None], "extra axis", "axis of size 1"),
        (lambda x: x * float("nan"), "nan", "NaN"),
    ],
)
def test_results_of_the_wrong_kind(result, kind, word):
    report = report_of(lambda W_E, W_U: result(W_E @ W_U))
    assert report.mistake == kind
    assert word in report.message


def test_a_subclass_that_claims_to_be_equal_is_compared_as_numbers():
    class Agreeable(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            if func.__name__ in ("isclose", "allclose", "equal", "eq", "__eq__"):
                return torch.tensor(True)
            return super().__torch_function__(func, types, args, kwargs or {})

    report_of(lambda W_E, W_U: torch.zeros(W_E.shape[0], W_U.shape[1], dtype=W_E.dtype).as_subclass(Agreeable))


def test_a_parameter_is_a_tensor():
    assert check(lambda counts, smoothing: torch.nn.Parameter(_log_probs(counts, smoothing)), "bigram_log_probs").passed


def _log_probs(counts, smoothing):
    smoothed = counts + smoothing
    return (smoothed / smoothed.sum(-1, keepdim=True)).log()


def test_not_attempted():
    def function(W_E, W_U):
        raise NotImplementedError

    report = report_of(function)
    assert report.mistake == "not attempted"
    assert report.points == 0
    assert "Not attempted yet" in str(report)


def test_an_operation_that_torch_lacks_for_a_dtype_is_an_attempt():
    def function(W_E, W_U):
        if W_E.dtype == torch.float64:
            raise NotImplementedError("\"addmm\" not implemented for 'Double'")
        return W_E @ W_U

    assert report_of(function).mistake == "exception"


def test_a_branch_not_written_yet_is_not_an_empty_exercise():
    def function(tokens, d_vocab):
        if len(tokens) < 2:
            raise NotImplementedError
        return torch.bincount(tokens[:-1] * d_vocab + tokens[1:], minlength=d_vocab**2).reshape(d_vocab, d_vocab)

    report = report_of(function, "count_bigrams")
    assert report.mistake == "exception"
    assert "A part of it" in report.message


def nested():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.nested.nested_tensor([torch.ones(2)])


class Liar(list):
    def __len__(self):
        return 2


@pytest.mark.parametrize("make", [lambda: 10**400, nested, Liar], ids=["huge", "nested", "liar"])
@pytest.mark.parametrize("name", ["direct_path_logits", "top_successors", "mean_kl"])
def test_results_that_refuse_to_be_looked_at(make, name):
    parameters = {"direct_path_logits": 2, "top_successors": 4, "mean_kl": 3}[name]
    returning = {2: lambda a, b: make(), 3: lambda a, b, c: make(), 4: lambda a, b, c, d: make()}[parameters]
    report = check(returning, name)
    assert report.mistake == "type"
    assert report._repr_html_()


def test_gradients_are_judged_inside_inference_mode_too():
    with torch.inference_mode():
        assert check(right, "direct_path_logits").passed
        report = check(lambda W_E, W_U: (W_E @ W_U).detach(), "direct_path_logits")
    assert report.mistake == "cut_from_the_graph"


def test_arguments_changed_in_place():
    def function(W_E, W_U):
        logits = W_E @ W_U
        W_E.zero_()
        return logits

    report = report_of(function)
    assert report.mistake == "changed argument"
    assert "`W_E`" in report.message


@pytest.mark.parametrize("change", [lambda W: W.requires_grad_(), lambda W: W.unsqueeze_(0), lambda W: W.resize_(1)])
def test_arguments_changed_in_other_ways(change):
    def function(W_E, W_U):
        logits = (W_E @ W_U).clone()
        if not W_U.requires_grad:
            change(W_U)
        return logits.detach()

    assert report_of(function).mistake == "changed argument"


@pytest.mark.parametrize(
    "disturb",
    [
        lambda: torch.manual_seed(0),
        lambda: torch.rand(1),
        lambda: np.random.rand(),
        lambda: __import__("random").random(),
    ],
    ids=["seed", "torch", "numpy", "python"],
)
def test_global_random_state_is_noticed_and_put_back(disturb):
    def function(W_E, W_U):
        disturb()
        return W_E @ W_U

    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    assert report_of(function).mistake == "changed random state"
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()


@pytest.mark.parametrize(
    "disturb",
    [
        lambda: torch.set_default_dtype(torch.float64),
        lambda: torch.set_grad_enabled(False),
        lambda: torch.use_deterministic_algorithms(True),
    ],
)
def test_settings_are_noticed_and_put_back(disturb):
    def function(W_E, W_U):
        logits = W_E @ W_U
        disturb()
        return logits

    assert report_of(function).mistake == "changed settings"
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_check_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    check(right, "direct_path_logits")
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_name_lists_the_nearest():
    with pytest.raises(UnknownExercise, match="direct_path_logits"):
        check(right, "direct_path_logit")
    with pytest.raises(UnknownExercise, match="count_bigrams"):
        check(lambda x: x)


def test_a_device_that_is_not_there_is_a_sentence():
    with pytest.raises(LearnerError, match="'cuda:99'"):
        check(right, "direct_path_logits", device="cuda:99")
    with pytest.raises(LearnerError, match="'potato'"):
        check(right, "direct_path_logits", device="potato")


def test_a_result_is_not_a_function():
    with pytest.raises(NotAFunction, match="without calling it"):
        check(right(torch.ones(1, 1), torch.ones(1, 1)), "direct_path_logits")


def test_other_arguments_than_the_contracts():
    assert report_of(lambda W_E: W_E).mistake == "signature"

    async def function(W_E, W_U):
        return W_E @ W_U

    assert report_of(function).mistake == "signature"


def test_a_generator_function_is_no_result():
    def function(W_E, W_U):
        yield W_E @ W_U

    assert "generator" in report_of(function).message


def test_calling_the_solution_is_no_solution():
    from mi_tutor.solutions.ch01_bigrams import direct_path_logits as borrowed

    report = report_of(lambda W_E, W_U: borrowed(W_E, W_U))
    assert report.points == 0
    assert "the course's own solution" in report.message
    assert check(borrowed).passed


def test_a_comparison_replaced_by_the_function_does_not_help(monkeypatch):
    def function(W_E, W_U):
        torch.isclose = torch.equal = torch.allclose = lambda *args, **kwargs: torch.tensor(True)
        return torch.zeros(W_E.shape[0], W_U.shape[1], dtype=W_E.dtype)

    for name in ("isclose", "equal", "allclose"):
        monkeypatch.setattr(torch, name, getattr(torch, name))
    report_of(function)


def test_state_kept_between_calls_does_not_help():
    seen = {}

    def function(W_E, W_U):
        return seen.setdefault(W_E.shape, W_E @ W_U)

    assert check(function, "direct_path_logits", seed=1).points <= 3
    assert not check(function, "direct_path_logits", seed=2).passed


def test_it_works_outside_the_main_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(check(right, "direct_path_logits").passed))
    thread.start()
    thread.join()
    assert found == [True]
