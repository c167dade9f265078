from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Config
from tests.merchants import Merchant, a_merchant


@pytest.fixture
def merchant(config: Config, tmp_path: Path) -> Iterator[Merchant]:
    with a_merchant(config, tmp_path) as merchant:
        yield merchant
