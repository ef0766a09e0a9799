"""The compiled issuer and HSM: what they answer, held against pyiso8583, and that nothing upsets them."""

from contextlib import suppress
from functools import cache
from socket import SHUT_RDWR, SO_SNDBUF, SOL_SOCKET, create_server
from threading import Thread

import iso8583
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from iso8583.specs import default_ascii

from loadtest._wire import WireError
from loadtest.messages import HSM_COMMAND, ascii_layout, prepare
from switch.iso8583.dialect import load
from tests.unit.loadtest.counterparts import PATIENCE_S, Caller, Served, serving, wrapped

NOW = 1_800_000_000.0
ECHOED = {"2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49", "70"}
TRANSLATED = b"CD00" + b"04" + b"0123456789ABCDEF" + b"01"


def decoded(frame: bytes | None) -> dict[str, str]:
    assert frame is not None
    document, _ = iso8583.decode(frame, default_ascii)
    return {key: value for key, value in document.items() if key not in ("h", "p", "1")}


def encoded(document: dict[str, str]) -> bytes:
    frame, _ = iso8583.encode({"h": ""} | document, default_ascii)
    return bytes(frame)


def echo(request: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in request.items() if key in ECHOED}


@cache
def prepare_once() -> bytes:
    return prepare("10000000001", NOW).purchases[0]


@pytest.mark.parametrize(("asked", "answered"), [("0100", "0110"), ("0101", "0110"), ("0200", "0210")])
def test_an_authorization_is_approved_with_a_code(served: Served, asked: str, answered: str) -> None:
    request = decoded(prepare("10000000001", NOW).purchases[17]) | {"t": asked}
    response = decoded(served.call(served.issuer_port).ask(encoded(request)))
    assert response == echo(request) | {"t": answered, "38": "A1B2C3", "39": "00"}


def test_a_reversal_with_a_secondary_bitmap_is_acknowledged(served: Served) -> None:
    request = decoded(prepare("10000000001", NOW).purchases[17]) | {"t": "0421", "90": "0" * 42}
    response = decoded(served.call(served.issuer_port).ask(encoded(request)))
    assert response == echo(request) | {"t": "0430", "39": "00"}


def test_a_sign_on_is_answered_with_its_network_code(served: Served) -> None:
    sign_on = prepare("10000000001", NOW).sign_on
    response = decoded(served.call(served.issuer_port).ask(sign_on))
    assert response == echo(decoded(sign_on)) | {"t": "0810", "39": "00"}


def test_a_burst_is_answered_in_order(served: Served) -> None:
    caller = served.call(served.hsm_port)
    commands = [b"%04X" % number + HSM_COMMAND[4:] for number in range(300)]
    caller.socket.sendall(b"".join(map(wrapped, commands)))
    assert [caller.read() for _ in commands] == [command[:4] + TRANSLATED for command in commands]
    assert served.hosts.translations == 300


def test_a_frame_may_arrive_byte_by_byte(served: Served) -> None:
    caller = served.call(served.hsm_port)
    for number in wrapped(HSM_COMMAND):
        caller.socket.sendall(bytes([number]))
    assert caller.read() == b"0001" + TRANSLATED


def test_the_hsm_refuses_what_is_no_translation(served: Served) -> None:
    assert served.call(served.hsm_port).ask(b"0007NC") == b"0007ND68"
    assert served.hosts.translations == 0


@pytest.mark.parametrize("head", [b"\x00\x00", b"\x20\x01", b"\x00\x05ABCDE"])
def test_a_broken_frame_closes_its_connection_only(served: Served, head: bytes) -> None:
    broken, sound = served.call(served.hsm_port), served.call(served.hsm_port)
    broken.socket.sendall(head)
    assert broken.read() is None
    assert sound.ask(HSM_COMMAND) == b"0001" + TRANSLATED


def test_answers_wait_for_a_slow_reader() -> None:
    server = create_server(("127.0.0.1", 0))
    server.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096)  # connections inherit it: the kernel takes a few answers at a time
    server.setblocking(False)
    port = server.getsockname()[1]
    served = Served()
    served.hosts.listen_hsm(server.detach())
    caller = served.call(port, receive_bytes=4096)
    count = 20_000
    with serving(served.hosts):
        caller.socket.sendall(b"".join(wrapped(b"%04X" % number + HSM_COMMAND[4:]) for number in range(count)))
        for number in range(count):
            assert caller.read() == b"%04X" % number + TRANSLATED
    caller.close()


def test_a_peer_that_never_reads_ends_the_run() -> None:
    served = Served()
    caller = served.call(served.hsm_port, receive_bytes=4096)
    flood = Thread(target=send_until_cut, args=(caller, wrapped(HSM_COMMAND) * 1000), daemon=True)
    flood.start()
    with pytest.raises(WireError, match=r"a peer has left 10\d{5} bytes unread"):
        served.hosts.run(PATIENCE_S)
    caller.socket.shutdown(SHUT_RDWR)
    flood.join(PATIENCE_S)
    caller.close()


def send_until_cut(caller: Caller, data: bytes) -> None:
    with suppress(OSError):
        while True:
            caller.socket.sendall(data)


@pytest.mark.parametrize(
    "broken",
    [
        b"0100" + b"4000000000000000" + b"20" + b"4" * 20,  # DE 2 has 19 digits at most
        b"0100" + b"4000000000000000" + b"164687380000000073" + b"X",  # more than its bitmap says
        b"0100" + b"4000000000000000" + b"16468738000000007",  # less
        b"0100" + b"4000000000000000" + b"1",  # cut within a length
        b"0100" + b"C000000000000000",  # no secondary bitmap
        b"0100" + b"400000000000000G" + b"164687380000000073",
        b"0100",
    ],
)
def test_a_malformed_request_closes_its_connection(served: Served, broken: bytes) -> None:
    assert served.call(served.issuer_port).ask(broken) is None
    assert served.hosts.authorizations == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_mutated_request_is_answered_as_the_oracle_reads_it(served: Served, data: st.DataObject) -> None:
    frame = bytearray(prepare_once())
    for _ in range(data.draw(st.integers(0, 3))):
        frame[data.draw(st.integers(4, len(frame) - 1))] = data.draw(st.integers(0x20, 0x7E))
    frame = frame[: data.draw(st.integers(max(1, len(frame) - 40), len(frame)))]
    try:
        request = decoded(bytes(frame))
    except iso8583.DecodeError:
        request = None
    caller = Caller(served.issuer_port)
    answer = caller.ask(bytes(frame))
    caller.close()
    if request is None:
        assert answer is None
    else:
        expected = echo(request) | {"t": "0110", "38": "A1B2C3", "39": "00"}
        assert answer is not None
        assert decoded(answer) == expected


def test_only_an_ascii_dialect_will_do() -> None:
    with pytest.raises(ValueError, match="dialect iso87-bcd: DE 2 is b, the stubs read ASCII only"):
        ascii_layout(load("iso87-bcd"))
