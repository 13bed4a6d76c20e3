from . import continuity_subscription, product_template, sale_order, sale_order_line
