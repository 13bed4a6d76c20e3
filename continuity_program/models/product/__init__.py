from . import template
from . import product
