"""A PostgreSQL cluster of the project's own: one Unix socket, no TCP port, never the machine's main cluster."""

import functools
import hashlib
import os
import pwd
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from . import apt
from .output import DevError, run_logged, say, step
from .project import FILESTORE, LOCAL, LOGS

PORT = "5432"  # only names the socket file: nothing listens on TCP
DB_USER = "odoo"
_SERVICE_USERS = ("postgres", "nobody")
_MAX_SOCKET_PATH = 90  # the system's limit is 107 bytes, with the file name
# With these a commit is on the disk when it returns, as where it must not be lost.
_DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
_SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "200",
    "shared_buffers": "512MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    # Everything here can be made again: a killed process loses nothing, only a power cut would.
    **dict.fromkeys(_DURABILITY, "off"),
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "'UTC'",
}


def service_user() -> str | None:
    """Whom the server runs as: PostgreSQL refuses root. None is the present user."""
    if os.geteuid():
        return None
    for name in _SERVICE_USERS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise DevError("no system user to run PostgreSQL as", "apt-get install postgresql, which makes one")


def bindir() -> Path | None:
    """The newest PostgreSQL server programs on this machine ($PG_BINDIR comes first)."""
    chosen = os.environ.get("PG_BINDIR")
    candidates = [Path(chosen)] if chosen else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("[1-9][0-9]/bin"), reverse=True)
    on_path = shutil.which("initdb")
    candidates += [Path(on_path).resolve().parent] if on_path else []
    return next((path for path in candidates if (path / "initdb").exists()), None)


def install() -> None:
    """PostgreSQL's programs from Debian, without a cluster of the machine's own being started or needed."""
    if bindir():
        return
    if os.geteuid():
        raise DevError(
            "no PostgreSQL server programs, and not root to install them",
            "have an administrator install the package postgresql, or set PG_BINDIR to a folder with initdb and pg_ctl",
        )
    with step("installing PostgreSQL"):
        apt.install("postgresql")


@functools.cache
def home() -> Path:
    """The cluster's folder: `.local/pg`, or one under /var/tmp where the server's user cannot get there."""
    local = LOCAL / "pg"
    if len(str(local / "socket")) <= _MAX_SOCKET_PATH and _reachable(local.parent):
        return local
    path_hash = hashlib.sha256(str(LOCAL).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"continuity-pg-{path_hash}"  # noqa: S108 - kept over a reboot; its name is this folder's


def _reachable(folder: Path) -> bool:
    user = service_user()
    if user is None:
        return True
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(["runuser", "-u", user, "--", "test", "-x", str(folder)], check=False).returncode == 0


def socket_dir() -> Path:
    return home() / "socket"


def environment() -> dict[str, str]:
    """What psql, createdb, pytest-odoo and the like need to find the cluster."""
    return {"PGHOST": str(socket_dir()), "PGPORT": PORT, "PGUSER": DB_USER}


def start() -> None:
    """Make the cluster if there is none and start it if it is not running."""
    install()
    _make_cluster()
    if _running():
        return
    _remove_stale_locks()
    with step("starting PostgreSQL"):
        command = [bindir() / "pg_ctl", "-D", home() / "data", "-l", home() / "server.log", "-w", "-t", "60", "start"]
        run_logged(
            _as_service_user(command),
            LOGS / "pg_ctl.log",
            f"look into {home() / 'server.log'}; all databases can be made again: rm -r {home()} && bin/dev setup",
            cwd=home(),
        )


def stop() -> None:
    """Stop the cluster; connected programs are disconnected."""
    if not (home() / "data/PG_VERSION").exists() or not _running():
        say("PostgreSQL is not running")
        return
    command = [bindir() / "pg_ctl", "-D", home() / "data", "-m", "fast", "-w", "stop"]
    run_logged(_as_service_user(command), LOGS / "pg_ctl.log", f"look into {home() / 'server.log'}", cwd=home())
    say("PostgreSQL stopped")


def _as_service_user(command: list) -> list:
    user = service_user()
    return ["runuser", "-u", user, "--", *command] if user else command


def _make_cluster() -> None:
    data = home() / "data"
    if (data / "PG_VERSION").exists():
        return
    with step(f"making a PostgreSQL cluster in {home()}"):
        for folder in (home(), socket_dir()):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
            if service_user():
                shutil.chown(folder, service_user())
        command = [bindir() / "initdb", "-D", data, "-U", DB_USER, "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"]
        run_logged(
            _as_service_user([*command, "--no-sync"]),
            LOGS / "initdb.log",
            f"free some disk space if it is full, then rm -r {home()} and run this again",
            cwd=home(),
        )
        settings = {**_SETTINGS, "port": PORT, "unix_socket_directories": f"'{socket_dir()}'"}
        with (data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in settings.items())


def _running() -> bool:
    """Whether the process of the lock file is this cluster's server, not one that got its number after a reboot."""
    try:
        pid = (home() / "data/postmaster.pid").read_text().split()[0]
        return str(home() / "data").encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, IndexError):
        return False


def _remove_stale_locks() -> None:
    """After a reboot the process numbers in the lock files may belong to other programs."""
    for lock in (home() / "data/postmaster.pid", socket_dir() / f".s.PGSQL.{PORT}.lock"):
        if lock.exists():
            say(f"   removing {lock.name}, left by a server that is gone")
            lock.unlink()


def query(sql: str, database: str = "postgres") -> list[str]:
    """Rows of one column (or `|` between columns)."""
    command = [bindir() / "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]
    result = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise DevError(f"PostgreSQL says: {result.stderr.strip()}", "free some space if the disk is full")
    return result.stdout.splitlines()


@contextmanager
def durable():
    """For as long as the block lasts, commits are written as in production: as slowly, and as safely."""
    try:
        for setting in _DURABILITY:
            query(f"ALTER SYSTEM SET {setting} = on")
        _reload()
        yield
    finally:
        for setting in _DURABILITY:
            query(f"ALTER SYSTEM RESET {setting}")
        _reload()


def _reload() -> None:
    query("SELECT pg_reload_conf()")


def fsync() -> str:
    """Whether commits are written to the disk at once: ``on`` or ``off``."""
    return query("SHOW fsync")[0]


def databases() -> set[str]:
    return set(query("SELECT datname FROM pg_database"))


def drop(name: str) -> None:
    """Drop a database with its filestore, also when something is still connected."""
    query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    shutil.rmtree(FILESTORE / name, ignore_errors=True)


def copy(source: str, target: str) -> None:
    """A copy of a database with its filestore, whose files never change and so are hard-linked."""
    drop(target)
    query(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{source}'")
    query(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')
    if (FILESTORE / source).exists():
        shutil.copytree(FILESTORE / source, FILESTORE / target, copy_function=os.link)


def rename(source: str, target: str) -> None:
    drop(target)
    query(f'ALTER DATABASE "{source}" RENAME TO "{target}"')
    if (FILESTORE / source).exists():
        (FILESTORE / source).rename(FILESTORE / target)
