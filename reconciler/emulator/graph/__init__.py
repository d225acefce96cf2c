"""Resource Graph: a subset of the Kusto query language over tables made from the state."""
