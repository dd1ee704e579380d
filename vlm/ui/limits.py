"""A limit on the whole request body; gradio's `max_file_size` limits single files only."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 22_000_000  # bytes: a 20 MB file and its form, or a 16 MB picture as base64 in JSON
ANSWER = b'{"detail": "This request is too large; a picture may have up to 20 MB."}'


class BodyLimit:
    """ASGI middleware that answers 413 to bodies over `limit` bytes, with or without a length."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY):
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count the bytes that the app reads."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif _content_length(scope) > self.limit:
            await _refuse(send)
        else:
            await self._forward(scope, receive, send)

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        size, started = 0, False

        async def counting_receive() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return {"type": "http.disconnect"} if size > self.limit else message

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if size <= self.limit or started:  # clients must not see the app's error on a cut body
                started = True
                await send(message)

        try:
            await self.app(scope, counting_receive, guarded_send)
        except Exception:
            if size <= self.limit:
                raise
        if size > self.limit and not started:
            await _refuse(send)


def _content_length(scope: Scope) -> int:
    """Return the Content-Length in bytes, 0 when it is missing or invalid."""
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(values[0]) if values and values[0].isdigit() else 0


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})
