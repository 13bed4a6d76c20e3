from . import move
from . import move_line
from . import partial_reconcile
