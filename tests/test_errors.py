"""The one sentence that a user reads, wherever the mistake was found."""

import pytest

from vlm.errors import UserError, one_sentence


class Items:
    """A data set of which one item cannot be used."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        if index == 2:
            raise UserError("Picture 2 is broken; leave it out.")
        return index


def said(work, capsys) -> str:
    """What a command prints that ends by a mistake."""
    with pytest.raises(SystemExit) as caught, one_sentence():
        work()
    assert caught.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("workers", [0, 2])
def test_a_mistake_is_one_sentence_from_other_processes_too(workers: int, capsys) -> None:
    from vlm.runtime import loader

    told = said(lambda: list(loader(Items(), 1, workers, list)), capsys)
    assert told == "error: Picture 2 is broken; leave it out.\n"


def test_a_sentence_that_speaks_of_one_stays_whole(capsys) -> None:
    def work() -> None:
        raise UserError("The log says vlm.errors.UserError: no; read it.")

    assert said(work, capsys) == "error: The log says vlm.errors.UserError: no; read it.\n"
