"""`python -m bench`."""

import sys

try:
    from bench.cli import main
except KeyboardInterrupt:  # before anything was done
    sys.exit(130)

sys.exit(main())
