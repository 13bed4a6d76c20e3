from . import order
from . import boxes
from . import closing
from . import invoice
from . import order_line
from . import order_line_invoice
from . import reductions
from . import payer
