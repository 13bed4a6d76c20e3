from . import test_create_orders
from . import test_schedule
