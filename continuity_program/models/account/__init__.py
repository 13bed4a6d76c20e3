from . import move
from . import move_line
from . import payment_term
from . import partial_reconcile
