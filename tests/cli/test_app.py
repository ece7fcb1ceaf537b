"""An option's wrong value is refused in plain words."""

from __future__ import annotations

import re

import pytest
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "x.yaml", "--seed", "x"], "'--seed': expected a whole number"),
        (["run", "x.yaml", "--seed", "-1"], "'--seed': expected 0 or more"),
        (["data", "synth", "out", "--stocks", "1.5"], "'--stocks': expected a whole number"),
        (
            ["init", "--provider-uri", "m", "--region", "usa"],
            "'--region': 'usa' is not one of 'cn', 'us', 'tw'",
        ),
        (["tune", "--trials", "0"], "'--trials': expected 1 or more"),
    ],
)
def test_no_word_of_the_validator_is_said(here: Run, arguments: list[str], words: str) -> None:
    done = here(*arguments)
    output = " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.stderr).split())
    assert done.returncode == 2
    assert words in output
    assert not re.search("Input should|Value error", output)
