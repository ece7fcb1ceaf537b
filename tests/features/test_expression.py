"""The expression language: accepted and refused texts, and the messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.core.errors import ExpressionError
from lstm_bench.features.expression import extent, parse, parse_columns
from lstm_bench.features.nodes import Call, Field, Number


def test_a_text_becomes_a_tree() -> None:
    close = Field("close")
    assert parse("Mean($close, 5)/$Close").root == Call("Div", (Call("Mean", (close,), 5), close))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("$a+$b", "Add($a, $b)"),
        ("$a>$b", "Gt($a, $b)"),
        ("($a>1) & ($b!=2)", "And(Gt($a, 1), Ne($b, 2))"),
        ("$a**2", "Power($a, 2)"),
        ("2*$close-$high", "Sub(Mul(2, $close), $high)"),
        ("Ref($close, N=2)", "Ref($close, 1+1)"),
        ("Ref(N=-2, feature=$close)", "Ref($close,-2)"),
        ("Feature('close')", "$close"),
        ("Rolling($a, 5, 'median')", "Med($a, 5)"),
        (" $a * (-1) ", "Mul($a, -1)"),
    ],
)
def test_two_ways_to_say_the_same(text: str, same: str) -> None:
    assert parse(text).root == parse(same).root


def test_another_instrument_is_read_by_every_field_below_it() -> None:
    parsed = parse("ChangeInstrument('sh000300', $close/Ref($close, 1)) - Mask($open, 'SZ000001') + $close")
    assert parsed.fields == ("close", "open")
    assert parsed.instruments == ("SH000300", "SZ000001")
    assert parse("ChangeInstrument('A', $close)").root == Field("close", "A")


@pytest.mark.parametrize(
    ("text", "left", "right"),
    [
        ("$close", 0, 0),
        ("Ref($close, 3)", 3, 0),
        ("Ref($close, -2)/Ref($close, -1) - 1", 0, 2),
        ("Mean($close, 5)", 4, 0),
        ("Mean(Ref($close, 2), 5)", 6, 0),
        ("Ref(Mean($close, 5), -1)", 4, 1),
        ("Ref(Ref($close, -3), 1)", 1, 3),
        ("EMA($close, 12)", 11, 0),
        ("Mean($close, 0)", 0, 0),
        ("EMA($close, 0.5)", 18, 0),
        ("Delta($close, 5)", 4, 0),
        ("Corr($close, Ref($volume, 7), 10)", 16, 0),
        ("If($close>1, Ref($open, 4), Ref($open, -4))", 4, 4),
    ],
)
def test_reach(text: str, left: int, right: int) -> None:
    assert (parse(text).left, parse(text).right) == (left, right)


def test_expressions_reach_as_far_as_the_farthest() -> None:
    assert extent(["Ref($close, 3)", parse("Ref($close, -2)")]) == (3, 2)
    assert extent([]) == (0, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Mena($close, 5)", "unknown operator 'Mena'; did you mean 'Mean'?"),
        ("P($$roe_q)", "operator 'P' is refused: point-in-time"),
        ("PRef($$roe_q, 1)", "operator 'PRef' is refused"),
        ("$$roe_q", "operator 'PFeature' is refused"),
        ("TResample($close, '1h', 'last')", "operator 'TResample' is refused"),
        ("-$close", "unary minus"),
        ("+$close", "unary plus"),
        ("~($close>1)", r"write Not\(x\)"),
        ("$a and $b", "write & or |"),
        ("1 < $a < 2", "chains comparisons"),
        ("close + 1", r"a field is written \$close"),
        ("$close +", "is not an expression"),
        ("", "is not an expression"),
        ("1 + 2", "plain number"),
        ("Add(1, 2)", "plain numbers only"),
        ("$a/(1/0)", "division by zero"),
        ("Mean($close)", r"given 1 arguments; expected Mean\(feature, N\)"),
        ("Mean($close, M=5)", r"given 'M'; expected Mean\(feature, N\)"),
        ("Mean($close, 5, N=6)", "given 'N'"),
        ("Mean(5, 5)", "number 5 as its feature"),
        (
            "Mean($close, $open)",
            r"given N = .*; expected 0 or a whole number of days from 1 to .* or an alpha",
        ),
        ("Mean($close, 2.0)", r"given N = 2.0"),
        ("Mean($close, -1)", r"given N = -1"),
        ("Skew($close, 2)", "whole number of days from 3"),
        ("Rank($close, 0.5)", r"given N = 0.5"),
        ("Corr($close, $open, 0)", "given N = 0"),
        ("Ref($close, 99999999999999999999999)", r"Ref is given N = 9+; .*days from 1 to 2147483647"),
        ("Ref($close, -2147483648)", r"a negative whole number from -2147483647"),
        ("Mean($close, 2147483648)", r"Mean is given N = 2147483648; expected .* to 2147483647"),
        ("Mean($close, 1e-17)", r"Mean is given N = 1e-17; .*an alpha from 1e-08"),
        ("Rolling($close, 2147483648, 'mean')", "Rolling is given N = 2147483648"),
        ("Quantile($close, 5, 1.5)", "expected a number from 0 to 1"),
        ("Rolling($close, 5, 'maen')", "did you mean 'mean'?"),
        ("ChangeInstrument(300, $close)", "expected a text in quotes"),
        ("If($a, True, 0)", "got True"),
        ("__import__('os').system('true')", "not in the language"),
        ("[$close for x in y]", "not in the language"),
        ("$close % 2", "not in the language"),
    ],
)
def test_what_is_not_an_expression_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("$close/Mena($open, 5)", "Mena"),
        ("  $a + vol", "vol"),
        ("($a+$bcd)*(-$efg)", "-$efg"),
        ("Mean($close, 5) + Mean($open, -3)", "-3"),
        ("Corr($close, 7, 5)", "7"),
        ("$close $open", "$open"),
        ("Mean($close,\n 5) + Quantile($a, 3,\n 7)", "7)"),
        ("Rolling($ä, 5, 'maen')", "'maen'"),
        ("$ä > 1 > $b", "$ä"),
    ],
)
def test_what_is_wrong_is_reported_with_its_position(text: str, culprit: str) -> None:
    with pytest.raises(ExpressionError, match=rf", position {text.index(culprit) + 1}: "):
        parse(text)


def test_an_unusable_expression_is_reported_with_its_name() -> None:
    assert parse_columns({"A": "$close", "B": "$open"}, "feature")["B"] == parse("$open")
    with pytest.raises(ExpressionError, match=r"^feature 'B': expression 'Foo\(1\)', position 1: unknown"):
        parse_columns({"A": "$close", "B": "Foo(1)"}, "feature")
    with pytest.raises(ExpressionError, match=r"^expression 'Foo\(1\)', position 1"):
        parse_columns({"Foo(1)": "Foo(1)"}, "feature")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Ref($close, -2)/Ref($close, -1) - 1", 2),
        ("Ref($close, 3)", 0),
        ("Ref(Ref($close, -1), 1)/$close", 0),
        ("Ref(Ref($close, 1), -3)", 2),
        ("Mean(Ref($close, -3), 5)", 3),
        ("Delta($close, -2)", 2),  # which Qlib's extent ignores
        ("Delta(Ref($close, 2), -2)", 0),
        ("Ref($close, 0)", 0),
        ("If(Ref($open, -4)>1, 1, $close)", 4),
        ("ChangeInstrument('A', Ref($close, -1))", 1),
    ],
)
def test_days_ahead(text: str, days: int) -> None:
    assert parse(text).ahead == days


@given(st.text(alphabet="$aMen(),.+-*/<>=&|~ 0159'\n\x00", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parsed = parse(text)
    except ExpressionError:
        return
    assert parsed.fields
    assert not isinstance(parsed.root, Number)


def test_a_text_nested_too_deep_is_refused() -> None:
    with pytest.raises(ExpressionError):
        parse("Abs(" * 5000 + "$close" + ")" * 5000)
