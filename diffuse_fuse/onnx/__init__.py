"""Fusion models as ONNX files, and the backend that runs them without PyTorch.

facts.py    what a file says about itself: multiple, reach, weights, card
export.py   a fusion model → one ONNX graph, pair in, picture out; checked against PyTorch
graphs.py   where the graph of a model is: one's own file, or one exported once into the user's cache
session.py  a graph in onnxruntime, within bounds
fuser.py    ``OnnxFuser``: as ``fusion.fuser.Fuser``, by onnxruntime

Only export.py imports PyTorch.
"""
