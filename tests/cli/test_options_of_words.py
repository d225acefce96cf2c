"""An option that takes one of a few words answers any other with all of them."""

from __future__ import annotations

import pytest

from reconciler.cli.main import guarded


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["doctor", "--role", "foo"], "reader, writer, assignment"),
        (["import", "epac", "rows.csv", "--date-order", "foo"], "dmy, mdy, ymd"),
        (["init", "new", "--pipelines", "foo"], "github, azure-devops, gitlab, none"),
    ],
)
def test_another_word_is_answered_with_all_of_them(
    command: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        guarded(command)
    assert ended.value.code == 1
    assert f"argument {command[-2]}: 'foo' is none of {words}\n" in capsys.readouterr().err


def test_an_option_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    """`import live` has no `--as`; the files' formats do."""
    with pytest.raises(SystemExit) as ended:
        guarded(["import", "live", "--as", "recommendation"])
    assert ended.value.code == 1
    assert "unrecognized arguments: --as recommendation\n" in capsys.readouterr().err
