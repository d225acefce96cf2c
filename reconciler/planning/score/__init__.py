"""What a plan does to the secure score: an estimate before anything is written."""
