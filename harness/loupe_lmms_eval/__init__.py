"""An lmms-eval plugin: `--model vlm` (or `loupe`) runs any model that `vlm.load` opens."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmms_eval.models.registry_v2 import ModelManifest

MODEL, ALIAS = "vlm", "loupe"


def manifest() -> "ModelManifest":
    """Return what the entry point `lmms_eval.models` expects: names, and a class per interface.

    lmms-eval uses the chat class (tasks as messages) unless `--force_simple` is given; only the
    simple class supports likelihoods.
    """
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(
        model_id=MODEL,
        chat_class_path="loupe_lmms_eval.model.Chat",
        simple_class_path="loupe_lmms_eval.model.Simple",
        aliases=(ALIAS,),
    )
