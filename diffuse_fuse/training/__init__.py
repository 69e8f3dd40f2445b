"""Training of the diffusion model and of the fusion model, on folders of registered pairs."""
