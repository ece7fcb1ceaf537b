"""Collection of the committed evidence from records, and its verification."""
