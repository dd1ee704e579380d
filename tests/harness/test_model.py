"""The lmms-eval plugin against a stand-in; `test_lmms_eval.py` runs the package itself."""

import tomllib
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
import torch
from PIL import Image

from tests import ROOT, tiny
from tests.harness import standin
from vlm.errors import UserError
from vlm.inference import encoding, generate
from vlm.loading import load
from vlm.types import IGNORE_INDEX, Bundle, Turn

COLOURS = list(tiny.COLOURS)
ASK = "What colour is it?"
DOCS = {"colours": {"dev": [{"image": tiny.picture(c), "colour": c} for c in COLOURS]}}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """A model that has learnt to name the colours; no test may change it."""
    return tiny.trained()


@pytest.fixture(scope="module")
def package() -> Iterator[Callable[[str], ModuleType]]:
    with standin.package() as modules:
        yield modules


@pytest.fixture
def make(package, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Makes a model of either interface around the learnt bundle."""
    monkeypatch.setattr(load, "load", lambda *args, **kwargs: bundle)

    def made(kind: str = "Chat", **arguments):
        model = getattr(package(".model"), kind)(**{"threads": 1} | arguments)
        model.task_dict = DOCS
        return model

    return made


def look(doc: dict) -> list[Image.Image]:
    return [doc["image"]]


def messages(doc: dict) -> list[dict]:
    content = [{"type": "image", "url": doc["image"]}, {"type": "text", "text": ASK}]
    return [{"role": "user", "content": content}]


def ask(kind: str, number: int, wanted: dict | None = None) -> standin.Instance:
    """What is the colour of that square?"""
    if kind == "Chat":
        return standin.chat("colours", number, messages, wanted)
    return standin.simple("colours", number, ASK, wanted, look)


# --- the plugin ----------------------------------------------------------------------------------


def test_the_entry_point_names_an_existing_function(package):
    declared = tomllib.loads((standin.HARNESS / "pyproject.toml").read_text())["project"]
    (target,) = declared["entry-points"]["lmms_eval.models"].values()
    module, _, function = target.partition(":")
    manifest = getattr(package(module.removeprefix("loupe_lmms_eval")), function)()
    assert (manifest.model_id, manifest.aliases) == ("vlm", ("loupe",))
    for path, is_simple in ((manifest.simple_class_path, True), (manifest.chat_class_path, False)):
        module, _, name = path.rpartition(".")
        found = getattr(package(module.removeprefix("loupe_lmms_eval")), name)
        assert issubclass(found, standin.Lmms) and found.is_simple is is_simple


def test_loupe_itself_needs_no_lmms_eval():
    assert "lmms" not in (ROOT / "requirements.txt").read_text()
    sources = [path.read_text() for path in ROOT.glob("vlm/**/*.py")]
    assert sources and not any("import lmms_eval" in s or "from lmms_eval" in s for s in sources)


# --- the model -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Chat", "Simple"])
def test_answers_are_the_models_own_in_order(make, bundle: Bundle, kind: str, capsys):
    wanted = [{"max_new_tokens": 12, "until": ["\n\n"]}, {"max_new_tokens": 2, "odd": 1}]
    requests = [ask(kind, number, w) for w in wanted for number in range(3)]
    found = make(kind, batch_size=2).generate_until(requests)
    assert found[:3] == [f"It is {colour}." for colour in COLOURS]
    alone = generate.answer(bundle, tiny.picture("red"), ASK)
    assert found[0] == alone and all(alone.startswith(text[:2]) for text in found[3:])
    assert max(map(len, found[3:])) < len(alone)
    assert capsys.readouterr().err.count("odd is not supported") == 1


def test_repeats_of_a_sampled_question_are_different_draws(package, monkeypatch):
    monkeypatch.setattr(load, "load", lambda *args, **kwargs: tiny.bundle())
    model = package(".model").Chat(threads=1)
    model.task_dict = DOCS
    hot = {"max_new_tokens": 8, "temperature": 2.0}
    first, second = (model.generate_until([ask("Chat", 0, hot)] * 4) for _ in range(2))
    assert first == second and len(set(first)) > 1


@pytest.mark.parametrize("kind", ["Chat", "Simple"])
def test_a_question_that_cannot_be_asked_is_reported(make, kind: str):
    requests = [ask(kind, 1)]
    model = make(kind)
    model.task_dict = {"colours": {"dev": [DOCS, {"image": None}]}}
    with pytest.raises(UserError, match="^colours, dev 1: "):
        model.generate_until(requests)


def test_the_likelihood_of_an_answer_is_the_mean_over_its_tokens(make, bundle: Bundle):
    answers = [f" It is {colour}." for colour in (*COLOURS, "red and green and blue")]
    requests = [standin.simple("colours", 0, ASK, answer, look) for answer in answers]
    for size in (1, 3):
        told = [given.text for given in make("Simple", batch_size=size).loglikelihood(requests)]
        assert [greedy for _, greedy in told] == [True, False, False, False]
        assert min(told)[1] and told[0][0] >= 0
        for (loss, _), answer in zip(told, answers, strict=True):
            assert loss == pytest.approx(by_hand(bundle, answer.strip()), rel=1e-3, abs=1e-5)


@torch.inference_mode()
def by_hand(bundle: Bundle, answer: str) -> float:
    """The mean negative log-probability, one token after the other."""
    example = encoding.encode(bundle.processor, tiny.picture(COLOURS[0]), Turn(ASK, answer))
    ids, labels = example["input_ids"], example["labels"][0]
    start = int((labels == IGNORE_INDEX).sum())
    found = []
    for place in range(start, len(labels) - 1):  # the last one is the end of the answer
        shown = {"input_ids": ids[:, :place], "attention_mask": torch.ones_like(ids[:, :place])}
        logits = bundle.model(**shown, pixel_values=example["pixel_values"]).logits[0, -1]
        found.append(-logits.log_softmax(-1)[ids[0, place]].item())
    return sum(found) / len(found)


def test_answers_to_weigh_may_come_from_the_row(make):
    target = standin.simple("colours", 2, ASK, lambda doc: f"It is {doc['colour']}.", look)
    (told,) = make("Simple").loglikelihood([target])
    assert told.text[1] is True


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (standin.Instance("loglikelihood", ("", "red")), "acc_mutual_info"),
        (standin.simple("colours", 0, ASK, " ", look), "empty answer"),
        (standin.simple("colours", 0, ASK, "red", None), "colours, dev 0: .*without a picture"),
    ],
)
def test_a_likelihood_that_cannot_be_computed_is_a_user_error(make, request_, words):
    with pytest.raises(UserError, match=words):
        make("Simple").loglikelihood([request_])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"device_map": "auto", "attn": 1}, "attn, device_map; choose from: pretrained"),
        ({"batch_size": "auto"}, "batch_size is 'auto'"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"several_pictures": "first"}, "several_pictures"),
    ],
)
def test_a_wrong_argument_is_a_user_error(make, arguments, words):
    with pytest.raises(UserError, match=words):
        make(**arguments)


def test_model_args_win_over_the_command_lines_flags(package, bundle, monkeypatch):
    opened = {}
    monkeypatch.setattr(load, "load", lambda name, **how: opened.update(how, name=name) or bundle)
    line = "pretrained=moda-mini,batch_size=8,threads=1,revision=7"
    model = package(".model").Chat.create_from_arg_string(
        line, {"batch_size": 1, "max_batch_size": None, "device": "cpu"}
    )
    assert model.batch_size == 8
    assert opened == {"name": "moda-mini", "device": "cpu", "dtype": "auto", "revision": "7"}


def test_each_of_several_processes_takes_its_own_gpu(package, monkeypatch):
    own_device = package(".model")._device_of_process
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert [own_device(name) for name in ("auto", "cuda", "cpu", "cuda:0")] == [
        "cuda:1",
        "cuda:1",
        "cpu",
        "cuda:0",
    ]
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert own_device("auto") == "auto"


def test_the_model_is_released_and_rounds_are_refused(make, bundle: Bundle):
    model = make()
    assert model.device == bundle.model.device
    with pytest.raises(NotImplementedError, match="one question about one picture"):
        model.generate_until_multi_round([])
    model.clean()
    assert model.cleaned and not hasattr(model, "bundle")
