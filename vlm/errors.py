"""The one exception a user is meant to read, and the lookup that raises it."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class UserError(Exception):
    """One sentence for the user: what came, what is allowed, what to do."""


def lookup(table: Mapping[str, T], name: str, kind: str) -> T:
    """Return `table[name]`.

    Raises:
        UserError: when the name is unknown; the sentence lists the known ones.
    """
    if name not in table:
        known = ", ".join(sorted(table))
        raise UserError(f"Unknown {kind} {name!r}; choose one of: {known}.")
    return table[name]


@contextmanager
def one_sentence() -> Iterator[None]:
    """Around a command's main: a user's mistake ends it with one sentence and exit code 2."""
    try:
        yield
    except UserError as error:
        print(f"error: {_told(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:  # whoever read the output has enough of it: `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except KeyboardInterrupt:
        print("stopped; a training goes on from its last checkpoint with --resume", file=sys.stderr)
        raise SystemExit(130) from None


def _told(error: UserError) -> str:
    """Its sentence; from a process that prepares examples torch sends it with a traceback."""
    before, mark, sentence = str(error).rpartition(f"{UserError.__module__}.UserError: ")
    return sentence.strip() if mark and "Traceback" in before else str(error)
