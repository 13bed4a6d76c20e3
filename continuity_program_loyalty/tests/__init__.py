from . import test_billed_by_box, test_law, test_paid_in_advance
