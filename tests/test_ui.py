"""The app without a browser: the holder of models, the handlers, the endpoint, the limits."""

import asyncio
import base64
import dataclasses
import json
import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio_client import Client, handle_file

from tests import hostile, tiny
from vlm import generate
from vlm.config import GenerateConfig
from vlm.errors import UserError
from vlm.types import Bundle
from vlm.ui import TABS, answers, build_app, describe, examples, more_pictures, sentences, settings
from vlm.ui.limits import MAX_BODY
from vlm.ui.models import Models, check_name, choices
from vlm.ui.serving import WAITING, serve

SHORT = {"max_new_tokens": 4}
BAD = (float("nan"), float("inf"), -1, 1e308, "x", None, [], True)


def opener(name: str) -> Bundle:
    """Two tiny models by name; any other name is unknown."""
    if name not in ("one", "two"):
        raise UserError(f"No model {name!r} here.")
    return dataclasses.replace(tiny.bundle(seed=len(name)), name=name)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sound picture."""
    path = tmp_path_factory.mktemp("pictures") / "red.png"
    tiny.picture("red").save(path)
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app on loopback, with the real options of launch and a tiny model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        app = build_app(Models(opener, "one"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        serve(app, server_port=port, prevent_thread_lock=True, quiet=True)
        yield f"http://127.0.0.1:{port}"
        app.close()


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    """A client of the running app."""
    return Client(address, verbose=False)


def sent(image: Path | str) -> dict:
    """The picture in the body of a request: an upload's path, or a file as a data: URL."""
    if isinstance(image, str):
        return {"path": image, "meta": {"_type": "gradio.FileData"}}
    url = "data:image/png;base64," + base64.b64encode(image.read_bytes()).decode()
    return {"url": url, "meta": {"_type": "gradio.FileData"}}


def upload(address: str, path: Path) -> str:
    """Upload a file, as the page does it; where the server put it."""
    files = {"files": (path.name, path.read_bytes())}
    return httpx.post(f"{address}/gradio_api/upload", files=files).json()[0]


def call(address: str, image: object, prompt: object = "Hi", **values: object) -> tuple[str, str]:
    """POST to /describe over plain HTTP: the last event's name and its text."""
    named = dict(zip(settings.NAMES, settings.DEFAULTS, strict=True)) | SHORT | values
    body = json.dumps({"data": [image, prompt, *named.values()]})  # with NaN, which httpx refuses
    url, kind = f"{address}/gradio_api/call/describe", {"content-type": "application/json"}
    posted = httpx.post(url, content=body, headers=kind)
    posted.raise_for_status()
    lines = httpx.get(f"{url}/{posted.json()['event_id']}", timeout=20).text.strip().splitlines()
    event, data = lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))
    return event, data[0] if event == "complete" else str((data or {}).get("error"))


def refused(address: str, image: object, *arguments: object, **values: object) -> str:
    """The sentence with which /describe refuses."""
    event, said = call(address, image, *arguments, **values)
    assert event == "error"
    return said


# --- the holder of models -------------------------------------------------------------------


def test_models_open_in_the_background_and_switch() -> None:
    models = Models(opener, "one").start()
    assert models.current().name == "one"
    assert models.switch("two").name == "two"
    assert models.current().name == models.facts()[0] == "two"
    assert models.facts()[2] == "CPU"


def test_a_model_chosen_while_the_first_one_opens_stays() -> None:
    go_on = threading.Event()

    def slow(name: str) -> Bundle:
        if name == "one":
            go_on.wait(10)
        return opener(name)

    models = Models(slow, "one").start()
    assert models.switch("two").name == "two"
    go_on.set()
    models._thread.join()
    assert models.current().name == "two"


@pytest.mark.parametrize("name", ["nowhere", "", None, "../../etc", "a\0b", "x" * 10_000])
def test_a_failed_switch_keeps_the_old_model(name: str) -> None:
    models = Models(opener, "one")
    old = models.current()
    with pytest.raises(UserError):
        models.switch(name)
    assert models.current() is old


def test_a_loader_that_crashes_is_one_sentence() -> None:
    def crash(name: str) -> Bundle:
        raise RuntimeError("0x7f00dead in /secret/place")

    models = Models(crash, "one")
    with pytest.raises(UserError, match=r"^The model 'one' did not open \(RuntimeError\)"):
        models.current()
    assert models.facts() == ["one", "could not be opened"]


