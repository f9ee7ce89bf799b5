"""`python -m probbound`."""

from probbound.cli.main import main

main()
