def migrate(cr, version):
    """What was left out is kept with the run that told it; how long it lasts is counted from the next run on."""
    cr.execute(
        """
        INSERT INTO continuity_job_issue_run_rel (issue_id, run_id)
        SELECT id, run_id FROM continuity_job_issue
            ON CONFLICT DO NOTHING
        """
    )
    cr.execute(
        """
        UPDATE continuity_job_issue
           SET first_date = create_date::date, last_date = create_date::date, night_count = 1, is_open = FALSE
         WHERE first_date IS NULL
        """
    )
