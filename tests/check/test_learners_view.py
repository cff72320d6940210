"""What a learner reads: the card, the report as an object, demonstrations that wait for their exercises."""

import re
import subprocess
import sys

import pytest
import torch

from mi_tutor import check, needs
from mi_tutor.check.report import written


def count_bigrams(tokens, d_vocab):
    raise NotImplementedError


def counts_each_pair_once(tokens, d_vocab):
    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.int64)
    counts[tokens[:-1], tokens[1:]] += 1
    return counts


def test_the_card_names_the_mistake_and_shows_an_input_that_can_be_pasted():
    report = check(counts_each_pair_once, "count_bigrams")
    card = report._repr_html_()
    assert "each pair counted once" in card
    pasted = re.search(r"tokens = (torch\.tensor\(.*\))", card).group(1)
    assert torch.equal(eval(pasted), report.arguments["tokens"])
    assert "<code>counts[a, b] += 1</code>" in card


def test_what_a_learner_wrote_is_escaped_on_the_card():
    def loud(tokens, d_vocab):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in check(loud, "count_bigrams")._repr_html_()


def test_the_failing_case_can_be_run_again():
    report = check(counts_each_pair_once, "count_bigrams")
    assert torch.equal(counts_each_pair_once(**report.arguments), report.got)
    assert not torch.equal(report.got, report.expected)


def test_a_samplers_case_can_be_run_again_with_the_same_draws():
    def uniform(log_probs, start, length, generator):
        rest = torch.randint(log_probs.shape[0], (length - 1,), generator=generator)
        return torch.cat([torch.tensor([start]), rest])

    report = check(uniform, "sample_bigrams")
    assert torch.equal(uniform(**report.arguments), uniform(**report.arguments))


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([1.5, float("inf")]),
        torch.tensor([[0, 1]]),
        torch.tensor([[0.0, 1.0]]),
        torch.tensor(True),
        torch.tensor(2.0).double(),
    ],
)
def test_small_tensors_are_written_as_code(value):
    again = eval(written(value), {"torch": torch})
    assert torch.equal(again, value)
    assert again.dtype == value.dtype


def test_a_demonstration_waits_for_its_exercises(capsys):
    with needs(count_bigrams):
        count_bigrams(torch.tensor([0]), 1)
    with needs(count_bigrams):
        print(never_assigned)
    assert capsys.readouterr().out.count("This demonstration needs `count_bigrams`: solve it first.") == 2


def test_a_demonstration_hides_no_other_error():
    with pytest.raises(ZeroDivisionError), needs(count_bigrams):
        print(1 / 0)
    with pytest.raises(NameError), needs(counts_each_pair_once):
        print(never_assigned)


def test_a_demonstration_says_when_its_exercise_failed_its_check(capsys):
    counts_each_pair_once.__name__ = "count_bigrams"
    check(counts_each_pair_once)
    with needs(counts_each_pair_once):
        pass
    assert "`check(count_bigrams)` has not passed" in capsys.readouterr().out


def test_the_room_and_the_function_share_a_name_in_peace():
    code = (
        "import mi_tutor.check.law; import mi_tutor; mi_tutor.check(lambda W_E, W_U: W_E @ W_U, 'direct_path_logits')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, mi_tutor; assert not {'torch', 'transformer_lens', 'plotly', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_check_loads_neither_transformer_lens_nor_plotly():
    code = (
        "import sys; from mi_tutor import check; check(lambda W_E, W_U: W_E @ W_U, 'direct_path_logits');"
        "assert not {'transformer_lens', 'plotly', 'sympy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
