"""`dialect check`, `show` and `export`."""

import runpy
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import iso8583
import pytest

from switch.iso8583.dialect import SHIPPED, load
from switch.iso8583.jpos import packager

HOUSE = 'extends = "iso87-ascii"\nname = "house/1"\nfields = [{ number = 48, name = "x", max_len = 9 }]\n'


@pytest.fixture
def house(tmp_path: Path) -> str:
    file = tmp_path / "house.toml"
    file.write_text(HOUSE)
    return str(file)


@pytest.mark.parametrize("name", SHIPPED)
def test_check_a_shipped_one(monetique, name: str) -> None:
    result = monetique("dialect", "check", name)
    assert result.status == 0
    assert result.out.endswith("a link may speak it\n")
    document = monetique("dialect", "check", name, "--json").json
    assert (document["ok"], document["fields"], document["link"]) == (True, 127, True)


def test_check_one_that_no_link_may_speak(monetique, house: str) -> None:
    Path(house).write_text(f'version = "1"\n{HOUSE}')
    document = monetique("dialect", "check", house, "--json").json
    assert (document["ok"], document["link"]) == (True, False)
    assert "message types are 1xxx" in document["why_no_link"]


def test_check_ends_in_a_path(monetique, house: str) -> None:
    assert monetique("dialect", "check", house).status == 0
    Path(house).write_text(HOUSE.replace("max_len = 9", "max_len = 0"))
    result = monetique("dialect", "check", house)
    assert (result.status, result.out) == (2, "")
    assert result.err.endswith("at `$.fields[0].max_len`\n")
    document = monetique("dialect", "check", house, "--json")
    assert (document.status, document.json["ok"]) == (2, False)
    assert "$.fields[0].max_len" in document.json["error"]


def test_check_says_what_a_link_would_miss(monetique, house: str) -> None:
    Path(house).write_text(HOUSE + "[roles]\nksn = 53\n")
    result = monetique("dialect", "check", house)
    assert result.status == 0
    assert (
        "a link may not speak it: roles.ksn names DE 53: PIN blocks under DUKPT keys are not translated" in result.out
    )
    rows = ", ".join(f'{{ number = {number}, name = "x", max_len = 2 }}' for number in (3, 39))
    Path(house).write_text(f'name = "x"\nfields = [{rows}]\n[roles]\n[response_codes]\n')
    assert "response_codes.approved must be given, 2 characters" in monetique("dialect", "check", house).out
    Path(house).write_text(
        'name = "x"\nfields = [{ number = 3, name = "x", max_len = 9 }]\n[roles]\n[response_codes]\n'
    )
    assert "there is no DE 39" in monetique("dialect", "check", house).out


def test_check_tells_all_that_is_wrong(monetique, house: str) -> None:
    Path(house).write_text(HOUSE + '[roles]\nnetwork_code = 24\n[response_codes]\npick_up = "04"\n')
    lines = monetique("dialect", "check", house).err.splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["`$.response_codes.pick_up`", "`$.roles.network_code`"]
    document = monetique("dialect", "check", house, "--json").json
    assert len(document["problems"]) == 2
    assert document["error"] == document["problems"][0]


@pytest.mark.parametrize("action", ["check", "show", "export"])
def test_one_that_is_not_there(monetique, action: str) -> None:
    for name in ("klingon", "none.toml"):
        result = monetique("dialect", action, name)
        assert (result.status, name in result.err) == (2, True)


def test_show(monetique) -> None:
    lines = monetique("dialect", "show", "iso87-bcd").out.splitlines()
    assert lines[0] == "iso87-bcd, message types 0xxx"
    rows = {line.split()[0]: line.split() for line in lines[1:] if line}
    assert rows["35"][-4:] == ["1", "37", "bcd", "-"]
    assert rows["28"][-4:] == ["-", "9", "x+bcd", "yes"]
    assert rows["originals"] == ["originals", "90"]
    assert rows["wrong_pin"] == ["wrong_pin", "55"]


