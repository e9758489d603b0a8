"""Makes tests/support importable as `support`, whatever the folder pytest starts in, and keeps the sample apps out."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

collect_ignore = ["apps"]
