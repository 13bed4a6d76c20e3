"""The jobs that keep plans up to date: what each record costs them, and how that grows."""

from .case import Case, Goal
from .data import MOST, NIGHT, SOLD_ON, create_program, run_job, sell

WARM_UP = 10


def seed(env, size):
    """Plans of twelve events, each of which has more repeats to come than are planned at once."""
    env.company.continuity_repeat_threshold = 2
    product = create_program(env)
    product.continuity_program_id.line_ids[-1].repeat_count = 5
    sell(env, product, size + WARM_UP)


def sync(env, _size):
    """An event gets another quantity: one line of each plan follows."""
    _get_program(env).line_ids[5].quantity = 2.0
    return _run(env, "sync")


def sync_unchanged(env, _size):
    """The program was changed and changed back: each plan is looked at, and none follows."""
    quantity = _get_program(env).line_ids[5]
    quantity.quantity = 2.0
    quantity.quantity = 1.0
    return _run(env, "sync")


def extend(env, _size):
    env.company.continuity_repeat_threshold = 4
    return _run(env, "extend")


def close(env, _size):
    """All was sent, billed and paid: written by SQL, as if the years had gone by. The parent orders close with it."""
    env.cr.execute("UPDATE continuity_line SET state = 'delivered', is_invoiced = true")
    env.cr.execute(
        "UPDATE continuity_subscription SET next_date = NULL, occurrences_left = 0, open_occurrence_count = 0"
    )
    return _run(env, "close")


def update_events(env, size):
    """Programs, a hundredth as many as subscriptions."""
    programs = _get_program(env)
    programs.line_ids[0].start_date = SOLD_ON
    for _number in range(size // 100):
        programs |= programs[0].copy()
    return _run(env, "update_events", programs, 1)


def _get_program(env):
    return env["continuity.program"].search([("name", "=", "Book Club")], limit=1)


def _run(env, job, records=None, warm_up=WARM_UP):
    """Let the job have a few, and return the work: the others, all or as many as are measured."""
    records = records or env["continuity.subscription"].search([], order="id", limit=MOST + warm_up)
    run_job(env, job, NIGHT, records[:warm_up])
    return lambda: run_job(env, job, NIGHT, records[warm_up:]).done_count


def _growth(job):
    return Goal(f"{job}: exponent of the time", lambda results, figure: results.exponent(job, figure), at_most=1.05)


CASE = Case(
    name="jobs",
    title="Keeping plans up to date",
    text="Size: subscriptions of a program of twelve events; the job takes all, of more than 10,000 so many. `sync` "
    "changes one line of each plan; *sync, unchanged* finds each plan as it has to be. `close` also mails the customer "
    "and locks the parent order. `update_events` works on programs, a hundredth as many: most of its cost is the run "
    "itself.",
    unit="record",
    seed=seed,
    variants={
        "sync": sync,
        "sync, unchanged": sync_unchanged,
        "extend": extend,
        "close": close,
        "update_events": update_events,
    },
    sizes=(100, 1_000, 10_000, 100_000),
    quick_sizes=(100, 500),
    rounds=1,
    goals=[_growth("sync"), _growth("extend"), _growth("close")],
)
