from loadtest._wire import Wire

class Relay(Wire):
    def __init__(self, command: bytes, listening_fd: int, hsm_fd: int, issuer_fd: int) -> None: ...
