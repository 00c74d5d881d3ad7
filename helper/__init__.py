"""The privileged helper: the sampler on the system bus. Ships apart from the app; neither imports the other."""
