"""How far a long run is: in a pipeline's log a plain line now and then, on a terminal a bar that is taken away at the end."""

import io
import re
from contextlib import redirect_stderr

import pytest

from reconciler.applying.ports import Progress
from reconciler.cli.progress import writing
from reconciler.cli.terminal import reading


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


class Screen(io.StringIO):
    """A terminal that remembers what was written."""

    def isatty(self):
        return True

    @property
    def rows(self):
        """What was shown, one after the other, without colours and bars."""
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[━╸╺]", "", self.getvalue())
        return [" ".join(row.split()) for row in re.split(r"[\r\n]+", plain)]


@pytest.fixture
def screen(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return Screen()


def is_taken_away(screen):
    """Whether the last thing that is done is to go back to the row of the bar and to erase it."""
    return screen.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K")


@pytest.mark.parametrize(
    ("progress", "row"),
    [
        (
            Progress(total=9, finished=4, running=8, elapsed=2.0, rate=2.0, seconds_left=30.0),
            "writing 4/9 2.0/s, 30 s left",
        ),
        (Progress(total=9, finished=0, running=8, elapsed=2.0, rate=0.0, seconds_left=None), "writing 0/9"),
    ],
)
def test_a_terminal_shows_a_bar_of_what_is_written(screen, progress, row):
    with redirect_stderr(screen), writing(9) as observe:
        observe(progress)
    assert row in screen.rows
    assert is_taken_away(screen)


def test_before_anything_is_written_a_terminal_says_how_much_it_is(screen):
    with redirect_stderr(screen), writing(9):
        pass
    assert "writing 0/9" in screen.rows


def test_a_terminal_shows_nothing_where_there_is_nothing_to_write(screen):
    with redirect_stderr(screen), writing(0) as observe:
        assert observe is None
    assert screen.getvalue() == ""


@pytest.mark.parametrize(
    ("done", "total", "row"),
    [(3, 7, "reading Azure: scopes 3/7 0:00:00"), (0, 0, "reading Azure: scopes 0/? 0:00:00")],
)
def test_a_terminal_shows_what_is_read_and_how_much_of_it(screen, done, total, row):
    with redirect_stderr(screen), reading("reading Azure") as observe:
        observe("scopes", done, total)
    assert row in screen.rows
    assert is_taken_away(screen)


def test_before_anything_is_read_a_terminal_says_what_is_under_way(screen):
    with redirect_stderr(screen), reading("reading Azure"):
        pass
    assert "reading Azure 0/? 0:00:00" in screen.rows


def test_a_pipeline_is_not_told_what_is_read(capsys):
    with reading("reading Azure") as observe:
        observe("scopes", 3, 7)
    assert capsys.readouterr() == ("", "")
