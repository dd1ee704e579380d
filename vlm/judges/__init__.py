"""The judges of the rubric by name; another one is a file here and a line in JUDGES."""

from vlm.errors import lookup
from vlm.judges import endpoint, model, rules
from vlm.judges.base import Judge, JudgeSettings

JUDGES = {
    "rules": rules.open_judge,
    "model": model.open_judge,
    "endpoint": endpoint.open_judge,
}


def open_judge(spec: str = "rules", settings: JudgeSettings | None = None) -> Judge:
    """The judge that `rules`, `model:NAME`, `endpoint` or `endpoint:MODEL` names.

    Raises:
        UserError: for an unknown judge, or when the one named cannot be opened.
    """
    name, _, which = spec.partition(":")
    return lookup(JUDGES, name, "judge")(which, settings or JudgeSettings())
