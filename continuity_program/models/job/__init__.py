from . import parking
from . import run
from . import engine
from . import log
from . import preview
from . import issue
from . import change
