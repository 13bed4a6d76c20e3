from . import program
from . import rules
from . import events
from . import program_line
from . import overview
from . import promotion
