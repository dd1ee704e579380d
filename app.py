"""Loupe's app: `python app.py`, then open the address it prints. A Space runs the same file."""

import argparse
import os

# before gradio is imported: no telemetry, no version check, no proxy between it and itself
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
for name in ("no_proxy", "NO_PROXY"):
    os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost"]))


def main() -> None:
    """Build the app and serve it; GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--review", metavar="DIR", help="a data set to review in the Review tab")
    if folder := parser.parse_args().review:
        os.environ["VLM_REVIEW"] = folder
    from vlm.ui import build_app
    from vlm.ui.serving import serve

    serve(build_app())


if __name__ == "__main__":
    main()
