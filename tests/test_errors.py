"""A `UserError` ends a command with one sentence, wherever it was raised."""

from collections.abc import Callable

import pytest

from vlm.errors import UserError, exit_on_user_error
from vlm.system import runtime


class Items:
    """A data set with one item that raises a `UserError`."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        if index == 2:
            raise UserError("Picture 2 is broken; remove it.")
        return index


def error_output(work: Callable[[], object], capsys) -> str:
    """Return what a command prints if its work raises a `UserError`."""
    with pytest.raises(SystemExit) as caught, exit_on_user_error():
        work()
    assert caught.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_another_process_is_a_user_error_too(workers: int, capsys) -> None:
    output = error_output(lambda: list(runtime.data_loader(Items(), 1, workers, list)), capsys)
    assert output == "error: Picture 2 is broken; remove it.\n"


def test_a_sentence_that_mentions_user_error_is_printed_whole(capsys) -> None:
    def work() -> None:
        raise UserError("The log says vlm.errors.UserError: no; read it.")

    expected = "error: The log says vlm.errors.UserError: no; read it.\n"
    assert error_output(work, capsys) == expected
