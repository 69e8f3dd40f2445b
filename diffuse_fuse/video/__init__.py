"""Video: two streams of frames → one, with a thermal range that does not pump and little flicker.

source.py     a video file or a folder → frames, one after the other
pairs.py      two sources → pairs of arrays of one size, the infrared ones with a steady range
field.py      where the infrared frames lie in the visible ones
thermal.py    the range of thermal values, fixed or following slowly
stabilise.py  takes out flicker where neither source changes
flicker.py    how much the still parts of the picture flicker
sink.py       frames → a video file or a folder
audio.py      the visible video's sound into the new file
pipeline.py   decode, network and encode at the same time, in bounded memory
run.py        all of it
"""
