"""A complete evaluation folder, written by hand, and a parser for its report."""

import json
from html.parser import HTMLParser
from pathlib import Path

from tests import tiny
from vlm.evaluation import results
from vlm.evaluation.metrics.rubric import Judgement
from vlm.reporting import report
from vlm.system import files

FACTS = {"articleType": "Casual Shoes", "baseColour": "Navy Blue", "gender": "Men"}
TEXTS = {"a": "A pair of men's navy blue shoes.", "b": "A red shirt.", "c": "", "d": "A watch."}
JUDGEMENTS = {
    "a": Judgement(10.0, 10.0, 10.0, 10.0, 10.0),
    "b": Judgement(0.0, 10.0, 0.0, 0.0, 2.5, why="says red, is navy blue"),
    "c": Judgement(0.0, None, 0.0, 0.0, 0.0, why="says nothing"),
    "d": Judgement(unjudged="the judge answered prose"),
}
SPEED = {
    "1": {
        "first_token_s": 0.0318,
        "tokens_per_second": 219.9,
        "peak_memory_mb": 673.6,
        "memory": "of the process",
        "repeats": 5,
        "threads": 1,
        "device": "cpu",
        "dtype": "f32",
    },
    "8": {"first_token_s": 0.1429, "peak_memory_mb": 1703.6, "device": "cpu", "dtype": "f32"},
}
PICTURES = {id: tiny.picture() for id in TEXTS}
VOID = {"meta", "img", "rect", "path", "br", "link"}


def figure(mean: float, low: float, high: float, n: int = 3, **more) -> dict:
    return {"mean": mean, "low": low, "high": high, "n": n, **more}


def gallery_row(id: str, overall: float | None) -> dict:
    return {"id": id, "text": TEXTS[id], "overall": overall, "why": JUDGEMENTS[id].why}


def scores() -> dict:
    """A complete scores.json."""
    return {
        "model": "moda-mini",
        "data": "fashion/validation",
        "pictures": 4,
        "prompt": "Describe this picture.",
        "judge": "rules",
        "unjudged": 1,
        "left_out": {"style": 1},
        "scores": {
            "overall": figure(4.12, 1.5, 7.25),
            "colour": figure(3.33, 0, 10),
            "style": figure(10, 10, 10, 2),
        },
        "exact": {"articleType": figure(33.3, 0, 100)},
        "probes": {
            "blank": figure(75, 40, 100, says="% of 4 descriptions differ from a blank"),
            "shuffled": figure(-0.5, -2, 1, says="points of 10 are lost"),
        },
        "abilities": {
            "json": figure(50, 0, 100, says="% of 4 answers are a JSON object"),
            "detail_unbacked": figure(0.5, 0, 1, says="details the metadata lacks"),
        },
        "confusions": {"baseColour": [["Navy Blue", "Red", 12], ["Navy Blue", "nothing", 1]]},
        "gallery": {
            "best": [gallery_row("a", 10)],
            "worst": [gallery_row("c", 0), gallery_row("b", 2.5)],
        },
    }


def unjudged() -> dict:
    """A scores.json of pictures whose metadata the judge cannot use."""
    return {
        "model": "moda-mini",
        "data": "negatives/validation",
        "pictures": 4,
        "prompt": "Describe this picture.",
        "judge": "rules",
        "unjudged": 4,
        "why_unjudged": {"the metadata has none of colour": 4},
        "left_out": {},
        "scores": {},
        "exact": {"unsure": figure(75, 25, 100, 4)},
        "abilities": {"json": figure(100, 100, 100, says="% of 4 answers are a JSON object")},
        "confusions": {"kind": [["unknown", "Shirts", 1]]},
        "gallery": {"best": [], "worst": [gallery_row("b", None)]},
    }


def write(folder: Path) -> Path:
    """Write the folder, with two judges and a measured speed."""
    lines = [{"id": id, "prompt": "?", "text": t, "facts": FACTS} for id, t in TEXTS.items()]
    files.write_text(folder / results.PREDICTIONS, "\n".join(map(json.dumps, lines)))
    files.write_json(folder / results.SCORES, scores())
    files.write_json(folder / results.SPEED, SPEED)
    results.write_judgements(folder, "rules", JUDGEMENTS.items())
    other = JUDGEMENTS | {"b": Judgement(10.0, 10.0, 0.0, 0.0, 5.0)}
    results.write_judgements(folder, "endpoint:GPT", other.items())
    return folder


def html(folder: Path, pictures=PICTURES, **more) -> str:
    """Write and return its report."""
    return report.write(folder, pictures, **more).read_text(encoding="utf-8")


def change(folder: Path, **parts) -> None:
    """Write scores.json again with some parts replaced."""
    files.write_json(folder / results.SCORES, scores() | parts)


class Page(HTMLParser):
    """Parse a page as a browser would: tags with attributes, text by section, nesting."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.open, self.text, self.section = [], [], {}, ""
        self.feed(text)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs)["id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text[self.section] = self.text.get(self.section, "") + " " + data

    def of(self, section: str) -> str:
        return " ".join(self.text.get(section, "").split())

    def attributes(self, tag: str) -> list[dict]:
        return [attrs for name, attrs in self.tags if name == tag]
