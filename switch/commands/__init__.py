"""The subcommands of `monetique`, one module a family.

Each module has `register(subparsers)`, which only declares options, and functions that do the work. They import what
they need when they run: `monetique cards` starts without the event loop.
"""
