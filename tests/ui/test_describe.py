"""The app without a browser: model holder, settings, handlers, endpoint and limits."""

import asyncio
import base64
import dataclasses
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from gradio_client import Client, handle_file

from tests import hostile, tiny
from vlm.config import GenerateConfig
from vlm.errors import UserError
from vlm.inference import calibration, generate
from vlm.inference.calibration import Calibrator
from vlm.loading.presets import default_model
from vlm.types import Bundle
from vlm.ui import TABS, build_app, model_holder, sentences
from vlm.ui.describe import answers, examples, more_pictures, settings
from vlm.ui.limits import MAX_BODY
from vlm.ui.model_holder import Models, check_name, list_choices
from vlm.ui.serving import WAITING, serve

SHORT = {"max_new_tokens": 4}
BAD = (float("nan"), float("inf"), -1, 1e308, "x", None, [], True)


def load_tiny(name: str) -> Bundle:
    """Load one of two tiny models; any other name is unknown."""
    if name not in ("one", "two"):
        raise UserError(f"No model {name!r} here.")
    return dataclasses.replace(tiny.bundle(seed=len(name)), name=name)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small valid picture."""
    path = tmp_path_factory.mktemp("pictures") / "red.png"
    tiny.picture("red").save(path)
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the app with the real launch options and a tiny model; return its URL."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        app = build_app(Models(load_tiny, "one"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        serve(app, server_port=port, prevent_thread_lock=True, quiet=True)
        yield f"http://127.0.0.1:{port}"
        app.close()


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    """Connect a client to the running app."""
    return Client(address, verbose=False)


def as_input(image: Path | str) -> dict:
    """Return the picture as JSON: the path of an upload, or a file as a data: URL."""
    if isinstance(image, str):
        return {"path": image, "meta": {"_type": "gradio.FileData"}}
    url = "data:image/png;base64," + base64.b64encode(image.read_bytes()).decode()
    return {"url": url, "meta": {"_type": "gradio.FileData"}}


def upload(address: str, path: Path) -> str:
    """Upload a file as the page does; return its path on the server."""
    files = {"files": (path.name, path.read_bytes())}
    return httpx.post(f"{address}/gradio_api/upload", files=files).json()[0]


def call(address: str, image: object, prompt: object = "Hi", **values: object) -> tuple[str, str]:
    """POST to /describe over plain HTTP; return the last event's name and text."""
    named = dict(zip(settings.NAMES, settings.DEFAULTS, strict=True)) | SHORT | values
    body = json.dumps(
        {"data": [image, prompt, *named.values()]}
    )  # json may contain NaN, which httpx rejects
    url, kind = f"{address}/gradio_api/call/describe", {"content-type": "application/json"}
    posted = httpx.post(url, content=body, headers=kind)
    posted.raise_for_status()
    lines = httpx.get(f"{url}/{posted.json()['event_id']}", timeout=20).text.strip().splitlines()
    event, data = lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))
    return event, data[0] if event == "complete" else str((data or {}).get("error"))


def call_for_error(address: str, image: object, *arguments: object, **values: object) -> str:
    """Return the error message of /describe."""
    event, message = call(address, image, *arguments, **values)
    assert event == "error"
    return message


# --- model holder -------------------------------------------------------------------


def test_models_load_in_the_background_and_switch() -> None:
    models = Models(load_tiny, "one").start()
    assert models.get_model().name == "one"
    assert models.switch("two").name == "two"
    assert models.get_model().name == models.summarize()[0] == "two"
    assert models.summarize()[2] == "CPU"


def test_a_model_chosen_while_the_first_one_loads_stays() -> None:
    go_on = threading.Event()

    def slow(name: str) -> Bundle:
        if name == "one":
            go_on.wait(10)
        return load_tiny(name)

    models = Models(slow, "one").start()
    assert models.switch("two").name == "two"
    go_on.set()
    models._thread.join()
    assert models.get_model().name == "two"


@pytest.mark.parametrize("name", ["nowhere", "", None, "../../etc", "a\0b", "x" * 10_000])
def test_a_failed_switch_keeps_the_old_model(name: str) -> None:
    models = Models(load_tiny, "one")
    old = models.get_model()
    with pytest.raises(UserError):
        models.switch(name)
    assert models.get_model() is old


def test_a_crash_while_loading_is_a_user_error() -> None:
    def crash(name: str) -> Bundle:
        raise RuntimeError("0x7f00dead in /secret/place")

    models = Models(crash, "one")
    with pytest.raises(UserError, match=r"^The model 'one' could not be loaded \(RuntimeError\)"):
        models.get_model()
    assert models.summarize() == ["one", "failed to load"]


