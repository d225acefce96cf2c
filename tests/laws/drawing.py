"""Choices and parts of a composite, without a new strategy for each draw.

Hypothesis validates and labels a strategy when it first draws from it, which costs several times what the draw costs.
What is drawn, and what it shrinks to, is the same as with a strategy for each.
"""

import functools

from hypothesis import strategies as st


def one_of(draw, *values):
    """One of some hashable values that are written in the test itself; `draw` is that of the composite."""
    return draw(_sampled_from(*values))


def some_of(draw, *values, most):
    """None to `most` of such values, in any order."""
    return draw(_lists_of(most, *values))


@functools.lru_cache(maxsize=None, typed=True)
def _sampled_from(*values):
    return st.sampled_from(values)


@functools.lru_cache(maxsize=None, typed=True)
def _lists_of(most, *values):
    return st.lists(_sampled_from(*values), max_size=most)


def part(function):
    """Like `composite`, but what it decorates is called by another composite, with its `draw`: `part(draw, …)`."""
    call = _Call(function)
    strategy = st.composite(call)()

    @functools.wraps(function)
    def drawn(draw, *positional, **named):
        call.arguments.append((positional, named))
        try:
            return draw(strategy)
        finally:
            call.arguments.pop()

    return drawn


class _Call:
    """A part with the arguments of the calls that are going on. An object of its own, which Hypothesis does not take for
    another part: it copies what it drew for one into another.
    """

    def __init__(self, function):
        self.__name__ = function.__name__
        self._function = function
        self.arguments = []

    def __call__(self, draw):
        positional, named = self.arguments[-1]
        return self._function(draw, *positional, **named)
