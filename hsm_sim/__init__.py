"""The software HSM: a simulator of the payShield host-command protocol, its own process, for test keys only.

`crypto` is pure, `commands` holds one module per command family, `device` turns command bytes into response
bytes without any input or output, `server` moves those bytes over TCP, and `cli` starts the process.
"""
