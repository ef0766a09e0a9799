"""The device itself, sans-IO: one command's bytes in, its response's bytes out.

    command   header (m bytes, echoed) ‖ code 2A ‖ data [‖ '%' LMK identifier 2N] [‖ X'19' trailer]
    response  header ‖ code 2A ‖ error 2N ‖ data [‖ X'19' trailer]

The two-byte length of the TCP frame is the shell's business (`hsm_sim.server`). The device keeps no state between
commands but a cache of opened keys, never raises on any input, and with a deterministic `random` answers the same
bytes to the same commands, which is how a simulation replays.
"""

from collections.abc import Callable

from hsm_sim.commands.table import COMMANDS, response_code
from hsm_sim.crypto.lmk import Lmk
from hsm_sim.errors import COMMAND_DISABLED, INPUT_DATA, RefusedError
from hsm_sim.fields import Fields
from hsm_sim.keys import Keys

CODE_BYTES = 2
# The response code where a body is too short to hold a command code.
NO_CODE = b"ZZ"


class Device:
    """A payShield-like HSM with one variant LMK.

    `header_length`: bytes of the message header (a payShield is set to 4 by default); `pci`: PCI HSM mode, in which a
    TPK is of type 70D; `random(n)`: n random bytes, for keys and for the fill of ISO-1 and ISO-3 blocks.

    >>> from hsm_sim.crypto.lmk import published_test_lmk
    >>> device = Device(published_test_lmk(), random=bytes)
    >>> device.respond(b"1234B20005HELLO")
    b'1234B300HELLO'
    >>> device.respond(b"1234XX")
    b'1234XY68'
    """

    def __init__(self, lmk: Lmk, header_length: int = 4, pci: bool = False, *, random: Callable[[int], bytes]) -> None:
        self._keys = Keys(lmk, pci, random)
        self._code_at = header_length
        self._data_at = header_length + CODE_BYTES

    def respond(self, body: bytes) -> bytes:
        """The response to one command; both are bodies, without the frame's length."""
        header = body[: self._code_at]
        code = body[self._code_at : self._data_at]
        command = COMMANDS.get(code)
        if command is None:
            return header + self._unknown(code)
        fields = Fields(body, self._data_at, command.counted)
        try:
            answer = command.handle(self._keys, fields)
        except RefusedError as refused:
            answer = refused.code
        return header + command.response + answer + fields.trailer

    @staticmethod
    def _unknown(code: bytes) -> bytes:
        if len(code) < CODE_BYTES:
            return NO_CODE + INPUT_DATA
        return response_code(code) + COMMAND_DISABLED
