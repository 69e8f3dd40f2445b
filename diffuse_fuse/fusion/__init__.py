"""Fusion: features of the diffusion UNet and the pair -> one colour picture."""
