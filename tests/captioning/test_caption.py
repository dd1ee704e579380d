"""`python -m vlm caption` and `lineage`: from images to a reviewed data set."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest

from tests import tiny
from tests.captioning.records import ANSWER, JSON_ANSWER, photos, table
from tests.fake_endpoint import FakeEndpoint, online
from vlm.__main__ import main as command
from vlm.captioning import export, writers
from vlm.captioning.history import FILE
from vlm.captioning.review import reviews
from vlm.captioning.review.reviews import Review, Reviews
from vlm.data import folder
from vlm.loading import load
from vlm.types import Record
from vlm.ui.review import desk as review_desk

KEY = "sk-never-written-anywhere"
FORMATS = pytest.mark.parametrize("form", sorted(export.FORMATS))


@pytest.fixture(autouse=True)
def local_network(monkeypatch: pytest.MonkeyPatch) -> None:
    online(monkeypatch)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def caption(source: Path, out: Path, *flags: str) -> int:
    """Run the command; returns its exit code."""
    return command(["caption", f"folder={source}", str(out), *flags])


def served(fake: FakeEndpoint, *flags: str) -> list[str]:
    """Flags for a teacher on this server."""
    return ["--teacher", "endpoint:tiny", "--endpoint", fake.address, *flags]


def history_ids(out: Path) -> list[str]:
    return [json.loads(line)["id"] for line in (out / FILE).read_text().splitlines()]


def loaded(out: Path) -> list[Record]:
    """All records of a finished data set."""
    return [*folder.load("train", out).records, *folder.load("validation", out).records]


def rows(out: Path, form: str) -> list[dict]:
    if form == "folder":
        return table(out)
    return pq.read_table(out / export.PARQUET).to_pylist()


# --- teachers ------------------------------------------------------------------------------------


def test_a_local_model_teaches(tmp_path: Path, out: Path, pictures: Path, capsys) -> None:
    load.save(tiny.trained(60), tmp_path / "model")
    model = str(tmp_path / "model")
    flags = ["--teacher", model, "--per-class", "2", "--device", "cpu"]
    assert caption(pictures, out, *flags) == 0
    printed = capsys.readouterr().out
    assert "Wrote 6 image-text pairs" in printed and "of 6 descriptions are flagged" in printed
    teacher = writers.open_writer(model, writers.TEACHER, writers.WriterSettings(device="cpu"))
    written = table(out)
    requests = [writers.Request(Record("", out / row["file_name"])) for row in written]
    assert [row["text"] for row in written] == [c.text for c in teacher.write(requests)]
    assert all(row["provenance"][0]["by"] == model for row in written)
    with pytest.raises(SystemExit):  # the folder already contains a run
        caption(pictures, out, *flags)
    assert "add --resume" in capsys.readouterr().err


def test_a_failing_server_teaches_each_image_once(
    out: Path, pictures: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("LOUPE_API_KEY", KEY)
    with FakeEndpoint(lambda messages: JSON_ANSWER, key=KEY, faults=0.2, hang=0.2) as fake:
        flags = served(fake, "--refiner", "labels", "--timeout", "5", "--format", "parquet")
        code = caption(pictures, out, *flags)
        for _ in range(20):  # the run gives up again and again, and is resumed
            code = code and caption(pictures, out, *flags, "--resume")
        assert code == 0
        assert fake.fault_counts
        sent = sum(fake.requests.values())
        assert caption(pictures, out, *flags, "--resume") == 0
        assert sum(fake.requests.values()) == sent  # nothing is requested again
    assert sorted(history_ids(out)) == sorted([row["file_name"] for row in table(pictures)] * 2)
    assert not any(KEY.encode() in file.read_bytes() for file in out.iterdir())
    assert KEY not in "".join(capsys.readouterr())
    written = rows(out, "parquet")
    assert [row["text"] for row in written] == [ANSWER["description"]] * 20
    assert written[0]["image"]["bytes"].startswith(b"\x89PNG")
    assert sorted(r.id for r in loaded(out)) == sorted(row["file_name"] for row in written)
    assert {r.turns[0].answer for r in loaded(out)} == {ANSWER["description"]}
    assert [step["step"] for step in written[0]["provenance"]] == ["teacher", "refiner"]


@pytest.mark.parametrize("form", export.FORMATS)
def test_the_result_loads_with_datasets(form: str, out: Path, pictures: Path, tmp_path) -> None:
    assert caption(pictures, out, "--teacher", "labels", "--format", form) == 0
    data = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert list(data["text"]) == [row["text"] for row in rows(out, form)] and len(data) == 20
    assert all(image.size for image in data["image"])


def test_a_run_without_any_result_can_be_resumed(out: Path, pictures: Path) -> None:
    with FakeEndpoint(lambda messages: "It is a thing.") as fake:
        assert caption(pictures, out, *served(fake)) == 1
    with FakeEndpoint(lambda messages: JSON_ANSWER) as fake:
        assert caption(pictures, out, *served(fake, "--resume")) == 0
    assert len(table(out)) == 20


def test_images_without_a_table_are_described_by_a_model(tmp_path: Path, out: Path) -> None:
    source = photos(tmp_path / "photos", 3)
    (source / "3.png").write_bytes(b"not an image")
    with FakeEndpoint(lambda messages: JSON_ANSWER) as fake:
        assert caption(source, out, *served(fake)) == 0
    assert [row["text"] for row in table(out)] == [ANSWER["description"]] * 3


def test_labels_cannot_describe_images_without_metadata(tmp_path: Path, out: Path, capsys) -> None:
    assert caption(photos(tmp_path / "photos", 1), out) == 1
    assert "1 x teacher: no metadata; use a model" in capsys.readouterr().out


def test_an_image_that_labels_cannot_refine_does_not_stop_the_others(
    tmp_path: Path, out: Path
) -> None:
    texts = iter(["A man in a red shirt smiles.", ANSWER["description"]])
    source = photos(tmp_path / "photos", 2)
    with FakeEndpoint(lambda messages: json.dumps(ANSWER | {"description": next(texts)})) as fake:
        assert caption(source, out, *served(fake, "--refiner", "labels")) == 1
    assert [row["text"] for row in table(out)] == [ANSWER["description"]]


def test_a_folder_without_splits_is_used_whole(
    tmp_path: Path, out: Path, pictures: Path, capsys
) -> None:
    assert caption(pictures, out) == 0
    assert "Wrote 20 image-text pairs" in capsys.readouterr().out
    assert command(["check", str(out), "--no-pictures"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(int(line.split()[1]) for line in lines if "%" in line) >= 20
    assert caption(pictures, tmp_path / "part", "--split", "validation") == 0
    assert 0 < len(table(tmp_path / "part")) < 20


# --- reviews -------------------------------------------------------------------------------------


@FORMATS
def test_reviews_are_applied_to_the_images_they_name(form: str, out: Path, pictures: Path) -> None:
    """The source's names are 00007.png to 00026.png, the result's 00000.png to 00019.png."""
    assert caption(pictures, out, "--format", form) == 0
    decisions = Reviews(out / reviews.FILE)
    decisions.add(Review("00010.png", "ada", reviews.REJECT, reason="other"))
    decisions.add(Review("00002.png", "ada", reviews.EDIT, "A better text."))
    flags = ["--format", form, "--resume", "--reviews"]
    assert caption(pictures, out, *flags, str(decisions.path)) == 0
    texts = {record.id: record.turns[0].answer for record in loaded(out)}
    assert len(texts) == 19 and "00010.png" not in texts
    assert texts["00002.png"] == "A better text."
    sources = {row["id"] for row in rows(out, form)}
    assert {row["file_name"] for row in table(pictures)} - sources == {"00017.png"}
    assert len(history_ids(out)) == 20  # the history still contains every image
    with pytest.raises(SystemExit):
        caption(pictures, out, *flags, str(out / "none"))


def test_reviews_stay_with_their_images_when_images_are_added(tmp_path: Path, out: Path) -> None:
    (tmp_path / "photos").mkdir()
    decisions = Reviews(out / reviews.FILE)

    def captions(*names: str, flags: Sequence[str] = ()) -> dict[str, str]:
        lines = [{"file_name": f"{name}.png", "text": f"This is {name}."} for name in names]
        for number, row in enumerate(lines):
            tiny.noise(number).save(tmp_path / "photos" / row["file_name"])
        (tmp_path / "photos" / export.TABLE).write_text("\n".join(map(json.dumps, lines)))
        assert caption(tmp_path / "photos", out, *flags) == 0
        return {row["id"]: row["text"] for row in table(out)}

    captions("b", "c")
    names = {row["id"]: row["file_name"] for row in table(out)}
    decisions.add(Review(names["b.png"], "ada", reviews.REJECT, reason="other"))
    decisions.add(Review(names["c.png"], "ada", reviews.EDIT, text="Edited."))
    final = captions("a", "b", "c", flags=["--resume", "--reviews", str(decisions.path)])
    assert final == {"a.png": "This is a.", "c.png": "Edited."}


def test_undoing_a_review_of_a_deleted_image_shows_the_next(tmp_path: Path, pictures: Path) -> None:
    data = shutil.copytree(pictures, tmp_path / "data")
    Reviews(data / reviews.FILE).add(Review("99999.png", "ada", reviews.REJECT, reason="other"))
    desk = review_desk.Desk(data)
    assert "0 of 20 by you" in desk.summarize_progress("ada")
    assert desk.decide(Review("-", "ada", reviews.UNDO)) == "99999.png"
    assert desk.find_next_id(review_desk.LEFT, "ada", "99999.png") == "00007.png"


def test_answers_to_questions_can_be_checked_and_reviewed(tmp_path: Path, capsys) -> None:
    data = tmp_path / "data"
    (data / "train").mkdir(parents=True)
    tiny.noise(0).save(data / "train" / "0.png")
    row = {"file_name": "0.png", "question": "What is it?", "answer": "A blue shirt for men."}
    row |= {"articleType": "Shirts", "baseColour": "Red"}
    (data / "train" / export.TABLE).write_text(json.dumps(row) + "\n")
    assert command(["check", str(data), "--no-pictures"]) == 0
    assert re.search(r"^colour +1 ", capsys.readouterr().out, re.M)
    assert review_desk.Desk(data).items["0.png"].text == row["answer"]


# --- provenance ----------------------------------------------------------------------------------


def test_a_data_set_is_uploaded_without_its_history(out: Path, pictures: Path, monkeypatch) -> None:
    calls = []
    for name in ("create_repo", "upload_folder"):
        monkeypatch.setattr(f"huggingface_hub.HfApi.{name}", lambda self, *a, **k: calls.append(k))
    assert caption(pictures, out, "--push-to-hub", "me/captions") == 0
    assert [call["repo_type"] for call in calls] == ["dataset", "dataset"]
    assert calls[1]["folder_path"] == out and FILE in calls[1]["ignore_patterns"]
    assert (out / "README.md").read_text().startswith("---\ntask_categories")


def test_lineage_prints_the_history_of_one_image(out: Path, pictures: Path, capsys) -> None:
    assert caption(pictures, out, "--refiner", "labels", "--judge", "rules") == 0
    assert "judge rules: 10.00 of 10 overall" in capsys.readouterr().out
    assert command(["lineage", str(out), "00010.png"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("teacher: labels") and "\nrefiner: labels" in printed
    assert "\njudge of refiner: rules" in printed and "overall: 10.0" in printed
    for wrong in ([str(out), "nobody"], [str(pictures), "00010.png"]):
        with pytest.raises(SystemExit):
            command(["lineage", *wrong])
