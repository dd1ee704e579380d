"""python -m vlm describe: order, errors, formats, exit codes."""

import json
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import hostile, tiny
from vlm import __main__ as commands
from vlm import generate
from vlm import load as load_module
from vlm.config import GenerateConfig
from vlm.data.images import open_image
from vlm.describe import Item, describe, items
from vlm.errors import UserError
from vlm.generate import answer


@pytest.fixture(scope="module")
def bundle():
    return tiny.trained()


@pytest.fixture
def command(bundle, monkeypatch, capsys):
    """Runs the command with the tiny model; gives exit code, rows and what stderr said."""
    monkeypatch.setattr(load_module, "load", lambda name, **kwargs: bundle)

    def run(*args):
        try:
            code = commands.main(["describe", *map(str, args), "--max-new-tokens", "8"])
        except SystemExit as end:
            code = end.code
        out = capsys.readouterr()
        rows = [json.loads(line) for line in out.out.splitlines()] if "--jsonl" in args else out.out
        return code, rows, out.err

    return run


def test_a_batch_has_as_much_time_for_each_answer_as_one_alone(bundle, tmp_path, monkeypatch):
    given, real = [], generate.batch

    def timed(bundle, images, prompts, config, **more):
        given.append((len(images), config.deadline))
        return real(bundle, images, prompts, config, **more)

    monkeypatch.setattr(generate, "batch", timed)
    for n in range(5):
        tiny.noise(n).save(tmp_path / f"{n}.png")
    sources = [Item(str(n), 0, tmp_path / f"{n}.png") for n in range(5)]
    config = GenerateConfig(deadline=10.0, max_new_tokens=2)
    list(describe(bundle, sources, "What is it?", config, batch_size=3))
    assert given == [(3, 30.0), (2, 20.0)]


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, colour in enumerate(tiny.COLOURS):
        tiny.picture(colour).save(folder / f"{number}.png")
    return folder


def test_jsonl_gives_one_row_a_picture_in_input_order(command, pictures):
    paths = [pictures / "2.png", pictures / "0.png", pictures]
    code, rows, _ = command(*paths, "--jsonl", "--batch-size", 2, "--prompt", "What colour is it?")
    names = [row["source"].rsplit("/")[-1] for row in rows]
    assert code == 0 and names == ["2.png", "0.png", "0.png", "1.png", "2.png"]
    assert all(set(row) == {"source", "index", "prompt", "text"} for row in rows)
    assert {row["prompt"] for row in rows} == {"What colour is it?"}


def test_further_questions_come_with_what_was_said_before(command, pictures, bundle):
    path = sorted(pictures.iterdir())[0]
    code, (row,), _ = command(path, "--jsonl", "--then", "And its colour?", "--then", "Who?")
    image, history = open_image(path), ((row["prompt"], row["text"]),)
    config = GenerateConfig()
    for later, prompt in zip(row["then"], ("And its colour?", "Who?"), strict=True):
        told = generate.answer(bundle, image, prompt, config, history=history)
        assert later == {"prompt": prompt, "text": told}
        history = (*history, (prompt, told))
    code, said, _ = command(path, "--then", "And its colour?")
    assert code == 0 and f"\n  And its colour? {row['then'][0]['text']}" in said


def test_batches_answer_like_one_by_one(bundle, pictures):
    config = GenerateConfig(max_new_tokens=8)
    rows = list(describe(bundle, items([str(pictures)]), "What colour is it?", config, 3))
    alone = [answer(bundle, open_image(r["source"]), r["prompt"], config) for r in rows]
    assert [row["text"] for row in rows] == alone


def test_a_bad_picture_gives_an_error_row_and_the_rest_goes_on(command, pictures):
    (pictures / "1.png").write_bytes(b"not a picture")
    code, rows, _ = command(pictures, "--jsonl")
    assert code == 1 and ["error" in row for row in rows] == [False, True, False]
    assert "text" not in rows[1]


@pytest.mark.parametrize("column", ["image", "img"])
def test_parquet_rows_are_described_by_index(command, pictures, tmp_path, column):
    cells = [{"bytes": path.read_bytes(), "path": None} for path in sorted(pictures.iterdir())]
    cells.insert(1, {"bytes": None, "path": None})
    pq.write_table(pa.table({column: cells}), tmp_path / "t.parquet")
    code, rows, _ = command(tmp_path / "t.parquet", "--jsonl")
    assert code == 1 and [row["index"] for row in rows] == [0, 1, 2, 3]
    assert [row.get("error") for row in rows] == [None, "the picture is empty", None, None]


def test_plain_output_names_the_picture(command, pictures):
    code, text, _ = command(pictures / "0.png")
    assert code == 0 and text.startswith(f"{pictures / '0.png'}: ")


def test_an_empty_answer_is_an_answer(command, pictures, monkeypatch):
    monkeypatch.setattr(
        generate, "batch", lambda bundle, images, *rest, **kwargs: [""] * len(images)
    )
    code, text, err = command(pictures / "0.png")
    assert code == 0 and text == f"{pictures / '0.png'}: \n" and not err


@pytest.mark.parametrize("flag", ["--batch-size=0", "--batch-size=-1", "--threads=-1"])
def test_counts_that_make_no_sense_are_one_sentence(command, pictures, flag):
    code, _, err = command(pictures, flag)
    assert code == 2 and "is not a whole number of" in err


@pytest.mark.parametrize("make", ["missing", "empty_folder", "no_column", "not_parquet"])
def test_what_cannot_be_described_is_one_sentence(command, tmp_path, make):
    path = tmp_path / "x.parquet"
    if make == "empty_folder":
        path = tmp_path / "folder"
        path.mkdir()
    elif make == "no_column":
        pq.write_table(pa.table({"other": [1]}), path)
    elif make == "not_parquet":
        path.write_text("no")
    code, rows, err = command(path, "--jsonl")
    assert code == 2 and not rows and err.count("\n") == 1 and err.startswith("error: ")


def test_settings_out_of_range_are_all_named(command, pictures):
    code, _, err = command(pictures, "--temperature", "nan", "--top-k", "-3")
    assert code == 2 and "temperature" in err and "top_k" in err


def test_hostile_pictures_each_give_an_answer_or_one_sentence(bundle, tmp_path):
    files = hostile.make_hostile(tmp_path)
    for name, path in files.items():
        started = time.process_time()
        (row,) = describe(
            bundle, items([str(path)]), "What is it?", GenerateConfig(max_new_tokens=4)
        )
        assert time.process_time() - started < 5.0, name  # no bomb goes off, on a slow core too
        assert ("text" in row) == (name in hostile.GOOD), name
        if "error" in row:
            assert not any(bad in row["error"] for bad in ("/", "0x", "Traceback", "\n")), name


def test_unknown_paths_raise_a_user_error():
    with pytest.raises(UserError, match="does not exist"):
        list(items(["no/such/file.png"]))
