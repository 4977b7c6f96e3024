"""`python -m sharing.deid.verify ORIGINAL DEIDENTIFIED`: 0 holds, 1 a rule is broken, 2 could not run."""

import sys

from sharing.deid.verify.command import main

sys.exit(main(sys.argv[1:]))
