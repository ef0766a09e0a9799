"""Error codes of the host protocol, as they stand after the response code, and the refusal that carries one."""

NO_ERROR = b"00"
VERIFICATION_FAILED = b"01"
KEY_PARITY_ADVICE = b"01"  # of A6: the key was accepted, its parity adjusted
PVK_LENGTH_ADVICE = b"02"  # of the IBM method: the PVK is longer than single length, and was used all the same
MAC_MODE = b"02"
MAC_INPUT_FORMAT = b"03"
MAC_ALGORITHM = b"04"
MAC_KEY_TYPE = b"05"
KEY_LENGTH_FLAG = b"05"
MAC_MESSAGE_LENGTH = b"06"
MAC_PADDING = b"09"
SOURCE_KEY_PARITY = b"10"
TARGET_KEY_PARITY = b"11"
USER_STORAGE_EMPTY = b"12"
LMK_IDENTIFIER = b"13"
LMK_PIN = b"14"
INPUT_DATA = b"15"
PIN_BLOCK = b"20"
ACCOUNT = b"22"
PIN_BLOCK_FORMAT = b"23"
PIN_LENGTH = b"24"
DECIMALISATION_TABLE = b"25"
KEY_SCHEME = b"26"
KEY_LENGTH = b"27"
KEY_TYPE = b"28"
FUNCTION_NOT_PERMITTED = b"29"
COMMAND_DISABLED = b"68"
DATA_LENGTH = b"80"


class RefusedError(Exception):
    """A command that is answered by an error code and nothing else. It holds no data of the command."""

    def __init__(self, code: bytes) -> None:
        super().__init__(code.decode("ascii"))
        self.code = code