def test_answers_name_the_model_that_made_them() -> None:
    """Random switches beside running answers: each is its own model's, word for word."""
    made = {name: opener(name) for name in ("one", "two")}
    models = Models(made.__getitem__, "one")
    image, config = tiny.picture("red"), GenerateConfig(max_new_tokens=3)
    solo = {n: generate.answer(b, image, "What colour is it?", config) for n, b in made.items()}
    over, wrong = threading.Event(), []

    def switch_about() -> None:
        draw = random.Random(0)
        while not over.is_set():
            models.switch(draw.choice(("one", "two")))
            time.sleep(0.001)  # or the answers hardly get a turn

    def ask() -> None:
        for _ in range(10):
            bundle = models.current()
            text = generate.answer(bundle, image, "What colour is it?", config)
            if text != solo[bundle.name]:
                wrong.append((bundle.name, text))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    switcher = threading.Thread(target=switch_about)
    for thread in (switcher, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    switcher.join()
    assert not wrong


def test_a_public_space_opens_no_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    check_name(str(tmp_path))
    monkeypatch.setenv("SPACE_ID", "someone/loupe")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some" / "model").mkdir(parents=True)
    for name in (str(tmp_path), "..", "./x", "../x", "some", "some/model", "C:\\x", "/etc/passwd"):
        with pytest.raises(UserError, match="closed on a public Space"):
            check_name(name)
    check_name("moda-mini")
    check_name("HuggingFaceTB/SmolVLM-256M-Instruct")


def test_the_picker_begins_with_the_shipped_model() -> None:
    assert choices()[0][1] == "moda-mini"


# --- settings, prompts, examples ------------------------------------------------------------


def test_controls_agree_with_the_settings() -> None:
    for field in settings.SHOWN:
        control, meta = settings.control(field), field.metadata
        assert (control.minimum, control.maximum) == (meta["low"], meta["high"])
        assert (control.step, control.value, control.info) == (
            meta["step"],
            field.default,
            meta["help"],
        )
        assert control.label and control.elem_id
    assert {*settings.NAMES, "deadline"} == {f.name for f in dataclasses.fields(GenerateConfig)}


@pytest.mark.parametrize("name", settings.NAMES)
@pytest.mark.parametrize("value", BAD, ids=repr)
def test_bad_settings_are_refused(name: str, value: object) -> None:
    low = GenerateConfig.__dataclass_fields__[name].metadata["low"]
    if value == low:
        return
    with pytest.raises(UserError, match=name):
        settings.config({name: value})


def test_whole_numbers_from_json_stay_whole() -> None:
    assert repr(settings.config({"max_new_tokens": 5.0}).max_new_tokens) == "5"


def test_examples_open_and_have_names() -> None:
    shelf = examples.read()
    assert len(shelf) >= 8
    assert len({item.title for item in shelf}) == len(shelf)
    assert all(item.path.is_file() and item.title for item in shelf)


def test_examples_without_a_table_are_pictures_alone(tmp_path: Path, picture: Path) -> None:
    for broken in (None, "", "[]", "{", '{"a": 1}', '[{"title": "no file"}]', "[3]"):
        if broken is not None:
            (tmp_path / examples.TABLE).write_text(broken)
        (tmp_path / "red_shirt.jpg").write_bytes(picture.read_bytes())
        (only,) = examples.read(tmp_path)
        assert (only.title, only.answer) == ("Red shirt", "")
        assert only.mark() == "Press Describe for an answer."


def test_a_stored_answer_is_marked(tmp_path: Path, picture: Path) -> None:
    row = {"file": "../a.jpg", "title": "A", "prompt": "P", "answer": "B", "model": "moda-mini"}
    (tmp_path / "a.jpg").write_bytes(picture.read_bytes())
    (tmp_path / examples.TABLE).write_text(json.dumps([row]))
    (only,) = examples.read(tmp_path)
    assert only.path == tmp_path / "a.jpg"
    assert only.mark() == "Stored answer of moda-mini; press Describe to run it live."


def test_more_pictures(real_data: Path) -> None:
    for name in more_pictures.SHELVES:
        gallery, said, _ = more_pictures.show(name)
        assert len(gallery) == more_pictures.SHOWN, said
        assert all(title and max(image.size) >= 200 for image, title in gallery)


def test_more_pictures_without_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLM_DATA", raising=False)
    more_pictures.records.cache_clear()
    assert "failed" in more_pictures.show("Fashion")[1]
    monkeypatch.setattr(more_pictures, "is_offline", lambda: False)
    _, said, fetch = more_pictures.show("Fashion")
    assert "can be fetched" in said and fetch["visible"]
    assert "failed" in more_pictures.download("CIFAR-10")[1]


# --- handlers -------------------------------------------------------------------------------


def test_the_page_answer_grows_and_ends_with_its_numbers(picture: Path) -> None:
    models, values = Models(opener, "one"), (8, *settings.DEFAULTS[1:])
    stop = threading.Event()
    rows = list(describe.page_answer(models, sent(picture), "Describe it.", values, stop))
    assert rows[-1][0].startswith(rows[0][0])
    assert "one · on CPU · first token after" in rows[-1][1] and "tokens/s" in rows[-1][1]
    assert re.search(r"mean token probability \d{1,3}%", rows[-1][1])


def test_a_follow_up_comes_with_the_last_questions_about_the_same_picture(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple] = []

    def stream(bundle, image, prompt, config, *, history, stop, stats):
        asked.append((prompt, tuple(history)))
        yield f"answer to {prompt}"

    monkeypatch.setattr(generate, "stream", stream)
    models, image, talk = Models(opener, "one"), sent(picture), {}
    for prompt in ("one", "two", "three", "four"):
        before = describe.earlier(talk, image)
        values, stop = settings.DEFAULTS, threading.Event()
        for text, _ in describe.page_answer(models, image, prompt, values, stop, before):
            talk = describe.remember(before, image, prompt, text)
    pairs = {prompt: (prompt, f"answer to {prompt}") for prompt in ("one", "two", "three")}
    assert asked == [
        ("one", ()),
        ("two", (pairs["one"],)),
        ("three", (pairs["one"], pairs["two"])),
        ("four", (pairs["two"], pairs["three"])),
    ]
    assert describe.earlier(talk, {"path": str(tmp_path / "another.png")}) == ()
    assert describe.earlier(describe.remember((), image, "one", ""), image) == ()


def test_a_stopped_answer_says_so(picture: Path) -> None:
    models, stop = Models(opener, "one"), threading.Event()
    stop.set()
    image = sent(picture)
    rows = list(describe.page_answer(models, image, "Describe it.", settings.DEFAULTS, stop))
    assert "stopped by you" in rows[-1][1]


def test_a_bad_request_stays_readable_on_the_page() -> None:
    models, stop = Models(opener, "one"), threading.Event()
    (row,) = describe.page_answer(models, None, "Hi", settings.DEFAULTS, stop)
    assert "failed" in row[1] and "There is no picture yet" in row[1]


def test_what_was_typed_is_never_markup() -> None:
    assert "<img" not in sentences.note("<img src=x>")
    assert "<img" not in str(sentences.refusal("<img src=x>"))
    assert len(str(sentences.refusal("x" * 10_000))) < 500


def test_a_bug_is_one_sentence_and_a_log_entry(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(gr.Error, match="server's log") as caught, sentences.refusals():
        raise KeyError("0xdead /tmp/secret")
    assert "secret" not in str(caught.value)
    assert "secret" in caplog.text


def test_leaving_ends_the_generation(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    def endless(*args, **kwargs) -> Iterator[str]:
        try:
            while True:
                yield "word "
        finally:
            ended.append(True)

    monkeypatch.setattr(generate, "stream", endless)
    values = dict(zip(settings.NAMES, (1024, *settings.DEFAULTS[1:]), strict=True))
    image = sent(picture)
    running = answers.growing(opener("one"), image, "Describe it.", values, threading.Event())
    assert next(running) == "word " and not ended
    running.close()
    assert ended


def test_runs_of_two_visitors_are_apart() -> None:
    runs = answers.Runs()
    runs.begin("a")
    runs.begin("b")
    first = runs.event("a")
    runs.stop("a")
    assert first.is_set() and not runs.event("b").is_set()
    runs.begin("a")
    runs.end("a", first)
    assert not runs.event("a").is_set()


# --- the running app ------------------------------------------------------------------------


def test_only_describe_is_public(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)
    assert not endpoints["unnamed_endpoints"]
    assert [*endpoints["named_endpoints"]] == ["/describe"]
    (parameters,) = [e["parameters"] for e in endpoints["named_endpoints"].values()]
    names = [parameter["parameter_name"] for parameter in parameters]
    assert names == ["image", "prompt", *settings.NAMES]
    defaults = [parameter["parameter_default"] for parameter in parameters[2:]]
    assert defaults == [*settings.DEFAULTS]


def test_describe_answers_as_generate_does(client: Client, picture: Path) -> None:
    text = client.predict(handle_file(picture), "What colour is it?", **SHORT, api_name="/describe")
    config = GenerateConfig(**SHORT)
    wanted = generate.answer(opener("one"), tiny.picture("red"), "What colour is it?", config)
    assert text == wanted
    again = client.predict(sent(picture), "What colour is it?", **SHORT, api_name="/describe")
    assert again == wanted


@pytest.mark.slow  # the same files meet the door itself in test_images.py
def test_hostile_pictures(address: str, tmp_path: Path) -> None:
    """Sixty files, as uploads and as data: URLs: an answer or one sentence, in a second of work."""
    for name, path in hostile.make_hostile(tmp_path).items():
        for image in (sent(upload(address, path)), sent(path)):
            started = time.process_time()  # of server and client; whatever else the machine does
            event, said = call(address, image, "What colour is it?", max_new_tokens=1)
            assert time.process_time() - started < 1, name
            assert event == ("complete" if name in hostile.GOOD else "error"), (name, said)
            if event == "error":
                assert not any(word in said for word in ("/", "0x", "Traceback", "None")), said
                assert said.endswith("."), (name, said)


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_bad_numbers_are_a_sentence(address: str, picture: Path, value: object) -> None:
    said = refused(address, sent(picture), seed=value, top_p=value)
    assert said.startswith("Settings out of range: ") and len(said) <= sentences.LONGEST


@pytest.mark.parametrize("prompt", ["", " ", None, 3, {"a": 1}, "x" * 2001, "x" * 200_000])
def test_bad_prompts_are_a_sentence(address: str, picture: Path, prompt: object) -> None:
    said = refused(address, sent(picture), prompt)
    assert said.startswith(("There is no prompt", "The prompt has"))


def test_no_picture_is_a_sentence(address: str) -> None:
    assert refused(address, None).startswith("There is no picture yet")
    assert "not base64" in refused(address, {"url": "data:image/png;base64,!"})


def test_an_address_is_not_fetched(address: str) -> None:
    for url in ("http://example.com/x.png", f"{address}/x.png", "https://127.0.0.1/x.png"):
        assert "not its address" in refused(address, sent(url))


FOREIGN = ("/etc/passwd", "app.py", "./app.py", "../app.py", ".git/config", "/proc/self/environ")


@pytest.mark.parametrize("path", FOREIGN)
def test_no_file_outside_is_served(address: str, path: str) -> None:
    for spelling in (path, str(Path(path).resolve()), path.replace("/", "%2f")):
        assert httpx.get(f"{address}/gradio_api/file={spelling}").status_code in (403, 404)
        for image in (sent(spelling), {"path": spelling}):
            said = refused(address, image)  # None: gradio's own refusal, kept from clients
            assert said in ("None", "This picture was not uploaded here; upload it first.")


def test_a_gallery_gives_only_files_that_gradio_keeps() -> None:
    for path in FOREIGN:
        with pytest.raises(gr.Error, match="not uploaded here"):
            more_pictures.chosen([(path, "x")], 0)
    with pytest.raises(gr.Error, match="failed on this request"):
        more_pictures.chosen([], 3)


def test_a_body_over_the_limit_is_refused(address: str) -> None:
    url, body = f"{address}/gradio_api/call/describe", bytes(MAX_BODY + 1)
    pieces = (bytes(1_000_000) for _ in range(MAX_BODY // 1_000_000 + 2))
    assert httpx.post(url, content=body).status_code == 413
    assert httpx.post(url, content=pieces).status_code == 413  # chunked, no Content-Length
    assert httpx.get(address).status_code == 200


def test_a_full_queue_is_said(address: str, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def slow(*args: object, **kwargs: object) -> Iterator[str]:
        gate.wait(20)
        yield "done"

    monkeypatch.setattr(generate, "stream", slow)
    body = {"data": [sent(picture), "Hi", *settings.DEFAULTS]}

    async def post_many() -> list[int]:
        async with httpx.AsyncClient() as many:
            posts = [many.post(f"{address}/gradio_api/call/describe", json=body) for _ in range(40)]
            return [reply.status_code for reply in await asyncio.gather(*posts)]

    statuses = asyncio.run(post_many())
    gate.set()
    assert WAITING <= statuses.count(200) <= WAITING + 2
    assert statuses.count(503) == 40 - statuses.count(200)
    assert httpx.get(address).status_code == 200


def test_mcp_lists_and_calls_describe(address: str, picture: Path) -> None:
    mcp = pytest.importorskip("mcp")
    from mcp.client.streamable_http import streamablehttp_client

    data = sent(picture)["url"]

    async def talk() -> tuple[list, str]:
        async with (
            streamablehttp_client(f"{address}/gradio_api/mcp/") as (read, write, _),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            call = await session.call_tool(tools[0].name, {"image": data, "max_new_tokens": 4})
            return tools, call.content[0].text

    tools, text = asyncio.run(talk())
    (tool,) = tools
    assert tool.name.endswith("describe")
    assert set(tool.inputSchema["properties"]) == {"image", "prompt", *settings.NAMES}
    assert all(part.get("description") for part in tool.inputSchema["properties"].values())
    assert isinstance(text, str) and "rror" not in text


def test_every_tab_has_a_builder() -> None:
    assert all(callable(build) for build in TABS.values())
