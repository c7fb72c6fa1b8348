"""What recurrent cells remember, for how long, and why."""
