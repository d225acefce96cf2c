"""The 64-bit hash that Azure derives a missing `policyDefinitionReferenceId` from.

A recorded initiative shows 2719031940633985590 for one policy in 2024 and in 2026. That is the 64-bit sibling of
MurmurHash3 (two 32-bit lanes, seed 0) over the UTF-8 bytes of the policy's id as written: found by trial, so the rule
rests on this one recorded value.
"""

from __future__ import annotations

from typing import Final

_MASK: Final = 0xFFFFFFFF
_FIRST: Final = 0x239B961B
_SECOND: Final = 0xAB0E9789


def murmur64(data: bytes) -> int:
    """The hash, as an unsigned number."""
    first = second = 0
    whole = len(data) & ~7
    for start in range(0, whole, 8):
        first ^= _mixed(int.from_bytes(data[start : start + 4], "little"), _FIRST, 15, _SECOND)
        first = ((_rotated(first, 19) + second) * 5 + 0x561CCD1B) & _MASK
        second ^= _mixed(int.from_bytes(data[start + 4 : start + 8], "little"), _SECOND, 17, _FIRST)
        second = ((_rotated(second, 13) + first) * 5 + 0x0BCAA747) & _MASK
    first ^= _mixed(int.from_bytes(data[whole : whole + 4], "little"), _FIRST, 15, _SECOND)
    second ^= _mixed(int.from_bytes(data[whole + 4 :], "little"), _SECOND, 17, _FIRST)
    first, second = _crossed(first ^ len(data), second ^ len(data))
    first, second = _crossed(_avalanched(first), _avalanched(second))
    return second << 32 | first


def _mixed(lane: int, before: int, turn: int, after: int) -> int:
    return _rotated(lane * before & _MASK, turn) * after & _MASK


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & _MASK


def _crossed(first: int, second: int) -> tuple[int, int]:
    first = (first + second) & _MASK
    return first, (second + first) & _MASK


def _avalanched(value: int) -> int:
    value = (value ^ value >> 16) * 0x85EBCA6B & _MASK
    value = (value ^ value >> 13) * 0xC2B2AE35 & _MASK
    return value ^ value >> 16
