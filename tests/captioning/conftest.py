"""A folder of captioned images, written once for all tests of captioning."""

from pathlib import Path

import pytest

from tests.captioning.records import RECORDS
from vlm.captioning import export, labels
from vlm.captioning.steps import CaptionedImage


@pytest.fixture(scope="package")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RECORDS as 00007.png to 00026.png, with captions and without splits; do not change it."""
    items = [
        CaptionedImage(record, labels.describe(record), (), f"{number + 7:05}.png")
        for number, record in enumerate(RECORDS)
    ]
    folder = tmp_path_factory.mktemp("captioning") / "pictures"
    export.write_folder(items, folder)
    return folder
