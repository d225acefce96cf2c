"""One module for each resource type, and what they share: lists, selectors, reference ids."""
