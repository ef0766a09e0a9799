"""The flame graph: stacks as perf prints them, and the picture made of them."""

from collections import Counter
from xml.etree import ElementTree

import pytest

from tests.bench.flame import drawn, stacks

SCRIPT = """
\t    7f01 _PyObject_Malloc+0x10 (/usr/lib/libpython3.11.so.1.0)
\t    7f02 PyTuple_New (/usr/lib/libpython3.11.so.1.0)
\t    7f03 __pyx_f_6switch_4core_14authorizations_14Authorizations_request (/x/authorizations.so)
\t    7f04 object_vacall (/usr/lib/libpython3.11.so.1.0)
\t    7f05 __pyx_f_6switch_4core_6switch_6Switch_receive (/x/switch.so)

\tffff01 tcp_sendmsg ([kernel.kallsyms])
\tffff02 __x64_sys_write ([kernel.kallsyms])
\t    7f06 write (/usr/lib/libc.so.6)
\t    7f07 __pyx_f_6uvloop_4loop_8UVStream__try_write (/x/loop.so)
"""


def test_a_stack_names_ours_and_who_works_for_it() -> None:
    assert list(stacks(SCRIPT.splitlines())) == [
        ("Switch.receive", "Authorizations.request", "in libpython3"),
        ("UVStream._try_write", "kernel: write"),
    ]


def test_a_box_is_as_wide_as_its_share() -> None:
    picture = ElementTree.fromstring(drawn(Counter({("a", "b"): 3, ("a",): 1, ("c",): 4})))
    widths = {box[0].text: float(box[1].get("width", "")) for box in picture if len(box) > 1}
    assert widths == pytest.approx({"a: 50.0%": 600, "b: 37.5%": 450, "c: 50.0%": 600})
