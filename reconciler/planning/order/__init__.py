"""What may be taken away, and after which writes."""
