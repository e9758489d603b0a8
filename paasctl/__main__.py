"""``python -m paasctl`` is the same program as ``paasctl``."""

from paasctl.cli import main

main()
