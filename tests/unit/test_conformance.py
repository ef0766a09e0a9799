"""docs/conformance.md is what the tests' markers say, and nothing that has no test pretends to have one."""

from pathlib import Path

import pytest

from tests.support.conformance import PAGE, WAITING, UnknownNameError, collect, page, untested

MARKED = '''
import pytest

@pytest.mark.parametrize("n", [1])
@pytest.mark.rule("R7", "DE39 91")
def test_silence(n):
    """R7: given up, | and reversed.

    More words.
    """

@pytest.mark.rule("I6")
def test_r10_released_once():
    pass

def test_of_no_rule():
    pass
'''


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(collect()), "run python -m tests.support.conformance"


def test_what_waits_for_a_test_is_said() -> None:
    """A rule that lost its last test, or a name in WAITING that has one by now."""
    assert untested(collect()) == WAITING


def test_markers_are_read(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(MARKED)
    tests = collect(tmp_path)
    assert tests == [
        ("test_it.py::test_silence", "given up, | and reversed.", ("R7", "91")),
        ("test_it.py::test_r10_released_once", "", ("R10", "I6")),
    ]
    text = page(tests)
    assert "| `test_it.py::test_silence`: given up, / and reversed. |" in text
    assert "| 05 | do not honour | **not tested yet** |" in text
    assert {"R7", "91", "R10", "I6"}.isdisjoint(untested(tests))


def test_a_name_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(MARKED.replace("I6", "R99"))
    with pytest.raises(UnknownNameError, match=r"test_it.py::test_r10_released_once: no rule.* 'R99'"):
        collect(tmp_path)
