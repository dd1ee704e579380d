"""Task-specific tests: answers from the facts get full scores, nonsense gets none."""

from collections.abc import Iterator, Sequence
from random import Random

from vlm.data.grammar import products as product_grammar
from vlm.data.grammar import questions
from vlm.data.grammar import scenes as scene_grammar
from vlm.data.negatives import dataset as negatives
from vlm.evaluation import abilities, perturbations
from vlm.evaluation.metrics import reply_checks
from vlm.system import files
from vlm.types import Record, Turn

ROWS = (
    ("Tshirts", "Navy Blue", "Men", "Casual", "Striped Polo T-shirt Short Sleeves"),
    ("Heels", "Black", "Women", "Formal", "Leather Peep Toe Heels"),
    ("Watches", "Brown", "Unisex", "Casual", "Chronograph Watch"),
    ("Jeans", "Blue", "Women", "Casual", "Slim Fit Washed Jeans"),
    ("Kurtas", "Red", "Women", "Ethnic", "Printed Cotton Kurta"),
    ("Backpacks", "Grey", "Unisex", "Sports", "Backpack"),
)
COLUMNS = ("articleType", "baseColour", "gender", "usage", "productDisplayName")
NONSENSE = "glorp " * 25


def products() -> list[Record]:
    """Twelve products; each picture is its id as bytes."""
    records = []
    for number in range(12):
        row = dict(zip(COLUMNS, ROWS[number % len(ROWS)], strict=True)) | {"season": "Summer"}
        facts, id = product_grammar.facts(row), f"p{number}"
        records.append(Record(id, id.encode(), product_grammar.turns(facts, id), facts))
    return records


def scenes() -> list[Record]:
    """One scene of each kind, every second one with known colours."""
    records = []
    for number, kind in enumerate(scene_grammar.KINDS):
        facts = {"kind": kind} | ({"colour": "white", "ground": "green"} if number % 2 else {})
        records.append(Record(kind, kind.encode(), scene_grammar.turns(facts, kind), facts))
    return records


def unknown_pictures() -> list[Record]:
    """Pictures of neither products nor scenes."""
    facts = {"kind": "unknown", "family": "noise"}
    ids = [f"n{number}" for number in range(6)]
    return [Record(id, id.encode(), negatives.turns(facts, id), facts) for id in ids]


def correct_answer(record: Record, prompt: str, history: Sequence = ()) -> str:
    """Answer from the facts: with the record's own answer, else one of the grammar's."""
    for turn in record.turns:
        if (turn.prompt, tuple(turn.history)) == (prompt, tuple(history)):
            return turn.answer
    task = reply_checks.TASKS[prompt]
    if task == "not" and "articleType" in record.facts:
        return questions.what_not(record.facts, Random(record.id))[0].answer
    if task == "not":
        return questions.is_not(record.facts["kind"], scene_grammar.KINDS, Random(record.id)).answer
    return next((turn.answer for turn in record.turns if turn.task == task), "It cannot be told.")


class FakeBatch:
    """Replaces `batch`: `say(record, prompt, history)` answers; counts the questions."""

    def __init__(self, records: Sequence[Record], say=None):
        self.records, self.count = {record.image: record for record in records}, 0
        self.say = say or correct_answer

    def __call__(self, bundle, images, prompts, size, *transform, histories=None) -> Iterator[str]:
        histories = histories or [()] * len(images)
        for image, prompt, history in zip(images, prompts, histories, strict=True):
            self.count += 1
            yield self.say(self.records[image], prompt, history)


def mean_scores(monkeypatch, records: Sequence[Record], say=None) -> dict[str, float]:
    """The mean of each ability for answers made by `say`."""
    answers = FakeBatch(records, say)
    monkeypatch.setattr(abilities, "batch", answers)
    descriptions = [answers.say(record, abilities.IN_DETAIL, ()) for record in records]
    rows = abilities.measure_abilities(None, records, descriptions, 0)
    assert all(row["n"] and "{" not in row["says"] for row in rows.values())
    assert all(row["low"] <= row["mean"] <= row["high"] for row in rows.values())
    return {name: row["mean"] for name, row in rows.items()}


# --- abilities -----------------------------------------------------------------------------------

OF_PRODUCTS = {
    "json",
    "json_agrees",
    "yesno",
    "not",
    "brief",
    "detail_recall",
    "detail_precision",
    "chat",
}


def test_answers_from_the_facts_are_all_correct(monkeypatch) -> None:
    of_products = mean_scores(monkeypatch, products())
    assert of_products.pop("detail_unbacked") == 0
    assert of_products == dict.fromkeys(OF_PRODUCTS, 100.0)
    of_scenes = mean_scores(monkeypatch, scenes())
    assert of_scenes == dict.fromkeys(("json", "json_agrees", "yesno", "not", "brief", "chat"), 100)


def test_nonsense_is_never_correct(monkeypatch) -> None:
    for records in (products(), scenes(), unknown_pictures()):
        means = mean_scores(monkeypatch, records, lambda *_: NONSENSE)
        assert means.keys() >= {"json", "brief", "chat"} and set(means.values()) == {0.0}


