"""Messages about wrong configurations."""
