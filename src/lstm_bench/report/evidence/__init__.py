"""From records to the committed evidence, and whether it is sound."""
