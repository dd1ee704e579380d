"""Pictures in the layouts of other tools: what is learnt from each, row by row."""

import io
import json
import tarfile
import unicodedata
from pathlib import Path

import datasets
import pytest
from PIL import Image

from tests import tiny
from tests.benchmark_fixtures import cell, png, write
from vlm.data import folder, mixture
from vlm.data.folder import columns, hub
from vlm.data.images import open_image
from vlm.errors import UserError
from vlm.types import Turn


def learnt(path: Path, split: str = folder.UNSPLIT, **settings) -> dict[str, list[tuple[str, str]]]:
    """Return the questions and answers of each picture; every picture opens."""
    data = folder.load(split, path, **settings)
    assert not data.problems
    for record in data.records:
        open_image(record.image)
    return {r.id: [(turn.prompt, turn.answer) for turn in r.turns] for r in data.records}


def answers(path: Path, split: str = folder.UNSPLIT, **settings) -> list[str]:
    return [a for turns in learnt(path, split, **settings).values() for _, a in turns]


def pictures(path: Path, *names: str) -> Path:
    """Write pictures into a folder, and return it."""
    for number, name in enumerate(names):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        tiny.picture().save(io_ := io.BytesIO(), "JPEG")
        (path / name).write_bytes(io_.getvalue() + bytes([number]))
    return path


def table(path: Path, *rows: dict, name: str = "metadata.jsonl") -> Path:
    (path / name).write_text("\n".join(map(json.dumps, rows)))
    return path


