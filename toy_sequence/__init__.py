"""Toys that show how recurrent networks work."""
