"""What the tests of the repository have, for those of the example."""

from tests.conftest import nothing_left_open as nothing_left_open
from tests.conftest import pytest_unconfigure as pytest_unconfigure
