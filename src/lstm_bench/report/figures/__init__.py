"""Figures of the reports: each a plain description, which a page draws with plotly.js and a picture with matplotlib."""