def test_show_json(monetique) -> None:
    document = monetique("dialect", "show", "iso93-ascii", "--json").json
    assert (document["version"], document["roles"]["function_code"], len(document["fields"])) == ("1", 24, 127)
    assert document["fields"][37] == {
        "number": 39,
        "name": "Action Code",
        "class": "n",
        "prefix": None,
        "max_len": 3,
        "encoding": "ascii",
        "shown": True,
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_an_exported_file_loads_again(monetique, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy.toml"
    copy.write_text(monetique("dialect", "export", name).out)
    assert tomllib.loads(copy.read_text())["name"] == name
    assert load(copy).spec == load(name).spec


@pytest.mark.parametrize("name", SHIPPED)
def test_export_for_jpos(monetique, name: str) -> None:
    assert monetique("dialect", "export", name, "--jpos").out == packager(load(name))


def test_export_a_link_for_jpos(monetique, tmp_path: Path) -> None:
    folder = tmp_path / "q2"
    result = monetique("dialect", "export", "--jpos", "--link", "acquirer-bcd", "--to", str(folder))
    assert result.status == 0
    files = [Path(line) for line in result.out.splitlines()]
    assert files == [folder / "cfg/iso87-bcd.xml", folder / "deploy/10_monetique_acquirer-bcd.xml"]
    assert files[0].read_text() == packager(load("iso87-bcd"))
    channel = ElementTree.fromstring(files[1].read_text()).find("channel")
    assert channel is not None
    values = {row.attrib["name"]: row.attrib["value"] for row in channel.iter("property")}
    assert values == {"packager-config": "cfg/iso87-bcd.xml", "host": "127.0.0.1", "port": "8584"}


def test_export_takes_the_framing_of_the_configuration(monetique, tmp_path: Path, house: str) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[[link]]\nname = "issuer-1"\ndialect = "house.toml"\nheader = "tpdu"\n')
    folder = tmp_path / "q2"
    words = ("dialect", "export", "--jpos", "--link", "issuer-1", "--to", str(folder), "--config", str(config))
    assert monetique(*words).status == 0
    assert (folder / "cfg/house-1.xml").exists()
    server = (folder / "deploy/10_monetique_issuer-1.xml").read_text()
    assert "QServer" in server
    assert "NACChannel" in server
    config.write_text('[[link]]\nname = "issuer-1"\nframing = "len4-inclusive"\n')
    result = monetique(*words)
    assert (result.status, "no channel for len4-inclusive" in result.err) == (2, True)
    config.write_text('[[link]]\nname = "issuer-1"\nhost = "unix:/run/x"\n')
    assert "Unix socket" in monetique(*words).err


@pytest.mark.parametrize(
    "words", [[], ["--link", "acquirer"], ["--jpos", "--link", "acquirer"], ["--jpos", "--to", "q2", "--link", "no"]]
)
def test_wrong_usage(monetique, words: list[str]) -> None:
    assert monetique("dialect", "export", *words).status == 2


def test_a_folder_that_cannot_be_written(monetique, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = monetique("dialect", "export", "cb", "--to", str(tmp_path / "file" / "below"))
    assert (result.status, result.out) == (2, "")


SPEC = """
from iso8583.specs import default_ascii
print("imported")
spec = {**default_ascii, "22": {"data_enc": "b", "len_enc": "ascii", "len_type": 0, "max_len": 3,
                                "len_count": "nibbles", "left_pad": "0", "desc": 'POS "mode"'}}
bad = {**spec, "h": {**spec["h"], "max_len": 3}, "3": {**spec["22"], "left_pad": ""}}
number = 3
"""


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    file = tmp_path / "my_spec.py"
    file.write_text(SPEC)
    return file


def test_import_a_specification(monetique, spec_file: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.toml"
    result = monetique("dialect", "import", f"{spec_file}:spec", "-o", str(made))
    assert (result.status, result.out.splitlines()[-1]) == (0, str(made))
    assert monetique("dialect", "check", str(made)).out.endswith("a link may speak it\n")
    dialect = load(made)
    assert (dialect.name, dialect.names[22]) == ("my_spec", 'POS "mode"')
    doc = {"t": "0100", "3": "000000", "22": "051"}
    assert dialect.layout.encode(doc) == iso8583.encode(dict(doc), runpy.run_path(str(spec_file))["spec"])[0]


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        ("bad", ["at `$.h`", "an odd count of half bytes needs a pad - at `$.3.left_pad`"]),
        ("number", ["number is no specification"]),
        ("nothing", ["nothing has nothing of that name"]),
        ("not a name", ["expected FILE.py:NAME"]),
    ],
)
def test_import_says_why_not(monetique, spec_file: Path, name: str, sentences: list[str]) -> None:
    result = monetique("dialect", "import", f"{spec_file}:{name}")
    assert result.status == 2
    assert [sentence in result.err for sentence in sentences] == [True] * len(sentences)


def test_import_of_a_file_that_fails(monetique, tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    assert "No such file" in monetique("dialect", "import", f"{file}:spec").err
    file.write_text("1 / 0")
    result = monetique("dialect", "import", f"{file}:spec")
    assert (result.status, "ZeroDivisionError: division by zero" in result.err) == (2, True)
