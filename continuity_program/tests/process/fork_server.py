"""Loads the registry once and forks a process for each task: `python fork_server.py DATABASE LOG FOLDER ADDRESS OWNER`.

At the address, a socket, it reads one JSON command a connection and answers with one JSON line. A task is a function of
``tasks.py``, or of another module here or in that folder when it is named ``module.function``; it runs in a process of
its own, with connections of its own, on any copy of the database. So a process to kill costs milliseconds.
"""

import importlib
import json
import logging
import os
import socket
import sys
import threading
import time
import traceback
from contextlib import closing
from pathlib import Path

from odoo import api, sql_db
from odoo.modules.registry import Registry
from odoo.tools import config

#: What ends it.
STOP = 'stop\n'


def main(database, log, folder, address, owner):
    sys.path.append(folder)
    config.parse_config(['-d', database, '--logfile', log, '--no-http', '--max-cron-threads=0'], setup_logging=True)
    registry = Registry(database)
    importlib.import_module('tasks')  # imports addons, which Odoo finds from here on
    sql_db.close_all()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        # Odoo's test classes terminate the children of their process when they end.
        if not os.fork():
            serve(registry, listener, owner)


def serve(registry, listener, owner):
    """Answer until told to stop, or until the process that started this one is gone."""
    listener.settimeout(1)
    while Path(f'/proc/{owner}').exists():
        try:
            connection, _address = listener.accept()
        except TimeoutError:
            continue
        with connection, connection.makefile('rw') as stream:
            text = stream.readline()
            if text == STOP:
                return
            stream.write(json.dumps(answer(registry, text)) + '\n')


def answer(registry, text):
    try:
        return obey(registry, json.loads(text))
    except Exception:
        return {'error': traceback.format_exc()}


def obey(registry, command):
    if 'rehearse' in command:
        rehearse(registry, command['rehearse'], command['args'])
        return {}
    if 'task' in command:
        return {'pid': start(registry, command)}
    return {'status': wait(**command)}


def rehearse(registry, task, args):
    """Do a task in vain on the seeded database: the processes inherit what the registry works out on the way."""
    registry.check_signaling()
    with closing(registry.cursor()) as cr:
        find(task)(api.Environment(cr, api.SUPERUSER_ID, {}), **args)
        cr.rollback()
    sql_db.close_all()


def find(task):
    module, _dot, name = task.rpartition('.')
    return getattr(importlib.import_module(module or 'tasks'), name)


def start(registry, command):
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        status = run(registry, **command)
    finally:
        logging.shutdown()
        os._exit(status)


def wait(pid, timeout):
    """Return the exit status of a task, negative for a signal, nothing while it still runs."""
    deadline = time.monotonic() + timeout
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.005)


def run(registry, task, database, log, result, args, host=None):
    """Run a task in the present process, on this database, and write down what it returns."""
    redirect_output(log)
    if host:
        config['db_host'] = host
    threading.current_thread().dbname = registry.db_name = database
    registry._db = sql_db.db_connect(database)
    registry._db_readonly = None
    Registry.registries[database] = registry
    try:
        registry.check_signaling()
        with registry.cursor() as cr:
            value = find(task)(api.Environment(cr, api.SUPERUSER_ID, {}), **args)
    except Exception:
        traceback.print_exc()
        return 3
    Path(result).write_text(json.dumps(value, default=str))
    return 0


def redirect_output(log):
    """Send everything this process says to a file of its own."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter('%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s'))
    logging.getLogger().handlers[:] = [handler]


if __name__ == '__main__':
    main(*sys.argv[1:])
