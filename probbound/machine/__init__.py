"""What every part needs of the machine: files, cores, progress, and errors that people read."""
