from . import account_move
from . import continuity_subscription
from . import loyalty_rule
from . import sale_order
from . import sale_order_boxes
from . import sale_order_line
