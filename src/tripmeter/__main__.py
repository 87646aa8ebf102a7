"""`python -m tripmeter` is `tripmeter`."""

from tripmeter.cli import main

main()
