"""What TransformerLens before its fourth version called otherwise: an answer that imports the old name is told the new one."""

PACKAGE = "transformer_lens"
_A_MODEL = (
    "is gone: a model is a `TransformerBridge` now (`from transformer_lens.model_bridge import TransformerBridge`; "
    '`load_model("gpt2")` gives one), with `run_with_cache`, `run_with_hooks` and the same names of hooks'
)
NEW_NAMES = {
    "utils": "is called `transformer_lens.utilities`, with the same names in it",
    "HookedTransformer": _A_MODEL,
    "HookedEncoder": _A_MODEL,
    "HookedEncoderDecoder": _A_MODEL,
    "HookedTransformerConfig": "is called `TransformerBridgeConfig`, in `transformer_lens.config`",
    "HookedTransformerKeyValueCache": "is called `TransformerLensKeyValueCache`",
    "past_key_value_caching": "is now `transformer_lens.cache`, and the class `TransformerLensKeyValueCache`",
    "train": "is now in `transformer_lens.tools.training`",
    "components": "is now `transformer_lens.model_bridge.generalized_components`",
    "loading_from_pretrained": "is gone: the names of models are in `transformer_lens.supported_models`",
}
"""By the old name in the package: how the sentence goes on."""


def new_name(error: BaseException) -> str:
    """A sentence on the name that this import asked for, empty where TransformerLens has not renamed it.

    A module that is not there is named in full by Python ("transformer_lens.utils"); a name that is not in the package
    stands in quotation marks in the message, Python's or the package's own.
    """
    if not isinstance(error, ImportError):
        return ""
    asked, text = error.name or "", str(error)
    if asked.startswith(f"{PACKAGE}."):
        old = asked.split(".")[1]
    else:
        if PACKAGE not in (asked, *text.split("'")) and "TransformerLens" not in text:
            return ""
        old = next((word for word in text.split("'")[1::2] if word in NEW_NAMES), "")
    return f"Since TransformerLens 4, `{PACKAGE}.{old}` {NEW_NAMES[old]}." if old in NEW_NAMES else ""
