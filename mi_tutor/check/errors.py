"""Errors for the person in front of the notebook: one sentence, no traceback of ours."""


class LearnerError(Exception):
    """Something was asked of the checker that it cannot do. IPython shows the sentence alone."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class UnknownExercise(LearnerError, LookupError):
    """No exercise has that name."""


class NotAFunction(LearnerError, TypeError):
    """`check` was given something that cannot be called."""
