{
    'name': 'Continuity Programs: Job Queue',
    'summary': 'Share the nightly jobs of Continuity Programs among many workers',
    'version': '19.0.1.2.0',
    'category': 'Sales/Sales',
    'license': 'LGPL-3',
    'author': 'Continuity Programs for Odoo',
    'maintainers': ['continuity-programs'],
    'website': 'https://continuity-programs.example',
    'development_status': 'Beta',
    'depends': ['continuity_program', 'queue_job'],
    'data': [
        'security/continuity_security.xml',
        'security/ir.model.access.csv',
        'data/queue_job.xml',
        'views/continuity_job_run_views.xml',
    ],
    'auto_install': True,
}
