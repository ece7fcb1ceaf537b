"""Controls of a configuration: what must come out if nothing is wrong, and how far figures depend on conventions."""
