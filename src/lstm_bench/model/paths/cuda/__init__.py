"""Fused training on CUDA: one graph of Triton kernels for a whole pack."""
