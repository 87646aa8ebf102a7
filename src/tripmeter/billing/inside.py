"""Refusals of parameters that stand inside another one: they are named in full."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from tripmeter.model.errors import (
    ParameterInvalid,
    ParameterMissing,
    ParametersExclusive,
    ResourceMissing,
    StateConflict,
)


@contextmanager
def inside(
    within: str,
    renamed: Mapping[str, str] = MappingProxyType({}),
    beside: Collection[str] = (),
) -> Iterator[None]:
    """Parameters that are refused inside are named `within[param]`, `renamed` ones as there.

    Those `beside` it are named as they are.
    """

    def full(param: str) -> str:
        name, bracket, rest = renamed.get(param, param).partition("[")
        if name in beside:
            return param
        return f"{within}[{name}]{bracket}{rest}"

    try:
        yield
    except (ParameterInvalid, ParameterMissing, ResourceMissing) as refusal:
        refusal.param = full(refusal.param)
        raise
    except StateConflict as refusal:
        refusal.param = None if refusal.param is None else full(refusal.param)
        raise
    except ParametersExclusive as refusal:
        refusal.params = tuple(full(param) for param in refusal.params)
        raise
