"""The picture input: gradio's own, but the file reaches our door for pictures unopened.

Gradio's Image opens a file with every parser that Pillow has, before any check of ours, and fetches
addresses of any size. So its events say `preprocess=False`, and `content` reads what then arrives.
(A subclass would be plainer, but gradio writes a .pyi file beside the source of each one.)
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
from vlm.ui.sentences import refusal


def build(**options: Any) -> gr.Image:
    """The picture input of the Describe tab; it takes uploaded files and data: URLs only."""
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
            raise refusal("Give the picture itself, as an upload or a data: URL, not its address.")
        return await keep(source)

    image.async_move_resource_to_block_cache = keep_uploads
    return image


def content(sent: Mapping[str, Any] | None) -> str | bytes:
    """The path of an uploaded file, or the bytes in a data: URL; not decoded.

    Raises:
        UserError: when there is no picture, or it is not one that was uploaded.
    """
    url = (sent or {}).get("url") or ""
    if url.startswith("data:"):
        return _decoded(url)
    if not sent or not sent.get("path"):
        raise UserError("There is no picture yet; upload one, take one or click an example.")
    return kept(sent["path"])


def kept(path: str) -> str:
    """The path, if it is in gradio's folder of uploads.

    Gradio checks that only for files sent with a `meta` mark, which a client may leave out.

    Raises:
        UserError: when the path leads anywhere else.
    """
    if not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise UserError("This picture was not uploaded here; upload it first.")
    return path


def _decoded(url: str) -> bytes:
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        raise UserError("This data: URL is not base64; give the picture as an upload.") from None
