"""A database made by the version before, upgraded: nothing is lost, and it ends where a new installation begins.

The version before is the newest in CHANGELOG.md that names its commit; its addon is taken from git, and
``scripts/sell.py`` sells a plan of each kind with it.
"""

import io
import json
import re
import subprocess
import tarfile

import pytest
from devtool import databases, odoo_source, postgres, project
from installations import ADDON, SCRIPTS, copy_of, find_leftovers, get_warnings, run_odoo, uninstall

pytestmark = pytest.mark.soak

FORMER = re.compile(r"^## (?P<version>\S+)\n+Commit `(?P<commit>\w{40})`", re.MULTILINE)

#: Odoo's records that a plan leads to: they must not change either, nor anything be mailed or noted.
ODOO_TABLES = (
    *(
        "sale_order",
        "sale_order_line",
        "account_move",
        "account_move_line",
        "account_payment",
        "account_partial_reconcile",
    ),
    *(
        "stock_picking",
        "stock_move",
        "payment_transaction",
        "payment_token",
        "mail_message",
        "mail_mail",
        "mail_activity",
    ),
    *("res_company", "ir_sequence"),
)
#: What an administrator may have changed of ours.
SETTINGS = {
    "ir_cron": ("id", "active", "nextcall", "interval_number", "interval_type"),
    "mail_template": ("id", "subject", "body_html", "active"),
}
#: (table, column) that an upgrade is meant to change, with the reason.
MEANT = {
    (
        "continuity_subscription",
        "access_token",
    ): "Odoo tries a new mail template on a record, whose link gets its token.",
    ("sale_order", "access_token"): "The same, for the mail of an order with plans.",
    ("account_move", "access_token"): "The same, for the mail of a credit note.",
    ("account_move", "is_manually_modified"): "Odoo notes so that the link got its token.",
    ("mail_template", "body_html"): "Planned lines have other names: `migrations/19.0.1.2.0/post-template-names.py`.",
    ("continuity_job_run", "progress"): "Its keys have other names: `migrations/19.0.1.2.0/post-job-progress.py`.",
}


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory):
    """The upgraded database, with what it held before, after, and after a second upgrade, and the logs."""
    former = export_former(tmp_path_factory.mktemp("former"))
    with copy_of(project.BASE_DB, "upgrade") as name:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ODOO_ADDONS_PATH", ",".join(map(str, [*odoo_source.provide().addons, former])))
            run_odoo(name, "-i", ADDON)
            assert databases.run_script(name, SCRIPTS / "sell.py") == 0
        states, logs = [read_state(name)], []
        for _time in range(2):
            logs.append(run_odoo(name, "-u", ADDON))
            states.append(read_state(name))
        yield name, states, logs


def export_former(folder):
    """Write the main addon of the version before into a folder."""
    former = FORMER.search((project.ROOT / "CHANGELOG.md").read_text())
    assert former, "CHANGELOG.md names no commit of a version before"
    if not (project.ROOT / ".git").exists():
        pytest.skip("not a git checkout: the version before is not there")
    command = ["git", "-C", project.ROOT, "archive", former["commit"], ADDON]
    result = subprocess.run(command, capture_output=True, check=False)
    if is_shallow() and result.returncode:
        pytest.skip("a shallow clone: the version before is not there (git fetch --unshallow)")
    assert result.returncode == 0, result.stderr
    with tarfile.open(fileobj=io.BytesIO(result.stdout)) as archive:
        archive.extractall(folder, filter="data")
    assert project.manifest(folder / ADDON)["version"] == former["version"]
    return folder


