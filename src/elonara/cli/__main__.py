"""`python -m elonara.cli`."""

import sys

from elonara.cli import main

sys.exit(main())
