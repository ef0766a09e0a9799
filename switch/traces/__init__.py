"""Traces: messages as they passed a point of the network, in the format `monetique-trace/1`. No sockets, no files."""
