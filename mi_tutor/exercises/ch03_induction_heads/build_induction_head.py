"""The exercise `build_induction_head`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from mi_tutor.check.built.answer import built_model
from mi_tutor.check.exercise import Exercise
from mi_tutor.exercises.ch03_induction_heads._mistakes import mistakes
from mi_tutor.exercises.ch03_induction_heads._wiring import built_cases

exercise = Exercise(
    __name__,
    further="In the first copy no note matches. Where does your layer 1 look there, what does it add to the logits, and how would you build it a place to rest?",
    cases=built_cases,
    answer=built_model("K"),
    wrong=mistakes("K"),
    hints=(
        "Cut the stream into parts that nobody shares: one for the token, one for the token before, one for the token to say, one "
        "for the position. Slices of d_model, one-hot in each, so d_model is 3·d_vocab + n_ctx.",
        "Layer 0 is the previous-token head you have built: its queries and keys read the position part. Its values read the token "
        "part, and W_O writes into the part for the token before.",
        "Layer 1 asks: where is a position whose token before is my token? Its queries read the token part, its keys the part that "
        "layer 0 has written. It moves the token part there into the part to say, and W_U reads that part alone.",
        "`W_Q[1, 0, token, :d_vocab] = 30 * d_head**0.5 * torch.eye(d_vocab)`, `W_K[1, 0, before, :d_vocab] = "
        "torch.eye(d_vocab)`, `W_V[1, 0, token, :d_vocab]` and `W_O[1, 0, :d_vocab, out]` the identity.",
    ),
)
