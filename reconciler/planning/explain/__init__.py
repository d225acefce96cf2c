"""Why a resource is exempt, and what a declaration comes to; read from the decisions of the plan."""
