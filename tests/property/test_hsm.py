"""Properties of the HSM: what goes in comes back, native and twin agree, a key of a wrong type shows its parity."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from hsm_sim.crypto import _pinblock_c, _pinblock_py, dukpt, ibm3624, lmkpin, mac
from hsm_sim.crypto.keywrap import SCHEME_BYTES
from hsm_sim.crypto.lmk import published_test_lmk
from hsm_sim.crypto.tdes import Tdes, has_odd_parity, with_odd_parity

LMK = published_test_lmk()
IMPLEMENTATIONS = (_pinblock_c, _pinblock_py)

controls = st.sampled_from([0, 1, 3])
any_controls = st.integers(-1, 4)
accounts = st.from_regex(rb"[0-9]{12}", fullmatch=True)
pins = st.from_regex(rb"[0-9]{4,12}", fullmatch=True)
fills = st.integers(0, 2**64 - 1)
key_types = st.from_regex(rb"[0-9]0[0-35-9A-D]", fullmatch=True)


def outcome(call: Callable[..., bytes], *arguments: object) -> object:
    """What a call gives, or how it fails."""
    try:
        return call(*arguments)
    except ValueError as error:
        return type(error), str(error)


@given(controls, pins, accounts, fills)
def test_a_pin_comes_back(control: int, pin: bytes, account: bytes, fill: int) -> None:
    for implementation in IMPLEMENTATIONS:
        block = implementation.encode(control, pin, account, fill)
        assert implementation.decode(control, block, account) == pin


@given(any_controls, st.one_of(pins, st.binary(max_size=14)), st.one_of(accounts, st.binary(max_size=14)), fills)
def test_native_and_twin_encode_alike(control: int, pin: bytes, account: bytes, fill: int) -> None:
    native, twin = (outcome(each.encode, control, pin, account, fill) for each in IMPLEMENTATIONS)
    assert native == twin


@given(any_controls, st.binary(max_size=9), st.one_of(accounts, st.binary(max_size=14)))
def test_native_and_twin_decode_alike(control: int, block: bytes, account: bytes) -> None:
    native, twin = (outcome(each.decode, control, block, account) for each in IMPLEMENTATIONS)
    assert native == twin


@given(controls, pins, accounts, fills, st.integers(0, 15), st.integers(1, 15))
def test_native_and_twin_decode_alike_one_nibble_off(
    control: int, pin: bytes, account: bytes, fill: int, place: int, change: int
) -> None:
    block = int.from_bytes(_pinblock_py.encode(control, pin, account, fill)) ^ change << 4 * place
    native, twin = (outcome(each.decode, control, block.to_bytes(8), account) for each in IMPLEMENTATIONS)
    assert native == twin


@given(key_types, st.sampled_from([b"", *SCHEME_BYTES]), st.binary(min_size=24, max_size=24))
def test_a_wrapped_key_comes_back(key_type: bytes, scheme: bytes, material: bytes) -> None:
    clear = with_odd_parity(material[: SCHEME_BYTES.get(scheme, 8)])
    assert LMK.unwrap(key_type, scheme, LMK.wrap(key_type, scheme, clear)) == clear


@given(st.lists(key_types, min_size=2, max_size=2, unique=True), st.binary(min_size=16 * 8, max_size=16 * 8))
def test_a_wrong_type_shows_as_wrong_parity(types: list[bytes], material: bytes) -> None:
    """One double-length key in 65,536 keeps its parity by chance; eight in a row do not."""
    keys = [with_odd_parity(material[start : start + 16]) for start in range(0, len(material), 16)]
    misread = [LMK.unwrap(types[1], b"U", LMK.wrap(types[0], b"U", key)) for key in keys]
    assert not all(has_odd_parity(clear) for clear in misread)


@given(st.sampled_from([1, 3]), st.sampled_from([1, 2]), st.binary(min_size=1, max_size=80), st.data())
def test_a_mac_does_not_depend_on_where_the_message_is_cut(
    algorithm: int, padding: int, message: bytes, data: st.DataObject
) -> None:
    key = Tdes(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
    blocks = mac.padded(message, padding)
    cut = 8 * data.draw(st.integers(0, len(blocks) // 8 - 1))
    start = mac.chain(key, algorithm, mac.ZEROS, blocks[:cut]) if cut else mac.ZEROS
    assert mac.mac(key, algorithm, start, blocks[cut:]) == mac.mac(key, algorithm, mac.ZEROS, blocks)


@given(pins, accounts, st.binary(min_size=16, max_size=16))
def test_a_pin_at_rest_comes_back(pin: bytes, account: bytes, material: bytes) -> None:
    key = Tdes(material)
    sealed = lmkpin.seal(key, pin, account)
    assert sealed.isdigit()
    assert len(sealed) == len(pin) + 1
    assert lmkpin.unseal(key, sealed, account) == pin


@given(
    pins,
    st.sampled_from([8, 16, 24]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    st.binary(min_size=8, max_size=8),
)
def test_an_offset_leads_back_to_its_pin(pin: bytes, material: bytes, data: bytes) -> None:
    natural = ibm3624.natural_pin(Tdes(material), data.hex().encode(), b"0123456789012345")
    offset = ibm3624.offset(pin, natural)
    assert len(offset) == len(pin)
    assert ibm3624.customers_pin(offset, natural) == pin


@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**59 - 1), st.integers(0, 20), st.integers(0, 2**21 - 1))
def test_no_two_counters_share_a_key(bdk: bytes, terminal: int, place: int, counter: int) -> None:
    first, second = ((terminal << 21 | each).to_bytes(10) for each in (counter, counter ^ 1 << place))
    assert dukpt.deciphered(bdk, first, bytes(8)) != dukpt.deciphered(bdk, second, bytes(8))
    assert dukpt.initial_key(bdk, first) == dukpt.initial_key(bdk, second)
