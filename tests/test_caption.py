"""`python -m vlm caption`: from pictures to pairs, by teacher and refiner, resumed after a kill."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests import tiny
from tests.fake_endpoint import FakeEndpoint, online
from vlm import load
from vlm.__main__ import main as command
from vlm.commands.caption import PRESETS
from vlm.data import cifar10, fashion, folder
from vlm.endpoint import AGAIN, EndpointConfig
from vlm.errors import UserError
from vlm.teach import export, labels, prompts, reviews, sample, steps, writers
from vlm.teach.history import FILE, History
from vlm.types import Record

KINDS = cifar10.KINDS[:3]
KEY = "sk-never-written-anywhere"
SAID = {"description": "A small picture of it.", "gender": "", "colour": "red"}


def record(number: int) -> Record:
    facts = {"kind": KINDS[number % 3]}
    turns = cifar10.turns(facts, str(number))
    return Record(str(number), tiny.noise(number), turns, facts)


RECORDS = tuple(record(number) for number in range(20))


class Counting:
    """A teacher that counts, and stops where it is told to."""

    name, revision, prompt, batch = "counting", "", "Say something about $answer.", 16

    def __init__(self, stop: int = 10_000):
        self.asked, self.stop = [], stop

    def write(self, asked: Sequence[writers.Ask]) -> Iterator[writers.Said]:
        for ask in asked:
            if len(self.asked) == self.stop:
                raise KeyboardInterrupt
            self.asked.append(ask.record.id)
            yield writers.Said(f"Picture {ask.record.id} of something.")

    def summary(self) -> str:
        return ""


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


# Which pictures


def test_as_many_of_each_class_are_drawn_by_the_seed() -> None:
    some = sample.per_class(RECORDS, 4)
    assert [[r.facts["kind"] for r in some].count(kind) for kind in KINDS] == [4, 4, 4]
    assert some == sample.per_class(RECORDS, 4) != sample.per_class(RECORDS, 4, seed=1)
    assert [int(r.id) for r in some] == sorted(int(r.id) for r in some)


def test_too_few_pictures_are_named() -> None:
    with pytest.raises(UserError, match=f"but {KINDS[2]} has 6 pictures"):
        sample.per_class(RECORDS, 7)
    with pytest.raises(UserError, match="no classes"):
        sample.per_class([Record("a", tiny.picture())], 1)
    with pytest.raises(UserError, match="21 pictures are asked for, 20 are there"):
        sample.stratified(RECORDS, 21)


def test_a_part_is_mixed_like_the_whole() -> None:
    def item(number: int) -> Record:
        facts = {"articleType": "Shirts" if number % 10 else "Ties", "gender": "Men"}
        return Record(str(number), b"", (), facts | {"baseColour": ("Red", "Blue")[number % 2]})

    whole = [item(number) for number in range(1000)]
    some = sample.stratified(whole, 333)
    assert len(some) == len({r.id for r in some}) == 333
    for key, value in (("articleType", "Ties"), ("baseColour", "Red")):
        shares = [sum(r.facts[key] == value for r in part) / len(part) for part in (whole, some)]
        assert shares[1] == pytest.approx(shares[0], abs=0.01)


def test_the_sample_of_moda_is_mixed_like_its_source(real_data: Path) -> None:
    whole = fashion.load("train", real_data / "fashion-products").records
    some = sample.stratified(whole, PRESETS["moda"]["sample"])
    assert len(some) == 5400
    for key in ("articleType", "baseColour", "gender"):
        shares = [Counter(r.facts.get(key) for r in part) for part in (whole, some)]
        for value, count in shares[0].items():
            if count > 0.01 * len(whole):
                assert shares[1][value] / 54 == pytest.approx(100 * count / len(whole), abs=1)


def test_the_sample_of_phi_vlm_is_ten_of_each_kind(real_data: Path) -> None:
    records = cifar10.load("train", real_data / "cifar10", limit=2000).records
    some = sample.per_class(records, PRESETS["phi-vlm"]["per_class"])
    assert Counter(r.facts["kind"] for r in some) == dict.fromkeys(cifar10.KINDS, 10)


# Writers


def test_labels_describe_by_the_grammar_and_a_picture_without_any_is_named() -> None:
    for row in RECORDS:
        text = labels.describe(row)
        assert text in [turn.answer for turn in row.turns]
        assert cifar10.read_kind(text) == row.facts["kind"]
    with pytest.raises(UserError, match="Picture a has no metadata"):
        labels.describe(Record("a", tiny.picture()))


def test_labels_refine_what_is_doubtful_and_nothing_else() -> None:
    row = RECORDS[0]
    right, wrong = f"A blurred {row.facts['kind']} on grass.", "A dog that a man is holding."
    assert labels.refine(row, right) == right
    assert labels.refine(row, wrong) == labels.describe(row)


def test_prompts_are_files_of_ones_own(tmp_path: Path) -> None:
    for name in prompts.FILES:
        text = prompts.fill(prompts.read(name), {"gender": 'Men"$text'}, "A $facts shirt.")
        assert prompts.FORM in text and "$answer" not in text
    own = tmp_path / "own.txt"
    own.write_text("Describe it: $text")
    with pytest.raises(UserError, match=r"lacks \$facts, \$answer"):
        prompts.read("refine", str(own))
    with pytest.raises(UserError, match="cannot be read"):
        prompts.read("refine", str(tmp_path))


@pytest.mark.parametrize("answer", ["", "A shirt.", '{"gender": "men"}', '{"description": " "}'])
def test_an_answer_without_a_description_is_none(answer: str) -> None:
    with pytest.raises(ValueError, match=r"prose|nothing|without"):
        prompts.fields(answer)


def test_an_answer_is_read_out_of_fences() -> None:
    found = prompts.fields('```json\n{"description": "A  red\\nshirt.", "colour": ["red"]}\n```')
    assert found == {"description": "A red shirt.", "colour": '["red"]'}


def test_a_model_that_only_describes_is_no_refiner(tmp_path: Path) -> None:
    load.save(tiny.bundle(), tmp_path / "model")
    settings = writers.WriterSettings(device="cpu")
    with pytest.raises(UserError, match="corrects no texts"):
        writers.open_writer(str(tmp_path / "model"), writers.REFINER, settings)


def test_any_other_model_is_asked_our_question_and_once_more_for_json(monkeypatch) -> None:
    asked: list[str] = []

    def answers(bundle, images, questions, batch_size, config) -> Iterator[str]:
        asked.extend(questions)
        for question in questions:
            again = question.endswith(AGAIN)
            yield json.dumps(SAID) if again or len(asked) > 2 else "It is a thing."

    monkeypatch.setattr(writers.describe, "texts", answers)
    bundle = tiny.bundle()
    bundle.model.config.model_type = "smolvlm"
    teacher = writers.Model(bundle, "small", prompts.read("describe"), 400)
    said = list(teacher.write([writers.Ask(record) for record in RECORDS[:2]]))
    assert [one.text for one in said] == [SAID["description"]] * 2
    assert [one.requests for one in said] == [2, 2] and said[0].fields == {"colour": "red"}
    assert len(asked) == 4 and all(prompts.FORM in question for question in asked)
    monkeypatch.setattr(writers.describe, "texts", lambda *given, config: iter(["A thing."]))
    (odd,) = teacher.write([writers.Ask(RECORDS[0])])
    assert not odd.text and odd.fault.startswith("prose")


def test_a_server_refines_by_the_metadata_alone(monkeypatch) -> None:
    online(monkeypatch)
    with FakeEndpoint(lambda messages: json.dumps(SAID)) as fake:
        settings = writers.WriterSettings(endpoint=EndpointConfig(endpoint=fake.address))
        refiner = writers.open_writer("endpoint:m", writers.REFINER, settings)
        (said,) = refiner.write([writers.Ask(RECORDS[0], "A dog, maybe.")])
        (messages,) = fake.messages
    assert said.text == SAID["description"] and said.requests == 1
    question = messages[0]["content"]
    assert '"A dog, maybe."' in question and RECORDS[0].facts["kind"] in question


# Steps and their history


def test_a_stopped_run_asks_nothing_twice(tmp_path: Path) -> None:
    first, second = Counting(stop=7), Counting()
    with pytest.raises(KeyboardInterrupt):
        steps.run(RECORDS, first, writers.Labels(), History(tmp_path / FILE))
    assert not steps.run(RECORDS, second, writers.Labels(), History(tmp_path / FILE, resume=True))
    assert [*first.asked, *second.asked] == [r.id for r in RECORDS]
    history = History(tmp_path / FILE, resume=True)
    done = list(steps.finished(RECORDS, history, writers.REFINER))
    assert [item.record.id for item in done] == [r.id for r in RECORDS]
    assert [row["step"] for row in done[3].rows] == [writers.TEACHER, writers.REFINER]


def test_a_history_torn_anywhere_loses_no_complete_row(tmp_path: Path) -> None:
    path = tmp_path / FILE
    steps.run(RECORDS, Counting(), None, History(path))
    whole = path.read_bytes()
    for cut in range(1, 301):
        path.write_bytes(whole[:-cut])
        complete = whole[:-cut].count(b"\n")
        again = Counting()
        steps.run(RECORDS, again, None, History(path, resume=True))
        assert len(again.asked) in (20 - complete, 19 - complete)  # or only a line's end was lost
        found = History(path, resume=True)
        told = [found.get("teacher", r.id)["text"] for r in RECORDS]
        assert told == [f"Picture {r.id} of something." for r in RECORDS]


def test_a_history_is_gone_on_with_as_it_was_begun(tmp_path: Path) -> None:
    steps.run(RECORDS, Counting(), None, History(tmp_path / FILE))
    with pytest.raises(UserError, match="was begun before; add --resume"):
        History(tmp_path / FILE)
    other = Counting()
    other.name = "other"
    with pytest.raises(UserError, match="begun with counting"):
        steps.run(RECORDS, other, None, History(tmp_path / FILE, resume=True))
    other = Counting()
    other.prompt = "Another question"
    with pytest.raises(UserError, match="begun with another prompt"):
        steps.run(RECORDS, other, None, History(tmp_path / FILE, resume=True))


# The command


def test_pairs_are_read_back_as_a_data_set(tmp_path: Path) -> None:
    history = History(tmp_path / "out" / FILE)
    steps.run(RECORDS, writers.Labels(), None, history)
    export.folder(list(steps.finished(RECORDS, history, "teacher")), tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.png"))) == 20
    found = [*folder.load("train", tmp_path / "out").records]
    found += folder.load("validation", tmp_path / "out").records
    assert {r.turns[0].answer for r in found} == set(map(labels.describe, RECORDS))
    assert {r.facts["kind"] for r in found} == set(KINDS)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The records as a folder."""
    told = ((number, r, labels.describe(r)) for number, r in enumerate(RECORDS))
    items = [steps.Captioned(r, text, (), f"{number:05}.png") for number, r, text in told]
    export.folder(items, tmp_path / "source" / "train")
    (tmp_path / "source" / "validation").mkdir()
    return tmp_path / "source"


