"""The sections of the files: one module for each part of a workflow or study file."""
