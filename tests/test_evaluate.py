"""Evaluations: what is written, repeated, resumed, compared; and that a worse model loses."""

import json
from collections import Counter
from dataclasses import replace

import pytest
import torch

from tests import tiny
from vlm import evaluate, evaluations, probes, runs
from vlm.__main__ import main
from vlm.errors import UserError
from vlm.metrics.rubric import Judgement, from_row
from vlm.types import Record

# --- an evaluation -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle():
    return tiny.trained()


def records(count=9) -> list[Record]:
    """Coloured squares that are shirts."""
    told = [record.facts["baseColour"].capitalize() for record in tiny.records(count)]
    return [
        Record(r.id, r.image, r.turns, {"baseColour": colour, "articleType": "Shirts"})
        for r, colour in zip(tiny.records(count), told, strict=True)
    ]


def test_an_evaluation_is_a_folder(bundle, tmp_path):
    found = evaluate.evaluate(
        bundle, records(), out=tmp_path, data="squares", prompt="Describe it."
    )
    assert evaluations.read_scores(tmp_path) == json.loads(json.dumps(found))
    assert found["scores"]["colour"]["mean"] == 10 and found["scores"]["category"]["mean"] == 0
    assert found["pictures"] == 9 and found["judge"] == "rules" and found["unjudged"] == 0
    assert found["left_out"] == {"style": 9, "gender": 9}
    assert found["exact"]["baseColour"]["mean"] == 100
    assert found["confusions"] == {"articleType": [["Shirts", "nothing", 9]]}
    assert [row["id"] for row in evaluations.read_predictions(tmp_path)] == [
        r.id for r in records()
    ]
    judged = evaluations.read_judgements(tmp_path)
    assert judged.keys() == {r.id for r in records()} and judged["0"].colour == 10
    assert {row["id"] for row in found["gallery"]["worst"]} <= judged.keys()


