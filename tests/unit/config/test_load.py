"""Reading configurations: laying a file over the shipped one, and mistakes that are told with their path."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from switch.config import (
    ConfigError,
    address,
    find_key,
    find_link,
    issuer_spec,
    load,
    switch_spec,
    under_lmk,
    with_port_base,
    with_ports,
    with_profile,
)
from switch.config.checks import IDENTITY
from switch.config.spoken import mac_problem
from switch.iso8583 import dialect

SHIPPED = load()


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str) -> Path:
        file = tmp_path / "bench.toml"
        file.write_text(text)
        return file

    return _write


def test_a_table_of_the_same_name_changes_what_it_gives(write) -> None:
    config = load(write('[[link]]\nname = "issuer-1"\nport = 9000\n[limits]\nlate_watch_s = 60'))
    changed, before = find_link(config, "issuer-1"), find_link(SHIPPED, "issuer-1")
    assert (changed.port, changed.dialect, changed.institution_id) == (9000, before.dialect, before.institution_id)
    assert config.limits.late_watch_s == 60
    assert config.limits.echo_idle_s == SHIPPED.limits.echo_idle_s
    assert len(config.link) == len(SHIPPED.link)


def test_a_table_with_a_new_name_is_added(write) -> None:
    config = load(
        write(
            """
            [[link]]
            name = "gateway"
            role = "acquirer"
            port = 9001
            institution_id = "77"
            [[key]]
            link = "gateway"
            type = "ZPK"
            clear = "0123456789ABCDEFFEDCBA9876543210"
            """
        )
    )
    assert config.link[0].name == "gateway"
    assert len(config.link) == len(SHIPPED.link) + 1
    assert under_lmk(find_key(config, "gateway", "ZPK")).startswith("U")


def test_a_key_replaces_the_shipped_one_as_a_whole(write) -> None:
    config = load(write('[[key]]\nlink = "acquirer"\ntype = "ZPK"\nclear = "0123456789ABCDEFFEDCBA9876543210"'))
    key = find_key(config, "acquirer", "ZPK")
    assert (key.kcv, key.under_lmk) == ("", "")
    assert under_lmk(key) != find_key(SHIPPED, "acquirer", "ZPK").under_lmk


def test_extends_none_starts_from_nothing(write) -> None:
    config = load(write('extends = "none"\nseed = 7'))
    assert all(not getattr(config, table) for table in IDENTITY)
    assert config.seed == 7


def test_the_shipped_file_itself_is_a_configuration() -> None:
    from switch.config import DEFAULT_FILE

    assert load(DEFAULT_FILE) == SHIPPED


def test_a_dialect_file_is_found_beside_the_file_that_names_it(write, tmp_path: Path) -> None:
    shipped = Path(dialect.__file__).with_name("dialects") / "iso87-ascii.toml"
    (tmp_path / "house.toml").write_text(shipped.read_text())
    config = load(write('[[link]]\nname = "acquirer"\ndialect = "house.toml"'))
    assert Path(find_link(config, "acquirer").dialect) == tmp_path / "house.toml"


LINE = '[[link]]\nname = "issuer-2-b"\njoins = "issuer-2"\n'


def test_a_further_line_is_like_the_one_it_joins(write) -> None:
    """What it does not say is said there: address, dialect, framing, institution; and so are its keys."""
    config = load(write(LINE + '[[link]]\nname = "issuer-2"\nframing = "ascii4"\n'))
    line, first = find_link(config, "issuer-2-b"), find_link(config, "issuer-2")
    assert msgspec.structs.replace(line, name="issuer-2", joins="") == first
    spec = {link.name: link for link in switch_spec(config).links}
    assert (spec["issuer-2-b"].zpk, spec["issuer-2-b"].zmk) == (spec["issuer-2"].zpk, spec["issuer-2"].zmk)


def test_lines_at_one_address_stay_together(write) -> None:
    """Whichever way ports are moved; one with an address of its own stays there."""
    own = LINE + '[[link]]\nname = "issuer-2-c"\njoins = "issuer-2"\nport = 9999\n'
    for moved in (with_ports(load(write(own)), {"issuer-2": 7000}), with_port_base(load(write(own)), 7000 - 3)):
        ports = {name: find_link(moved, name).port for name in ("issuer-2", "issuer-2-b", "issuer-2-c")}
        assert ports == {"issuer-2": 7000, "issuer-2-b": 7000, "issuer-2-c": 9999}
    free = with_port_base(load(write(own)), 0)
    assert [find_link(free, name).port for name in ("issuer-2", "issuer-2-b")] == [0, 0]


KEY = '[[key]]\nlink = "acquirer"\ntype = "ZPK"\n'
MAC = '[[link]]\nname = "acquirer"\nmac = true\n'
CARD = '[[card]]\ncvv = "123"\ncvv2 = "123"\npin = "7068"\npvv = "2049"\n'
PROFILE = '[[profile]]\nname = "x"\nsource = "y"\n'
GATEWAY = '[[link]]\nname = "gateway"\nrole = "acquirer"\nport = 1\ninstitution_id = "1"\n'

# A configuration from nothing: one acquirer and one issuer that is not simulated.
ALONE = """
extends = "none"
route = [{ prefix = "468738", link = "bank" }]
key = [
    { link = "gateway", type = "ZPK", clear = "0123456789ABCDEFFEDCBA9876543210" },
    { link = "bank", type = "ZPK", clear = "0123456789ABCDEFFEDCBA9876543210" },
]
link = [
    { name = "gateway", role = "acquirer", port = 9001, institution_id = "1" },
    { name = "bank", role = "issuer", port = 9002, institution_id = "2" },
]
"""
ALONE_TRAFFIC = '[[traffic]]\nlink = "gateway"\n'
ALONE_CARD = CARD + 'pan = "4687380000000016"\nissuer = "bank"\nstand_in = true\n'

UNIX_TLS = '[[link]]\nname = "issuer-down"\nhost = "unix:/run/issuer"\ntls_ca = "a"'
MISTAKES = [
    ("prot = 1", "$", "unknown key `prot`"),
    ('[[link]]\nname = "acquirer"\nprot = 1', "$.link[0]", "unknown key `prot`: did you mean `port`?"),
    ('[[link]]\nname = "acquirer"\nport = 70000', "$.link[0].port", "65535"),
    ('[[link]]\nname = "acquirer"\nport = "8583"', "$.link[0].port", 'found "8583"'),
    ('[[link]]\nname = "a"\nrole = "acquirer"\nport = 1', "$.link[0]", "institution_id"),
    ('[[link]]\nname = "acquirer"\nrole = "bank"', "$.link[0].role", "bank"),
    ('[[link]]\nname = "acquirer"\nframing = "len3"', "$.link[0].framing", "len3"),
    ('[[link]]\nname = "acquirer"\nheader = "60000"', "$.link[0].header", "1 to 64 bytes in hexadecimal"),
    ('[[link]]\nname = "acquirer"\nheader = "tpdu:0000030000"', "$.link[0].header", "of which the first is 6"),
    ('[[link]]\nname = "acquirer"\ndialect = "iso93"', "$.link[0].dialect", "iso87-ascii"),
    ('[[link]]\nname = "acquirer"\ndialect = "iso93-ascii"\nkey_field = 53', "$.link[0].key_field", "DE 53"),
    ('[[link]]\nname = "acquirer"\ndialect = "missing.toml"', "$.link[0].dialect", "No such file"),
    ('[[link]]\nname = "acquirer"\nhost = "0.0.0.0"', "$.link[0].host", "insecure"),
    ('[[link]]\nname = "acquirer"\nport = 8584', "$.link[", "port 8584"),
    ('[[link]]\nname = "acquirer"\n[[link]]\nname = "acquirer"', "$.link[1]", "same name"),
    (GATEWAY, "$.link[0].name", "ZPK"),
    (GATEWAY + GATEWAY, "$.link[1].name", "same name"),
    (GATEWAY + "mac = true", "$.link[0].mac", "TAK for link gateway"),
    (MAC + 'mac_algorithm = "2"', "$.link[0].mac_algorithm", "expected 1 or 3"),
    ('[[link]]\nname = "issuer-1"\nmatch = [99]', "$.link[0].match[0]", "expected 37 or 41"),
    ('[[link]]\nname = "issuer-1"\ninstitution_id = "123456789012"', "$.link[0].institution_id", "1 to 11 digits"),
    ("[hsm]\nport = 8583", "$.hsm.port", "port 8583"),
    ('[hsm]\nhost = "hsm.example"', "$.hsm.host", "insecure"),
    ('[metrics]\nhost = "::"', "$.metrics.host", "insecure"),
    ('[[link]]\nname = "acquirer"\ntls_cert = "load.py"', "$.link[0].tls_key", "go together"),
    ('[[link]]\nname = "issuer-down"\ntls_cert = "a"\ntls_key = "b"', "$.link[0].tls_ca", "verified"),
    ('[[link]]\nname = "issuer-1"\ntls_ca = "a"', "$.link[0].tls_cert", "who listens"),
    ('[[link]]\nname = "issuer-down"\ntls_ca = "nowhere.pem"', "$.link[0].tls_ca", "there is no file"),
    ('[[link]]\nname = "issuer-1"\ntls_name = "bank.example"', "$.link[0].tls_name", "tls_ca"),
    ("[limits]\nreversal_repeat_s = 90.0", "$.limits.reversal_repeat_max_s", "90 s"),
    (UNIX_TLS, "$.link[0].host", "Unix socket"),
    ('[[route]]\nprefix = "468738"\nlink = "nowhere"', "$.route[0].link", "no issuer link is named 'nowhere'"),
    ('[[route]]\nprefix = "468738"\nlink = "acquirer"', "$.route[0].link", "no issuer link"),
    ('[[route]]\nprefix = "497010"\nlink = "issuer-1"', "$.route[0].prefix", "allow_real_bins"),
    ('[[route]]\nprefix = "9999"\nlink = "issuer-1"', "$.card[", "routed to issuer-1"),
    ('[[issuer]]\nname = "issuer-9"\nprofile = "instant"', "$.issuer[0].name", "no issuer link"),
    ('[[issuer]]\nname = "issuer-1"\nprofile = "quick"', "$.issuer[0].profile", "no profile"),
    ('[[issuer]]\nname = "issuer-down"\nprofile = "instant"', "$.issuer[0].name", "PVK"),
    ('[[traffic]]\nlink = "issuer-1"', "$.traffic[0].link", "no acquirer link"),
    ('[[traffic]]\nlink = "acquirer"\nrate_per_s = 0', "$.traffic[0].rate_per_s", "above 0"),
    (LINE + '[[link]]\nname = "x"\njoins = "issuer-2-b"', "$.link[1].joins", "issuer-2-b is no link, or"),
    ('[[link]]\nname = "x"\njoins = "nowhere"', "$.link[0].joins", "nowhere is no link"),
    (GATEWAY + 'joins = "issuer-2"', "$.link[0].joins", "an issuer's first one"),
    (
        LINE + 'role = "issuer"\ninstitution_id = "1"\nport = 1\ndialect = "iso87-ascii"',
        "$.link[0].dialect",
        "iso87-bcd",
    ),
    (LINE + '[[route]]\nprefix = "468739"\nlink = "issuer-2-b"', "$.route[0].link", "further line of issuer-2"),
    (LINE + KEY.replace("acquirer", "issuer-2-b") + f'under_lmk = "U{"0" * 32}"', "$.key[0].link", "further line"),
    (LINE + '[[issuer]]\nname = "issuer-2-b"\nprofile = "instant"', "$.issuer[0].name", "further line"),
    (KEY, "$.key[0]", "clear or under_lmk"),
    (KEY + 'clear = "00"', "$.key[0].clear", "32 or 48 hexadecimal digits, in capitals, found 2 characters"),
    (KEY + f'clear = "{"00" * 16}"', "$.key[0].clear", "odd parity"),
    (KEY + 'clear = "0123456789ABCDEFFEDCBA9876543210"\nkcv = "000000"', "$.key[0].kcv", "check value"),
    (KEY + f'under_lmk = "U{"0" * 32}"', "$.traffic[0].link", "needs clear"),
    (MAC + KEY.replace("ZPK", "TAK") + f'under_lmk = "U{"0" * 32}"', "$.traffic[0].link", "TAK of acquirer"),
    ('[[traffic]]\nlink = "acquirer"\nmix = "weekend"', "$.traffic[0].mix", "weekend"),
    (CARD + 'pan = "4687380000000016"\nissuer = "issuer-1"\nexpiry = "3013"', "$.card[0].expiry", "YYMM"),
    (CARD + 'pan = "4687380000000017"\nissuer = "issuer-1"', "$.card[0].pan", "Luhn"),
    (CARD + 'pan = "4970100000000014"', "$.card[0].pan", "allow_real_bins"),
    (CARD + 'pan = "4687380000000016"\nissuer = "issuer-2"', "$.card[0].issuer", "routed to issuer-1"),
    (CARD + 'pan = "4687380000000016"\nbehaviour = "aprove"', "$.card[0].behaviour", "approve"),
    ("link = 5", "$.link", "expected a list, found 5"),
    ("[[link]", "$", "not TOML"),
    (f"link = {'[' * 5_000}", "$", "nested"),
    (f"link = {'9' * 5_000}", "$", "not TOML"),
    ('[[link]]\nname = "issuer-1"\ntimer_s = 9.0', "$.link[0].timer_s", "only acquirer links have it"),
    ('[[link]]\nname = "issuer-1"\npartial_approval = true', "$.link[0].partial_approval", "only acquirer links"),
    ('[[link]]\nname = "issuer-1"\nfile_actions = true', "$.link[0].file_actions", "only acquirer links"),
    ('[[link]]\nname = "issuer-1"\nunknown_reversal = "unknown_original"', "$.link[0].unknown", "only acquirer links"),
    ('[[link]]\nname = "acquirer"\ntimeout_s = 9.0', "$.link[0].timeout_s", "only issuer links have it"),
    ('[[link]]\nname = "acquirer"\nmatch = [37]', "$.link[0].match", "only issuer links have it"),
    ('[[link]]\nname = "acquirer"\nmac_algorithm = "1"', "$.link[0].mac_algorithm", "expected mac = true"),
    ('[[link]]\nname = "acquirer"\nmac_repeat = "as-original"', "$.link[0].mac_repeat", "expected mac = true"),
    ('[[link]]\nname = "acquirer"\nname_ = "x"', "$.link[0]", "did you mean `name`?"),
    ('[[link]]\nname = "Acquirer"', "$.link[0].name", "small letters, digits and hyphens"),
    (
        '[[link]]\nname = "acquirer"\ninstitution_id = 1',
        "$.link[0].institution_id",
        "1 to 11 digits, in quotes, found 1",
    ),
    ('[[link]]\nname = "acquirer"\nkey_field = 49', "$.link[0].key_field", "48, 53, 60, 61, 62 or 63"),
    ('[[link]]\nname = "acquirer"\nkey_code = 101', "$.link[0].key_code", "expected 101 or 161"),
    ('[[link]]\nname = "issuer-1"\ntimeout_s = nan', "$.link[0].timeout_s", "above 0, found nan"),
    ('[[link]]\nname = "acquirer"\nhost = "localhost"\nport = 8584', "$.link[", "port 8584"),
    ('insecure = true\n[[link]]\nname = "acquirer"\nhost = "0.0.0.0"\nport = 8584', "$.link[", "port 8584"),
    ('[hsm]\nhost = "unix:/x"\n[metrics]\nhost = "unix:/x"', "$.metrics.host", "unix:/x is $.hsm.host too"),
    ('[hsm]\nlmk = "nowhere"', "$.hsm.lmk", "there is no file nowhere"),
    ("[hsm]\nheader = 0", "$.hsm.header", "from 1 to 255"),
    ('currencies = ["840"]', "$.currencies[0]", "no rate for it: expected 978 or 250, found 840"),
    ("currencies = [978]", "$.currencies[0]", "3 digits, in quotes, found 978"),
    ("currencies = []", "$.currencies", "at least one"),
    (KEY.replace("ZPK", "PVK") + f'under_lmk = "U{"0" * 32}"', "$.key[0].type", "expected ZPK, ZMK or TAK"),
    (KEY.replace("ZPK", "BDK") + f'under_lmk = "U{"0" * 32}"', "$.key[0].type", "acquirer uses no BDK"),
    (KEY + f'under_lmk = "{"0" * 32}"', "$.key[0].under_lmk", "U and 32, or T and 48 hexadecimal digits"),
    ('[ocard]\nbins = ["497010"]', "$.ocard.bins[0]", "allow_real_bins"),
    ('[ocard]\nbins = ["999999"]', "$.ocard.bins[0]", "no [[route]] leads from 999999"),
    ('[[site]]\nname = "x"\nlink = "acquirer"\nmerchant = "MERCHANT0000001"', "$.site[", "is the site x already"),
    ('[[site]]\nname = "x"\nlink = "acquirer"\nmerchant = ""', "$.site[0].merchant", "1 to 15 printable"),
    ('[[route]]\nprefix = 468738\nlink = "issuer-1"', "$.route[0].prefix", "1 to 19 digits, in quotes, found 468738"),
    (CARD.replace("7068", "70") + 'pan = "4687380000000016"', "$.card[0].pin", "4 to 12 digits, in quotes, found 2"),
    ('extends = "some"', "$.extends", 'expected default or none, found "some"'),
    (ALONE + ALONE_TRAFFIC, "$.traffic[0]", "sample = true"),
    (ALONE + ALONE_CARD, "$.card[0].stand_in", "PVK"),
    (PROFILE + 'hops = [{shape = "constant", ms = 1e308}]', "$.profile[0].hops[0].ms", "to 86400000"),
]


@pytest.mark.parametrize(("text", "path", "words"), MISTAKES)
def test_a_mistake_is_told_with_its_path(write, text: str, path: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(text))
    assert caught.value.path.startswith(path)
    assert words in caught.value.what
    assert str(caught.value).splitlines()[0].endswith(f"- at `{caught.value.path}`")


def test_all_mistakes_are_told(write) -> None:
    """Those of one table do not hide those of another, nor one check another's."""
    with pytest.raises(ConfigError) as caught:
        load(write('seed = "x"\n[[link]]\nname = "acquirer"\nport = -1\nprot = 1\n[hsm]\nheader = 0'))
    paths = ["$.link[0]", "$.link[0].port", "$.hsm.header", "$.seed"]
    assert sorted(path for _, path in caught.value.problems) == sorted(paths)
    assert len(str(caught.value).splitlines()) == len(paths)
    with pytest.raises(ConfigError) as caught:
        load(write(MAC + 'dialect = "missing.toml"\nport = 8584\n[limits]\nreversal_repeat_s = 90.0'))
    told = {path for _, path in caught.value.problems}
    assert {"$.link[0].dialect", "$.limits.reversal_repeat_max_s"} < told


