"""Pure: from what a person pastes, answers or writes in an issue to a declaration's file, and edits of such files."""