def test_a_model_teaches_by_the_command(tmp_path: Path, source: Path, capsys) -> None:
    load.save(tiny.trained(60), tmp_path / "model")
    given = [f"folder={source}", str(tmp_path / "out"), "--teacher", str(tmp_path / "model")]
    assert command(["caption", *given, "--per-class", "2", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "Wrote 6 pairs" in said and "of 6 descriptions are doubtful" in said
    rows = [json.loads(line) for line in (tmp_path / "out/metadata.jsonl").read_text().splitlines()]
    settings = writers.WriterSettings(device="cpu")
    teacher = writers.open_writer(str(tmp_path / "model"), writers.TEACHER, settings)
    asks = [writers.Ask(Record("", tmp_path / "out" / row["file_name"])) for row in rows]
    assert [row["text"] for row in rows] == [said.text for said in teacher.write(asks)]
    assert all(row["provenance"][0]["by"] == str(tmp_path / "model") for row in rows)
    with pytest.raises(SystemExit):  # it is there already
        command(["caption", *given])
    assert "add --resume" in capsys.readouterr().err


def test_a_failing_server_teaches_each_picture_once(
    tmp_path: Path, source: Path, monkeypatch, capsys
) -> None:
    online(monkeypatch)
    monkeypatch.setenv("LOUPE_API_KEY", KEY)
    out = tmp_path / "out"
    with FakeEndpoint(lambda messages: json.dumps(SAID), key=KEY, faults=0.2, hang=0.2) as fake:
        given = [f"folder={source}", str(out), "--teacher", "endpoint:tiny", "--refiner", "labels"]
        given += ["--endpoint", fake.address, "--timeout", "5", "--format", "parquet"]
        code = command(["caption", *given])
        for _ in range(20):  # it gives up again and again, and goes on
            code = code and command(["caption", *given, "--resume"])
        assert code == 0
        assert fake.met
        sent = sum(fake.requests.values())
        assert command(["caption", *given, "--resume"]) == 0
        assert sum(fake.requests.values()) == sent  # nothing was asked again
    assert sorted(ids(out / FILE)) == sorted([r["id"] for r in rows_of(source)] * 2)
    assert not any(KEY.encode() in file.read_bytes() for file in out.iterdir())
    assert KEY not in "".join(capsys.readouterr())
    import pyarrow.parquet as pq

    table = pq.read_table(out / export.PARQUET).to_pylist()
    assert [row["text"] for row in table] == [SAID["description"]] * 20
    assert table[0]["image"]["bytes"].startswith(b"\x89PNG")
    again = [*folder.load("train", out).records, *folder.load("validation", out).records]
    assert sorted(r.id for r in again) == sorted(row["file_name"] for row in table)
    assert {r.turns[0].answer for r in again} == {SAID["description"]}
    assert [step["step"] for step in table[0]["provenance"]] == ["teacher", "refiner"]


def rows_of(source: Path) -> list[dict]:
    lines = (source / "train" / "metadata.jsonl").read_text().splitlines()
    return [{"id": json.loads(line)["file_name"]} for line in lines]


@pytest.mark.parametrize(("kind", "first"), [("folder", "00000.png"), ("parquet", "00000.png")])
def test_reviews_are_put_to_use(kind: str, first: str, tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    given = ["caption", f"folder={source}", str(out), "--format", kind]
    assert command(given) == 0
    made = reviews.Reviews(out / reviews.FILE)
    made.add(reviews.Review(first, "ada", reviews.REJECT, reason="other"))
    made.add(reviews.Review("00002.png", "ada", reviews.EDIT, "A better text."))
    assert command([*given, "--resume", "--reviews", str(made.path)]) == 0
    found = [*folder.load("train", out).records, *folder.load("validation", out).records]
    texts = {record.id: record.turns[0].answer for record in found}
    assert len(texts) == 19 and first not in texts and texts["00002.png"] == "A better text."
    assert len(ids(out / FILE)) == 20  # the history stays whole
    with pytest.raises(SystemExit):
        command([*given, "--resume", "--reviews", str(tmp_path / "none")])


def test_a_data_set_is_uploaded_without_its_history(source: Path, tmp_path, monkeypatch) -> None:
    calls = []
    for name in ("create_repo", "upload_folder"):
        monkeypatch.setattr(f"huggingface_hub.HfApi.{name}", lambda self, *a, **k: calls.append(k))
    out = tmp_path / "out"
    assert command(["caption", f"folder={source}", str(out), "--push-to-hub", "me/captions"]) == 0
    assert [call["repo_type"] for call in calls] == ["dataset", "dataset"]
    assert calls[1]["folder_path"] == out and FILE in calls[1]["ignore_patterns"]
    assert (out / "README.md").read_text().startswith("---\ntask_categories")


def test_the_history_of_one_picture_is_shown(tmp_path: Path, source: Path, capsys) -> None:
    out = str(tmp_path / "out")
    given = ["caption", f"folder={source}", out, "--refiner", "labels", "--judge", "rules"]
    assert command(given) == 0
    assert "judge rules: 10.00 of 10 overall" in capsys.readouterr().out
    assert command(["lineage", out, "00003.png"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("teacher: labels") and "\nrefiner: labels" in said
    assert "\njudge of refiner: rules" in said and "overall: 10.0" in said
    for wrong in ([out, "nobody"], [str(source), "00003.png"]):
        with pytest.raises(SystemExit):
            command(["lineage", *wrong])
