"""The site: the chapters solved and run, the index of exercises, the models' cards, a guide for teachers.

`make site`, or `python -m docs`. Everything a page shows is made from what is in the repository already; only index.md
and teachers.md are written here.
"""
