from . import announcement
from . import continuity_portal
from . import portal
