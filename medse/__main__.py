"""``python -m medse``."""

from medse.cli.app import main

main()
