"""Pure: from declarations and a snapshot to a plan: resolve, authority, diff, guards, fingerprints."""
