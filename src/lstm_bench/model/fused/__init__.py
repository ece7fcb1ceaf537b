"""The pack on a CUDA device: K replicas in one step, in fused kernels, replayed as a CUDA graph."""
