"""Marks for a course: submissions, judges side by side, records, and nbgrader with marks that can be trusted."""
