"""Judgement: whether a configuration on its data can give figures that mean something, and whether a run did."""
