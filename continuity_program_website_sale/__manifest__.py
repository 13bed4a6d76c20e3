{
    'name': 'Continuity Programs: Shop',
    'summary': 'Sell continuity programs in the shop: the plan, the card, what is due now',
    'version': '19.0.1.0.0',
    'category': 'Website/Website',
    'license': 'LGPL-3',
    'author': 'Continuity Programs for Odoo',
    'maintainers': ['continuity-programs'],
    'website': 'https://continuity-programs.example',
    'development_status': 'Beta',
    'depends': ['continuity_program', 'website_sale'],
    'data': ['views/product_templates.xml', 'views/cart_templates.xml', 'views/payment_templates.xml'],
    'assets': {
        'web.assets_frontend': ['continuity_program_website_sale/static/src/**/*'],
        'web.assets_tests': ['continuity_program_website_sale/static/tests/tours/**/*'],
    },
    'auto_install': True,
}
