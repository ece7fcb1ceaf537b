"""What the documentation is made with, beside its pages."""
