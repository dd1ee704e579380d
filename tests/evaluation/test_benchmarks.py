"""The benchmarks: where their tables are found, their layouts, every row that is left out."""

import datasets
import pytest

from tests import benchmark_fixtures as fixtures
from tests import tiny
from vlm.data.images import BadImage
from vlm.errors import UserError
from vlm.evaluation.benchmarks import BENCHMARKS, mmmu, naming, pope, question, quiz
from vlm.evaluation.benchmarks.question import Question, open_picture, rotations, spread

TABLES = {"mmbench": fixtures.mmbench_row, "mmmu": fixtures.mmmu_row, "pope": fixtures.pope_row}
SPLIT = {"mmbench": "dev", "mmmu": "validation", "pope": "test"}


@pytest.fixture(autouse=True)
def nothing_is_lying_around(monkeypatch):
    monkeypatch.delenv("VLM_DATA", raising=False)


def reasons(benchmark) -> str:
    return "\n".join(benchmark.problems)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("place", ["{split}.parquet", "data/{split}-00000-of-00001.parquet"])
def test_a_table_is_found_by_path_and_by_vlm_data(name, place, tmp_path, monkeypatch):
    file = tmp_path / name / place.format(split=SPLIT[name])
    fixtures.write(file, [TABLES[name](n) for n in range(3)])
    monkeypatch.setenv("VLM_DATA", str(tmp_path))
    for path in (None, tmp_path / name, file):
        benchmark = BENCHMARKS[name]("", path, 0)
        assert len(benchmark.questions) == 3 and not benchmark.problems
        assert all(open_picture(one).size == (tiny.SIDE, tiny.SIDE) for one in benchmark.questions)
    assert len(BENCHMARKS[name]("", None, 2).questions) == 2


@pytest.mark.parametrize("name", TABLES)
def test_the_hub_is_used_if_there_is_no_local_table(name, monkeypatch):
    rows = [TABLES[name](n) for n in range(2)]
    columns = [c for c in rows[0] if c.startswith("image") and rows[0][c] and c != "image_source"]
    loaded = datasets.Dataset.from_list(rows)
    for column in columns:
        loaded = loaded.cast_column(column, datasets.Image())
    asked = []
    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda hub_id: ["Art", "Music"])
    monkeypatch.setattr(
        datasets, "load_dataset", lambda *args, split: asked.append((*args, split)) or loaded
    )
    benchmark = BENCHMARKS[name]("", None, 0)
    assert len(benchmark.questions) == 2 and open_picture(benchmark.questions[0])
    hub = {"mmbench": ["lmms-lab/MMBench", "en", "dev"], "pope": ["lmms-lab/POPE", None, "test"]}
    expected = (
        [tuple(hub[name])]
        if name in hub
        else [("MMMU/MMMU", c, "validation") for c in ("Art", "Music")]
    )
    assert asked == expected


@pytest.mark.parametrize("name", TABLES)
def test_a_benchmark_that_is_not_found_is_a_user_error(name):
    with pytest.raises(UserError, match="was not found: give its folder with --data-path"):
        BENCHMARKS[name]("", None, 0)  # the tests are offline


@pytest.mark.parametrize("name", TABLES)
def test_bad_tables_are_user_errors(name, tmp_path):
    file = tmp_path / f"{SPLIT[name]}.parquet"
    with pytest.raises(UserError, match="No .*parquet in"):
        BENCHMARKS[name]("", tmp_path, 0)
    file.write_text("no parquet")
    with pytest.raises(UserError, match="not a readable parquet"):
        BENCHMARKS[name]("", tmp_path, 0)
    row = TABLES[name](0)
    fixtures.write(file, [{key: row[key] for key in row if key != "question"}])
    with pytest.raises(UserError, match="lacks question; it has"):
        BENCHMARKS[name]("", tmp_path, 0)
    fixtures.write(file, [row])
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(file).slice(0, 0), file)
    with pytest.raises(UserError, match="has no rows"):
        BENCHMARKS[name]("", tmp_path, 0)


