"""What a pipeline's log shows while a long run writes: a plain line now and then, and only what is known."""

import pytest

from reconciler.applying.ports import Progress
from reconciler.cli.progress import writing


def shown(capsys, *told):
    with writing(100) as observe:
        for progress in told:
            observe(progress)
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (
            Progress(total=100, finished=40, running=8, elapsed=20.0, rate=2.0, seconds_left=30.0),
            "40 of 100 changes, 2.0/s, 30 s left",
        ),
        (Progress(total=100, finished=0, running=8, elapsed=20.0, rate=0.0, seconds_left=None), "0 of 100 changes"),
        (
            Progress(total=100, finished=40, running=0, elapsed=20.0, rate=0.0, seconds_left=None, paused=17.0),
            "40 of 100 changes, waiting 17 s because Azure asked to",
        ),
        (
            Progress(total=100, finished=40, running=0, elapsed=20.0, rate=2.0, seconds_left=30.0, paused=17.0),
            "40 of 100 changes, 2.0/s, waiting 17 s because Azure asked to",
        ),
        (
            Progress(
                total=100,
                finished=40,
                running=3,
                elapsed=20.0,
                rate=0.0,
                seconds_left=30.0,
                obstacle="Azure answers 503",
            ),
            "40 of 100 changes, Azure answers 503; trying again",
        ),
    ],
)
def test_a_line_tells_what_is_known(capsys, progress, line):
    assert shown(capsys, progress) == [line]


def test_lines_come_every_quarter_of_a_minute(capsys):
    told = [
        Progress(total=100, finished=n, running=8, elapsed=float(n), rate=1.0, seconds_left=100.0 - n)
        for n in range(40)
    ]
    assert [line.split()[0] for line in shown(capsys, *told)] == ["15", "30"]


def test_nothing_to_write_shows_nothing():
    with writing(0) as observe:
        assert observe is None
