"""The LSTM of Qlib's benchmark: a stacked LSTM whose last step feeds one linear unit."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["LSTM", "count_parameters"]


class LSTM(nn.Module):
    """Scores windows of days.

    Parameters are drawn from torch's default generator in the order rnn, fc_out, so that a seed yields the same initial
    weights as for Qlib's model; their names are Qlib's too.

    F is ``d_feat``, the features per day, H the ``hidden_size``. Dropout between layers has no effect on a single
    layer.
    """

    def __init__(self, d_feat: int, hidden_size: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        self.rnn = nn.LSTM(
            input_size=d_feat,
            hidden_size=hidden_size,
            num_layers=num_layers,
            batch_first=True,
            dropout=dropout if num_layers > 1 else 0.0,  # torch warns if dropout has no effect
        )
        self.fc_out = nn.Linear(hidden_size, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Map windows ``[B, L, F]`` to scores ``[B]``; dropout draws from torch's default generator."""
        hidden, _ = self.rnn(windows)  # [B, L, H]
        return self.head(hidden[:, -1, :])

    def head(self, outputs: Tensor) -> Tensor:
        """Map the last day's outputs ``[B, H]`` to scores ``[B]``."""
        scores: Tensor = self.fc_out(outputs)  # [B, 1]
        return scores.squeeze(-1)

    def copied(self) -> dict[str, Tensor]:
        """Copy the weights to the CPU."""
        return {name: value.detach().cpu().clone() for name, value in self.state_dict().items()}


def count_parameters(model: nn.Module) -> int:
    """Count trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