# --- MMMU, POPE ----------------------------------------------------------------------------------


def test_mmmu_has_choices_and_short_answers_by_subject(tmp_path):
    music = [fixtures.mmmu_row(1, "Music", pictures=3, answer="C")]
    fixtures.write(tmp_path / "Music/validation-00000-of-00001.parquet", music)
    art = [
        fixtures.mmmu_row(1),
        fixtures.mmmu_open(2, "['1,200', 'twelve']"),
        fixtures.mmmu_open(3, "7"),
    ]
    fixtures.write(tmp_path / "Art/validation-00000-of-00001.parquet", art)
    benchmark = mmmu.load("", tmp_path)
    one, listed, single, three = benchmark.questions
    assert (
        one.options[1] == "a painter's easel"
        and one.answer == 1
        and one.text == "What is in [picture]?"
    )
    assert (listed.answer, single.answer) == (("1,200", "twelve"), ("7",))
    assert three.text == "What is in [picture 1] [picture 2] [picture 3]?" and three.hint
    assert three.category == "Music" and one.category == "Art Theory"
    assert open_picture(three).size == (3 * tiny.SIDE + 2 * question.GAP, tiny.SIDE)
    assert "questions with several pictures, placed side by side in one: 1" in benchmark.report()
    assert benchmark.last_letter and not benchmark.circular


def test_unusable_rows_of_mmmu_are_reported(tmp_path):
    bad = [
        ({"options": "[broken"}, "fewer than two options"),
        ({"answer": "F"}, "is none of its 3 options"),
        ({"answer": "?"}, "no answer is published"),
        ({"image_1": None}, "the picture is empty"),
        ({"id": "validation_Art_Theory_0"}, "duplicate id"),
        ({"id": ""}, "question in row 6: no id"),
    ]
    rows = [fixtures.mmmu_row(n, **change) for n, (change, _) in enumerate(bad, start=1)]
    folder = fixtures.write(tmp_path / "validation.parquet", [fixtures.mmmu_row(0), *rows])
    benchmark = mmmu.load("", folder)
    assert len(benchmark.questions) == 1
    assert all(reason in reasons(benchmark) for _, reason in bad)


def test_mmmu_without_answers_is_a_user_error(tmp_path):
    folder = fixtures.write(tmp_path / "test.parquet", [fixtures.mmmu_row(1, answer="?")])
    with pytest.raises(UserError, match="has no answers; choose --split validation"):
        mmmu.load("test", folder)


def test_one_category_of_pope_is_a_split_of_its_own(tmp_path):
    rows = [fixtures.pope_row(n, category="random") for n in range(3)]
    fixtures.write(tmp_path / "Full/random-00000-of-00001.parquet", rows)
    fixtures.write(tmp_path / "data/test-00000-of-00001.parquet", rows[:1])
    assert len(pope.load("random", tmp_path).questions) == 3
    assert len(pope.load("", tmp_path).questions) == 1


def test_pope_joins_category_and_number(tmp_path):
    rows = [fixtures.pope_row(1), fixtures.pope_row(1, "No ", "random"), fixtures.pope_row(1)]
    rows += [fixtures.pope_row(2, "maybe"), fixtures.pope_row(3, image=None)]
    benchmark = pope.load("", fixtures.write(tmp_path / "test.parquet", rows))
    assert [(q.id, q.answer) for q in benchmark.questions] == [
        ("popular-1", "yes"),
        ("random-1", "no"),
    ]
    assert "duplicate id" in reasons(benchmark) and "'maybe' is neither yes nor no" in reasons(
        benchmark
    )
    assert len(benchmark.problems) == 3
    assert rotations(benchmark.questions[0]) == (benchmark.questions[0],)


# --- naming, quiz --------------------------------------------------------------------------------


