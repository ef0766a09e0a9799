from collections.abc import Sequence

class AsciiLayout:
    def __init__(self, fields: Sequence[tuple[int, int]]) -> None: ...
