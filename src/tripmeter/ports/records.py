"""Records: the seam through which objects of one kind are stored and found."""

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept, Page, Slice

T = TypeVar("T")


class Records(Protocol[T]):
    """Objects of one kind. Every read is bound to a scope, or to a number found through one."""

    def insert(self, value: T) -> int:
        """Store a new object and give its number."""
        ...

    def replace(self, no: int, value: T) -> None:
        """Store a new state of an object."""
        ...

    def find(self, scope: Scope, id: str) -> Kept[T] | None:
        """The object with this id, if it is in this scope."""
        ...

    def get(self, scope: Scope, id: str, param: str = "id") -> Kept[T]:
        """As `find`; raises ResourceMissing naming `param`."""
        ...

    def numbered(self, no: int) -> T:
        """The object with a number that this store gave out."""
        ...

    def page(self, scope: Scope, page: Page, **filters: Any) -> Slice[T]:
        """A page of those that match. Raises ResourceMissing for an unknown cursor."""
        ...

    def remove(self, no: int) -> None:
        """Forget an object for good. Kinds that others refer to for ever cannot be removed."""
        ...

    def every(self, scope: Scope, **filters: Any) -> Iterator[Kept[T]]:
        """All of a scope that match, newest first, read page by page."""
        ...
