"""Chapters are built from their solutions here, and courses are marked."""