PAIR = ("What is it?", "A red mug.")
MORE = ("And its colour?", "Red.")
USER, BOT = ({"role": "user", "content": PAIR[0]}, {"role": "assistant", "content": PAIR[1]})
PARTS = [{"type": "image"}, {"type": "text", "text": PAIR[0]}]
LLAVA = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": PAIR[1]}]
CONVERSATIONS = {
    "OpenAI": {
        "image": "a.jpg",
        "messages": [{"role": "system", "content": "Be brief."}, USER, BOT],
    },
    "OpenAI, parts": {"image": "a.jpg", "messages": [{"role": "user", "content": PARTS}, BOT]},
    "picture in the message": {
        "messages": [
            {"role": "user", "content": [{"type": "image", "image": "a.jpg"}, PARTS[1]]},
            BOT,
        ]
    },
    "LLaVA": {"id": "1", "image": "a.jpg", "conversations": LLAVA},
    "LLaMA-Factory": {"images": ["a.jpg"], "messages": [USER, BOT]},
    "TRL, texts": {"image": "a.jpg", "prompt": PAIR[0], "completion": PAIR[1]},
    "TRL, messages": {"images": ["a.jpg"], "prompt": [USER], "completion": [BOT]},
    "TRL, preferences": {
        "images": ["a.jpg"],
        "prompt": [{"role": "user", "content": PARTS}],
        "chosen": [BOT],
        "rejected": [{"role": "assistant", "content": "A dog."}],
    },
    "instructions": {"image_path": "a.jpg", "instruction": PAIR[0], "output": PAIR[1]},
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_conversations_of_other_tools_are_learnt(name: str, tmp_path: Path) -> None:
    table(pictures(tmp_path, "a.jpg"), CONVERSATIONS[name])
    assert list(learnt(tmp_path).values()) == [[PAIR]]


def test_later_questions_have_the_earlier_ones_as_history(tmp_path: Path) -> None:
    later = [{"role": "user", "content": MORE[0]}, {"role": "assistant", "content": MORE[1]}]
    table(
        pictures(tmp_path, "a.jpg"), {"file_name": "a.jpg", "messages": [USER, BOT, *later, USER]}
    )
    (record,) = folder.load(folder.UNSPLIT, tmp_path).records
    assert record.turns == (Turn(*PAIR, "question"), Turn(*MORE, "question", (PAIR,)))


@pytest.mark.parametrize("name", ["TRL, preferences", "texts"])
def test_a_rejected_answer_is_kept(name: str, tmp_path: Path) -> None:
    texts = {"image": "a.jpg", "prompt": PAIR[0], "chosen": PAIR[1], "rejected": "A dog."}
    table(pictures(tmp_path, "a.jpg"), CONVERSATIONS.get(name, texts))
    (record,) = folder.load(folder.UNSPLIT, tmp_path).records
    assert record.turns == (Turn(*PAIR, "question", rejected="A dog."),)


@pytest.mark.parametrize(
    ("answer", "text"),
    [(5, "5"), (2.0, "2"), (True, "yes"), (False, "no"), (["a cup", "a mug", "a mug"], "a mug")]
    + [(["apples", "pears"], "apples, pears"), ({"text": "a mug"}, "a mug")],
    ids=str,
)
def test_answers_need_not_be_texts(answer: object, text: str, tmp_path: Path) -> None:
    table(pictures(tmp_path, "a.jpg"), {"file_name": "a.jpg", "question": "Q?", "answer": answer})
    assert answers(tmp_path) == [text]


@pytest.mark.parametrize("column", columns.USUAL["text"])
@pytest.mark.parametrize("image", ["image", "img", "file_name", "filename", "image_path"])
def test_columns_have_their_usual_names(image: str, column: str, tmp_path: Path) -> None:
    table(pictures(tmp_path, "a.jpg"), {image: "a.jpg", column: "A mug."})
    assert answers(tmp_path) == ["A mug."]


@pytest.mark.parametrize(
    "more", [{"captions": ["A.", "B."]}, {"caption_0": "A.", "caption_1": "B."}]
)
def test_a_picture_may_have_several_texts(more: dict, tmp_path: Path) -> None:
    table(pictures(tmp_path, "a.jpg"), {"image": "a.jpg"} | more)
    assert answers(tmp_path) == ["A.", "B."]


def test_columns_of_other_names_are_given(tmp_path: Path) -> None:
    (pictures(tmp_path, "a.jpg") / "metadata.csv").write_text(
        "foto;beschreibung\na.jpg;Eine Tasse, rot\n"
    )
    data = folder.load(folder.UNSPLIT, tmp_path)
    assert data.problems[0].endswith("the columns are foto, beschreibung")
    given = columns.parse("image=foto,text=beschreibung")
    assert answers(tmp_path, columns=given) == ["Eine Tasse, rot"]


@pytest.mark.parametrize("text", ["photo", "pic=a", "image=", "=a"])
def test_columns_are_given_by_role(text: str) -> None:
    with pytest.raises(UserError, match="write ROLE=COLUMN, with one of the roles image, text"):
        columns.parse(text)


@pytest.mark.parametrize(
    "value",
    [cell(), png(), "a.jpg", {"bytes": None, "path": "a.jpg"}, [cell()], ["a.jpg"]],
    ids=["struct", "bytes", "path", "struct of a path", "list", "list of a path"],
)
def test_a_parquet_may_have_every_kind_of_picture(value: object, tmp_path: Path) -> None:
    write(pictures(tmp_path, "a.jpg") / "data.parquet", [{"image": value, "text": "A mug."}])
    assert answers(tmp_path) == ["A mug."]


def test_encoded_pictures_of_one_name_stay_apart(tmp_path: Path) -> None:
    structs = [{"bytes": png(n), "path": "image.png"} for n in (1, 2, 1)]
    write(tmp_path / "data.parquet", [{"image": s, "text": f"{n}"} for n, s in enumerate(structs)])
    records = folder.load(folder.UNSPLIT, tmp_path).records
    assert [(r.image, [turn.answer for turn in r.turns]) for r in records] == [
        (png(1), ["0", "2"]),
        (png(2), ["1"]),
    ]


def test_texts_beside_the_pictures(tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg", "b.jpg", "c.JFIF", "._a.jpg", ".hidden.png")
    for name, text in {
        "a.txt": "A mug.\n",
        "b.caption": "A bowl.",
        "c.txt": "\ufeffA jug.",
    }.items():
        (tmp_path / name).write_text(text)
    assert answers(tmp_path) == ["A mug.", "A bowl.", "A jug."]
    (tmp_path / "c.txt").unlink()
    assert folder.load(folder.UNSPLIT, tmp_path).problems[0].startswith("row 2: no text")


def test_a_subfolder_for_each_class(tmp_path: Path) -> None:
    pictures(tmp_path, "golden_retriever/a.jpg", "frog/b.jpg", "otter/c.jpg", "otter/._c.jpg")
    asked = learnt(tmp_path)
    assert asked["golden_retriever/a.jpg"] == [("What is this?", "A golden retriever.")]
    assert asked["otter/c.jpg"] == [("What is this?", "An otter.")] and len(asked) == 3
    assert "a frog" in str(asked["frog/b.jpg"]).lower() and len(asked["frog/b.jpg"]) > 1


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize("given", ["folder", "file"])
def test_webdataset_tars(given: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "00000.tar", "w") as tar:
        add(tar, "1.png", png(1))
        add(tar, "1.txt", b"A mug.")
        add(tar, "2.png", png(2))
        add(tar, "2.txt", b"A bowl.")
    assert answers(tmp_path / "00000.tar" if given == "file" else tmp_path) == ["A mug.", "A bowl."]


def test_a_tar_that_is_damaged_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "00000.tar").write_bytes(b"no tar" * 1000)
    with pytest.raises(UserError, match="not a readable WebDataset tar"):
        folder.load("train", tmp_path)


def test_save_to_disk(tmp_path: Path) -> None:
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["mug", "bowl"])}
    rows = {"image": [cell(1), cell(2)], "label": [1, 0]}
    datasets.Dataset.from_dict(rows, datasets.Features(features)).save_to_disk(tmp_path / "saved")
    assert answers(tmp_path / "saved") == ["A bowl.", "A mug."]


