"""The exercise `build_pointer_head`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from mi_tutor.check.built.answer import built_model
from mi_tutor.check.exercise import Exercise
from mi_tutor.exercises.ch03_induction_heads._mistakes import mistakes
from mi_tutor.exercises.ch03_induction_heads._wiring import built_cases

exercise = Exercise(
    __name__,
    further="A token has stood at two earlier places. Where does your layer 1 look from its third? Where would it look if a position were a single number, which layer 0 averages?",
    cases=built_cases,
    answer=built_model("Q"),
    wrong=mistakes("Q"),
    hints=(
        "Now layer 0 does the searching. Let it look at positions that hold the same token as the query, and bring back not what "
        "stands there but where that is.",
        "A token matches itself, too, so layer 0 shares its attention between the earlier occurrence and the query. Both are shifted "
        "by one on the way: where does each of them point to then, and which of the two can layer 1 see?",
        "Parts of the stream: the token, the position, a pointer (as long as positions are many), the token to say. W_O of layer 0 "
        "writes position j into place j + 1 of the pointer.",
        "`W_O[0, 0, :n_ctx, pointer] = torch.diag(torch.ones(n_ctx - 1), 1)`. Layer 1's queries read the pointer, its keys the "
        "position.",
    ),
)
