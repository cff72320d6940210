"""From a chapter's source to what learners and students open: notebooks, their conventions, the table of chapters."""
