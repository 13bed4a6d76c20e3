from . import activity
from . import template
from . import announcements
from . import notices
from . import receipts
from . import announced_lines
