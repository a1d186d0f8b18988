"""Entry point: ``python -m model_server``."""

import sys

from model_server.server import main

sys.exit(main())
