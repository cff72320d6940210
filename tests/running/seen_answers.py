"""Run as a program: which callables of these modules answer exercises, as JSON. In a process of its own, for many of them
change whatever they can reach.

    python seen_answers.py EXERCISE,… MODULE,…
"""

import importlib
import inspect
import json
import sys

import torch

from mi_tutor.check.exercise import exercises
from mi_tutor.check.judge import judge, plan, run_trials
from mi_tutor.check.trial import signature_problem

CPU = torch.device("cpu")


def callables(module_names):
    """Every function, class and method that these modules define, by name."""
    found = {}
    for name in sorted(module_names):
        module = importlib.import_module(name)
        for attribute, value in vars(module).items():
            if not callable(value) or getattr(value, "__module__", None) != name:
                continue
            found[f"{name}.{attribute}"] = value
            if inspect.isclass(value):
                methods = {f"{name}.{attribute}.{key}": getattr(value, key) for key in vars(value)}
                found |= {key: method for key, method in methods.items() if callable(method)}
    return found


def main() -> None:
    names, modules = (argument.split(",") for argument in sys.argv[1:])
    functions, answers, tried = callables(modules), [], 0
    for name in names:
        exercise = exercises()[name]
        planned = plan(exercise, 7, CPU)
        for where, function in functions.items():
            if not signature_problem(exercise.parameters, function):
                tried += 1
                # Nearly all fail in the first case, and what mistake that is would take the longest.
                (first,) = run_trials(exercise, function, planned[:1], CPU)
                if first.problem is None and judge(exercise, function, 7, CPU).points:
                    answers.append(f"{where} answers {name}")
    print(json.dumps({"answers": answers, "tried": tried}))


if __name__ == "__main__":
    main()
