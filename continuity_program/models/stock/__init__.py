from . import move
from . import move_bulk
from . import picking
from . import quant
from . import rule
