"""What the program ``symstack`` can do, one module per command."""
