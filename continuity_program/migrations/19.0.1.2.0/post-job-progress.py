from psycopg2.extras import Json

#: What the places that a run reached were called before, and are called now.
NAMES = {'after': 'cursor', 'done': 'done', 'held': 'locked_ids', 'afterwards': 'deferred_ids'}


def migrate(cr, version):
    """A run that time cut off goes on from where it was; what a killed one deferred is still done."""
    cr.execute("SELECT id, progress FROM continuity_job_run WHERE progress IS NOT NULL AND progress::text <> '{}'")
    for run_id, progress in cr.fetchall():
        renamed = {
            company: {NAMES.get(name, name): value for name, value in place.items()}
            for company, place in progress.items()
        }
        cr.execute("UPDATE continuity_job_run SET progress = %s WHERE id = %s", [Json(renamed), run_id])
