"""Find Odoo 19, or unpack Debian's package of it into `.local/odoo-19` without touching the machine's own apt."""

import importlib.util
import os
import re
import shutil
from pathlib import Path

from .output import DevError, run_logged, step
from .project import LOCAL, LOGS

UNPACKED = LOCAL / "odoo-19"
_COMPLETE = UNPACKED / ".complete"
_APT = LOCAL / "apt"
_PINNED_VERSION = "19.0.0+dfsg-1"
# Packages that the links inside odoo-19 point at. Font Awesome's newest version has moved its files, so that one
# comes from the stable suite, which has them where the links expect them.
_LINKED = (
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
    "fonts-montserrat",
    "fonts-roboto-unhinted",
    "fonts-inconsolata",
    "fonts-ocr-b",
    "fonts-glyphicons-halflings",
    "fonts-font-awesome/stable",
)
_UNUSED_ADDONS = ("point_of_sale",)  # dangling links that nobody of ours follows
_REMEDY = "set ODOO_HOME to a checkout of Odoo 19 or to an unpacked package of it"
_NEEDED_BYTES = 3 * 1024**3


class Odoo:
    """One installation of Odoo 19: what to put on PYTHONPATH and where its addons are."""

    def __init__(self, python_path: Path, package: Path, addons: list[Path]):
        self.python_path = python_path
        self.package = package
        self.addons = addons

    @property
    def version(self) -> str:
        """What tells one Odoo from another: where it is and when its newest top-level part was changed."""
        changed = max(int(path.stat().st_mtime) for path in (self.package, *self.addons))
        return f"{self.package} of {changed}"

    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.python_path)}

    def isolated(self) -> "Odoo":
        """The same Odoo behind a link of its own, so that the packages beside it do not hide those of our venv."""
        folder = LOCAL / "odoo-link"
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / "odoo"
        if not link.is_symlink() or link.readlink() != self.package:
            # Put in place at once: another process may be importing Odoo through it.
            new = folder / f"odoo-{os.getpid()}"
            new.symlink_to(self.package)
            new.replace(link)
        return Odoo(folder, self.package, self.addons)

    @classmethod
    def in_folder(cls, folder: Path) -> "Odoo | None":
        """Odoo in a checkout, in an unpacked Debian package, or in a site-packages folder."""
        for root in (folder, folder / "usr/lib/python3/dist-packages"):
            package = root / "odoo"
            if (package / "release.py").exists() and _is_19(package):
                addons = [path for path in (root / "addons", package / "addons") if (path / "web").exists()]
                return cls(root, package, addons) if addons else None
        return None


def _is_19(package: Path) -> bool:
    return "version_info = (19, 0" in (package / "release.py").read_text()


def find() -> Odoo | None:
    """$ODOO_HOME, an importable odoo 19, or what an earlier setup unpacked."""
    chosen = os.environ.get("ODOO_HOME")
    if chosen:
        odoo = Odoo.in_folder(Path(chosen))
        if not odoo:
            raise DevError(f"ODOO_HOME={chosen} holds no Odoo 19", "point it at the folder above the package `odoo`")
        return odoo
    return _importable() or (Odoo.in_folder(UNPACKED) if _COMPLETE.exists() else None)


def _importable() -> Odoo | None:
    """An odoo that the Python which runs bin/dev can import, as left by `pip install -e` or a system package."""
    spec = importlib.util.find_spec("odoo")
    found = list(spec.submodule_search_locations or ()) if spec else []
    odoo = Odoo.in_folder(Path(found[0]).parent) if found else None
    return odoo and odoo.isolated()


