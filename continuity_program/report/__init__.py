from . import continuity_report_mixin
from . import continuity_cancellation_report
from . import continuity_forecast_report
from . import continuity_retention_report
from . import continuity_revenue_report
