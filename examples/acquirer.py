"""A test acquirer: it signs on, buys with a PIN, and takes the purchase back.

It needs pyiso8583 and cryptography alone. While the bench runs:

    python examples/acquirer.py                 the published test card, PIN and key: 00, then reversed
    python examples/acquirer.py --pin 1111      a wrong PIN: 55
"""

import argparse
import socket
from datetime import UTC, datetime

import iso8583
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from iso8583.specs import default_ascii

ACQUIRER_ID = "10000000001"  # DE 32: the institution that port 8583 belongs to
ZPK = bytes.fromhex("F80E49F13D29DC866D91B62C98A1EA46")  # its zone PIN key, from `monetique keys`


def pin_block(pin: str, pan: str) -> str:
    """DE 52: an ISO 9564-1 format 0 block under the ZPK, in 16 hexadecimal digits."""
    pin_field = int(f"0{len(pin):X}{pin}".ljust(16, "F"), 16)
    pan_field = int(pan[-13:-1], 16)  # the twelve digits before the check digit
    cipher = Cipher(TripleDES(ZPK + ZPK[:8]), modes.ECB()).encryptor()
    return cipher.update((pin_field ^ pan_field).to_bytes(8, "big")).hex().upper()


def ask(conn: socket.socket, message: dict[str, str]) -> dict[str, str]:
    """Send one message and wait for its answer; before each stands its length, two bytes, big-endian.

    No answer in time (here a TimeoutError) leaves the outcome unknown: a real acquirer then sends the reversal.
    """
    frame, _ = iso8583.encode(message, default_ascii)
    conn.sendall(len(frame).to_bytes(2, "big") + frame)
    with conn.makefile("rb") as stream:
        answer, _ = iso8583.decode(stream.read(int.from_bytes(stream.read(2), "big")), default_ascii)
    print(f"{message['t']} -> {answer['t']}  DE 39 = {answer['39']}  DE 38 = {answer.get('38', '-')}")
    return answer


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8583)
parser.add_argument("--pan", default="4687380000000016")  # `monetique cards` lists them all
parser.add_argument("--expiry", default="3012")
parser.add_argument("--pin", default="7068")
args = parser.parse_args()

now = datetime.now(UTC)
stan = f"{int(now.timestamp() * 1000) % 1_000_000:06d}"  # DE 11: another one for each request
purchase = {
    "t": "0100", "2": args.pan, "3": "000000", "4": "000000001250", "7": f"{now:%m%d%H%M%S}", "11": stan,
    "12": f"{now:%H%M%S}", "13": f"{now:%m%d}", "14": args.expiry, "22": "051", "32": ACQUIRER_ID,
    "37": f"{now:%y%j%H}"[1:] + stan, "41": "SHOP0001", "42": "MERCHANT0000001", "49": "978",
    "52": pin_block(args.pin, args.pan),
}  # fmt: skip

try:
    conn = socket.create_connection((args.host, args.port), timeout=10)
except OSError as error:
    parser.error(f"{args.host}:{args.port}: {error.strerror or error}; the bench's ready line says which --port it has")
with conn:
    # Each connection signs on, once: before that everything else is answered 91. This 0800 needs no more than this.
    ask(conn, {"t": "0800", "7": purchase["7"], "11": "000001", "70": "001"})
    if ask(conn, purchase)["39"] == "00":
        # A reversal repeats what identifies the request, and names it in DE 90: MTI, STAN, DE 7, DE 32, eleven zeros.
        reversal = {number: purchase[number] for number in ("2", "3", "4", "7", "11", "32", "37", "41", "42", "49")}
        original = purchase["t"] + stan + purchase["7"] + ACQUIRER_ID.zfill(11) + "0" * 11
        ask(conn, {"t": "0420", **reversal, "90": original})
