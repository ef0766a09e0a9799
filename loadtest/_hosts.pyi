from loadtest._iso import AsciiLayout
from loadtest._wire import Wire

class Hosts(Wire):
    authorizations: int
    translations: int

    def __init__(self, layout: AsciiLayout) -> None: ...
    def listen_issuer(self, fd: int) -> None: ...
    def listen_hsm(self, fd: int) -> None: ...
