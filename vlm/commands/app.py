"""Start the app; GRADIO_SERVER_NAME and GRADIO_SERVER_PORT set its address."""

import argparse
import os

from vlm.loading.presets import explain_default

HELP = "start the app and print its address"


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--review", metavar="DIR", help="data set for the Review tab (default: none)"
    )


def run(args: argparse.Namespace) -> int:
    """Build the app and serve it."""
    keep_gradio_local()
    if args.review:
        os.environ["VLM_REVIEW"] = args.review
    if line := explain_default():
        print(line)
    from vlm.ui import build_app  # imports gradio and torch
    from vlm.ui.serving import serve

    serve(build_app())
    return 0


def keep_gradio_local() -> None:
    """Before gradio is imported: no telemetry, no version check, no proxy between it and itself."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost"]))
