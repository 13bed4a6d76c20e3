"""Doing things so that what fails costs only itself, and so that what is nobody's fault is tried again."""

import logging
import sys
import threading
from contextlib import contextmanager, nullcontext

from psycopg2 import InterfaceError, OperationalError

from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

_logger = logging.getLogger(__name__)

#: What is no record's fault: the database is busy, or gone (the second is what psycopg2 says then).
TRANSIENT_DB_ERRORS = (OperationalError, InterfaceError)
#: How often something is tried when the database refuses it for the moment.
MAX_TRIES = 4


class Outcome:
    """What became of something.

    :ivar error: what it raised, or nothing.
    """

    error = None


@contextmanager
def isolate(env, commits=False):
    """Do something in this context: where it raises, nothing of it stays, and nobody else is concerned.

    :param bool commits: it makes its own steps last; those stay.
    :return: its ``Outcome``.
    :raise OperationalError: what is no record's fault is the caller's to try again.
    """
    outcome = Outcome()
    try:
        with nullcontext() if commits else env.cr.savepoint():
            yield outcome
    except TRANSIENT_DB_ERRORS:
        raise
    except Exception as error:
        if commits:
            env.cr.rollback()
        outcome.error = error


def isolate_each(env, parts, work):
    """Do something with many parts at once or, where that fails, with each by itself, so that a bad one costs only
    itself.

    :param list parts: recordsets, or whatever the work takes a list of.
    :param work: called with a list of parts.
    :return: those that failed, with what they raised.
    :rtype: list[tuple[object, Exception]]
    :raise OperationalError: what is no record's fault is the caller's to try again.
    """
    with isolate(env) as outcome:
        work(parts)
    if not outcome.error:
        return []
    if len(parts) == 1:
        return [(parts[0], outcome.error)]
    return [failure for part in parts for failure in isolate_each(env, [part], work)]


def attempts(env, commits, what):
    """Try something until it goes through, at most ``MAX_TRIES`` times: each attempt is a context to do it in, from its
    start.

    :param bool commits: whether a refused attempt can be rolled back: without commits the first refusal is raised.
    :param str what: what is tried, for the server's log.
    :return: the attempts, each an ``Outcome``; after the last one its error tells whether it went through.
    """
    for number in range(1, MAX_TRIES + 1):
        attempt = Attempt(env, commits, f"try {number} of {what}")
        yield attempt
        if not attempt.error:
            return


class Attempt(Outcome):
    """One try of something that the database may refuse for the moment: see ``attempts``."""

    def __init__(self, env, commits, name):
        self.cr = env.cr
        self.commits = commits
        self.name = name
        self.quiet = _quiet_refusals()

    def __enter__(self):
        self.quiet.__enter__()
        return self

    def __exit__(self, kind, error, traceback):
        self.quiet.__exit__(None, None, None)
        if not isinstance(error, TRANSIENT_DB_ERRORS) or not self.commits or self.cr.connection.closed:
            return False
        self.cr.rollback()
        _logger.info("%s: %s", self.name, error)
        self.error = error
        return True


@contextmanager
def _quiet_refusals():
    """Keep the queries out of the server's log that fail by concurrency: Odoo logs them as errors, before anybody can
    know that they are tried again. They are no errors, and each attempt tells of its own."""
    thread = threading.get_ident()

    def is_news(_record):
        return threading.get_ident() != thread or not isinstance(sys.exc_info()[1], PG_CONCURRENCY_EXCEPTIONS_TO_RETRY)

    logger = logging.getLogger('odoo.sql_db')
    logger.addFilter(is_news)
    try:
        yield
    finally:
        logger.removeFilter(is_news)
