"""Programs that the drill runs end, and say why they did not do what they should."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from drill.programs import DrillFailed, Program, ran


async def test_what_a_command_says_is_told_also_when_it_fails() -> None:
    assert await ran(sys.executable, "-c", "print('here')") == "here"
    with pytest.raises(DrillFailed, match=r"ended with 3: no"):
        await ran(sys.executable, "-c", "print('no'); raise SystemExit(3)")


async def test_a_command_that_takes_too_long_is_ended_and_said() -> None:
    with pytest.raises(DrillFailed, match=r"took more than 0 s"):
        await ran(sys.executable, "-c", "import time; time.sleep(60)", within=0.1)


async def test_a_program_that_ends_before_it_is_ready_is_told_with_its_last_words(
    tmp_path: Path,
) -> None:
    command = (sys.executable, "-c", "print('no port is free')")
    program = Program("server", tmp_path, command, ready="serving")
    with pytest.raises(DrillFailed, match=r"server did not say 'serving'.*\n.*no port is free"):
        await program.start()
    assert not program.running
