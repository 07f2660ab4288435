"""`python -m strategies`."""

import sys

from strategies.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
