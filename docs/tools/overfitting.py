"""Puts what was measured into docs/overfitting.md: losses from a CSV file, figures on test from the evidence.

``python docs/tools/overfitting.py`` rewrites tables and picture from ``results/leaderboard/overfitting*``;
with ``--records FOLDER``, the folder of an experiment's records, it makes the file of losses first.
``tests/docs/test_overfitting.py`` holds that the page is current.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from lstm_bench.record.evidence import Evidence, read_study
from lstm_bench.report.leaderboard.comparison import Terms, compare_rows
from lstm_bench.report.leaderboard.rows import rows_of

__all__ = [
    "LOSSES",
    "PAGE",
    "PICTURE",
    "RESULTS",
    "figures_table",
    "loss_curves",
    "loss_table",
    "with_tables",
]

_DOCS = Path(__file__).parents[1]
RESULTS = _DOCS.parent / "results"
LOSSES = RESULTS / "leaderboard" / "overfitting.losses.csv"
PAGE = _DOCS / "overfitting.md"
PICTURE = _DOCS / "overfitting.svg"

_STUDY, _AGAINST = "overfitting", "default"
_METRICS = {
    "IC": "IC",
    "Rank IC": "Rank IC",
    "1day.excess_return_with_cost.information_ratio": "Information Ratio",
}
_COLOURS = {"train": "#2a78b8", "valid": "#d1662a"}


def with_tables(page: str, losses: pd.DataFrame, evidence: Evidence) -> str:
    """Put the tables between the page's marks."""
    for name, table in (("losses", loss_table(losses)), ("test", figures_table(evidence))):
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, rest = page.split(begin)
        _, after = rest.split(end)
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


def figures_table(evidence: Evidence) -> str:
    """Show each row on test: mean and deviation over seeds, and the difference from the default, over common seeds."""
    lines = [
        f"| row | seeds | {' | '.join(_METRICS.values())} | IC − default's | Rank IC − default's | s to train |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows_of({_STUDY: evidence}), key=lambda each: each.label):
        cells = [f"{row.cell(name).mean:.4f}±{row.cell(name).std:.4f}" for name in _METRICS]
        differences = ["", ""]
        if row.label != _AGAINST:
            found = compare_rows(
                {_STUDY: evidence}, f"{_STUDY}/{row.label}", f"{_STUDY}/{_AGAINST}", Terms(("IC", "Rank IC"))
            )
            differences = [
                f"{each.value:+.4f} [{each.low:+.4f}, {each.high:+.4f}]"
                for each in (one.difference.estimate for one in found.metrics)
            ]
        seconds = np.mean(
            [result.train_seconds for result in row.complete if result.train_seconds is not None]
        )
        lines.append(
            f"| {' | '.join([row.label, str(len(row.complete)), *cells, *differences, f'{seconds:.0f}'])} |"
        )
    return "\n".join(lines)


def loss_table(losses: pd.DataFrame) -> str:
    """Sum up each row over its seeds: losses at the epoch that is kept, and at the last one.

    Parameters
    ----------
    losses
        Columns ``row``, ``seed``, ``epoch``, ``train_loss``, ``valid_loss``.
    """
    lines = [
        "| row | seeds | epoch kept | train, valid there | gap | epochs | train, valid at the last | gap |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row, of_row in losses.groupby("row"):
        seeds = [of_seed.reset_index(drop=True) for _, of_seed in of_row.groupby("seed")]
        kept = pd.DataFrame([each.iloc[int(each["valid_loss"].to_numpy().argmin())] for each in seeds])
        last = pd.DataFrame([each.iloc[-1] for each in seeds])
        cells = [row, len(seeds), _mean(kept["epoch"], 1), _pair(kept), _gap(kept)]
        cells += [_mean(last["epoch"] + 1, 1), _pair(last), _gap(last)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _mean(values: pd.Series, digits: int) -> str:
    return f"{values.astype(float).mean():.{digits}f}"


def _pair(epochs: pd.DataFrame) -> str:
    return f"{_mean(epochs['train_loss'], 4)}, {_mean(epochs['valid_loss'], 4)}"


def _gap(epochs: pd.DataFrame) -> str:
    gap = (epochs["valid_loss"] - epochs["train_loss"]).astype(float)
    return f"{gap.mean():.4f}±{gap.std(ddof=1):.4f}"


def loss_curves(losses: pd.DataFrame, row: str = "no-stop") -> str:
    """Draw train and valid loss of every seed of a row by epoch, as SVG."""
    shown = losses[losses["row"] == row]
    low, high = (float(f(shown[["train_loss", "valid_loss"]].to_numpy())) for f in (np.min, np.max))
    last = int(shown["epoch"].max())
    width, height, left, top, right, bottom = 720, 320, 60, 16, 60, 40

    def x(epoch: float) -> float:
        return left + (width - left - right) * epoch / last

    def y(loss: float) -> float:
        return top + (height - top - bottom) * (high - loss) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" '
        f'font-size="12" fill="#808080"><title>Loss by epoch of row {row}: train falls, valid does not</title>'
    ]
    for loss in np.linspace(low, high, 5):
        parts.append(
            f'<path d="M{left} {y(loss):.1f}H{width - right}" stroke="#80808040"/>'
            f'<text x="{left - 6}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss:.4f}</text>'
        )
    for epoch in range(0, last + 1, 5):
        parts.append(
            f'<text x="{x(epoch):.1f}" y="{height - bottom + 18}" text-anchor="middle">{epoch}</text>'
        )
    parts.append(f'<text x="{(left + width - right) / 2}" y="{height - 4}" text-anchor="middle">epoch</text>')
    for name, colour in _COLOURS.items():
        for _, of_seed in shown.groupby("seed"):
            points = zip(of_seed["epoch"], of_seed[f"{name}_loss"], strict=True)
            path = "L".join(f"{x(epoch):.1f} {y(loss):.1f}" for epoch, loss in points)
            parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        end = shown[shown["epoch"] == last][f"{name}_loss"].mean()
        parts.append(f'<text x="{width - right + 8}" y="{y(end) + 4:.1f}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _collect(records: Path) -> pd.DataFrame:
    """Read the epochs of all runs that an experiment's manifest names."""
    from lstm_bench.bench.manifest import Bench
    from lstm_bench.record.record import Record

    manifest = Bench.load(records)
    if manifest is None:
        raise SystemExit(f"--records: {records} has no bench.json")
    found = []
    for label, row in sorted(manifest.rows.items()):
        for seed, name in sorted(row.runs.items()):
            epochs = Record(records / name).table("epochs").reset_index()
            found.append(epochs[["epoch", "train_loss", "valid_loss"]].assign(row=label, seed=seed))
    return pd.concat(found)[["row", "seed", "epoch", "train_loss", "valid_loss"]]


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, help="collect losses from this experiment's records first")
    records = parser.parse_args().records
    if records is not None:
        _collect(records).to_csv(LOSSES, index=False, float_format="%.8f", lineterminator="\n")
    losses = pd.read_csv(LOSSES)
    page = with_tables(PAGE.read_text(encoding="utf-8"), losses, read_study(RESULTS, _STUDY))
    PAGE.write_text(page, encoding="utf-8")
    PICTURE.write_text(loss_curves(losses), encoding="utf-8")


if __name__ == "__main__":
    _main()
