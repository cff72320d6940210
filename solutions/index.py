# %% [markdown]
# # Mechanistic interpretability: the chapters
#
# Welcome. Open a chapter, read, predict, and write the functions it asks for; `check` says whether each is right and, if
# not, what went wrong. They build on each other; begin with 00.
#
# <!-- the table of chapters -->
#
# What you have done and what comes next:

# %% tags=["active-ipynb"]
# from mi_tutor import progress
#
# progress()

# %% [markdown]
# ## Keep your work
#
# Where the machine is only lent to you, as on Binder, everything on it is gone when you leave. Save the notebooks that are
# open (File > Save All), run this, and download the file:

# %% tags=["active-ipynb"]
# from mi_tutor import save_work
#
# save_work()

# %% [markdown]
# To go on from such a file, drag it from your computer into the list of files on the left, then run this. Nothing that is
# here now is lost: what differs is kept beside.

# %% tags=["active-ipynb"]
# from mi_tutor import restore_work
#
# restore_work()
