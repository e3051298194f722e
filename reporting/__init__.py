"""The reporter's side, and the foundation everyone stands on.

Imports nothing of `analytics` or `casework`; both may import from here.
Never holds a key that opens a report.
"""
