"""The picture input: gradio's Image, except that only `vlm.data.images` opens the file.

Gradio's Image opens a file with any of Pillow's parsers before our checks, and downloads URLs of
any size. So its events use `preprocess=False`, and `read_source` reads the raw input. (A subclass
would be simpler, but gradio writes a .pyi file next to the source of each one.)
"""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from gradio_client.utils import is_http_url_like

from vlm.errors import UserError
from vlm.ui.sentences import client_error


def build(**options: Any) -> gr.Image:
    """Build the picture input; it accepts uploaded files and data: URLs only."""
    image = gr.Image(
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard", "webcam"],
        alt_text="The picture to describe",
        **options,
    )
    keep = image.async_move_resource_to_block_cache

    async def keep_uploads(source: str | Path | None) -> str | None:
        if source is not None and is_http_url_like(str(source)):
            raise client_error(
                "Give the picture itself, as an upload or a data: URL, not its address."
            )
        return await keep(source)

    image.async_move_resource_to_block_cache = keep_uploads
    return image


def read_source(value: Mapping[str, Any] | None) -> str | bytes:
    """Return the path of an uploaded file, or the encoded bytes of a data: URL.

    Raises:
        UserError: when there is no picture, or it was not uploaded.
    """
    url = (value or {}).get("url") or ""
    if url.startswith("data:"):
        return _decode(url)
    if not value or not value.get("path"):
        raise UserError("There is no picture yet; upload one, take one or click an example.")
    return check_uploaded(value["path"])


def check_uploaded(path: str) -> str:
    """Return the path if it is in gradio's upload folder.

    Gradio checks this only for files with a `meta` field, which a client may omit.

    Raises:
        UserError: when the path is outside that folder.
    """
    if not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise UserError("This picture was not uploaded here; upload it first.")
    return path


def _decode(url: str) -> bytes:
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        raise UserError("This data: URL is not base64; give the picture as an upload.") from None
