"""The sampler: reads the kernel through the probes and hands out frames. Can signal nobody, writes nothing."""
