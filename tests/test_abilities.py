"""Asked in other ways: who answers from the facts gets everything right, who babbles nothing."""

from collections.abc import Iterator, Sequence
from random import Random

from tests import tiny
from vlm import abilities, describe, generate, probes, runs
from vlm.data import captions, cifar10, negatives, questions
from vlm.metrics import marks
from vlm.types import Record

ROWS = (
    ("Tshirts", "Navy Blue", "Men", "Casual", "Striped Polo T-shirt Short Sleeves"),
    ("Heels", "Black", "Women", "Formal", "Leather Peep Toe Heels"),
    ("Watches", "Brown", "Unisex", "Casual", "Chronograph Watch"),
    ("Jeans", "Blue", "Women", "Casual", "Slim Fit Washed Jeans"),
    ("Kurtas", "Red", "Women", "Ethnic", "Printed Cotton Kurta"),
    ("Backpacks", "Grey", "Unisex", "Sports", "Backpack"),
)
COLUMNS = ("articleType", "baseColour", "gender", "usage", "productDisplayName")
BABBLE = "glorp " * 25


def products() -> list[Record]:
    """Twelve products; the picture is the id."""
    found = []
    for number in range(12):
        row = dict(zip(COLUMNS, ROWS[number % len(ROWS)], strict=True)) | {"season": "Summer"}
        known, id = captions.facts(row), f"p{number}"
        found.append(Record(id, id.encode(), captions.turns(known, id), known))
    return found


def scenes() -> list[Record]:
    """One small photograph of each kind; some colours are clear."""
    found = []
    for number, kind in enumerate(cifar10.KINDS):
        known = {"kind": kind} | ({"colour": "white", "ground": "green"} if number % 2 else {})
        found.append(Record(kind, kind.encode(), cifar10.turns(known, kind), known))
    return found


def nothing_known() -> list[Record]:
    """Pictures of neither."""
    known = {"kind": "unknown", "family": "noise"}
    ids = [f"n{number}" for number in range(6)]
    return [Record(id, id.encode(), negatives.turns(known, id), known) for id in ids]


def right(record: Record, prompt: str, history: Sequence = ()) -> str:
    """What the facts say: the record's own answer, else one of the grammar's."""
    for turn in record.turns:
        if (turn.prompt, tuple(turn.history)) == (prompt, tuple(history)):
            return turn.answer
    task = marks.TASKS[prompt]
    if task == "not" and "articleType" in record.facts:
        return questions.what_not(record.facts, Random(record.id))[0].answer
    if task == "not":
        return questions.is_not(record.facts["kind"], cifar10.KINDS, Random(record.id)).answer
    return next((turn.answer for turn in record.turns if turn.task == task), "It cannot be told.")


class Answers:
    """Stands for `describe.texts`; counts the questions."""

    def __init__(self, records: Sequence[Record], say=None):
        self.records, self.asked = {record.image: record for record in records}, 0
        self.say = say or right

    @staticmethod
    def rows(images, prompts, histories) -> Iterator[tuple]:
        return zip(images, prompts, histories or [()] * len(images), strict=True)

    def __call__(self, bundle, images, prompts, size, *changes, histories=None) -> Iterator[str]:
        for image, prompt, before in self.rows(images, prompts, histories):
            self.asked += 1
            yield self.say(self.records[image], prompt, before)


def found(monkeypatch, records: Sequence[Record], say=None, asked: int = 0) -> dict[str, float]:
    """The mean of each ability of an answerer."""
    answers = Answers(records, say)
    monkeypatch.setattr(abilities, "texts", answers)
    told = [answers.say(record, abilities.IN_DETAIL, ()) for record in records]
    rows = abilities.abilities(None, records, told, asked)
    assert all(row["n"] and "{" not in row["says"] for row in rows.values())
    assert all(row["low"] <= row["mean"] <= row["high"] for row in rows.values())
    return {name: row["mean"] for name, row in rows.items()}


# --- abilities -----------------------------------------------------------------------------------

OF_PRODUCTS = {"json", "json_agrees", "yesno", "not", "brief", "detail_recall", "detail_precision",
               "chat"}  # fmt: skip


def test_answers_from_the_facts_are_all_right(monkeypatch) -> None:
    of_products = found(monkeypatch, products())
    assert of_products.pop("detail_unbacked") == 0
    assert of_products == dict.fromkeys(OF_PRODUCTS, 100.0)
    of_scenes = found(monkeypatch, scenes())
    assert of_scenes == dict.fromkeys(("json", "json_agrees", "yesno", "not", "brief", "chat"), 100)


def test_babble_is_never_right(monkeypatch) -> None:
    for records in (products(), scenes(), nothing_known()):
        said = found(monkeypatch, records, lambda *_: BABBLE)
        assert said.keys() >= {"json", "brief", "chat"} and set(said.values()) == {0.0}


