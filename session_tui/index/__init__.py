"""Our rebuildable cache: what was read of the stores, so that nothing is read twice."""