def test_mistakes_without_end_are_cut(write) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write('[[route]]\nprefix = "4687"\nlink = "issuer-1"\n' + "[[link]]\nport = -1\n" * 30))
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[-1].rpartition(": ")[2]) == (21, f"and {len(caught.value.problems) - 20} more")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('fields = [{ number = 52, name = "PIN", class = "b", max_len = 32 }]', "ISO format 4 .* not translated yet"),
        ('fields = [{ number = 52, name = "PIN", encoding = "b", max_len = 16 }]', "ISO format 4"),
        ('fields = [{ number = 52, name = "PIN", max_len = 8 }]', "room for 8 hexadecimal digits: expected"),
        ("[roles]\nksn = 53", "roles.ksn names DE 53: PIN blocks under DUKPT keys are not translated yet"),
        ('fields = [{ number = 11, name = "STAN", max_len = 12 }]', "could not write its messages: .*DE 11"),
        (
            'fields = [{ number = 32, name = "ID", length = "ll", max_len = 6 }]',
            "could not write its messages: .*DE 32",
        ),
        ('fields = [{ number = 90, name = "Original", max_len = 20 }]', "could not write its messages: .*DE 90"),
        ('fields = [{ number = 95, name = "Amounts", max_len = 20 }]', "could not write its messages: .*DE 95"),
    ],
)
def test_a_link_refuses_a_dialect_that_the_switch_cannot_serve(write, tmp_path: Path, text: str, words: str) -> None:
    """Such a dialect is one, and can be described; but a link that spoke it would decline at run time."""
    (tmp_path / "house.toml").write_text(f'extends = "iso87-ascii"\nname = "house"\n{text}\n')
    assert dialect.load(tmp_path / "house.toml").name == "house"
    with pytest.raises(ConfigError, match=words) as caught:
        load(write('[[link]]\nname = "acquirer"\ndialect = "house.toml"\n'))
    assert caught.value.path == "$.link[0].dialect"


