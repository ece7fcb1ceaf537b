"""Datasets: segments, samples and windows over model-ready panels."""
