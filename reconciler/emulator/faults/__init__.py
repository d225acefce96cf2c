"""What can happen to a request on its way: throttling, latency, faults."""
