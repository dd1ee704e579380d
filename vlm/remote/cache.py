"""Keep answers that cost time or money, so that no question is sent twice."""

import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vlm.remote.prompts import Messages
from vlm.system import files


def cache_key(model: str, messages: Messages, settings: Mapping[str, Any]) -> str:
    """SHA-256 of everything that an answer depends on."""
    text = json.dumps([model, list(messages), dict(settings)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Cache:
    """Final answers by key, appended to a file as JSON lines: a killed run loses none.

    Args:
        path: the file; None keeps the answers for this process only.
        resume: use the answers in the file; otherwise the first new answer replaces it.
    """

    def __init__(self, path: Path | None = None, resume: bool = True):
        self.path, self._resume, self._opened = path, resume, False
        self._lock, self._answers = threading.Lock(), {}
        if path and resume:
            rows = [row for row in files.read_jsonl(path) if isinstance(row, dict)]
            valid = [row for row in rows if isinstance(row.get("text"), str) and "key" in row]
            self._answers = {row["key"]: row["text"] for row in valid}

    def get(self, key: str) -> str | None:
        """The answer under a key, None when there is none."""
        return self._answers.get(key)

    def add(self, key: str, model: str, text: str) -> None:
        """Keep an answer, unless the key already has one."""
        with self._lock:
            if key not in self._answers:
                self._answers[key] = text
                if self.path:
                    self._append({"key": key, "model": model, "text": text})

    def _append(self, row: dict[str, str]) -> None:
        with files.writing(self.path.parent):
            if not self._opened:
                self._open_file()
            files.append_jsonl(self.path, row)

    def _open_file(self) -> None:
        """Before the first line: delete the old file, or end a line torn by a kill."""
        self._opened = True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self._resume:
            self.path.unlink(missing_ok=True)
        else:
            files.end_torn_line(self.path)
