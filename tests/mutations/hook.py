"""A pytest plugin: imports one module as one of its mutants (`MUTANT=sharing.access.gate:3`)."""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType
from typing import Any

from tests.mutations.mutants import mutants


class Loader(importlib.machinery.SourceFileLoader):
    """Compiles the mutant in place of what the file says, and keeps no compiled file."""

    number = 0

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        code: CodeType = super().source_to_code(mutants(data.decode())[self.number].code, path)
        return code

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


class Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module: str, number: int) -> None:
        self.module, self.number = module, number

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.module:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path)
        assert found is not None
        assert found.origin is not None
        loader = Loader(name, found.origin)
        loader.number = self.number
        return importlib.util.spec_from_file_location(
            name,
            found.origin,
            loader=loader,
            submodule_search_locations=found.submodule_search_locations,
        )


def install() -> None:
    module, _, number = os.environ["MUTANT"].partition(":")
    sys.meta_path.insert(0, Finder(module, int(number)))


install()
