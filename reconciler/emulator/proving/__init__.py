"""Compares this emulator with a real Azure: the same scenarios on both, a scrubbed recording, the differences."""