def test_a_repeated_evaluation_writes_the_same_bytes(bundle, tmp_path):
    for name in ("one", "two"):
        evaluate.evaluate(bundle, records(4), out=tmp_path / name)
    for file in (evaluations.PREDICTIONS, evaluations.SCORES, "judgements-rules.jsonl"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_resume_asks_for_what_is_missing_only(bundle, tmp_path, monkeypatch):
    evaluate.predict(bundle, records(), "Describe it.", tmp_path)
    whole = (tmp_path / evaluations.PREDICTIONS).read_text()
    lines = whole.splitlines(keepends=True)
    (tmp_path / evaluations.PREDICTIONS).write_text("".join(lines[:6]) + lines[6][:20])  # torn
    asked = Counter()
    real = evaluate.texts

    def counting(bundle, images, prompts, size):
        asked.update(images=len(images))
        return real(bundle, images, prompts, size)

    monkeypatch.setattr(evaluate, "texts", counting)
    evaluate.predict(bundle, records(), "Describe it.", tmp_path, resume=True)
    assert asked["images"] == 3
    assert (tmp_path / evaluations.PREDICTIONS).read_text() == whole
    evaluate.predict(bundle, records(), "What colour is it?", tmp_path, resume=True)
    assert asked["images"] == 12  # another question: nothing can be kept
    again = {"resume": True, "data": "composited/validation"}
    evaluate.predict(bundle, records(), "What colour is it?", tmp_path, **again)
    assert asked["images"] == 21  # other pictures, though their ids are the same
    evaluate.predict(bundle, records(), "What colour is it?", tmp_path, **again)
    assert asked["images"] == 21
    with torch.no_grad():
        bundle.model.lm_head.weight.add_(1.0)
    try:
        evaluate.predict(bundle, records(), "What colour is it?", tmp_path, **again)
    finally:
        with torch.no_grad():
            bundle.model.lm_head.weight.sub_(1.0)
    assert asked["images"] == 30  # other weights under the same name


def test_resume_knows_pictures_by_their_pixels_and_reads_metadata_anew(bundle, tmp_path):
    evaluate.predict(bundle, records(4), out=tmp_path)
    changed = records(4)
    changed[1] = replace(changed[1], image=tiny.noise(5))
    changed[2] = replace(changed[2], facts={"baseColour": "Olive"})
    kept = {row["id"]: row | {"text": "kept"} for row in evaluations.read_predictions(tmp_path)}
    lines = "".join(map(runs.line, kept.values()))
    (tmp_path / evaluations.PREDICTIONS).write_text(lines)
    rows = evaluate.predict(bundle, changed, out=tmp_path, resume=True)
    assert [row["text"] == "kept" for row in rows] == [True, False, True, True]
    assert rows[2]["facts"] == {"baseColour": "Olive"}


class Prose:
    """A judge that answers prose about every second description."""

    name = "prose"

    def judge(self, texts, facts):
        for number, _ in enumerate(texts):
            yield Judgement(unjudged="prose") if number % 2 else Judgement(colour=8.0)

    def summary(self):
        return ""


def test_what_a_judge_cannot_judge_is_counted_never_a_zero(bundle, tmp_path):
    found = evaluate.evaluate(bundle, records(), Prose(), tmp_path, probed=False)
    assert found["unjudged"] == 4 and found["scores"]["colour"] == {
        "mean": 8.0, "low": 8.0, "high": 8.0, "n": 5,
    }  # fmt: skip
    assert found["scores"].keys() == {"colour", "overall"}


def test_unknown_colours_are_left_out_and_counted(bundle):
    odd = [Record(r.id, r.image, (), r.facts | {"baseColour": "Zebra"}) for r in records(3)]
    found = evaluate.evaluate(bundle, [*records(4)[3:], *odd], prompt="Describe it.", probed=False)
    assert found["left_out"]["colour"] == 3 and found["scores"]["colour"]["n"] == 1


def test_no_metadata_at_all_is_one_sentence(bundle, tmp_path):
    bare = [Record(r.id, r.image) for r in records(3)]
    with pytest.raises(UserError, match="None of the 3 descriptions could be judged"):
        evaluate.evaluate(bundle, bare, out=tmp_path)
    assert not (tmp_path / evaluations.SCORES).exists()


# --- comparing -----------------------------------------------------------------------------------


def told(folder, texts) -> None:
    """An evaluation of coloured shirts with these descriptions."""
    rows = [
        {"id": r.id, "text": text, "facts": dict(r.facts)}
        for r, text in zip(records(len(texts)), texts, strict=True)
    ]
    folder.mkdir()
    runs.append_jsonl(folder / evaluations.PREDICTIONS, *rows)
    from vlm.judges.rules import RulesJudge

    judged = RulesJudge().judge(texts, [row["facts"] for row in rows])
    evaluations.write_judgements(folder, "rules", zip([r["id"] for r in rows], judged, strict=True))


def test_a_copy_is_equal_and_a_worse_one_loses(tmp_path):
    right = [f"A {r.facts['baseColour']} shirt." for r in records(40)]
    told(tmp_path / "a", right)
    told(tmp_path / "copy", right)
    told(tmp_path / "worse", [text.replace("shirt", "tie") for text in right])
    told(tmp_path / "one-off", [right[0].replace("shirt", "tie"), *right[1:]])
    verdicts = {
        name: {r["metric"]: r["verdict"] for r in evaluate.compare(tmp_path / "a", tmp_path / name)}
        for name in ("copy", "worse", "one-off")
    }
    assert set(verdicts["copy"].values()) == {"equal"}
    assert verdicts["worse"]["overall"] == verdicts["worse"]["category"] == "worse"
    assert verdicts["worse"]["colour"] == "equal"
    assert verdicts["one-off"]["overall"] == "noise"
    back = evaluate.compare(tmp_path / "worse", tmp_path / "a")
    assert back[0]["verdict"] == "better" and back[0]["n"] == 40


def test_evaluations_of_nothing_in_common_cannot_be_compared(tmp_path):
    told(tmp_path / "a", ["A red shirt."])
    with pytest.raises(UserError, match="no picture in common"):
        evaluate.compare(tmp_path / "a", tmp_path / "nowhere")


def test_a_model_that_learned_less_ranks_lower():
    overall, loss = [], []
    for steps in (0, 15, 100):
        learned = tiny.trained(steps)
        found = evaluate.evaluate(learned, records(12), prompt="Describe it.", probed=False)
        overall.append(found["scores"]["colour"]["mean"])
        loss.append(tiny.loss(learned))
    assert loss == sorted(loss, reverse=True)
    assert overall == sorted(overall) and overall[0] < overall[-1]


# --- does it look? -------------------------------------------------------------------------------


def test_probes_of_a_model_that_looks_and_of_one_that_does_not(bundle, monkeypatch):
    looks = evaluate.evaluate(bundle, records(), prompt="Describe it.")["probes"]
    assert looks["blank"]["mean"] > 50 and looks["shuffled"]["mean"] > 0  # white is near one colour
    assert looks["mirrored"]["mean"] > 0
    monkeypatch.setattr(probes, "texts", lambda b, images, *_: iter(["A red shirt."] * len(images)))
    monkeypatch.setattr(evaluate, "texts", probes.texts)
    blind = evaluate.evaluate(bundle, records())["probes"]
    assert [blind[name]["mean"] for name in ("blank", "mirrored", "questions")] == [0, 0, 0]
    assert blind["obedience"]["mean"] == 0  # asked for the colour, it names the kind too
    assert blind["shuffled"]["mean"] == 0
    assert all(row["n"] and "{" not in row["says"] for row in blind.values())


def test_mirroring_turns_colours_and_leaves_grey():
    red, grey = tiny.picture("red"), tiny.picture("red").convert("L").convert("RGB")
    r, g, b = probes.mirrored(red).getpixel((0, 0))
    assert r < 60 and g > 150 and b > 150  # cyan
    assert probes.mirrored(grey).getpixel((0, 0)) == grey.getpixel((0, 0))


def test_one_picture_can_be_probed(bundle):
    found = evaluate.evaluate(bundle, records(1), prompt="Describe it.")["probes"]
    assert "shuffled" not in found and found["blank"]["n"] == 1


# --- the command ---------------------------------------------------------------------------------


def folder(path, columns="articleType,baseColour"):
    """A folder of three held-out squares with metadata."""
    (path / "validation").mkdir(parents=True)
    lines = [f"file_name,{columns}"]
    for colour in tiny.COLOURS:
        tiny.picture(colour).save(path / "validation" / f"{colour}.png")
        lines.append(f"{colour}.png,Shirts,{colour.capitalize()}")
    (path / "validation" / "metadata.csv").write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def command(bundle, monkeypatch):
    from vlm import load

    monkeypatch.setattr(load, "load", lambda name, **_: bundle)
    return lambda *flags: main(["evaluate", "--data", "folder", "--threads", "1", *map(str, flags)])


def test_the_command_prints_and_writes(command, tmp_path, capsys):
    data, out = folder(tmp_path / "data"), tmp_path / "out"
    assert command("--data-path", data, "--out", out, "--prompt", "Describe it.") == 0
    printed = capsys.readouterr().out
    parts = ("overall", "exact labels", "does it look?", "asked in other ways", "peak memory")
    for words in (*parts, "first token"):
        assert words in printed
    names = {"predictions.jsonl", "judgements-rules.jsonl", "scores.json", "speed.json"}
    assert names | {"report.html"} <= {path.name for path in out.iterdir()}
    assert command("--compare", out, out) == 0
    assert "equal" in capsys.readouterr().out
    again = ["--data-path", data, "--out", tmp_path / "again", "--no-speed", "--no-probes"]
    assert command(*again, "--no-abilities", "--against", out) == 0
    page = (tmp_path / "again" / "report.html").read_text()
    assert "Comparison with out" in page and "The marks above minus those of out" in page
    for odd in (["--against", out], [*again, "--against", data]):
        assert _refused(command, "--data-path", data, *odd)


def test_a_missing_column_and_an_empty_split_are_one_sentence(command, tmp_path, capsys):
    named = folder(tmp_path / "named", columns="kindOfItem,hue")
    assert _refused(command, "--data-path", named)
    assert "nor metadata such as baseColour" in capsys.readouterr().out
    (tmp_path / "empty" / "validation").mkdir(parents=True)
    (tmp_path / "empty" / "validation" / "metadata.csv").write_text("file_name,text\n")
    assert _refused(command, "--data-path", tmp_path / "empty")
    assert "no usable picture" in capsys.readouterr().err
    assert _refused(command, "--compare", tmp_path, tmp_path)
    assert "no picture in common" in capsys.readouterr().err


def test_the_command_measures_what_cannot_be_judged(command, tmp_path, capsys):
    flags = ("--data", "negatives", "--limit", 3, "--asked", 1, "--no-speed", "--out", tmp_path)
    assert command(*flags) == 0
    printed = capsys.readouterr().out
    assert "not judged by rules: 3 x the metadata has none of colour" in printed
    assert "unsure" in printed and "asked in other ways" in printed and "json_agrees" in printed
    assert "0 to 10" not in printed and (tmp_path / evaluations.REPORT).exists()
    assert evaluations.read_scores(tmp_path)["abilities"]["json"]["n"] == 1
    assert command("--compare", tmp_path, tmp_path) == 0
    assert "exact labels, percent" in capsys.readouterr().out


def _refused(command, *flags) -> bool:
    with pytest.raises(SystemExit) as ended:
        command(*flags)
    return ended.value.code == 2


# --- what others write ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row", [{}, {"colour": 11}, {"colour": "ten"}, {"colour": True}, {"why": "x"}]
)
def test_a_judgement_out_of_bounds_is_refused(row):
    with pytest.raises(ValueError):
        from_row(row)


def test_a_judgement_survives_its_row():
    for judgement in (Judgement(colour=5.0, why="x"), Judgement(unjudged="prose")):
        assert from_row(judgement.row()) == judgement
