"""What the tests of remote servers share."""

import pytest

from tests.fake_endpoint import online


@pytest.fixture(autouse=True)
def local_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to this machine are allowed, without keys of the real environment."""
    online(monkeypatch)
