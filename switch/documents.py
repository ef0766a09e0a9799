"""Read a document (what TOML gives) into a struct, and say in sentences what is wrong with one that does not fit.

msgspec decides what fits. It stops at the first mistake and quotes regular expressions, so a document that it refuses
is walked once more beside its type: every mistake becomes a sentence (what is expected, what was found) and a path.

What a pattern means is its `description`, and a value that nobody may see is marked, both beside the type:

>>> Pin = Annotated[str, msgspec.Meta(pattern="^[0-9]{4,12}$", description="4 to 12 digits", extra=SECRET)]
>>> list(problems_of({"a": "12x"}, dict[str, Pin]))
[('expected 4 to 12 digits, found 3 characters', '$.a')]
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Final, TypeAlias, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import inspect

Problem: TypeAlias = tuple[str, str]  # a sentence, and the path of what it is about: `$.link[0].port`
T = TypeVar("T")

SECRET: Final[dict[str, Any]] = {"secret": True}  # the `extra` of a type whose values are never quoted

# A card number or a key that stands where something else belongs is not quoted either.
LONG_NUMBER: Final = re.compile(r"[0-9A-Fa-f]{12}")
MAX_QUOTED: Final = 40  # characters; more is no slip of the pen that one wants to read again


class DocumentError(ValueError):
    """What is wrong with a document. Its text is the first problem; `problems` are all, at least one."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        what, path = problems[0]
        super().__init__(f"{what} - at `{path}`")
        self.problems = tuple(problems)


def read(document: object, kind: type[T]) -> T:
    """Return the document as a `kind`. Raises `DocumentError` with every problem."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError:
        raise DocumentError(list(problems_of(document, kind))) from None


def problems_of(value: object, kind: Any, path: str = "$") -> Iterator[Problem]:
    """Yield what keeps `value` from being a `kind`: the problems inside of it, or one about itself."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        inner = get_args(kind)[0] if get_origin(kind) is Annotated else kind
        inside = list(_problems_inside(value, inner, path))
        yield from inside or [
            (f"expected {_allowed(kind)}{_in_quotes(value, kind)}, found {_quoted(value, kind)}", path)
        ]


def one_of(words: Sequence[object]) -> str:
    """Return the words as a choice.

    >>> one_of(["len2", "len4", "bcd2"])
    'len2, len4 or bcd2'
    """
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last


def _problems_inside(value: object, kind: Any, path: str) -> Iterator[Problem]:
    """Yield the problems of what a table or a list holds."""
    origin = get_origin(kind) or kind
    if origin in (Union, UnionType):
        yield from _problems_of_variant(value, get_args(kind), path)
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
        yield from _problems_of_table(value, kind, path)
    elif origin in (list, tuple) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from problems_of(item, get_args(kind)[0], f"{path}[{index}]")
    elif origin is dict and isinstance(value, dict):
        key_kind, value_kind = get_args(kind)
        for key, item in value.items():
            yield from problems_of(key, key_kind, f"{path}.{_name(key)}")
            yield from problems_of(item, value_kind, f"{path}.{_name(key)}")


def _problems_of_table(table: Mapping[str, object], kind: type[msgspec.Struct], path: str) -> Iterator[Problem]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    known = [*fields, *filter(None, [kind.__struct_config__.tag_field])]
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            advice = f"did you mean `{close[0]}`?" if close else f"expected {one_of(known)}"
            yield f"unknown key `{_name(key)}`: {advice}", path
    for key, field in fields.items():
        if key in table:
            yield from problems_of(table[key], field.type, f"{path}.{key}")
        elif field.required:
            yield f"`{key}` is missing: expected {_allowed(field.type)}", path


def _problems_of_variant(value: object, kinds: Sequence[Any], path: str) -> Iterator[Problem]:
    """Yield the problems of a value that may be of several kinds: a table says by a word which it is."""
    tables = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    if not tables:
        for kind in kinds:
            yield from _problems_inside(value, kind, path)
    elif isinstance(value, dict):
        key = tables[0].__struct_config__.tag_field or ""
        for kind in tables:
            if value.get(key) == kind.__struct_config__.tag:
                yield from _problems_of_table(value, kind, path)
                return
        words = one_of([kind.__struct_config__.tag for kind in tables])
        yield f"`{key}` says which kind it is: expected {words}", f"{path}.{key}"


def _allowed(kind: Any) -> str:
    """Return what may stand there, in words."""
    return _words(inspect.type_info(kind))


def _in_quotes(value: object, kind: Any) -> str:
    """Return the hint for a number where the same digits are a word."""
    info = inspect.type_info(kind)
    return ", in quotes" if isinstance(info, inspect.LiteralType) and str(value) in info.values else ""


def _words(info: inspect.Type) -> str:
    match info:
        case inspect.Metadata():
            return str((info.extra_json_schema or {}).get("description") or _words(info.type))
        case inspect.LiteralType():
            return one_of(info.values)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _range(info.ge, info.le)
        case inspect.FloatType():
            return "a number" + _range(info.ge, info.le) + (f" and above {info.gt:g}" if info.gt is not None else "")
        case inspect.StrType(min_length=least, max_length=most):
            limits = f" of {least or 0} to {most} characters" if most else " that is not empty" if least else ""
            return f"text{limits}"
        case inspect.ListType() | inspect.VarTupleType():
            return f"a list of at least {info.min_length}" if info.min_length else "a list"
        case inspect.UnionType():
            return one_of([_words(one) for one in info.types if not isinstance(one, inspect.NoneType)])
        case _:
            return "a table"


def _range(least: float | None, most: float | None) -> str:
    if least is None and most is None:
        return ""
    if least is None:
        return f" up to {most:.15g}"
    return f" of {least:.15g} or more" if most is None else f" from {least:.15g} to {most:.15g}"


def _quoted(value: object, kind: Any) -> str:
    """Return what was found; of a secret, or of what looks like one, its size alone."""
    info = inspect.type_info(kind)
    secret = isinstance(info, inspect.Metadata) and bool((info.extra or {}).get("secret"))
    match value:
        case bool():
            return str(value).lower()
        case str():
            hidden = secret or LONG_NUMBER.search(value) or len(value) > MAX_QUOTED
            return f"{len(value)} characters" if hidden else f'"{value}"'
        case int() | float():
            return "a number" if secret or LONG_NUMBER.search(f"{value!r:.100}") else f"{value!r:.100}"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "a table"
        case _:
            return f"a {type(value).__name__}"


def _name(key: str) -> str:
    """Return a key as it is quoted."""
    return key if len(key) <= MAX_QUOTED and not LONG_NUMBER.search(key) else f"({len(key)} characters)"
