from . import subscription
from . import line
from . import mixin
from . import change
from . import change_line
