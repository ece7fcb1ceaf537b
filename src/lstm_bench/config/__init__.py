"""Configuration: Qlib workflow files as frozen, strict models."""
