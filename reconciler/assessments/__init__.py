"""From what Defender says of resources to whether each declared exemption took effect, why not, and whether it is still
needed. Pure: the assessments, like everything else that was read, come in as values.
"""
