"""The third ring: cases built from real kernels (network namespaces) and real servers."""
