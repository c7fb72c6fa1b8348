"""Alice in Wonderland, one character at a time."""
