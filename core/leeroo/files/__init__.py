"""Files on this machine: the cache folder, and model files inside installed packages."""
