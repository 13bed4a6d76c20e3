from . import program
from . import events
from . import program_line
from . import overview
