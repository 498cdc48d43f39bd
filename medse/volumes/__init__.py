"""Images and label maps in files: formats, headers, voxels, and writing on the grid that was read."""
