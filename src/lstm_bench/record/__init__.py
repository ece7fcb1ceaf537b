"""Records of runs and the evidence made of them: layout, writing, reading."""
