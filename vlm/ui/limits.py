"""A limit on the whole body of a request: gradio's `max_file_size` looks at single files only."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 22_000_000  # a 20 MB file and its form; as base64 in JSON 16 MB of picture
ANSWER = b'{"detail": "This request is too large; a picture may have up to 20 MB."}'


class BodyLimit:
    """ASGI middleware: a body over `limit` bytes is answered with 413, announced or not."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY):
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count what the app reads of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif _announced(scope) > self.limit:
            await _refuse(send)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        size, started = 0, False

        async def counting_receive() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return {"type": "http.disconnect"} if size > self.limit else message

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if size <= self.limit or started:  # what the app says of a cut body is not for clients
                started = True
                await send(message)

        try:
            await self.app(scope, counting_receive, guarded_send)
        except Exception:
            if size <= self.limit:
                raise
        if size > self.limit and not started:
            await _refuse(send)


def _announced(scope: Scope) -> int:
    """The Content-Length, 0 when there is none that can be read."""
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(values[0]) if values and values[0].isdigit() else 0


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})
