"""From what exists to declarations: exemptions in Azure, or rows of another tool's files. Pure.

Each object or row becomes (part of) a declaration, or the report says why not. What comes out of Azure is proven by the
planner before it is proposed: it adopts, narrows and removes duplicates, and creates nothing.
"""