@pytest.mark.parametrize(
    ("number", "row", "words"),
    [
        (64, 'length = "ll", max_len = 16', "DE 64"),
        (128, "max_len = 8", "DE 128"),
        (128, 'encoding = "b", max_len = 16', "DE 128"),
        (130, "max_len = 16", "behind it"),
    ],
)
def test_a_dialect_that_cannot_carry_a_mac_is_told(write, tmp_path: Path, number: int, row: str, words: str) -> None:
    (tmp_path / "house.toml").write_text(
        f'extends = "iso87-ascii"\nname = "house"\nfields = [{{ number = {number}, name = "MAC", {row} }}]\n'
    )
    house = 'dialect = "house.toml"\n'
    assert load(write(MAC.replace("mac = true", house)))
    with pytest.raises(ConfigError, match=words):
        load(write(MAC + house))


def test_a_mac_needs_the_code_that_refuses_a_wrong_one() -> None:
    spoken = dialect.load("iso87-ascii")
    codes = {name: code for name, code in spoken.response_codes.items() if name != "security"}
    assert mac_problem(spoken) is None
    assert "security" in (mac_problem(replace(spoken, response_codes=codes)) or "")


def test_a_second_line_has_the_tak_of_its_institution(write) -> None:
    line = '[[link]]\nname = "second"\njoins = "issuer-1"\nmac = true\n'
    spec = next(link for link in switch_spec(load(write(line))).links if link.name == "second")
    assert spec.tak == under_lmk(find_key(SHIPPED, "issuer-1", "TAK"))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize("words", ["allow_real_bins = true", ""])
