"""The sample of the Penn Treebank, one part-of-speech tag per word."""
