"""What the tenant holds: scopes, objects, principals, built-in definitions, the clock."""
