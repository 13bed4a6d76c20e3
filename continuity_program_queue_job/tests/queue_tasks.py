"""What the processes do, beside the tasks of the main addon."""

from unittest.mock import patch

from tasks import SUBSCRIPTION, _get_counts

from odoo.addons.queue_job.controllers.main import RunJobController


def set_up(env, **values):
    """Set how many records a batch has, and the fields of the company."""
    env['ir.config_parameter'].set_param('continuity_program_queue_job.batch_size', values.pop('batch_size'))
    env.company.write(values)


def dispatch(env, job='create_orders', **options):
    """Run a job by hand as the wizard does; return what the run says at that moment."""
    return _get_counts(env['continuity.job.run']._execute(job, commit=True, wait=False, **options))


def run_wizard(env, login, **values):
    """Let a user run a job by the wizard; return what the run says at that moment."""
    user = env['res.users'].search([('login', '=', login)])
    wizard = env['continuity.job.wizard'].with_user(user).create({'job': 'create_orders', **values})
    return _get_counts(env['continuity.job.run'].browse(wizard.action_run()['res_id']))


def cron_run(env, job='create_orders'):
    env['continuity.job.run']._cron_run(job)
    env.cr.commit()


def work_off(env, at_most=1000):
    """Do the queue jobs that wait, as the web server does when the job runner asks it to; return how many."""
    for count in range(at_most):
        job = env['queue.job'].search([('state', '=', 'pending')], order='priority, id', limit=1)
        if not job:
            return count
        work(env, job.uuid)
    return at_most


def work(env, uuid):
    """Do one queue job."""
    env.cr.execute("UPDATE queue_job SET state = 'enqueued', date_enqueued = now() WHERE uuid = %s", [uuid])
    env.cr.commit()
    env.invalidate_all()
    RunJobController._runjob(env, RunJobController._acquire_job(env, uuid))
    env.cr.commit()
    env.invalidate_all()


def work_twice(env):
    """Do each queue job that waits, and do it again, as if its worker had been killed before it could say so."""
    for uuid in env['queue.job'].search([('state', '=', 'pending')], order='id').mapped('uuid'):
        work(env, uuid)
        env['queue.job'].search([('uuid', '=', uuid)]).records.state = 'waiting'
        work(env, uuid)


def work_off_badly(env):
    """Do the queue jobs that wait while the engine itself fails."""

    def fail(*_args, **_kwargs):
        raise ZeroDivisionError("division by zero")

    with patch.object(env.registry['continuity.job.run'], '_run_batch', fail):
        for uuid in env['queue.job'].search([('state', '=', 'pending')]).mapped('uuid'):
            try:
                work(env, uuid)
            except ZeroDivisionError:
                env.cr.rollback()


def archive_product(env, ids):
    """Let some subscriptions fail: the product they send next is archived."""
    book = env['product.product'].create({'name': "Old Book", 'type': 'consu'})
    env[SUBSCRIPTION].browse(ids).line_ids.filtered(lambda line: line.event_number == 1).product_id = book
    book.active = False


def create_bad_company(env):
    """Make a company that every job fails in as a whole: nobody knows its time zone."""
    company = env['res.company'].create({'name': "Bad House"})
    env.flush_all()
    env.cr.execute("UPDATE res_partner SET tz = 'Mars/Phobos' WHERE id = %s", [company.partner_id.id])
    env.cr.commit()
    return company.id


def deliver(env):
    """The warehouse sends what is to be sent."""
    pickings = env['stock.picking'].search([('sale_id.continuity_parent_id', '!=', False)])
    pickings.move_ids.picked = True
    pickings._action_done()


def leave_unreserved(env, in_batch):
    """Leave a scheduled run as a kill does between the orders and their goods."""
    moves = env['stock.move'].search([])
    moves._do_unreserve()
    engine = env['continuity.job.run']._as_superuser()
    run = engine._create_run('create_orders', engine.env, is_scheduled=True)
    if in_batch:
        env['continuity.job.batch'].create({'run_id': run.id, 'company_id': env.company.id, 'deferred_ids': moves.ids})
    else:
        run.progress = {str(env.company.id): {'deferred_ids': moves.ids}}
    env.cr.commit()
