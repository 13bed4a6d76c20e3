"""Run by test_upgrade.py on the upgraded database: the next nights, with the jobs as they are now."""

from freezegun import freeze_time

JOBS = ("sync", "extend", "update_events", "announce", "create_orders", "process_payments", "close")

for night in ("2027-03-01", "2027-03-05"):
    with freeze_time(f"{night} 12:00:00"):
        for job in JOBS:
            env["continuity.job.run"]._execute(job)
env.cr.commit()
