"""Evaluations: files, repetition, resuming, comparison; and a worse model scores lower."""

import json
from collections import Counter
from dataclasses import replace

import pytest
import torch

from tests import tiny
from vlm.__main__ import main
from vlm.errors import UserError
from vlm.evaluation import compare, evaluate, perturbations, results
from vlm.evaluation.judges.rules import RulesJudge
from vlm.evaluation.metrics.rubric import Judgement, from_row
from vlm.system import files
from vlm.types import Record

# --- an evaluation -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle():
    return tiny.trained()


def records(count=9) -> list[Record]:
    """Coloured squares labelled as shirts."""
    colours = [record.facts["baseColour"].capitalize() for record in tiny.records(count)]
    return [
        Record(r.id, r.image, r.turns, {"baseColour": colour, "articleType": "Shirts"})
        for r, colour in zip(tiny.records(count), colours, strict=True)
    ]


def test_an_evaluation_writes_a_folder(bundle, tmp_path):
    scores = evaluate.evaluate(
        bundle, records(), out=tmp_path, data="squares", prompt="Describe it."
    )
    assert results.read_scores(tmp_path) == json.loads(json.dumps(scores))
    assert scores["scores"]["colour"]["mean"] == 10 and scores["scores"]["category"]["mean"] == 0
    assert scores["pictures"] == 9 and scores["judge"] == "rules" and scores["unjudged"] == 0
    assert scores["left_out"] == {"style": 9, "gender": 9}
    assert scores["exact"]["baseColour"]["mean"] == 100
    assert scores["confusions"] == {"articleType": [["Shirts", "nothing", 9]]}
    assert [row["id"] for row in results.read_predictions(tmp_path)] == [r.id for r in records()]
    judged = results.read_judgements(tmp_path)
    assert judged.keys() == {r.id for r in records()} and judged["0"].colour == 10
    assert {row["id"] for row in scores["gallery"]["worst"]} <= judged.keys()


