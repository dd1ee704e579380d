"""Many pictures: `batch`, files and tables; and `describe`, which takes one."""

import time

import pytest

from tests import hostile, tiny
from vlm.config import GenerateConfig
from vlm.data.images import BadImage, open_image
from vlm.errors import UserError
from vlm.inference import describe as describe_module
from vlm.inference import generate
from vlm.inference.batch import LONG_DEADLINE, batch
from vlm.inference.describe import describe
from vlm.inference.generate import answer
from vlm.inference.pictures import Item, describe_items, find_items
from vlm.types import Bundle

QUESTION = "What colour is it?"
SHORT = GenerateConfig(max_new_tokens=8)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny.trained()


@pytest.fixture
def calls(monkeypatch) -> list[tuple]:
    """The calls of `generate.answers`: number of pictures, prompts, settings, histories."""
    recorded, real = [], generate.answers

    def recording(bundle, images, prompts, config, **more):
        recorded.append((len(images), list(prompts), config, more.get("histories")))
        return real(bundle, images, prompts, config, **more)

    monkeypatch.setattr(generate, "answers", recording)
    return recorded


@pytest.fixture
def folder(tmp_path):
    for number, colour in enumerate(tiny.COLOURS):
        tiny.picture(colour).save(tmp_path / f"{number}.png")
    return tmp_path


# --- batch ---------------------------------------------------------------------------------------


def test_batch_takes_files_bytes_and_pictures_in_order(bundle, folder):
    path = folder / "0.png"
    pictures = [path, str(path), path.read_bytes(), tiny.picture("green"), folder / "2.png"]
    texts = list(batch(bundle, pictures, QUESTION, batch_size=2))
    assert texts == ["It is red."] * 3 + ["It is green.", "It is blue."]


def test_batch_takes_one_prompt_for_all_or_one_for_each(bundle, calls):
    pictures = [tiny.picture()] * 3
    list(batch(bundle, pictures, QUESTION, 2))
    assert list(batch(bundle, pictures, [QUESTION, "Describe it.", QUESTION], 2)) == [
        "It is red.",
        "A red square.",
        "It is red.",
    ]
    prompts = [prompts for _, prompts, _, _ in calls]
    assert prompts == [[QUESTION] * 2, [QUESTION], [QUESTION, "Describe it."], [QUESTION]]


def test_batch_is_greedy_patient_and_passes_histories_on(bundle, calls):
    histories = [(), ((QUESTION, "It is red."),), ()]
    list(batch(bundle, [tiny.picture()] * 3, QUESTION, 2, histories=histories))
    assert [more for *_, more in calls] == [histories[:2], histories[2:]]
    assert all(config == LONG_DEADLINE for _, _, config, _ in calls)
    assert LONG_DEADLINE.deadline >= 3600 and LONG_DEADLINE.temperature == 0


def test_batch_transforms_opened_pictures(bundle):
    (text,) = batch(bundle, [tiny.picture("red")], QUESTION, 1, lambda _: tiny.picture("blue"))
    assert text == "It is blue."


def test_batch_reads_no_further_than_it_has_to(bundle):
    texts = batch(bundle, [tiny.picture(), b"no picture"], QUESTION, batch_size=1)
    assert next(texts) == "It is red."
    with pytest.raises(BadImage):
        next(texts)


# --- describe ------------------------------------------------------------------------------------


def test_describe_answers_about_a_file_bytes_or_a_picture(bundle, folder):
    path = folder / "2.png"
    for picture in (path, str(path), path.read_bytes(), tiny.picture("blue")):
        assert describe(picture, bundle, QUESTION) == "It is blue."
    assert describe(path, bundle, QUESTION, GenerateConfig(max_new_tokens=1)) == "It"


def test_describe_loads_a_model_by_name(bundle, monkeypatch):
    names = []
    monkeypatch.setattr(describe_module, "load", lambda name: names.append(name) or bundle)
    assert describe(tiny.picture(), prompt="Describe it.") == "A red square."
    assert describe(tiny.picture(), "org/model", "Describe it.") == "A red square."
    assert names == [None, "org/model"]  # None: `load` chooses the default


def test_describe_refuses_a_bad_picture_before_it_loads_a_model(monkeypatch):
    monkeypatch.setattr(describe_module, "load", None)
    with pytest.raises(UserError):
        describe("no/such/file.png")


# --- files and tables ----------------------------------------------------------------------------


def test_a_batch_has_as_much_time_for_each_answer_as_a_single_one(bundle, tmp_path, calls):
    for n in range(5):
        tiny.noise(n).save(tmp_path / f"{n}.png")
    items = [Item(str(n), 0, tmp_path / f"{n}.png") for n in range(5)]
    config = GenerateConfig(deadline=10.0, max_new_tokens=2)
    list(describe_items(bundle, items, QUESTION, config, batch_size=3))
    assert [(count, config.deadline) for count, _, config, _ in calls] == [(3, 30.0), (2, 20.0)]


def test_batches_answer_like_single_questions(bundle, folder):
    rows = list(describe_items(bundle, find_items([str(folder)]), QUESTION, SHORT, 3))
    alone = [answer(bundle, open_image(r["source"]), r["prompt"], SHORT) for r in rows]
    assert len(rows) == 3 and [row["text"] for row in rows] == alone


def test_hostile_pictures_give_an_answer_or_a_user_error(bundle, tmp_path):
    for name, path in hostile.make_hostile(tmp_path).items():
        started = time.process_time()
        config = GenerateConfig(max_new_tokens=4)
        (row,) = describe_items(bundle, find_items([str(path)]), "What is it?", config)
        assert time.process_time() - started < 5.0, name  # no bomb explodes, even on a slow core
        assert ("text" in row) == (name in hostile.GOOD), name
        if "error" in row:
            assert not any(bad in row["error"] for bad in ("/", "0x", "Traceback", "\n")), name


def test_a_missing_path_is_a_user_error():
    with pytest.raises(UserError, match="does not exist"):
        list(find_items(["no/such/file.png"]))
