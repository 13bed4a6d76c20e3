from . import program
from . import program_line
from . import overview