def test_always_yes_scores_half_and_neither_scores_zero(monkeypatch) -> None:
    assert mean_scores(monkeypatch, products(), lambda *_: "Yes.")["yesno"] == 50
    assert mean_scores(monkeypatch, products(), lambda *_: "No.")["yesno"] == 50
    assert mean_scores(monkeypatch, products(), lambda *_: "Perhaps.")["yesno"] == 0


def test_doubt_is_correct_only_about_unknown_pictures(monkeypatch) -> None:
    json_answer = {"json": '{"type": "unknown"}'}

    def doubting(record, prompt, history) -> str:
        return json_answer.get(
            reply_checks.TASKS.get(prompt, ""), f"{negatives.UNSURE}; it may be noise."
        )

    means = mean_scores(monkeypatch, unknown_pictures(), doubting)
    assert means == {"json": 100, "json_agrees": 100, "brief": 100, "chat": 100}
    means = mean_scores(monkeypatch, products(), doubting)
    assert means["chat"] == means["yesno"] == means["not"] == means["detail_recall"] == 0


def test_abilities_that_the_records_do_not_allow_are_skipped(monkeypatch) -> None:
    bare = [Record("a", b"a"), Record("b", b"b", (), {"kind": "teapot"})]
    assert mean_scores(monkeypatch, bare, lambda *_: "A teapot.").keys() == {
        "json",
        "json_agrees",
        "brief",
    }
    assert not abilities.measure_abilities(None, [], [])


def test_no_more_pictures_than_the_sample_are_used(monkeypatch) -> None:
    answers = FakeBatch(products())
    monkeypatch.setattr(abilities, "batch", answers)
    rows = abilities.measure_abilities(None, products(), [""] * 12, sample_size=3)
    assert rows["json"]["n"] == rows["not"]["n"] == 3
    assert rows["yesno"]["n"] == sum(t.task == "yesno" for r in products()[::4] for t in r.turns)
    assert answers.count == 3 * 5 + rows["yesno"]["n"]  # json, not, brief, detail, chat
    assert rows["detail_recall"]["n"] > 3  # several for each picture


def test_every_answer_is_written(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(abilities, "batch", FakeBatch(products()))
    rows = abilities.measure_abilities(None, products(), [""] * 12, 0, tmp_path)
    lines = files.read_jsonl(tmp_path / abilities.ANSWERS)
    of_photographs = {"presence", "count", "where"}
    assert {row["ability"] for row in lines} == set(abilities.ABILITIES) - of_photographs
    yes_no = [row for row in lines if row["ability"] == "yesno"]
    assert len(yes_no) == rows["yesno"]["n"] and all(row["text"] == row["right"] for row in yes_no)
    assert all(row["history"] for row in lines if row["ability"] == "chat")


def test_photographs_are_asked_what_is_there_how_many_and_where(monkeypatch) -> None:
    turns = (
        Turn("Is there a dog?", "Yes, there is a dog.", "presence"),
        Turn("Is there a cat?", "No, there is no cat.", "presence"),
        Turn("How many dogs are there?", "There are two dogs.", "count"),
        Turn("Where is the dog?", "The dog is at <box>0,0,200,200</box>.", "where"),
    )
    records = [Record(str(number), b"", turns) for number in range(4)]
    right = {turn.prompt: turn.answer for turn in turns}
    for say, share in ((right.get, 100), (lambda prompt: "", 0)):

        def batch(bundle, images, prompts, size, *, histories, say=say) -> Iterator[str]:
            return iter([str(say(prompt)) for prompt in prompts])

        monkeypatch.setattr(abilities, "batch", batch)
        rows = abilities.measure_abilities(None, records, [""] * 4)
        assert [rows[name]["mean"] for name in ("presence", "count", "where")] == [share] * 3
        assert "a box in the centre 0.0" in rows["where"]["says"]


# --- the probes of questions ---------------------------------------------------------------------


def probe(monkeypatch, records: Sequence[Record], say=None) -> dict[str, dict]:
    answers = FakeBatch(records, say)
    of_blank = "A plain white picture."

    def batch(bundle, images, prompts, size, *transform) -> Iterator[str]:
        is_blank = not all(isinstance(image, bytes) for image in images)
        return iter([of_blank]) if is_blank else answers(bundle, images, prompts, size)

    monkeypatch.setattr(perturbations, "batch", batch)
    descriptions = [answers.say(record, abilities.IN_DETAIL, ()) for record in records]
    return perturbations.run_probes(None, records, descriptions, abilities.IN_DETAIL)


def test_answers_to_the_question_are_obedient(monkeypatch) -> None:
    rows = probe(monkeypatch, products())
    assert rows["obedience"]["mean"] == 100 and rows["obedience"]["n"] == 12 * 5
    rows = probe(monkeypatch, scenes())
    assert rows["obedience"]["mean"] == 100 and rows["obedience"]["n"] == 10 + 5
    assert rows["blank"]["mean"] == 100


def test_answers_that_always_name_everything_are_not_obedient(monkeypatch) -> None:
    everything = "A navy blue shirt for men."
    assert probe(monkeypatch, products(), lambda *_: everything)["obedience"]["mean"] == 0


def test_unknown_pictures_are_not_probed(monkeypatch) -> None:
    assert probe(monkeypatch, unknown_pictures()) == {}
    both = probe(monkeypatch, [*products(), *unknown_pictures()])
    assert both["blank"]["n"] == 12
