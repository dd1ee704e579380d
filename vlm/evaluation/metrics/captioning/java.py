"""METEOR and SPICE, from the Java programs of COCO's evaluation (the package pycocoevalcap).

The package is optional (104 MB) and never imported: its programs are run. SPICE also needs
Stanford's models, which the package downloads on request.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from vlm.errors import UserError
from vlm.evaluation.metrics.captioning.ngrams import Words

PACKAGE = "pycocoevalcap"
METEOR, SPICE = "meteor/meteor-1.5.jar", "spice/spice-1.0.jar"
MODELS = "spice/lib/stanford-corenlp-3.6.0-models.jar"
GET_MODELS = (
    "python -c 'from pycocoevalcap.spice import get_stanford_models as g; g.get_stanford_models()'"
)
# METEOR 1.5 for English: exact, stem, synonym and paraphrase matches; content and function words
WEIGHTS = np.array([1.0, 0.6, 0.8, 0.6])
ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75


def find(program: str, name: str) -> Path:
    """Return a file of the package.

    Args:
        program: its path in the package.
        name: of the metric, for the error message.

    Raises:
        UserError: when Java or the package is missing.
    """
    if not shutil.which("java"):
        raise UserError(f"{name} needs Java; install it (Debian: `apt install default-jre`).")
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(f"{PACKAGE}/{program}")))
    except metadata.PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise UserError(
            f"{name} needs the package {PACKAGE}; install it with `pip install {PACKAGE}`."
        )
    return path


def meteor_rows(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """Return what METEOR sums, float[pictures, 23]: lengths, matches of each kind, chunks.

    Raises:
        UserError: when Java or the package is missing, or the program fails.
    """
    jar = find(METEOR, "METEOR")
    texts = ([*refs, caption] for caption, refs in zip(captions, references, strict=True))
    lines = [" ||| ".join(["SCORE", *(" ".join(words) for words in text)]) for text in texts]
    options = ["-", "-", "-stdio", "-l", "en", "-norm"]
    output = _run("METEOR", ["-Xmx2G", "-jar", str(jar), *options], jar.parent, "\n".join(lines))
    rows = [[float(number) for number in line.split()] for line in output.splitlines()]
    if len(rows) != len(lines):
        raise UserError(f"METEOR answered {len(rows)} of {len(lines)} captions; run it again.")
    table = np.array(rows)
    whole = (table[:, 21] == table[:, 0]) & (table[:, 22] == table[:, 1]) & (table[:, 20] == 1)
    table[whole, 20] = 0  # the program's rule: all words matched in one piece have no penalty
    return table


def meteor(totals: np.ndarray) -> np.ndarray:
    """Compute METEOR 1.5 (Denkowski and Lavie, 2014), 0 to 1.

    Args:
        totals: float[..., 23], sums of `meteor_rows`.
    """
    lengths, matches = totals[..., :4], totals[..., 4:20].reshape(*totals.shape[:-1], 4, 4)
    shares = []
    for side in (0, 1):  # the caption: precision; the references: recall
        content, function = matches[..., side], matches[..., side + 2]
        matched = (WEIGHTS * (DELTA * content + (1 - DELTA) * function)).sum(axis=-1)
        words = lengths[..., side] - lengths[..., side + 2]
        length = DELTA * words + (1 - DELTA) * lengths[..., side + 2]
        shares.append(matched / np.maximum(length, 1e-9))
    precision, recall = shares
    chunks, words = totals[..., 20], totals[..., 21:].mean(axis=-1)
    penalty = GAMMA * (chunks / np.maximum(words, 1e-9)) ** BETA
    below = ALPHA * precision + (1 - ALPHA) * recall
    return (1 - penalty) * precision * recall / np.where(below == 0, 1, below)


def spice(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """Compute SPICE of each picture (Anderson et al., 2016, arXiv 1607.08822), 0 to 1.

    Raises:
        UserError: when Java, the package or the models are missing, or the program fails.
    """
    jar = find(SPICE, "SPICE")
    if not (jar.parent / "lib" / Path(MODELS).name).is_file():
        raise UserError(f"SPICE needs Stanford's models; download them with `{GET_MODELS}`.")
    pairs = enumerate(zip(captions, references, strict=True))
    rows = [
        {"image_id": n, "test": " ".join(words), "refs": [" ".join(ref) for ref in refs]}
        for n, (words, refs) in pairs
    ]
    with tempfile.TemporaryDirectory() as folder:
        given, written = Path(folder, "captions.json"), Path(folder, "scores.json")
        given.write_text(json.dumps(rows), encoding="utf-8")
        files = [str(given), "-out", str(written), "-subset", "-silent"]
        _run("SPICE", ["-Xmx8G", "-jar", str(jar), *files], jar.parent)
        scores = json.loads(written.read_text(encoding="utf-8"))
    by_picture = {row["image_id"]: float(row["scores"]["All"]["f"] or 0) for row in scores}
    return np.array([by_picture[number] for number in range(len(rows))])


def _run(name: str, arguments: Sequence[str], folder: Path, text: str = "") -> str:
    """Run a Java program and return its output."""
    done = subprocess.run(
        ["java", *arguments], cwd=folder, input=text, capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"{name} failed ({reason}); try another version of Java, 8 to 17.")
    return done.stdout
