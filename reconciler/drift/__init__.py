"""Pure: findings and their diagnosis."""
