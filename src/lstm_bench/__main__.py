"""Run the command line as ``python -m lstm_bench``."""

from lstm_bench.cli.app import main

__all__: list[str] = []

main()
