"""One document: strict YAML with the place of everything, and a JSON Schema's verdict on it.

Every file that people write for this tool is read here, by one set of rules: declarations, `reconciler.yaml` and
`catalog.yaml`. What the data means is for the rooms above.
"""
