"""The diffusion model of registered colour-infrared pairs: schedule, UNet, objective, features.

Papers: DDPM = Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020;
Dif-Fusion = Yue et al., "Dif-Fusion: Toward High Color Fidelity in Infrared and Visible Image Fusion
With Diffusion Models", IEEE TIP 2023.
"""
