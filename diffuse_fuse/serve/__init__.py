"""``dfuse serve``: fusion over HTTP, and a page for those who want no command line.

    serve(Settings(port=8000))       until Ctrl-C
    make_app(Settings())             an ASGI application, for a server of one's own

settings.py   what may be asked for: bounds on size, time and number
app.py        the routes, and what becomes of errors
asked.py      the options of a request; documented.py: what OpenAPI says of it
upload.py     a multipart body, in memory and bounded
admission.py  how many requests there may be at once; the rest is told to come back
work.py       reading, fusing and measuring, on threads
held.py       what a client sent lately, by its hash, so that a dial need not send it again
counts.py     numbers for Prometheus
files.py      the page's own files and the headers that keep it to itself; page/: HTML, CSS, JavaScript
run.py        the server process

It needs the extra ``serve``. Nothing is written to the disk, and no path of the server can be named.
"""

from diffuse_fuse.serve.app import make_app
from diffuse_fuse.serve.run import serve
from diffuse_fuse.serve.settings import Settings

__all__ = ["Settings", "make_app", "serve"]
