"""How the app is served: limits, look and what is left out."""

import importlib.util
import inspect
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from vlm.data.images import limit_pillow
from vlm.ui import look
from vlm.ui.limits import BodyLimit

WAITING = 16  # requests in line; the next one is told to come back


def options() -> dict[str, Any]:
    """The arguments of launch()."""
    found = {
        "theme": look.theme(),
        "css": look.CSS,
        "head": look.HEAD,
        "footer_links": ["api", "settings"],
        "max_file_size": "20mb",
        "show_error": False,  # what we have not written ourselves is not for clients
        "allowed_paths": [],
        "share": False,
        "ssr_mode": False,
        "mcp_server": importlib.util.find_spec("mcp") is not None,
        "app_kwargs": {"middleware": [Middleware(BodyLimit)]},
    }
    if "run_history" in inspect.signature(gr.Blocks.launch).parameters:
        found["run_history"] = False  # it keeps visitors' pictures in their browser
    return found


def serve(app: gr.Blocks, **changes: Any) -> Any:
    """Launch the app; `changes` override the options."""
    limit_pillow()
    return app.queue(max_size=WAITING).launch(**options() | changes)
