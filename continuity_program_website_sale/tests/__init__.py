from . import test_shop, test_shop_children, test_shop_tour, test_translations
