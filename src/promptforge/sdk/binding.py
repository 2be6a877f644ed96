"""One body per method, two ways to call it: a plan becomes a blocking method or a coroutine by who holds it.

``@call`` decorates a method that is a plan. On a Blocking resource it returns the result; on an Awaiting one it
returns a coroutine of it. ``@stream`` likewise gives an iterator or an asynchronous one. Both keep the signature.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from promptforge.sdk.drivers import AsyncTransport, Transport, converse, converse_async, drive, drive_async
from promptforge.sdk.protocol import Plan, StreamPlan

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Blocking:
    """What runs its plans at once."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def perform(self, plan: Plan[Result]) -> Result:
        """Run a plan to its result."""
        return drive(plan, self._transport)

    def follow(self, plan: StreamPlan[Result]) -> Generator[Result, None, None]:
        """Iterate over what a plan finds."""
        return converse(plan, self._transport)


class Awaiting:
    """What returns coroutines that run its plans."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def perform(self, plan: Plan[Result]) -> Coroutine[Any, Any, Result]:
        """Run a plan to its result."""
        return drive_async(plan, self._transport)

    def follow(self, plan: StreamPlan[Result]) -> AsyncGenerator[Result, None]:
        """Iterate over what a plan finds."""
        return converse_async(plan, self._transport)


class call(Generic[Arguments, Result]):  # noqa: N801 - read as the decorator it is
    """Make a method of a plan."""

    def __init__(self, plan: Callable[Concatenate[Any, Arguments], Plan[Result]]) -> None:
        self._plan = plan
        self.__doc__ = plan.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> "call[Arguments, Result]": ...
    @overload
    def __get__(self, owner: Blocking, kind: type) -> Callable[Arguments, Result]: ...
    @overload
    def __get__(self, owner: Awaiting, kind: type) -> Callable[Arguments, Coroutine[Any, Any, Result]]: ...
    def __get__(self, owner: Any, kind: type) -> Any:
        if owner is None:
            return self
        bound = cast("Callable[..., Plan[Result]]", self._plan.__get__(owner))

        @wraps(bound)
        def method(*args: Any, **kwargs: Any) -> Any:
            return owner.perform(bound(*args, **kwargs))

        return method


class stream(Generic[Arguments, Result]):  # noqa: N801 - read as the decorator it is
    """Make an iterating method of a plan."""

    def __init__(self, plan: Callable[Concatenate[Any, Arguments], StreamPlan[Result]]) -> None:
        self._plan = plan
        self.__doc__ = plan.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> "stream[Arguments, Result]": ...
    @overload
    def __get__(self, owner: Blocking, kind: type) -> Callable[Arguments, Generator[Result, None, None]]: ...
    @overload
    def __get__(self, owner: Awaiting, kind: type) -> Callable[Arguments, AsyncGenerator[Result, None]]: ...
    def __get__(self, owner: Any, kind: type) -> Any:
        if owner is None:
            return self
        bound = cast("Callable[..., StreamPlan[Result]]", self._plan.__get__(owner))

        @wraps(bound)
        def method(*args: Any, **kwargs: Any) -> Any:
            return owner.follow(bound(*args, **kwargs))

        return method
