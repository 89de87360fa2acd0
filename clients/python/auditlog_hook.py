"""Writes the hyper-parameters that a trainer really used to a file that
`auditlog exec --hook FILE` and `auditlog record --hook FILE` read.

    import auditlog_hook
    auditlog_hook.dump(vars(args) | config, "used.json")

Standard library only; copy the file into a project, or put its folder on
PYTHONPATH. Types are kept: 1, 1.0 and "1" are three values, integers have no
bounds, and what a file of parameters left ambiguous (1e-4, on, 12:30:00) is
what the trainer made of it. docs/formats.md, "Hyper-parameters", describes the
file.
"""

import base64
import dataclasses
import enum
import json
import math
import os
import pathlib
import tempfile

__all__ = ["dump", "dumps"]


def dump(params, path):
    """Write params, a mapping from names to values, to path: old or new, never half."""
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".auditlog-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as f:
            f.write(dumps(params))
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def dumps(params):
    """Give the text that dump writes.

    Raises TypeError for a value that is none of None, bool, int, float, str,
    bytes, enum, path, list, tuple, set, mapping, dataclass, or a scalar with
    item() as numpy and torch have them; give str(value) if its text will do.
    """
    if dataclasses.is_dataclass(params) and not isinstance(params, type):
        params = dataclasses.asdict(params)
    body = {_key(k): _value(v, str(k)) for k, v in params.items()}
    document = {"auditlog_hook": 1, "params": body}
    return json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n"


def _value(v, at):
    if isinstance(v, enum.Enum):
        return _value(v.value, at)
    if v is None or isinstance(v, (bool, int, str)):
        return v
    if isinstance(v, float):
        if math.isfinite(v):
            return v
        return {"$float": "nan" if math.isnan(v) else "inf" if v > 0 else "-inf"}
    if isinstance(v, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(v).decode("ascii")}
    if isinstance(v, pathlib.PurePath):
        return str(v)
    if dataclasses.is_dataclass(v) and not isinstance(v, type):
        v = dataclasses.asdict(v)
    if hasattr(v, "items"):
        pairs = {_key(k): _value(x, f"{at}.{k}") for k, x in v.items()}
        # A map that could be taken for one of the marks above is marked itself.
        if len(pairs) == 1 and next(iter(pairs)).startswith("$"):
            return {"$map": pairs}
        return pairs
    if isinstance(v, (set, frozenset)):
        v = sorted(v, key=repr)
    if isinstance(v, (list, tuple)):
        return [_value(x, f"{at}[{i}]") for i, x in enumerate(v)]
    if hasattr(v, "item") and not getattr(v, "shape", ()):
        return _value(v.item(), at)
    raise TypeError(f"{at}: a {type(v).__name__} cannot be recorded; give str(value) if its text will do")


def _key(k):
    return k if isinstance(k, str) else str(k)
