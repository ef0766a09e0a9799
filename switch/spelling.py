"""Suggestions for names that nobody has: commands, options, links, behaviours of cards, profiles."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean issuer-1?)` for the most similar known name, or nothing when none is similar.

    >>> did_you_mean("issuer1", ["issuer-1", "acquirer"])
    ' (did you mean issuer-1?)'
    >>> did_you_mean("nobody", ["issuer-1", "acquirer"])
    ''
    """
    import difflib

    close = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