def test_real_bins_need_a_word(write, words: str) -> None:
    text = write(f'{words}\n[[route]]\nprefix = "497010"\nlink = "issuer-1"')
    if words:
        assert load(text).route[0].prefix == "497010"
    else:
        with pytest.raises(ConfigError):
            load(text)


def test_other_addresses_need_a_word(write) -> None:
    file = write('[[link]]\nname = "acquirer"\nhost = "0.0.0.0"')
    with pytest.raises(ConfigError, match="insecure"):
        load(file)
    assert load(file, insecure=True).link[0].host == "0.0.0.0"
    assert load(write('insecure = true\n[hsm]\nhost = "192.0.2.1"')).hsm.host == "192.0.2.1"


def test_other_addresses_are_allowed_by_mutual_tls(write, tmp_path: Path) -> None:
    (tmp_path / "pem").touch()
    own = '[[link]]\nname = "acquirer"\nhost = "0.0.0.0"\ntls_cert = "pem"\ntls_key = "pem"\n'
    link = load(write(own + 'tls_ca = "pem"')).link[0]
    assert (link.host, link.tls_ca, link.has_mutual_tls) == ("0.0.0.0", str(tmp_path / "pem"), True)
    with pytest.raises(ConfigError, match="insecure"):  # encrypted, but open to anybody
        load(write(own))


