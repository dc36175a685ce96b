"""Files on this machine: the cache folder, folders that callers name, and model files inside installed packages."""