@pytest.mark.parametrize("name", ["metadata.json", "captions.csv", "rows.jsonl", "all.parquet"])
def test_the_only_table_of_a_folder_is_its_table(name: str, tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg")
    if name.endswith("csv"):
        (tmp_path / name).write_text("image,caption\na.jpg,A mug.\n")
    elif name.endswith("parquet"):
        write(tmp_path / name, [{"image": "a.jpg", "text": "A mug."}])
    else:
        table(tmp_path, {"image": "a.jpg", "text": "A mug."}, name=name)
    assert answers(tmp_path) == answers(tmp_path / name) == ["A mug."]


def test_several_tables_are_a_user_error(tmp_path: Path) -> None:
    table(tmp_path, {}, name="a.jsonl"), table(tmp_path, {}, name="b.jsonl")
    with pytest.raises(
        UserError, match=r"several tables \(a.jsonl, b.jsonl\); give the path of one"
    ):
        folder.load("train", tmp_path)


@pytest.mark.parametrize("name", ["validation", "valid", "val", "dev", "test"])
@pytest.mark.parametrize("layout", ["folders", "tables"])
def test_the_held_out_part_has_many_names(name: str, layout: str, tmp_path: Path) -> None:
    for part in ("train", name):
        if layout == "folders":
            table(pictures(tmp_path / part, "a.jpg"), {"image": "a.jpg", "text": part})
        else:
            table(
                pictures(tmp_path, "a.jpg"), {"image": "a.jpg", "text": part}, name=f"{part}.jsonl"
            )
    assert answers(tmp_path, "validation") == [name] and answers(tmp_path, "train") == ["train"]
    notes = folder.load("validation", tmp_path).notes
    assert (f"{name} is the held-out part" in notes) == (name != "validation")


def test_what_is_not_used_and_what_is_divided_is_said(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        table(pictures(tmp_path / part, "a.jpg"), {"image": "a.jpg", "text": part})
    said = "val is the held-out part; test is not used"
    assert said in folder.load("validation", tmp_path).notes
    rows = [{"file_name": f"{n}.jpg", "text": "A."} for n in range(4)]
    table(pictures(tmp_path / "new" / "train", *(row["file_name"] for row in rows)), *rows)
    assert "a tenth of train is held out" in folder.load("validation", tmp_path / "new").notes
    assert len(folder.load("train", tmp_path / "new").records) == 3


def test_shards_are_one_table(tmp_path: Path) -> None:
    for n in range(2):
        rows = [{"image": cell(n), "text": f"{n}"}]
        write(tmp_path / f"train-0000{n}-of-00002.parquet", rows)
    assert answers(tmp_path, "train") == ["0"] or answers(tmp_path, "train") == ["1"]
    write(tmp_path / "test-00000-of-00001.parquet", [{"image": cell(3), "text": "3"}])
    assert answers(tmp_path, "train") == ["0", "1"] and answers(tmp_path, "validation") == ["3"]


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_table", ["NFC", "NFD"])
def test_accents_are_one_character_or_two(on_disk: str, in_table: str, tmp_path: Path) -> None:
    name = "sub/caf\u00e9.jpg"
    pictures(tmp_path, unicodedata.normalize(on_disk, name))
    table(tmp_path, {"image": unicodedata.normalize(in_table, name), "text": "A caf\u00e9."})
    assert list(learnt(tmp_path)) == [name]


def test_windows_paths_and_links(tmp_path: Path) -> None:
    pictures(tmp_path / "blobs", "a.jpg")
    place = tmp_path / "photos"
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "a.jpg").symlink_to(tmp_path / "blobs" / "a.jpg")
    table(place, {"image": "sub\\a.jpg", "text": "A mug."})
    assert learnt(place) == {"sub/a.jpg": [(folder.PROMPTS[0], "A mug.")]}


def test_rows_left_out_are_grouped_by_reason(tmp_path: Path) -> None:
    rows = [{"image": f"{n}.jpg", "text": "A."} for n in range(9)] + [{"text": "B."}]
    report = folder.load(folder.UNSPLIT, table(pictures(tmp_path, "0.jpg"), *rows)).report()
    assert "1 pictures, 9 bad rows (read as metadata.jsonl)" in report
    assert report.count("the file does not exist") == 3 and "... and 5 more like these" in report
    assert "row 9: no file_name and no picture; the columns are text" in report


def test_images_are_opened_as_the_suffix_does_not_say(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.jpg", "PNG")
    table(tmp_path, {"image": "a.jpg", "text": "Red."})
    assert answers(tmp_path) == ["Red."]


@pytest.fixture
def on_hub(tmp_path: Path) -> Path:
    """A data set as on the Hub; a local folder stands for its id."""
    place = tmp_path / "org-name"
    for split, count in (("train", 30), ("test", 2)):
        rows = [{"photo": cell(n), "caption": f"{split} {n}"} for n in range(count)]
        place.mkdir(exist_ok=True)
        write(place / f"{split}.parquet", rows)
    return place


def test_any_data_set_of_the_hub(on_hub: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    data = hub.load("train", on_hub, 3)
    assert [r.turns[0].answer for r in data.records] == ["train 0", "train 1", "train 2"]
    (parts,) = mixture.load([f"2xhub:{on_hub}"], "validation", columns="text=caption")
    assert parts.times == 2 and len(parts.records) == 2
    given = hub.load("validation", f"{on_hub}::train")
    assert 0 < len(given.records) < 30 and "train" in given.name


def test_a_data_set_that_is_not_on_the_hub_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="could not be read from the Hub"):
        hub.load("train", tmp_path / "nowhere")
    with pytest.raises(UserError, match="write hub:org/name"):
        hub.load("train")


def test_labels_that_the_grammar_does_not_know_are_named(tmp_path: Path) -> None:
    rows = [{"file_name": f"{n}.jpg", "articleType": "Mugs"} for n in range(3)]
    table(pictures(tmp_path, "0.jpg", "1.jpg", "2.jpg"), *rows)
    records = folder.load(folder.UNSPLIT, tmp_path).records
    with pytest.raises(
        UserError, match="No picture has a question: .*makes none of articleType 'M"
    ):
        mixture.without_questions(records)
    (known,) = folder.load(folder.UNSPLIT, tmp_path, 1).records
    asked = type(known)("x", known.image, (Turn("Q?", "A."),))
    assert mixture.without_questions([*records, asked]).startswith("Notice: 3 pictures have no q")
    assert mixture.without_questions([asked]) == mixture.without_questions([]) == ""