def test_errors_show_no_secret(write) -> None:
    for text in (KEY + 'clear = "ABCDEFABCDEF"', CARD + 'pan = "4687380000000017"\nissuer = "issuer-1"'):
        with pytest.raises(ConfigError) as caught:
            load(write(text))
        assert "ABCDEF" not in str(caught.value)
        assert "4687380000000017" not in str(caught.value)


def test_port_base_counts_in_the_documented_order() -> None:
    config = with_port_base(SHIPPED, 9100)
    ports = {link.name: link.port for link in config.link}
    assert ports == {"acquirer": 9100, "acquirer-bcd": 9101, "issuer-1": 9102, "issuer-2": 9103, "issuer-down": 8593}
    assert (config.hsm.port, config.metrics.port) == (9104, 9108)


def test_port_base_zero_means_free_ports() -> None:
    config = with_port_base(SHIPPED, 0)
    ours = {link.port for link in config.link if link.name != "issuer-down"}
    assert ours | {config.hsm.port, config.metrics.port} == {0}


def test_port_base_moves_own_links_behind_the_shipped_ones(write) -> None:
    own = KEY.replace("acquirer", "gateway") + 'clear = "0123456789ABCDEFFEDCBA9876543210"'
    config = with_port_base(load(write(GATEWAY + own)), 9100)
    assert (find_link(config, "gateway").port, find_link(config, "acquirer").port) == (9109, 9100)


