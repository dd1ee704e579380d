"""Measure how long a visitor waits: from `python app.py` to a usable page and a first answer.

    python bench/app_start.py

The app is started twice. Once it is asked at the moment its page is served, which shows when it is
usable: the answer comes as soon as the model is open. Once it is asked after `SETTLED` seconds,
which gives the first description alone, end to end: upload, decoding, answer, over the endpoint.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

from vlm.loading.presets import default_model

ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 120
SETTLED = 30.0  # seconds


def main(argv: list[str] | None = None) -> None:
    """Start the app twice, print one table and write one JSON."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args(argv)
    served, answered, _ = _visit(wait=0)
    _, _, seconds = _visit(wait=SETTLED)
    print(f"The default model here is {default_model()}.")
    rows = {"start to page served (s)": served, "start to first answer (s)": answered}
    rows |= {"first description (s)": seconds[0], "second description (s)": seconds[1]}
    for name, value in rows.items():
        print(f"{name:28}{value:8.2f}")
    Path(__file__).with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")


def _visit(wait: float) -> tuple[float, float, list[float]]:
    """Return seconds from start to the page and to the first answer, and for two descriptions."""
    address = f"http://127.0.0.1:{_free_port()}"
    environment = {**os.environ, "GRADIO_SERVER_PORT": address.rsplit(":", 1)[1]}
    environment |= {"HF_HUB_OFFLINE": "1", "no_proxy": "127.0.0.1,localhost"}
    started = time.perf_counter()
    command = [sys.executable, "app.py"]
    app = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for(address)
        served = time.perf_counter() - started
        time.sleep(wait)
        ends = _descriptions(address)
    finally:
        app.terminate()
        app.wait()
    return served, ends[1] - started, [ends[1] - ends[0], ends[2] - ends[1]]


def _descriptions(address: str) -> list[float]:
    """Return the times before, between and after two descriptions."""
    from gradio_client import Client, handle_file

    client = Client(address, verbose=False)
    with tempfile.TemporaryDirectory() as folder:
        pictures = [Path(folder) / f"{number}.png" for number in range(2)]
        for number, path in enumerate(pictures):
            pixels = np.random.default_rng(number).integers(0, 256, (224, 224, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
        moments = [time.perf_counter()]
        for path in pictures:
            client.predict(handle_file(str(path)), "Describe this picture.", api_name="/describe")
            moments.append(time.perf_counter())
    return moments


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    ends = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < ends:
        try:
            with opener.open(address, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"error: the app did not answer at {address} within {LIMIT_SECONDS} s.")


if __name__ == "__main__":
    main()
