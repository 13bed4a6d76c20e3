from . import continuity_portal
from . import portal
