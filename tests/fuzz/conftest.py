"""What pytest must not import when it looks for doctests."""

collect_ignore = ["guided.py"]  # it instruments what it imports, and chooses the Python twins for its whole process
