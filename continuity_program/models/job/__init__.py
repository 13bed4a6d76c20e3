from . import parking
from . import run
from . import issue
from . import change
