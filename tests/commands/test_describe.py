"""python -m vlm describe: order, errors, formats, exit codes."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import tiny
from vlm import __main__ as commands
from vlm.config import GenerateConfig
from vlm.data.images import open_image
from vlm.inference import generate
from vlm.loading import load as load_module


@pytest.fixture(scope="module")
def bundle():
    return tiny.bundle()


@pytest.fixture
def command(bundle, monkeypatch, capsys):
    """Run the command with the tiny model; returns exit code, rows or text, and stderr."""
    monkeypatch.setattr(load_module, "load", lambda name, **kwargs: bundle)

    def run(*args):
        try:
            words = ["describe", *map(str, args), "--max-new-tokens", "8", "--model", "tiny"]
            code = commands.main(words)
        except SystemExit as end:
            code = end.code
        out = capsys.readouterr()
        rows = [json.loads(line) for line in out.out.splitlines()] if "--jsonl" in args else out.out
        return code, rows, out.err

    return run


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, colour in enumerate(tiny.COLOURS):
        tiny.picture(colour).save(folder / f"{number}.png")
    return folder


def test_jsonl_has_one_row_per_picture_in_input_order(command, pictures):
    paths = [pictures / "2.png", pictures / "0.png", pictures]
    code, rows, _ = command(*paths, "--jsonl", "--batch-size", 2, "--prompt", "What colour is it?")
    names = [row["source"].rsplit("/")[-1] for row in rows]
    assert code == 0 and names == ["2.png", "0.png", "0.png", "1.png", "2.png"]
    assert all(set(row) == {"source", "index", "prompt", "text"} for row in rows)
    assert {row["prompt"] for row in rows} == {"What colour is it?"}


def test_follow_up_questions_come_with_the_conversation_so_far(command, pictures, bundle):
    path = sorted(pictures.iterdir())[0]
    code, (row,), _ = command(path, "--jsonl", "--then", "And its colour?", "--then", "Who?")
    image, history = open_image(path), ((row["prompt"], row["text"]),)
    config = GenerateConfig(max_new_tokens=8)
    for later, prompt in zip(row["then"], ("And its colour?", "Who?"), strict=True):
        text = generate.answer(bundle, image, prompt, config, history=history)
        assert later == {"prompt": prompt, "text": text}
        history = (*history, (prompt, text))
    code, printed, _ = command(path, "--then", "And its colour?")
    assert code == 0 and f"\n  And its colour? {row['then'][0]['text']}" in printed


def test_a_bad_picture_gives_an_error_row_and_the_others_are_described(command, pictures):
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


def test_an_empty_answer_is_not_an_error(command, pictures, monkeypatch):
    monkeypatch.setattr(
        generate, "answers", lambda bundle, images, *rest, **kwargs: [""] * len(images)
    )
    code, text, err = command(pictures / "0.png")
    assert code == 0 and text == f"{pictures / '0.png'}: \n" and not err


@pytest.mark.parametrize("flag", ["--batch-size=0", "--batch-size=-1", "--threads=-1"])
def test_an_impossible_count_is_a_user_error(command, pictures, flag):
    code, _, err = command(pictures, flag)
    assert code == 2 and "is not a whole number of" in err


@pytest.mark.parametrize("make", ["missing", "empty_folder", "no_column", "not_parquet"])
def test_unusable_paths_are_user_errors(command, tmp_path, make):
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


def test_all_settings_out_of_range_are_reported(command, pictures):
    code, _, err = command(pictures, "--temperature", "nan", "--top-k", "-3")
    assert code == 2 and "temperature" in err and "top_k" in err
