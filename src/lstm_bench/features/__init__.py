"""Features: the expression language, its kernels, the feature sets and the processors."""
