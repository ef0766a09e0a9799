"""The first shell: sans-IO parts on real sockets, disk and time, by uvloop.

`effects.Driver` drives one part: it hands in frames, HSM answers and ticks, and carries out what the part asks for.
Everything else here is what the driver needs (connections, the HSM client, group commit, lines, metrics, the control
socket) or what puts a process together (`switch_part`, `issuer_part`, `supervisor`).
"""
