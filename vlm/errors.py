"""The one exception written for users, the lookup that raises it, and how commands end with it."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class UserError(Exception):
    """A user's mistake, as one sentence: what was given, what is allowed, what to do."""


def lookup(table: Mapping[str, T], name: str, kind: str) -> T:
    """Return `table[name]`.

    Args:
        kind: what the table contains, for the error message: "data set", "judge", "metric".

    Raises:
        UserError: when the table has no such name; the sentence lists the names it has.
    """
    if name not in table:
        raise UserError(f"Unknown {kind} {name!r}; choose one of: {', '.join(sorted(table))}.")
    return table[name]


@contextmanager
def exit_on_user_error(hint: str = "") -> Iterator[None]:
    """Wrap a command's main: print a `UserError` as one sentence and exit with code 2.

    Ctrl-C and a closed output pipe end the command without a traceback too.

    Args:
        hint: printed after "stopped" on Ctrl-C.
    """
    try:
        yield
    except UserError as error:
        print(f"error: {_strip_traceback(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:  # the reader of the output has closed it: `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except KeyboardInterrupt:
        print(f"stopped{hint}", file=sys.stderr)
        raise SystemExit(130) from None


def _strip_traceback(error: UserError) -> str:
    """Return the sentence alone; torch adds a traceback to errors of its data loader processes."""
    before, marker, sentence = str(error).rpartition(f"{UserError.__module__}.UserError: ")
    return sentence.strip() if marker and "Traceback" in before else str(error)
