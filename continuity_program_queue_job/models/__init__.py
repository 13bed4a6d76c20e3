from . import continuity_job_batch
from . import continuity_job_run
from . import queue_job