def test_always_yes_is_half_right_and_neither_is_wrong(monkeypatch) -> None:
    assert found(monkeypatch, products(), lambda *_: "Yes.")["yesno"] == 50
    assert found(monkeypatch, products(), lambda *_: "No.")["yesno"] == 50
    assert found(monkeypatch, products(), lambda *_: "Perhaps.")["yesno"] == 0


def test_who_is_not_sure_is_right_about_nothing_known_alone(monkeypatch) -> None:
    unsure = {"json": '{"type": "unknown"}'}

    def doubting(record, prompt, before) -> str:
        return unsure.get(marks.TASKS.get(prompt, ""), f"{negatives.UNSURE}; it may be noise.")

    said = found(monkeypatch, nothing_known(), doubting)
    assert said == {"json": 100, "json_agrees": 100, "brief": 100, "chat": 100}
    said = found(monkeypatch, products(), doubting)
    assert said["chat"] == said["yesno"] == said["not"] == said["detail_recall"] == 0


def test_what_the_records_do_not_allow_is_left_out(monkeypatch) -> None:
    bare = [Record("a", b"a"), Record("b", b"b", (), {"kind": "teapot"})]
    assert found(monkeypatch, bare, lambda *_: "A teapot.").keys() == {
        "json", "json_agrees", "brief",
    }  # fmt: skip
    assert not abilities.abilities(None, [], [])


def test_so_many_pictures_are_asked_and_no_more(monkeypatch) -> None:
    few = Answers(products())
    monkeypatch.setattr(abilities, "texts", few)
    rows = abilities.abilities(None, products(), [""] * 12, asked=3)
    assert rows["json"]["n"] == rows["not"]["n"] == 3
    assert rows["yesno"]["n"] == sum(t.task == "yesno" for r in products()[::4] for t in r.turns)
    assert few.asked == 3 * 5 + rows["yesno"]["n"]  # json, not, brief, detail, chat
    assert rows["detail_recall"]["n"] > 3  # several a picture


def test_every_answer_is_kept(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(abilities, "texts", Answers(products()))
    rows = abilities.abilities(None, products(), [""] * 12, 0, tmp_path)
    kept = runs.read_jsonl(tmp_path / abilities.ANSWERS)
    assert {row["ability"] for row in kept} == set(abilities.ABILITIES)
    yes_no = [row for row in kept if row["ability"] == "yesno"]
    assert len(yes_no) == rows["yesno"]["n"] and all(row["text"] == row["right"] for row in yes_no)
    assert all(row["history"] for row in kept if row["ability"] == "chat")


def test_conversations_come_with_what_was_said_before(monkeypatch) -> None:
    seen = []

    def batch(bundle, pictures, prompts, config, **more) -> list[str]:
        assert config.deadline >= 3600 and config.temperature == 0
        seen.append(more)
        return ["Yes."] * len(prompts)

    monkeypatch.setattr(generate, "batch", batch)
    pictures, histories = [tiny.picture()] * 3, [(), (("What is it?", "A tie."),), ()]
    list(describe.texts(None, pictures, ["Is it red?"] * 3, 2, histories=histories))
    assert seen == [{"histories": histories[:2]}, {"histories": histories[2:]}]
    list(describe.texts(None, pictures, ["Is it red?"] * 3, 3))
    assert seen[-1] == {}


# --- obedience, the probe of the same kind -------------------------------------------------------


def probed(monkeypatch, records: Sequence[Record], say=None) -> dict[str, dict]:
    answers = Answers(records, say)
    blank = "A plain white picture."

    def told(bundle, images, prompts, size, *changes) -> Iterator[str]:
        known = all(isinstance(image, bytes) for image in images)
        return answers(bundle, images, prompts, size) if known else iter([blank])

    monkeypatch.setattr(probes, "texts", told)
    texts = [answers.say(record, abilities.IN_DETAIL, ()) for record in records]
    return probes.probes(None, records, texts, abilities.IN_DETAIL)


def test_who_answers_what_was_asked_obeys(monkeypatch) -> None:
    rows = probed(monkeypatch, products())
    assert rows["obedience"]["mean"] == 100 and rows["obedience"]["n"] == 12 * 5
    rows = probed(monkeypatch, scenes())
    assert rows["obedience"]["mean"] == 100 and rows["obedience"]["n"] == 10 + 5
    assert rows["blank"]["mean"] == 100


def test_who_always_says_everything_does_not(monkeypatch) -> None:
    whole = "A navy blue shirt for men."
    assert probed(monkeypatch, products(), lambda *_: whole)["obedience"]["mean"] == 0


def test_pictures_of_nothing_known_are_not_probed(monkeypatch) -> None:
    assert probed(monkeypatch, nothing_known()) == {}
    both = probed(monkeypatch, [*products(), *nothing_known()])
    assert both["blank"]["n"] == 12
