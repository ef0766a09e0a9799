"""Zone PIN keys: which one a block may be under, and when."""

from switch.core.zonekeys import ZoneKeys

WRONG, FAULT = "20", "41"


def test_before_any_change_there_is_nothing_to_fall_back_to() -> None:
    assert ZoneKeys("A").fallback("A", WRONG, 0.0) == ""


def test_the_previous_key_has_a_grace() -> None:
    keys = ZoneKeys("A")
    keys.change("B", "", at=100.0, grace_s=60.0)
    assert keys.fallback("B", WRONG, 159.9) == "A"
    assert keys.fallback("B", WRONG, 160.0) == ""
    assert keys.fallback("A", WRONG, 100.0) == ""


def test_only_a_wrong_key_is_a_reason_to_try_the_other() -> None:
    keys = ZoneKeys("A")
    keys.change("B", "", at=0.0, grace_s=60.0)
    assert [keys.fallback("B", code, 1.0) for code in ("10", "20", "24", "01", "11", "13", "22", FAULT)] == [
        "A", "A", "A", "", "", "", "", "",
    ]  # fmt: skip


def test_the_first_success_of_the_new_key_ends_the_old_one() -> None:
    keys = ZoneKeys("A")
    keys.change("B", "", at=0.0, grace_s=60.0)
    keys.served("A")
    assert keys.fallback("B", WRONG, 1.0) == "A"
    keys.served("B")
    assert keys.fallback("B", WRONG, 1.0) == ""


def test_of_two_changes_only_the_last_two_keys_are_left() -> None:
    keys = ZoneKeys("A")
    keys.change("B", "", at=0.0, grace_s=60.0)
    keys.change("C", "", at=1.0, grace_s=60.0)
    assert (keys.current, keys.fallback("C", WRONG, 2.0)) == ("C", "B")
