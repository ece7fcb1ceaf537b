"""The model behind a record's scores."""

from __future__ import annotations

import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.record.scoring_model import ScoringModel


def test_a_model_survives_its_text() -> None:
    model = ScoringModel("ridge", {"lambda": [0.1, 1.0], "columns": 20})
    assert ScoringModel.parse(model.text()) == model
    assert model.text() == '{"kind":"ridge","settings":{"columns":20,"lambda":[0.1,1.0]}}'


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"kind":"forest","settings":{}}', '{"kind":"ridge"}'])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="model: "):
        ScoringModel.parse(text)
