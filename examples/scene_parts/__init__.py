"""The parts of the synthetic street: raster (geometry to pixels), stage (materials, shapes), street and
figures (what stands where), surfaces (textures and temperatures), visible and thermal (the two cameras)."""
