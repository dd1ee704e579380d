"""The judges of the rubric by name; to add one, write a module here and add it to JUDGES."""

from vlm.errors import lookup
from vlm.evaluation.judges import endpoint, rules
from vlm.evaluation.judges.base import Judge, JudgeSettings


def open_model_judge(spec: str, settings: JudgeSettings) -> Judge:
    """`model:NAME`; its module imports torch, so it is imported only when it is needed."""
    from vlm.evaluation.judges import model

    return model.open_judge(spec, settings)


JUDGES = {
    "rules": rules.open_judge,
    "model": open_model_judge,
    "endpoint": endpoint.open_judge,
}


def open_judge(spec: str = "rules", settings: JudgeSettings | None = None) -> Judge:
    """Open the judge named `rules`, `model:NAME`, `endpoint` or `endpoint:MODEL`.

    Raises:
        UserError: for an unknown judge, or when it cannot be opened.
    """
    name, _, argument = spec.partition(":")
    return lookup(JUDGES, name, "judge")(argument, settings or JudgeSettings())
