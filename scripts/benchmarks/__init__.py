"""The benchmarks: what Briefly costs beside the least that could do the same, as ratios within one run."""
