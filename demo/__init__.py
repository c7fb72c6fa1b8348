"""A page to play with the trained models: `make demo`. Nothing imports this package but its tests."""
