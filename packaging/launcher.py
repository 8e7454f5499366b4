"""The script that the frozen program runs: `provider.__main__`, and nothing before it.

PyInstaller's own bootstrap is left out (see bundle.spec), so this and what it imports is all that a ready answer costs.
"""

import sys

from provider.__main__ import main

sys.exit(main())
