"""A plugin for lmms-eval: `--model vlm` (or `loupe`) runs every model that `vlm.load` opens."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmms_eval.models.registry_v2 import ModelManifest

MODEL, ALIAS = "vlm", "loupe"


def manifest() -> "ModelManifest":
    """What the entry point `lmms_eval.models` hands over: the name, and a class per interface.

    lmms-eval asks the chat class (tasks as messages) unless `--force_simple` is given; only the
    simple one can be asked for likelihoods.
    """
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(
        model_id=MODEL,
        chat_class_path="loupe_lmms_eval.model.Chat",
        simple_class_path="loupe_lmms_eval.model.Simple",
        aliases=(ALIAS,),
    )
