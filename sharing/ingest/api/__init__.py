"""Uploads for programs: the tus resource and what stands around it."""
