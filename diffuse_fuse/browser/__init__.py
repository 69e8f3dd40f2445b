"""The page without a server: a folder of files that fuse in the browser. Whoever serves files can serve it.

build.py      the folder: the page of ``viewer/page``, graphs, and what the page has to know
runtime.py    ONNX Runtime Web, by npm
page/         what takes the service's place, in JavaScript:
  local.js      the questions of the page, to a worker
  worker.js     the worker: reading, re-lighting, fusing, one after the other
  pictures.js   files → pairs of bytes, and pictures → files
  relight.js    fusion/relight.py, line by line; filters.js: OpenCV's filters that it needs
  network.js    a graph in ONNX Runtime Web

The pictures are those of ``dfuse fuse --backend onnx`` to one level (tests/browser).
"""
