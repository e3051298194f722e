"""Coded records in, protected tables out.

Cannot reach a report, an incident or a case, sealed or open.
"""
