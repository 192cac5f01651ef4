"""`python -m sandbox`."""

import sys

from sandbox import main

if __name__ == "__main__":
    sys.exit(main())
