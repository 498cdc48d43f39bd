"""``python -m medse``."""

from medse.cli import main

main()
