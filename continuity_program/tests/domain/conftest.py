"""Puts ``domain`` on the path by itself: the addon around it imports Odoo, and these tests run without it."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from hypothesis import settings

# A busy machine makes no rule fail, nor does it kill a mutant.
settings.register_profile("domain", parent=settings(), deadline=None)
settings.load_profile("domain")

FOLDER = Path(__file__).resolve().parents[2] / "domain"

if "domain" not in sys.modules:
    spec = spec_from_file_location("domain", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)])
    sys.modules["domain"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["domain"])
