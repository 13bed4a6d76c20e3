from . import continuity_extend
from . import continuity_job_wizard
from . import continuity_job_wizard_line
from . import continuity_plan_preview
from . import continuity_plan_preview_line
from . import continuity_stop
from . import continuity_stop_line
from . import sale_advance_payment_inv
