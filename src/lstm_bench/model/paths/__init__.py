"""The training paths: torch itself, compiled kernels for the CPU, fused kernels for CUDA."""
