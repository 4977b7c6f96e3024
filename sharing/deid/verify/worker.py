"""The disposable process that reads files which nobody has checked.

It takes one JSON object a line and answers one. Memory and processor time are limited; what it
cannot read it says, and if it dies its parent goes on with another.
"""

import io
import json
import os
import resource
import sys
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

MEMORY = 1 << 30


def serve() -> None:
    """Answer until the parent closes our input."""
    # What libraries print must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _limit()
    for line in io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"):
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(3000)
    import pydicom

    warnings.simplefilter("ignore")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    pydicom.config.replace_un_with_known_vr = True


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    work: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"learn": _learn, "check": _check}
    try:
        return work[asked["do"]](asked)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return {"error": type(error).__name__}


def _learn(asked: dict[str, Any]) -> dict[str, Any]:
    """What one original says of its patient."""
    from sharing.deid.verify import identity, reading
    from sharing.deid.verify.attributes import WELL_KNOWN

    record = reading.read(Path(asked["path"]))
    if not reading.is_instance(record):
        return {"instance": False}
    rules = _rules(json.dumps(asked["rules"]))
    uids = {
        value
        for one in reading.every_attribute(record.items)
        if one.vr == "UI" and (rule := rules.of(one.tag)) is not None and "U" in rule.codes
        for value in one.values
        if value and not value.startswith(WELL_KNOWN)
    }
    study = record.first(0x0020000D)
    return {
        "instance": True,
        "patient": record.first(0x00100020)
        or (f"study {study}" if study else f"file {asked['path']}"),
        "tokens": [[t.kind, t.plain, t.pattern] for t in identity.tokens(record, rules)],
        "makers": identity.makers(record),
        "uids": sorted(uids),
    }


def _check(asked: dict[str, Any]) -> dict[str, Any]:
    """Hold one output against its original, or alone where there is none."""
    from sharing.deid.verify import alone, around, reading
    from sharing.deid.verify.attributes import Walk
    from sharing.deid.verify.found import Found

    found = Found()
    rules = _rules(json.dumps(asked["rules"]))
    finder = _finder(json.dumps(asked["tokens"]))
    new = reading.read(Path(asked["output"]))
    if not reading.is_instance(new):
        return {"error": "NoInstance"}
    old = reading.read(Path(asked["original"])) if asked.get("original") else None
    Walk(rules, finder, found).document(old.items if old else None, new.items)
    around.markers(rules, new, old, found)
    around.header(new, old, found)
    around.order(new, old, found)
    around.raw(rules, new, finder, found)
    around.bitstream(new, finder, found)
    if old is not None:
        around.pixels(rules, old, new, found)
        found.patient = (old.first(0x00100020), new.first(0x00100020))
    else:
        alone.stand_ins(rules, new, found)
    return found.as_json()


@lru_cache(maxsize=4)
def _rules(written: str) -> Any:
    from sharing.deid.verify.table import Rules

    told = json.loads(written)
    overrides = {int(tag, 16): code for tag, code in told["overrides"].items()}
    return Rules(told["options"], private=told["private"], overrides=overrides)


@lru_cache(maxsize=16)
def _finder(written: str) -> Any:
    from sharing.deid.verify.identity import Finder, Token

    return Finder(Token(*one) for one in json.loads(written))


if __name__ == "__main__":
    serve()
