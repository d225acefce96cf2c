"""Who is authoritative: which existing exemption keeps which desired one, and what goes."""
