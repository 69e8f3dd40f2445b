"""The pages of the site that are not files of docs/, each as Markdown.

links.py     links between files of the repository → links between pages
outside.py   README.md, CONTRIBUTING.md, CHANGELOG.md and the model card
commands.py  every command, from its help
api.py       the Python API, from its docstrings
tables.py    formats, data sets, metrics and models, from the code's registries
examples.py  the programs of examples/
board.py     the leaderboard, from docs/leaderboard.csv
runs.py      the logs of docs/runs
"""
