"""Features: the expression language, its kernels, and the processors."""
