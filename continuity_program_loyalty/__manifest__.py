{
    'name': 'Continuity Programs: Coupons and Gift Cards',
    'summary': 'Coupons, rewards, gift cards and wallets on continuity programs',
    'version': '19.0.1.0.0',
    'category': 'Sales/Sales',
    'license': 'LGPL-3',
    'author': 'Continuity Programs for Odoo',
    'maintainers': ['continuity-programs'],
    'website': 'https://continuity-programs.example',
    'development_status': 'Beta',
    'depends': ['continuity_program', 'sale_loyalty', 'sale_loyalty_delivery'],
    'data': ['views/continuity_subscription_views.xml'],
    'auto_install': True,
}
