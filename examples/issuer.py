"""A test issuer: it listens for the switch, and answers its requests, advices, reversals and network messages.

It needs pyiso8583 alone. In two shells, in either order:

    python examples/issuer.py
    monetique up --config examples/own-issuer.toml

The switch dials it, signs on, and sends it what is paid with cards that begin with 99991234.
"""

import argparse
import contextlib
import socket

import iso8583
from iso8583.specs import default_ascii

ECHOED = ("2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49", "70")  # 11, 37 and 41 pair the two
LIMIT_CENTS = 500_00

held: dict[str, int] = {}  # cents that each approved request holds, by `name_of`


def name_of(message: dict[str, str]) -> str:
    """What names a transaction: a repeat and a reversal carry the same DE 11, 32, 37 and 41 as the request."""
    return "|".join(message.get(number, "") for number in ("11", "32", "37", "41"))


def answer_to(message: dict[str, str]) -> dict[str, str]:
    """The answer has the class and origin of its request, and DE 39. A repeat (0101, 0421) is answered as the first."""
    kind = message["t"][:3]
    answer = {number: message[number] for number in ECHOED if number in message}
    answer |= {"t": f"{kind[:2]}{int(kind[2]) + 1}0", "39": "00"}
    if kind in ("010", "020"):  # a request; its DE 52 is a PIN block under our ZPK, for an HSM to verify
        if int(message["4"]) > LIMIT_CENTS:
            return answer | {"39": "51"}
        held[name_of(message)] = int(message["4"])
        answer["38"] = message["11"]  # the approval code
    elif kind in ("040", "042"):  # a reversal is always taken, also of a request that never came
        held.pop(name_of(message), None)
    return answer


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8601)
args = parser.parse_args()

with socket.create_server((args.host, args.port)) as server:
    print(f"listening on port {server.getsockname()[1]}", flush=True)
    while True:
        conn, _ = server.accept()  # the switch keeps one connection, and dials again when it is lost
        with contextlib.suppress(ConnectionError), conn, conn.makefile("rb") as stream:
            while length := stream.read(2):
                message, _ = iso8583.decode(stream.read(int.from_bytes(length, "big")), default_ascii)
                answer = answer_to(message)
                frame, _ = iso8583.encode(answer, default_ascii)
                conn.sendall(len(frame).to_bytes(2, "big") + frame)
                outcome = f"DE 39 = {answer['39']}  holds {sum(held.values())} cents"
                print(f"{message['t']} -> {answer['t']}  {outcome}", flush=True)
