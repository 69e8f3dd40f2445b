"""The one definition of luma: the weights of red, green and blue."""

from __future__ import annotations

# ITU-R BT.601 as MATLAB's rgb2gray and rgb2ycbcr have it, in which the metrics of this field are defined: the first
# row of the inverse of its matrix from YIQ to RGB, not the three rounded decimals .299, .587 and .114.
LUMA = (0.298936021, 0.587043074, 0.114020904)
