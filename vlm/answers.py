"""Answers that cost time or money: kept, so that nothing is asked twice, and read as JSON."""

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Chat = Sequence[Mapping[str, Any]]  # messages of the OpenAI chat format: role and content

STARTS = 20  # places in an answer where a JSON object is looked for
SHOWN = 60  # characters of an answer that a reason quotes


class CutOff(ValueError):
    """An answer that began well and stopped half-way: the same question may go better again."""


def key_of(model: str, chat: Chat, settings: Mapping[str, Any]) -> str:
    """What an answer is kept under: SHA-256 of everything that it depends on."""
    whole = json.dumps([model, list(chat), dict(settings)], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


class Cache:
    """Final answers by key, one JSON line each, appended as they come: a kill loses nothing.

    Args:
        path: where they are kept; None keeps them for this process only.
        resume: use what an earlier run left there; else the first new answer replaces it.
    """

    def __init__(self, path: Path | None = None, resume: bool = True):
        self.path, self._resume, self._begun = path, resume, False
        self._lock, self._rows = threading.Lock(), {}
        if path and resume:
            from vlm import runs

            rows = [row for row in runs.read_jsonl(path) if isinstance(row, dict)]
            good = [row for row in rows if isinstance(row.get("text"), str) and "key" in row]
            self._rows = {row["key"]: row["text"] for row in good}

    def get(self, key: str) -> str | None:
        """The answer kept under a key."""
        return self._rows.get(key)

    def add(self, key: str, model: str, text: str) -> None:
        """Keep an answer; the first under a key stays."""
        with self._lock:
            if key not in self._rows:
                self._rows[key] = text
                if self.path:
                    self._append({"key": key, "model": model, "text": text})

    def _append(self, row: dict[str, str]) -> None:
        from vlm import runs

        with runs.room(self.path.parent):
            if not self._begun:
                self._begin()
            runs.append_jsonl(self.path, row)

    def _begin(self) -> None:
        """Before the first line: an old file goes, a line that a kill tore is ended."""
        from vlm import runs

        self._begun = True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self._resume:
            self.path.unlink(missing_ok=True)
        else:
            runs.end_torn_line(self.path)


def read_object(text: str) -> dict[str, Any]:
    """The first JSON object in an answer, whatever fences or prose stand around it.

    Raises:
        CutOff: when an object begins and does not end.
        ValueError: when there is none; the message quotes how the answer begins.
    """
    start, decoder = text.find("{"), json.JSONDecoder()
    first = start
    for _ in range(STARTS):
        if start < 0:
            break
        try:
            return decoder.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
    if first >= 0 and "}" not in text[first:]:
        raise CutOff(f"cut-off JSON: {quote(text[first:])}")
    raise ValueError(f"prose: {quote(text)}" if text.strip() else "nothing")


def quote(text: str) -> str:
    """The beginning of a text, on one line and in quotes."""
    line = " ".join(text.split())
    return repr(line if len(line) <= SHOWN else line[: SHOWN - 1] + "…")