def provide() -> Odoo:
    """Odoo 19, fetched and unpacked when there is none yet."""
    odoo = find()
    if odoo:
        return odoo
    if not shutil.which("dpkg") or not shutil.which("apt-get"):
        raise DevError("no Odoo 19 here, and no apt to get Debian's package with", _REMEDY)
    if shutil.disk_usage(LOCAL).free < _NEEDED_BYTES:
        raise DevError(f"less than 3 GB free for {LOCAL}", "free some disk space, then run this again")
    shutil.rmtree(UNPACKED, ignore_errors=True)
    with step("fetching Debian's package lists into .local/apt"):
        _prepare_apt()
    with step("downloading Odoo 19 (120 MB) and the packages it links to"):
        packages = _download()
    with step("unpacking them into .local/odoo-19"):
        for package in packages:
            run_logged(["dpkg", "-x", package, UNPACKED], LOGS / "dpkg.log", "free some disk space if it is full")
        _check_links()
    _COMPLETE.touch()
    shutil.rmtree(_APT)
    odoo = Odoo.in_folder(UNPACKED)
    if not odoo:
        raise DevError("Debian's package odoo-19 does not look as expected", _REMEDY)
    return odoo


def _apt(*arguments: str) -> list[str]:
    options = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": _APT / "sources",
        "Dir::State::Lists": _APT / "lists",
        "Dir::Cache": _APT / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    return ["apt-get", *(part for name, value in options.items() for part in ("-o", f"{name}={value}")), *arguments]


def _prepare_apt() -> None:
    """Private lists with the suites `sid` and `stable` of the mirror that the machine itself uses."""
    shutil.rmtree(_APT, ignore_errors=True)
    for folder in ("sources", "lists/partial", "cache/archives/partial", "packages"):
        (_APT / folder).mkdir(parents=True)
    name, text = private_source(Path("/etc/apt"))
    (_APT / "sources" / name).write_text(text)
    run_logged(_apt("update"), LOGS / "apt-odoo.log", _REMEDY)


def private_source(settings: Path) -> tuple[str, str]:
    """File name and text of an apt source for sid and stable, copied from the machine's Debian entry."""
    suites = f"{_machine_suite()}|stable|testing|unstable|sid"
    for path in sorted(settings.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            if re.search(rf"^Suites:.*\b({suites})(\s|$)", stanza, re.MULTILINE):
                for field, value in (("Types", "deb"), ("Suites", "sid stable"), ("Components", "main")):
                    stanza = re.sub(rf"^{field}:.*$", f"{field}: {value}", stanza, flags=re.MULTILINE)
                return "odoo.sources", stanza.strip() + "\n"
    for path in sorted([*settings.glob("sources.list"), *settings.glob("sources.list.d/*.list")]):
        pattern = rf"^(deb\s+(?:\[.*?\]\s+)?\S+)\s+({suites})\s"
        found = re.search(pattern, path.read_text(), re.MULTILINE)
        if found:
            return "odoo.list", "".join(f"{found.group(1)} {suite} main\n" for suite in ("sid", "stable"))
    raise DevError("this machine's apt has no Debian source to get the package odoo-19 from", _REMEDY)


def _machine_suite() -> str:
    found = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    return found.group(1) if found else "stable"


def _download() -> list[Path]:
    folder = _APT / "packages"
    try:
        run_logged(_apt("download", f"odoo-19={_PINNED_VERSION}"), LOGS / "apt-odoo.log", _REMEDY, cwd=folder)
    except DevError:
        # Debian keeps one version of a suite: take the newest when the tried one has gone.
        run_logged(_apt("download", "odoo-19"), LOGS / "apt-odoo.log", f"Debian has no odoo-19: {_REMEDY}", cwd=folder)
    run_logged(_apt("download", *_LINKED), LOGS / "apt-odoo.log", _REMEDY, cwd=folder)
    return sorted(folder.glob("*.deb"))


def _check_links() -> None:
    """A dangling link would make Odoo's first page answer 500."""
    dangling = [
        str(path.relative_to(UNPACKED))
        for path in UNPACKED.rglob("*")
        if path.is_symlink() and not path.exists() and not set(_UNUSED_ADDONS) & set(path.parts)
    ]
    if dangling:
        raise DevError(f"links of the package odoo-19 lead nowhere: {', '.join(dangling[:5])}", _REMEDY)