def test_a_folder_of_classes_is_a_benchmark(tmp_path):
    labels = ["oak_tree", "ash tree", "fir", "pine", "yew", "elm"]
    benchmark = naming.load("", fixtures.image_folder(tmp_path / "trees", labels))
    assert len(benchmark.questions) == 12 and benchmark.name == "naming-trees"
    for one in benchmark.questions:
        assert one.options[one.answer] == one.category and len(set(one.options)) == 4
    again = naming.load("", tmp_path / "trees", 3)
    assert set(again.questions) <= set(benchmark.questions)  # drawn from the id, not the order
    free = benchmark.without_options().questions[0]
    assert len(free.options) == 6 and free.options[free.answer] == "ash tree"
    assert "A. " not in free.prompt and rotations(free) == (free,)


def test_splits_of_a_folder_are_not_classes(tmp_path):
    for part in ("train", "test"):
        fixtures.image_folder(tmp_path / part, ["cat", "dog"], each=1 + (part == "train"))
    assert len(naming.load("", tmp_path).questions) == 2
    assert len(naming.load("train", tmp_path).questions) == 4
    with pytest.raises(UserError, match="no subfolder dev, only test, train"):
        naming.load("dev", tmp_path)


def test_a_table_with_labels_and_cifar10_are_accepted(tmp_path):
    fixtures.image_folder(tmp_path / "f", ["x"])
    table = "file_name,label\nx/0.png,cat\nx/1.png,dog\n../x.png,cat\nx/9.png,cat\nx/0.png,\n"
    (tmp_path / "f/metadata.csv").write_text(table)
    benchmark = naming.load("", tmp_path / "f")
    assert [q.category for q in benchmark.questions] == ["cat", "dog"] and len(
        benchmark.problems
    ) == 3
    rows = [{"img": fixtures.cell(n), "label": n % 10} for n in range(30)]
    benchmark = naming.load("", fixtures.write(tmp_path / "c/train.parquet", rows))
    assert [q.category for q in benchmark.questions] == ["horse", "ship", "truck"]
    assert ("automobile", "car") in [labels[:2] for labels in benchmark.labels]


@pytest.mark.parametrize("labels", [[], ["one"]])
def test_a_folder_without_classes_is_a_user_error(labels, tmp_path):
    (tmp_path / "f").mkdir()
    fixtures.image_folder(tmp_path / "f", labels)
    with pytest.raises(UserError, match="no pictures in subfolders|naming needs two or more"):
        naming.load("", tmp_path / "f")
    with pytest.raises(UserError, match="does not exist"):
        naming.load("", tmp_path / "g")


def test_unusable_rows_of_a_quiz_are_reported(tmp_path):
    (tmp_path / "a.png").write_bytes(fixtures.png())
    good = (
        '{"id": "1", "file_name": "a.png", "question": "?", "options": ["x", "y"], "answer": "y"}'
    )
    bad = {
        good: "duplicate id",
        "[1]": "not a JSON object",
        "{}": "no id",
        good.replace("a.png", "../a.png"): "is not in the folder",
        good.replace('["x", "y"]', '"xy"'): "not a list of texts",
        good.replace('"answer": "y"', '"answer": "z"'): "'z' is not one of two to 26 options",
    }
    (tmp_path / "questions.jsonl").write_text("\n".join([good, *bad]))
    benchmark = quiz.load("", tmp_path)
    assert len(benchmark.questions) == 1 and benchmark.questions[0].answer == 1
    assert all(reason in reasons(benchmark) for reason in bad.values())
    for args, said in [
        (("", None), "use --data-path to give"),
        (("dev", tmp_path), "has no splits"),
    ]:
        with pytest.raises(UserError, match=said):
            quiz.load(*args)


def test_the_limit_is_spread_evenly():
    assert spread(10, 3) == [0, 3, 6] and spread(3, 9) == [0, 1, 2] and spread(4, 0) == [0, 1, 2, 3]


def test_a_sheet_of_pictures_that_is_too_long_is_refused():
    strip = tiny.picture(side=4).resize((2000, 10))
    with pytest.raises(BadImage, match="side ratio"):
        open_picture(Question("x", (strip, strip), "?", 0, ("a", "b")))
