"""Revisions written into files, and taken out again byte for byte."""
