"""What every room stands on: errors, compiled kernels, files that appear whole, processes."""
