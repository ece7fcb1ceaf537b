"""Tables of a run's controls, conventions and capacity."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lstm_bench.evaluate.trading.capacity import PARTICIPATION_LIMIT
from lstm_bench.record.record import Record
from lstm_bench.report.figures.capacity import assets_label, capacity_figure
from lstm_bench.report.pages.page import Cell, Note, PageTable, Part, cell, item_table, percent
from lstm_bench.run.controls.document import CapacityRow, ControlRow, Controls, ConventionRow, Flip

__all__ = ["control_parts"]


def control_parts(record: Record) -> Iterator[Part]:
    """Yield the tables and the figure of what ``lstm-bench controls`` computed of a run, or a note that it did not.

    Raises ``DataError`` if the file of the controls is damaged.
    """
    controls = Controls.load(record.path)
    if controls is None:
        yield Note(
            "This run has no controls. `lstm-bench controls CONFIG` computes them for runs of the LSTM.",
            is_absence=True,
        )
        return
    if controls.controls:
        yield _controls(controls)
    if controls.conventions:
        yield _conventions(controls)
        yield from _flips(controls)
    if controls.capacity:
        yield _capacity(controls)
        yield capacity_figure(controls.capacity)
    if controls.capacity_note:
        yield Note(
            f"There is no capacity: {controls.capacity_note.removeprefix('capacity: ')}.", is_absence=True
        )


def _controls(controls: Controls) -> PageTable:
    columns: dict[str, Callable[[ControlRow], Cell]] = {
        "Control": lambda row: Cell(row.title),
        "Expected": lambda row: Cell(row.expected, is_text=True),
        "Found": lambda row: Cell(row.found, is_text=True),
        "": lambda row: Cell("pass") if row.passed else Cell("FAIL", tone=-1.0),
    }
    reading = "Each control has a known answer. A failure means that something in the pipeline is wrong."
    return item_table("control_verdicts", "Controls", columns, controls.controls.values(), reading)


def _conventions(controls: Controls) -> PageTable:
    columns: dict[str, Callable[[ConventionRow], Cell]] = {
        "Convention": lambda row: Cell(row.name),
        "Return a year": lambda row: percent(row.annualized_return),
        "Information ratio": lambda row: cell(row.information_ratio, ".3f"),
        "Max drawdown": lambda row: percent(row.max_drawdown),
    }
    return item_table(
        "conventions",
        "The same scores under other conventions",
        columns,
        controls.conventions,
        "Excess return with cost. Each line differs from the configuration's own convention in one respect.",
    )


def _flips(controls: Controls) -> Iterator[Part]:
    if controls.left_out:
        yield Note("Not compared with the other rows: " + "; ".join(controls.left_out) + ".", is_absence=True)
    if len(controls.compared) < 2:
        return
    rows = ", ".join(controls.compared)
    if not controls.flips:
        yield Note(f"No convention changes the order of the experiment's rows: {rows}.")
        return
    columns: dict[str, Callable[[Flip], Cell]] = {
        "Convention": lambda flip: Cell(flip.convention),
        "Metric": lambda flip: Cell(flip.metric.replace("_", " ")),
        "Better as configured": lambda flip: Cell(flip.better),
        "Better under it": lambda flip: Cell(flip.worse),
    }
    reading = f"Pairs of rows whose order depends on the convention, by means over seeds; rows: {rows}."
    yield item_table("flips", "Rank flips", columns, controls.flips, reading)


def _capacity(controls: Controls) -> PageTable:
    columns: dict[str, Callable[[CapacityRow], Cell]] = {
        "Assets": lambda row: Cell(assets_label(row.assets), row.assets),
        "Information ratio": _ratio,
        "Return a year": lambda row: percent(row.annualized_return),
        "Cost a year": lambda row: percent(row.cost),
        "Participation: mean": lambda row: percent(row.participation_mean),
        "95th per cent": lambda row: percent(row.participation_95),
        "largest": lambda row: percent(row.participation_max),
        "": lambda row: Cell("" if row.is_meaningful else "meaningless", is_text=True),
    }
    median = (
        ""
        if controls.median_amount is None
        else f" The median stock trades {controls.median_amount:,.0f} a day."
    )
    reading = (
        f"After cost and an impact of {controls.impact_cost:g} times the squared participation: an order's share of "
        "its stock's traded value of the day. The backtest fills every order at the day's price, so figures mean "
        f"nothing if more than one order in twenty exceeds {PARTICIPATION_LIMIT:.0%}.{median}"
    )
    return item_table("capacity_sizes", "Capacity by assets", columns, controls.capacity, reading)


def _ratio(row: CapacityRow) -> Cell:
    ends = "" if row.low is None else f"{cell(row.low, '.3f').text} to {cell(row.high, '.3f').text}"
    return cell(row.information_ratio, ".3f", detail=ends)
