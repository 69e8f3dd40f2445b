"""``python -m diffuse_fuse``: the same as the command ``dfuse``."""

import sys

from diffuse_fuse.cli import main

sys.exit(main())
