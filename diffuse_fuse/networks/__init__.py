"""The networks, each written once: its forward pass takes an executor that works on the whole picture or row by row."""