def test_port_base_ends_where_ports_end() -> None:
    assert with_port_base(SHIPPED, 65_527).metrics.port == 65_535
    with pytest.raises(ValueError, match="expected at most 65527"):
        with_port_base(SHIPPED, 65_528)


@pytest.mark.parametrize("base", [0, 9100])
def test_port_base_leaves_an_issuer_that_is_not_simulated_where_it_is(base: int) -> None:
    assert find_link(with_port_base(SHIPPED, base), "issuer-down").port == 8593


def test_addresses_in_a_word() -> None:
    link = find_link(with_ports(SHIPPED, {"acquirer": 1}), "acquirer")
    assert address(link) == "127.0.0.1:1"


@pytest.mark.parametrize(("host", "word"), [("::1", "[::1]:1500"), ("unix:/run/hsm", "unix:/run/hsm")])
def test_addresses_of_other_kinds(write, host: str, word: str) -> None:
    assert address(load(write(f'[hsm]\nhost = "{host}"')).hsm) == word


@pytest.mark.parametrize("timeout_s", [9.9, 10.0, 60.0])
def test_r6_the_switch_waits_less_long_than_its_acquirers(write, timeout_s: float) -> None:
    """R6: acquirer timer > network timer; the error says which two timers contradict each other."""
    file = write(f'[[link]]\nname = "issuer-1"\ntimeout_s = {timeout_s}\n')
    if timeout_s < 10.0:
        assert find_link(load(file), "issuer-1").timeout_s == timeout_s
        return
    with pytest.raises(ConfigError, match=r"shorter than the 10 s that acquirer waits .*timeout_s"):
        load(file)


def test_one_profile_for_all_simulated_issuers(write) -> None:
    own = '[[profile]]\nname = "mine"\nsource = "test"\nhops = [{ shape = "constant", ms = 7 }]\n'
    config = with_profile(load(write(own)), "mine")
    assert {issuer_spec(config, name).profile.name for name in ("issuer-1", "issuer-2")} == {"mine"}
    with pytest.raises(LookupError, match="no latency profile is named 'mine'; there is instant"):
        with_profile(SHIPPED, "mine")
