"""Launching the app: limits, look and disabled features."""

import importlib.util
import inspect
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from vlm.data.images import limit_pillow
from vlm.ui import look
from vlm.ui.limits import BodyLimit

WAITING = 16  # requests in the queue; further ones are answered with 503


def make_launch_options() -> dict[str, Any]:
    """Return the arguments of gradio's launch()."""
    arguments = {
        "theme": look.make_theme(),
        "css": look.CSS,
        "head": look.HEAD,
        "footer_links": ["api", "settings"],
        "max_file_size": "20mb",
        "show_error": False,  # clients see only messages written here
        "allowed_paths": [],
        "share": False,
        "ssr_mode": False,
        "mcp_server": importlib.util.find_spec("mcp") is not None,
        "app_kwargs": {"middleware": [Middleware(BodyLimit)]},
    }
    if "run_history" in inspect.signature(gr.Blocks.launch).parameters:
        arguments["run_history"] = False  # it keeps visitors' pictures in their browser
    return arguments


def serve(app: gr.Blocks, **changes: Any) -> Any:
    """Launch the app; `changes` override the launch options."""
    limit_pillow()
    return app.queue(max_size=WAITING).launch(**make_launch_options() | changes)
