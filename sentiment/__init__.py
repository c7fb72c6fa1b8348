"""UMich sentences, positive or negative."""
