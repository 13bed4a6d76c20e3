"""Messages, errors that name their remedy, and running other programs."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path


class DevError(Exception):
    """Something the user has to know, with what to do about it."""

    def __init__(self, problem: str, remedy: str):
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def say(text: str) -> None:
    """Progress goes to stderr: stdout belongs to the scripts and tests that are run."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(text: str):
    """Announce a long step and tell how long it took; another may run at the same time."""
    say(f"-> {text} ...")
    start = time.monotonic()
    yield
    say(f"   {time.monotonic() - start:.1f} s: {text}")


def run_logged(command: list, log: Path, remedy: str, env: dict | None = None, cwd: Path | None = None) -> None:
    """Run a program with its output in a file; on failure show the end of it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        result = subprocess.run(
            [str(part) for part in command],
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if result.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        raise DevError(f"{Path(command[0]).name} failed ({result.returncode}); the end of {log}:\n{tail}", remedy)
