"""Files that are elsewhere: ``s3://``, ``gs://``, ``az://``, ``https://``, ``sftp://`` and whatever else fsspec knows.

urls.py   what is an address, and how one is said
store.py  reading, writing and listing, tried again where the other side fails
stage.py  a folder here in which addresses have places: what is read comes into it, what is written goes out of it
copy.py   a folder here that is as one elsewhere, and stays: for training
mirror.py a whole folder here that stands for one elsewhere: for outputs that are gone on with

Rooms above never see an address: they work with the places. Local files do not come here at all.
"""
