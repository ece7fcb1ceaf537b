"""The ways to train: torch itself, compiled kernels for the CPU, fused kernels for CUDA."""
