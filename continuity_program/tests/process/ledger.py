"""What a provider of cards keeps for itself; no Odoo here, for the tests read it too."""

import fcntl
import os
from pathlib import Path
from typing import NamedTuple

#: What a provider may decide on a request.
CHARGED, PENDING, REFUSED = 'CHARGED', 'PENDING', 'REFUSED'
#: A request that came before, answered as it was then.
DUP = 'DUP'


class Entry(NamedTuple):
    verdict: str
    reference: str
    amount: str
    key: str


class Ledger:
    """A file with a line for each request, which lasts whatever becomes of the process that asked.

    :param dedups: whether a second request under one key is answered as the first.
    """

    def __init__(self, path, dedups=True):
        self.path = Path(path)
        self.dedups = dedups
        self.path.touch()

    def ask(self, reference, amount, key, verdict=CHARGED):
        """Decide on a request, once for each key, and return what is answered."""
        with self.path.open('a') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = [entry for entry in self.read() if entry.key == key and entry.verdict != DUP]
            is_known = self.dedups and before
            entry = Entry(DUP if is_known else verdict, reference, f'{amount:.2f}', key)
            file.write(' '.join(entry) + '\n')
            file.flush()
            os.fsync(file.fileno())
        return before[-1].verdict if is_known else verdict

    def read(self):
        return [Entry(*line.split()) for line in self.path.read_text().splitlines()]
