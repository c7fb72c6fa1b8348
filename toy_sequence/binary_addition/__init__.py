"""Learning to add binary numbers, one bit after the other."""