def test_a_repeated_evaluation_writes_the_same_bytes(bundle, tmp_path):
    for name in ("one", "two"):
        evaluate.evaluate(bundle, records(4), out=tmp_path / name)
    for file in (results.PREDICTIONS, results.SCORES, "judgements-rules.jsonl"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_resume_answers_only_missing_pictures(bundle, tmp_path, monkeypatch):
    evaluate.predict(bundle, records(), "Describe it.", tmp_path)
    complete = (tmp_path / results.PREDICTIONS).read_text()
    lines = complete.splitlines(keepends=True)
    (tmp_path / results.PREDICTIONS).write_text("".join(lines[:6]) + lines[6][:20])  # torn
    counts = Counter()
    real = evaluate.batch

    def counting(bundle, images, prompts, size):
        counts.update(images=len(images))
        return real(bundle, images, prompts, size)

    monkeypatch.setattr(evaluate, "batch", counting)
    evaluate.predict(bundle, records(), "Describe it.", tmp_path, resume=True)
    assert counts["images"] == 3
    assert (tmp_path / results.PREDICTIONS).read_text() == complete
    evaluate.predict(bundle, records(), "What colour is it?", tmp_path, resume=True)
    assert counts["images"] == 12  # another question: no answer is kept
    again = {"resume": True, "data": "composited/validation"}
    evaluate.predict(bundle, records(), "What colour is it?", tmp_path, **again)
    assert counts["images"] == 21  # another data set with the same ids
    evaluate.predict(bundle, records(), "What colour is it?", tmp_path, **again)
    assert counts["images"] == 21
    with torch.no_grad():
        bundle.model.lm_head.weight.add_(1.0)
    try:
        evaluate.predict(bundle, records(), "What colour is it?", tmp_path, **again)
    finally:
        with torch.no_grad():
            bundle.model.lm_head.weight.sub_(1.0)
    assert counts["images"] == 30  # other weights under the same name


def test_resume_identifies_pictures_by_content_and_reads_metadata_again(bundle, tmp_path):
    evaluate.predict(bundle, records(4), out=tmp_path)
    changed = records(4)
    changed[1] = replace(changed[1], image=tiny.noise(5))
    changed[2] = replace(changed[2], facts={"baseColour": "Olive"})
    kept = {row["id"]: row | {"text": "kept"} for row in results.read_predictions(tmp_path)}
    lines = "".join(map(files.json_line, kept.values()))
    (tmp_path / results.PREDICTIONS).write_text(lines)
    rows = evaluate.predict(bundle, changed, out=tmp_path, resume=True)
    assert [row["text"] == "kept" for row in rows] == [True, False, True, True]
    assert rows[2]["facts"] == {"baseColour": "Olive"}


class Prose:
    """A judge that answers every second description in prose."""

    name = "prose"

    def judge(self, texts, facts):
        for number, _ in enumerate(texts):
            yield Judgement(unjudged="prose") if number % 2 else Judgement(colour=8.0)

    def summary(self):
        return ""


def test_unjudged_descriptions_are_counted_and_never_scored_zero(bundle, tmp_path):
    scores = evaluate.evaluate(bundle, records(), Prose(), tmp_path, with_probes=False)
    assert scores["unjudged"] == 4 and scores["scores"]["colour"] == {
        "mean": 8.0,
        "low": 8.0,
        "high": 8.0,
        "n": 5,
    }
    assert scores["scores"].keys() == {"colour", "overall"}


def test_unknown_colours_are_skipped_and_counted(bundle):
    unknown = [Record(r.id, r.image, (), r.facts | {"baseColour": "Zebra"}) for r in records(3)]
    mixed = [*records(4)[3:], *unknown]
    scores = evaluate.evaluate(bundle, mixed, prompt="Describe it.", with_probes=False)
    assert scores["left_out"]["colour"] == 3 and scores["scores"]["colour"]["n"] == 1


def test_data_without_metadata_is_a_user_error(bundle, tmp_path):
    bare = [Record(r.id, r.image) for r in records(3)]
    with pytest.raises(UserError, match="None of the 3 descriptions could be judged"):
        evaluate.evaluate(bundle, bare, out=tmp_path)
    assert not (tmp_path / results.SCORES).exists()


# --- comparing -----------------------------------------------------------------------------------


def write_evaluation(folder, texts) -> None:
    """Write an evaluation of coloured shirts with these descriptions."""
    rows = [
        {"id": r.id, "text": text, "facts": dict(r.facts)}
        for r, text in zip(records(len(texts)), texts, strict=True)
    ]
    folder.mkdir()
    files.append_jsonl(folder / results.PREDICTIONS, *rows)
    judged = RulesJudge().judge(texts, [row["facts"] for row in rows])
    results.write_judgements(folder, "rules", zip([r["id"] for r in rows], judged, strict=True))


def test_a_copy_is_equal_and_worse_descriptions_lose(tmp_path):
    correct = [f"A {r.facts['baseColour']} shirt." for r in records(40)]
    write_evaluation(tmp_path / "a", correct)
    write_evaluation(tmp_path / "copy", correct)
    write_evaluation(tmp_path / "worse", [text.replace("shirt", "tie") for text in correct])
    write_evaluation(tmp_path / "one-off", [correct[0].replace("shirt", "tie"), *correct[1:]])
    verdicts = {
        name: {r["metric"]: r["verdict"] for r in compare.compare(tmp_path / "a", tmp_path / name)}
        for name in ("copy", "worse", "one-off")
    }
    assert set(verdicts["copy"].values()) == {"equal"}
    assert verdicts["worse"]["overall"] == verdicts["worse"]["category"] == "worse"
    assert verdicts["worse"]["colour"] == "equal"
    assert verdicts["one-off"]["overall"] == "noise"
    back = compare.compare(tmp_path / "worse", tmp_path / "a")
    assert back[0]["verdict"] == "better" and back[0]["n"] == 40


def test_evaluations_without_common_pictures_cannot_be_compared(tmp_path):
    write_evaluation(tmp_path / "a", ["A red shirt."])
    with pytest.raises(UserError, match="no picture in common"):
        compare.compare(tmp_path / "a", tmp_path / "nowhere")


def test_a_model_that_learned_less_ranks_lower():
    overall, loss = [], []
    for steps in (0, 15, 100):
        learned = tiny.trained(steps)
        scores = evaluate.evaluate(learned, records(12), prompt="Describe it.", with_probes=False)
        overall.append(scores["scores"]["colour"]["mean"])
        loss.append(tiny.loss(learned))
    assert loss == sorted(loss, reverse=True)
    assert overall == sorted(overall) and overall[0] < overall[-1]


# --- image-ablation probes -----------------------------------------------------------------------


def test_probes_separate_a_model_that_uses_the_image_from_one_that_ignores_it(bundle, monkeypatch):
    looking = evaluate.evaluate(bundle, records(), prompt="Describe it.")["probes"]
    assert looking["blank"]["mean"] > 50  # white looks like one of the colours
    assert looking["shuffled"]["mean"] > 0 and looking["mirrored"]["mean"] > 0
    monkeypatch.setattr(
        perturbations, "batch", lambda b, images, *_: iter(["A red shirt."] * len(images))
    )
    monkeypatch.setattr(evaluate, "batch", perturbations.batch)
    blind = evaluate.evaluate(bundle, records())["probes"]
    assert [blind[name]["mean"] for name in ("blank", "mirrored", "questions")] == [0, 0, 0]
    assert blind["obedience"]["mean"] == 0  # asked for the colour, it names the kind too
    assert blind["shuffled"]["mean"] == 0
    assert all(row["n"] and "{" not in row["says"] for row in blind.values())


def test_inverting_hues_changes_colours_and_keeps_grey():
    red, grey = tiny.picture("red"), tiny.picture("red").convert("L").convert("RGB")
    r, g, b = perturbations.invert_hues(red).getpixel((0, 0))
    assert r < 60 and g > 150 and b > 150  # cyan
    assert perturbations.invert_hues(grey).getpixel((0, 0)) == grey.getpixel((0, 0))


def test_one_picture_can_be_probed(bundle):
    probes = evaluate.evaluate(bundle, records(1), prompt="Describe it.")["probes"]
    assert "shuffled" not in probes and probes["blank"]["n"] == 1


# --- the command ---------------------------------------------------------------------------------


def folder(path, columns="articleType,baseColour"):
    """Write a folder of three held-out squares with metadata."""
    (path / "validation").mkdir(parents=True)
    lines = [f"file_name,{columns}"]
    for colour in tiny.COLOURS:
        tiny.picture(colour).save(path / "validation" / f"{colour}.png")
        lines.append(f"{colour}.png,Shirts,{colour.capitalize()}")
    (path / "validation" / "metadata.csv").write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def command(bundle, monkeypatch):
    from vlm.loading import load

    monkeypatch.setattr(load, "load", lambda name, **_: bundle)
    return lambda *flags: main(["evaluate", "--data", "folder", "--threads", "1", *map(str, flags)])


def test_the_command_prints_and_writes_everything(command, tmp_path, capsys):
    data, out = folder(tmp_path / "data"), tmp_path / "out"
    assert command("--data-path", data, "--out", out, "--prompt", "Describe it.") == 0
    printed = capsys.readouterr().out
    parts = ("overall", "exact labels", "image ablation", "task-specific tests", "peak memory")
    for words in (*parts, "first token"):
        assert words in printed
    names = {"predictions.jsonl", "judgements-rules.jsonl", "scores.json", "speed.json"}
    assert names | {"report.html"} <= {path.name for path in out.iterdir()}
    assert command("--compare", out, out) == 0
    assert "equal" in capsys.readouterr().out
    again = ["--data-path", data, "--out", tmp_path / "again", "--no-speed", "--no-probes"]
    assert command(*again, "--no-abilities", "--against", out) == 0
    page = (tmp_path / "again" / "report.html").read_text()
    assert "Comparison with out" in page and "The scores above minus those of out" in page
    for flags in (["--against", out], [*again, "--against", data]):
        assert _refused(command, "--data-path", data, *flags)


def test_a_missing_column_and_an_empty_split_are_user_errors(command, tmp_path, capsys):
    renamed = folder(tmp_path / "renamed", columns="kindOfItem,hue")
    assert _refused(command, "--data-path", renamed)
    assert "and no metadata such as baseColour" in capsys.readouterr().out
    (tmp_path / "empty" / "validation").mkdir(parents=True)
    (tmp_path / "empty" / "validation" / "metadata.csv").write_text("file_name,text\n")
    assert _refused(command, "--data-path", tmp_path / "empty")
    assert "no usable picture" in capsys.readouterr().err
    assert _refused(command, "--compare", tmp_path, tmp_path)
    assert "no picture in common" in capsys.readouterr().err


def test_the_command_measures_pictures_that_cannot_be_judged(command, tmp_path, capsys):
    flags = ("--data", "negatives", "--limit", 3, "--asked", 1, "--no-speed", "--out", tmp_path)
    assert command(*flags) == 0
    printed = capsys.readouterr().out
    assert "not judged by rules: 3 x the metadata has none of colour" in printed
    assert "unsure" in printed and "task-specific tests" in printed and "json_agrees" in printed
    assert "0 to 10" not in printed and (tmp_path / results.REPORT).exists()
    assert results.read_scores(tmp_path)["abilities"]["json"]["n"] == 1
    assert command("--compare", tmp_path, tmp_path) == 0
    assert "exact labels, percent" in capsys.readouterr().out


def _refused(command, *flags) -> bool:
    with pytest.raises(SystemExit) as ended:
        command(*flags)
    return ended.value.code == 2


# --- judgements of other programs ----------------------------------------------------------------


@pytest.mark.parametrize(
    "row", [{}, {"colour": 11}, {"colour": "ten"}, {"colour": True}, {"why": "x"}]
)
def test_an_invalid_judgement_is_refused(row):
    with pytest.raises(ValueError):
        from_row(row)


def test_a_judgement_can_be_written_and_read():
    for judgement in (Judgement(colour=5.0, why="x"), Judgement(unjudged="prose")):
        assert from_row(judgement.row()) == judgement
