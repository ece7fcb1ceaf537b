"""What messages say about a wrong configuration."""
