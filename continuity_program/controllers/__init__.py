from . import announcement
from . import portal
