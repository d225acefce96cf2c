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
    one = two = 0
    whole = len(data) & ~7
    for start in range(0, whole, 8):
        one ^= _mixed(int.from_bytes(data[start : start + 4], "little"), _FIRST, 15, _SECOND)
        one = ((_rotated(one, 19) + two) * 5 + 0x561CCD1B) & _MASK
        two ^= _mixed(int.from_bytes(data[start + 4 : start + 8], "little"), _SECOND, 17, _FIRST)
        two = ((_rotated(two, 13) + one) * 5 + 0x0BCAA747) & _MASK
    one ^= _mixed(int.from_bytes(data[whole : whole + 4], "little"), _FIRST, 15, _SECOND)
    two ^= _mixed(int.from_bytes(data[whole + 4 :], "little"), _SECOND, 17, _FIRST)
    one, two = _crossed(one ^ len(data), two ^ len(data))
    one, two = _crossed(_avalanched(one), _avalanched(two))
    return two << 32 | one


def _mixed(lane: int, before: int, turn: int, after: int) -> int:
    return _rotated(lane * before & _MASK, turn) * after & _MASK


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & _MASK


def _crossed(one: int, two: int) -> tuple[int, int]:
    one = (one + two) & _MASK
    return one, (two + one) & _MASK


def _avalanched(value: int) -> int:
    value = (value ^ value >> 16) * 0x85EBCA6B & _MASK
    value = (value ^ value >> 13) * 0xC2B2AE35 & _MASK
    return value ^ value >> 16
