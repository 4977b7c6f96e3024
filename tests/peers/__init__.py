"""The real programs that the tests talk to.

`python -m tests.peers -- COMMAND` starts each of them on a free port of this machine, runs the
command with their addresses in its environment, and stops what it started.
"""