def is_shallow():
    command = ["git", "-C", project.ROOT, "rev-parse", "--is-shallow-repository"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "true"


def read_state(database):
    """What must not be lost: by table the rows by their id, each with its columns."""
    ours = postgres.query("SELECT tablename FROM pg_tables WHERE tablename LIKE 'continuity\\_%'", database)
    transient = {
        model.replace(".", "_")
        for model in postgres.query(
            "SELECT model FROM ir_model WHERE transient AND model LIKE 'continuity.%'", database
        )
    }
    kept = [table for table in ours if not any(table.startswith(name) for name in transient)]
    state = {table: read_rows(database, table) for table in (*kept, *ODOO_TABLES)}
    for table, columns in SETTINGS.items():
        state[table] = read_rows(database, table, columns, f"id IN {ids_of_ours(table.replace('_', '.'))}")
    return state


def ids_of_ours(model):
    return f"(SELECT res_id FROM ir_model_data WHERE module = '{ADDON}' AND model = '{model}')"


def read_rows(database, table, columns=(), where="TRUE"):
    """The rows of a table, in an order that stays; a table that is gone has none."""
    taken = ", ".join(columns) or "*"
    sql = f"SELECT to_jsonb(t) - 'write_date' - 'write_uid' FROM (SELECT {taken} FROM {table} WHERE {where}) t"
    rows = [json.loads(row) for row in postgres.query(sql, database)]
    return {json.dumps(row.get("id", row)): row for row in rows}


def find_losses(before, after):
    """Each row, column or value that is not as it was; what is new is no loss."""
    for table, rows in before.items():
        for key, row in rows.items():
            now = after.get(table, {}).get(key)
            if now is None:
                yield table, key, "gone"
                continue
            for column, value in row.items():
                if (table, column) not in MEANT and (column not in now or now[column] != value):
                    yield table, key, column, value, now.get(column, "gone")


def test_there_is_something_to_lose(upgraded):
    """A plan in each state, lines and payments in each but those that a night never leaves."""
    _name, (before, *_after), _logs = upgraded
    states = {
        table: {row["state"] for row in before[table].values()}
        for table in ("continuity_subscription", "continuity_line", "continuity_payment")
    }
    assert states == {
        "continuity_subscription": {"draft", "running", "paused", "cancelled", "done"},
        "continuity_line": {"planned", "delivered", "skipped", "cancelled"},
        "continuity_payment": {"scheduled", "billed", "paid", "declined"},
    }
    few = {"continuity_cancel_reason", "continuity_job_run", "continuity_job_issue", "continuity_plan_change_line"}
    assert all(before[table] for table in (*few, *ODOO_TABLES, *SETTINGS))


@pytest.mark.parametrize("time", [1, 2])
def test_upgrade_loses_nothing(upgraded, time):
    _name, states, _logs = upgraded
    assert list(find_losses(states[time - 1], states[time])) == []
    for table in ("continuity_subscription", "continuity_line", "continuity_payment", "mail_message", "mail_mail"):
        assert len(states[time][table]) == len(states[0][table])


@pytest.mark.parametrize("time", [1, 2])
def test_upgrade_warns_of_nothing(upgraded, time):
    _name, _states, logs = upgraded
    assert f"Module {ADDON} loaded" in logs[time - 1]
    assert get_warnings(logs[time - 1]) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT table_name, column_name, udt_name, is_nullable FROM information_schema.columns"
        " WHERE table_name LIKE 'continuity%' OR column_name LIKE '%continuity%'",
        "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid::regclass::text LIKE 'continuity%' OR conname LIKE '%continuity%'",
        "SELECT tablename, indexdef FROM pg_indexes"
        " WHERE tablename LIKE 'continuity%' OR indexname LIKE '%continuity%'",
        f"SELECT model, name FROM ir_model_data WHERE module = '{ADDON}'",
    ],
    ids=["columns", "constraints", "indexes", "records"],
)
def test_upgrade_ends_where_an_installation_begins(upgraded, sql):
    name, *_rest = upgraded
    assert sorted(postgres.query(sql, name)) == sorted(postgres.query(sql, project.TEMPLATE_DB))


def test_version_is_the_manifest_s(upgraded):
    name, *_rest = upgraded
    version = f"SELECT latest_version FROM ir_module_module WHERE name = '{ADDON}'"
    assert postgres.query(version, name) == [project.manifest(project.ROOT / ADDON)["version"]]


def test_jobs_go_on(upgraded):
    """The third box falls due by 5 March, but of what was stopped, paused, put off, held or left out, and coffee."""
    name, *_rest = upgraded
    runs = postgres.query("SELECT max(id) FROM continuity_job_run", name)[0]
    assert databases.run_script(name, SCRIPTS / "go_on.py") == 0

    failed = "SELECT sum(failed_count), count(*), sum((state = 'done')::int) FROM continuity_job_run WHERE id >"
    assert postgres.query(f"{failed} {runs}", name) == ["0|14|14"]
    ordered = """
        SELECT replace(program.name->>'en_US', ' Club', ''), count(DISTINCT line.event_number),
               max(line.date_planned) FILTER (WHERE order_line.id IS NOT NULL)
          FROM continuity_line line
          JOIN continuity_subscription subscription ON subscription.id = line.subscription_id
          JOIN continuity_program program ON program.id = subscription.program_id
          JOIN sale_order_line order_line ON order_line.continuity_line_id = line.id
         GROUP BY 1 ORDER BY 1
    """
    assert postgres.query(ordered, name) == [
        "Calendar|3|2027-03-05",
        "Changed|1|2027-01-01",
        "Credited|1|2027-01-01",
        "Declined|2|2027-02-01",
        "Ending|3|2027-03-04",
        "Monthly|3|2027-03-01",
        "Parked|2|2027-02-01",
        "Paused|1|2027-01-01",
        "Refill|2|2027-02-12",
        "Short|1|2027-01-01",
        "Stopped|1|2027-01-01",
        "Thirds|3|2027-03-01",
        "Upfront|3|2027-03-01",
    ]


def test_uninstalling_leaves_nothing_behind(upgraded):
    """The last test: plans, payments and what hangs on them go; orders, invoices and transfers stay."""
    name, *_rest = upgraded
    kept = " UNION ALL ".join(
        f"SELECT count(*) FROM {table}" for table in ("sale_order", "account_move", "stock_picking")
    )
    before = postgres.query(kept, name)

    log = uninstall(name, ADDON)

    assert get_warnings(log) == []
    assert "\n".join(find_leftovers(name, "continuity")) == ""
    assert postgres.query(kept, name) == before