def test_switching_models_does_not_affect_running_answers() -> None:
    """Random switches during answers: each answer is identical to its own model's."""
    bundles = {name: load_tiny(name) for name in ("one", "two")}
    models = Models(bundles.__getitem__, "one")
    image, config = tiny.picture("red"), GenerateConfig(max_new_tokens=3)
    prompt = "What colour is it?"
    expected = {n: generate.answer(b, image, prompt, config) for n, b in bundles.items()}
    finished, wrong = threading.Event(), []

    def switch_models() -> None:
        rng = random.Random(0)
        while not finished.is_set():
            models.switch(rng.choice(("one", "two")))
            time.sleep(0.001)  # let the answers run

    def ask() -> None:
        for _ in range(10):
            bundle = models.get_model()
            text = generate.answer(bundle, image, prompt, config)
            if text != expected[bundle.name]:
                wrong.append((bundle.name, text))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    switcher = threading.Thread(target=switch_models)
    for thread in (switcher, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    finished.set()
    switcher.join()
    assert not wrong


def test_a_public_space_refuses_local_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    check_name(str(tmp_path))
    monkeypatch.setenv("SPACE_ID", "someone/loupe")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some" / "model").mkdir(parents=True)
    for name in (str(tmp_path), "..", "./x", "../x", "some", "some/model", "C:\\x", "/etc/passwd"):
        with pytest.raises(UserError, match="not available on a public Space"):
            check_name(name)
    check_name("moda-mini")
    check_name("HuggingFaceTB/SmolVLM-256M-Instruct")


def test_the_default_model_is_the_first_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list_choices()[0][1] == default_model()
    monkeypatch.setattr(model_holder, "default_model", lambda: "moda-mini")
    assert list_choices()[0][1] == "moda-mini"


def test_moda_mini_answers_where_the_default_model_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def load(name: str) -> Bundle:
        if name == "everyday":
            raise UserError("The decoder is damaged.")
        return SimpleNamespace(name=name)

    monkeypatch.setattr(model_holder, "default_model", lambda: "everyday")
    assert Models(load).get_model().name == "moda-mini"
    assert "The decoder is damaged. Using moda-mini instead." in caplog.text
    with pytest.raises(UserError, match="The decoder is damaged"):
        Models(load, "everyday").switch("everyday")
    monkeypatch.setattr(model_holder, "default_model", lambda: "moda-mini")
    with pytest.raises(UserError, match="The decoder is damaged"):
        Models(load, "everyday").get_model()  # asked for by name


# --- settings, prompts, examples ------------------------------------------------------------


def test_controls_match_the_settings() -> None:
    for field in settings.FIELDS:
        control, meta = settings.build_control(field), field.metadata
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
        settings.to_config({name: value})


def test_whole_floats_become_integers() -> None:
    assert repr(settings.to_config({"max_new_tokens": 5.0}).max_new_tokens) == "5"


def test_examples_exist_and_have_distinct_titles() -> None:
    items = examples.read()
    assert len(items) >= 8
    assert len({item.title for item in items}) == len(items)
    assert all(item.path.is_file() and item.title for item in items)


def test_examples_without_a_table_are_pictures_only(tmp_path: Path, picture: Path) -> None:
    for broken in (None, "", "[]", "{", '{"a": 1}', '[{"title": "no file"}]', "[3]"):
        if broken is not None:
            (tmp_path / examples.TABLE).write_text(broken)
        (tmp_path / "red_shirt.jpg").write_bytes(picture.read_bytes())
        (only,) = examples.read(tmp_path)
        assert (only.title, only.answer) == ("Red shirt", "")
        assert only.format_status() == "Press Describe for an answer."


def test_a_stored_answer_names_its_model(tmp_path: Path, picture: Path) -> None:
    row = {"file": "../a.jpg", "title": "A", "prompt": "P", "answer": "B", "model": "moda-mini"}
    (tmp_path / "a.jpg").write_bytes(picture.read_bytes())
    (tmp_path / examples.TABLE).write_text(json.dumps([row]))
    (only,) = examples.read(tmp_path)
    assert only.path == tmp_path / "a.jpg"
    assert (
        only.format_status()
        == "Stored answer of moda-mini; press Describe to ask the chosen model."
    )


def test_more_pictures(real_data: Path) -> None:
    for name in more_pictures.PICTURE_SETS:
        gallery, status, _ = more_pictures.show(name)
        assert len(gallery) == more_pictures.COUNT, status
        assert all(title and max(image.size) >= 200 for image, title in gallery)


def test_more_pictures_without_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLM_DATA", raising=False)
    more_pictures.load_records.cache_clear()
    assert "failed" in more_pictures.show("Fashion")[1]
    monkeypatch.setattr(more_pictures, "is_offline", lambda: False)
    _, status, fetch = more_pictures.show("Fashion")
    assert "can be fetched" in status and fetch["visible"]
    assert "failed" in more_pictures.download("CIFAR-10")[1]


# --- handlers -------------------------------------------------------------------------------


def test_the_page_streams_an_answer_and_ends_with_its_statistics(picture: Path) -> None:
    models, values = Models(load_tiny, "one"), (8, *settings.DEFAULTS[1:])
    stop = threading.Event()
    rows = list(answers.stream_page(models, as_input(picture), "Describe it.", values, stop))
    assert rows[-1][0].startswith(rows[0][0])
    assert "one · on CPU · first token after" in rows[-1][1] and "tokens/s" in rows[-1][1]
    assert "probability" not in rows[-1][1]  # this model is not calibrated


def test_a_calibrated_model_shows_how_often_such_answers_are_right(
    picture: Path, tmp_path: Path
) -> None:
    bundle = dataclasses.replace(tiny.trained(60), name=str(tmp_path))
    table = Calibrator("mean_log", ((-9.0, 0.25), (0.0, 0.25)))
    calibration.write(tmp_path, {"Describe it.": table.row()})
    models, stop = Models(lambda name: bundle, "one"), threading.Event()

    def line(prompt: str, history: tuple = ()) -> str:
        source = as_input(picture)
        page = answers.stream_page(models, source, prompt, settings.DEFAULTS, stop, history)
        return [*page][-1][1]

    assert "right with a probability of 25%" in line("Describe it.")
    assert "probability" not in line("What colour is it?")
    assert "probability" not in line("Describe it.", (("What is it?", "A square."),))


def test_a_follow_up_has_the_last_questions_about_the_same_picture(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple] = []

    def stream(bundle, image, prompt, config, *, history, stop, stats):
        calls.append((prompt, tuple(history)))
        yield f"answer to {prompt}"

    monkeypatch.setattr(generate, "stream", stream)
    models, image, conversation = Models(load_tiny, "one"), as_input(picture), {}
    for prompt in ("one", "two", "three", "four"):
        history = answers.get_history(conversation, image)
        values, stop = settings.DEFAULTS, threading.Event()
        for text, _ in answers.stream_page(models, image, prompt, values, stop, history):
            conversation = answers.make_conversation(history, image, prompt, text)
    pairs = {prompt: (prompt, f"answer to {prompt}") for prompt in ("one", "two", "three")}
    assert calls == [
        ("one", ()),
        ("two", (pairs["one"],)),
        ("three", (pairs["one"], pairs["two"])),
        ("four", (pairs["two"], pairs["three"])),
    ]
    assert answers.get_history(conversation, {"path": str(tmp_path / "another.png")}) == ()
    assert answers.get_history(answers.make_conversation((), image, "one", ""), image) == ()


def test_a_stopped_answer_is_reported(picture: Path) -> None:
    models, stop = Models(load_tiny, "one"), threading.Event()
    stop.set()
    image = as_input(picture)
    rows = list(answers.stream_page(models, image, "Describe it.", settings.DEFAULTS, stop))
    assert "stopped by you" in rows[-1][1]


def test_an_error_is_shown_in_the_status_line() -> None:
    models, stop = Models(load_tiny, "one"), threading.Event()
    (row,) = answers.stream_page(models, None, "Hi", settings.DEFAULTS, stop)
    assert "failed" in row[1] and "There is no picture yet" in row[1]


def test_user_input_is_escaped() -> None:
    assert "<img" not in sentences.note("<img src=x>")
    assert "<img" not in str(sentences.client_error("<img src=x>"))
    assert len(str(sentences.client_error("x" * 10_000))) < 500


def test_a_bug_is_a_client_error_and_a_log_entry(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(gr.Error, match="server's log") as raised, sentences.as_client_errors():
        raise KeyError("0xdead /tmp/secret")
    assert "secret" not in str(raised.value)
    assert "secret" in caplog.text


def test_closing_the_stream_stops_the_generation(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = []

    def endless(*args, **kwargs) -> Iterator[str]:
        try:
            while True:
                yield "word "
        finally:
            ended.append(True)

    monkeypatch.setattr(generate, "stream", endless)
    values = dict(zip(settings.NAMES, (1024, *settings.DEFAULTS[1:]), strict=True))
    image = as_input(picture)
    stream = answers.stream_answer(
        load_tiny("one"), image, "Describe it.", values, threading.Event()
    )
    assert next(stream) == "word " and not ended
    stream.close()
    assert ended


def test_stop_events_of_two_visitors_are_independent() -> None:
    events = answers.StopEvents()
    events.begin("a")
    events.begin("b")
    first = events.get("a")
    events.stop("a")
    assert first.is_set() and not events.get("b").is_set()
    events.begin("a")
    events.end("a", first)
    assert not events.get("a").is_set()


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


def test_the_endpoint_matches_generate(client: Client, picture: Path) -> None:
    text = client.predict(handle_file(picture), "What colour is it?", **SHORT, api_name="/describe")
    config = GenerateConfig(**SHORT)
    expected = generate.answer(load_tiny("one"), tiny.picture("red"), "What colour is it?", config)
    assert text == expected
    again = client.predict(as_input(picture), "What colour is it?", **SHORT, api_name="/describe")
    assert again == expected


@pytest.mark.slow  # test_images.py opens the same files directly
def test_hostile_pictures_are_answered_or_refused(address: str, tmp_path: Path) -> None:
    """Send sixty files, as uploads and as data: URLs; each takes less than a second of CPU time."""
    for name, path in hostile.make_hostile(tmp_path).items():
        for image in (as_input(upload(address, path)), as_input(path)):
            started = time.process_time()  # CPU time of server and client
            event, message = call(address, image, "What colour is it?", max_new_tokens=1)
            assert time.process_time() - started < 1, name
            assert event == ("complete" if name in hostile.GOOD else "error"), (name, message)
            if event == "error":
                leaks = [word for word in ("/", "0x", "Traceback", "None") if word in message]
                assert not leaks, message
                assert message.endswith("."), (name, message)


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_bad_numbers_are_user_errors(address: str, picture: Path, value: object) -> None:
    message = call_for_error(address, as_input(picture), seed=value, top_p=value)
    assert message.startswith("Settings out of range: ") and len(message) <= sentences.LONGEST


@pytest.mark.parametrize("prompt", ["", " ", None, 3, {"a": 1}, "x" * 2001, "x" * 200_000])
def test_bad_prompts_are_user_errors(address: str, picture: Path, prompt: object) -> None:
    message = call_for_error(address, as_input(picture), prompt)
    assert message.startswith(("There is no prompt", "The prompt has"))


def test_a_missing_picture_is_a_user_error(address: str) -> None:
    assert call_for_error(address, None).startswith("There is no picture yet")
    assert "not base64" in call_for_error(address, {"url": "data:image/png;base64,!"})


def test_picture_urls_are_not_downloaded(address: str) -> None:
    for url in ("http://example.com/x.png", f"{address}/x.png", "https://127.0.0.1/x.png"):
        assert "not its address" in call_for_error(address, as_input(url))


FOREIGN = ("/etc/passwd", "app.py", "./app.py", "../app.py", ".git/config", "/proc/self/environ")


@pytest.mark.parametrize("path", FOREIGN)
def test_files_outside_the_upload_folder_are_refused(address: str, path: str) -> None:
    for spelling in (path, str(Path(path).resolve()), path.replace("/", "%2f")):
        assert httpx.get(f"{address}/gradio_api/file={spelling}").status_code in (403, 404)
        for image in (as_input(spelling), {"path": spelling}):
            message = call_for_error(address, image)  # None: gradio's own error, hidden
            assert message in ("None", "This picture was not uploaded here; upload it first.")


def test_galleries_return_only_uploaded_files() -> None:
    for path in FOREIGN:
        with pytest.raises(gr.Error, match="not uploaded here"):
            more_pictures.get_chosen_path([(path, "x")], 0)
    with pytest.raises(gr.Error, match="failed on this request"):
        more_pictures.get_chosen_path([], 3)


def test_a_body_over_the_limit_is_refused(address: str) -> None:
    url, body = f"{address}/gradio_api/call/describe", bytes(MAX_BODY + 1)
    pieces = (bytes(1_000_000) for _ in range(MAX_BODY // 1_000_000 + 2))
    assert httpx.post(url, content=body).status_code == 413
    assert httpx.post(url, content=pieces).status_code == 413  # chunked, no Content-Length
    assert httpx.get(address).status_code == 200


def test_a_full_queue_is_answered_with_503(
    address: str, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def slow(*args: object, **kwargs: object) -> Iterator[str]:
        gate.wait(20)
        yield "done"

    monkeypatch.setattr(generate, "stream", slow)
    body = {"data": [as_input(picture), "Hi", *settings.DEFAULTS]}

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

    data = as_input(picture)["url"]

    async def call_tool() -> tuple[list, str]:
        async with (
            streamablehttp_client(f"{address}/gradio_api/mcp/") as (read, write, _),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            result = await session.call_tool(tools[0].name, {"image": data, "max_new_tokens": 4})
            return tools, result.content[0].text

    tools, text = asyncio.run(call_tool())
    (tool,) = tools
    assert tool.name.endswith("describe")
    assert set(tool.inputSchema["properties"]) == {"image", "prompt", *settings.NAMES}
    assert all(part.get("description") for part in tool.inputSchema["properties"].values())
    assert isinstance(text, str) and "rror" not in text


def test_every_tab_has_a_builder() -> None:
    assert all(callable(build) for build in TABS.values())
