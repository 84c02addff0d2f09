"""Writers of summaries, all behind one interface."""
